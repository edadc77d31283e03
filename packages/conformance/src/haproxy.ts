/**
 * `npm run haproxy`: a real HAProxy on loopback beside the model. It checks generated configurations as `haproxy -c` does, and
 * serves requests by every algorithm that is modelled; both must choose the same servers. Sends nothing beyond 127.0.0.1.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, createServer, request, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseIpv4, Random, Refusal } from '@portolan/core';
import { createBalancer, type HaproxyVersion, haproxyConfig, poolConfig, readHaproxyConfig, readPool } from '@portolan/dcos';
import { drawApps, drawOptions } from './haproxy/drawn-apps.ts';
import { drawPool, drawTasks } from './haproxy/drawn-pools.ts';

const USAGE = `Usage: npm run haproxy -- [--requests N] [--configs N] [--seed N]
Generates N configurations of Marathon-LB and as many of Edge-LB (default 60 each), from apps and pools drawn at random: with a
fresh seed, which it prints, unless one is given. Needs the program haproxy, version 2.2 or later. Ends with the line "N agree, M disagree".
Exit code: 0 if all agree, 1 if not, 2 if it cannot run.
`;
const VERSION: HaproxyVersion = '2.6';
const CLIENT = parseIpv4('127.0.0.1');

/** Counts and shows what was compared. */
class Judge {
  agreed = 0;
  disagreed = 0;

  compare(title: string, real: string, model: string): void {
    if (real === model) this.agreed++;
    else {
      this.disagreed++;
      process.stdout.write(`disagree: ${title}\n  haproxy: ${real}\n  model:   ${model}\n`);
    }
  }
}

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (spawnSync('haproxy', ['-v']).status !== 0) {
    process.stderr.write('haproxy: the program is not installed\n');
    return 2;
  }
  const option = (name: string, otherwise: number) => {
    const value = args.includes(name) ? Number(args[args.indexOf(name) + 1]) : otherwise;
    return Number.isSafeInteger(value) && value > 0 ? value : otherwise;
  };
  const count = option('--requests', 40);
  const folder = mkdtempSync(join(tmpdir(), 'portolan-haproxy-'));
  const judge = new Judge();
  const seed = option('--seed', 1 + (Date.now() % 1_000_000_000));
  process.stdout.write(`seed ${seed}\n`);
  try {
    checkRecorded(judge, folder);
    checkDrawn(judge, folder, Math.min(option('--configs', 60), 5000), new Random(seed).fork('configurations'));
    await compareChoices(judge, folder, Math.min(count, 500), new Random(seed));
  } finally {
    rmSync(folder, { recursive: true });
  }
  process.stdout.write(`${judge.agreed} agree, ${judge.disagreed} disagree\n`);
  return judge.disagreed === 0 ? 0 : 1;
}

/** Every recorded configuration. */
function checkRecorded(judge: Judge, folder: string): void {
  const recorded = join(__dirname, '..', 'recorded');
  const cases = ['marathon-lb', 'marathon-lb-drawn'].flatMap((directory) =>
    readdirSync(join(recorded, directory)).map((entry) => join(directory, entry)),
  );
  for (const name of cases.filter((entry) => existsSync(join(recorded, entry, 'output.cfg'))))
    checkText(judge, folder, name, readFileSync(join(recorded, name, 'output.cfg'), 'utf8'));
}

/** Configurations of apps and pools that nobody has seen; what a load balancer gives up is drawn again. */
function checkDrawn(judge: Judge, folder: string, count: number, random: Random): void {
  const kinds = {
    'Marathon-LB': () => haproxyConfig(drawApps(random), drawOptions(random)).text,
    'Edge-LB': () => poolConfig(readPool(drawPool(random)), drawTasks(random)),
  };
  for (const [kind, draw] of Object.entries(kinds)) {
    for (let made = 0; made < count; ) {
      const text = attempt(draw);
      if (text !== undefined) checkText(judge, folder, `${kind} ${++made}`, text);
    }
  }
}

function attempt(draw: () => string): string | undefined {
  try {
    return draw();
  } catch (refusal) {
    if (refusal instanceof Refusal) return undefined;
    throw refusal;
  }
}

/** A configuration, without what needs files of the load balancers' images: valid for both, or for neither. */
function checkText(judge: Judge, folder: string, name: string, whole: string): void {
  const text = whole
    .split('\n')
    .filter((line) => !OF_THE_IMAGE.test(line))
    .map((line) => line.replace(/ ssl( crt \S+)+| crt \S+/g, ''))
    .join('\n');
  const file = join(folder, 'check.cfg');
  writeFileSync(file, text);
  const real = spawnSync('haproxy', ['-c', '-f', file], { encoding: 'utf8' });
  const model = problemOf(text);
  const complaints = real.status === 0 ? '' : (real.stderr.match(/^.*ALERT.*$/m)?.[0] ?? real.stderr);
  judge.compare(
    `haproxy -c ${name}${complaints}${model ?? ''}`,
    real.status === 0 ? 'valid' : 'refused',
    model === undefined ? 'valid' : 'refused',
  );
}

const OF_THE_IMAGE = /lua|prometheus|^ {2}(user|group|stats socket|server-state|ssl-default|tune|chroot)|%\[.*map\(/;

/** Why the model refuses a configuration, if only since it lacks something. */
function problemOf(text: string): string | undefined {
  try {
    readHaproxyConfig(text, VERSION);
    return undefined;
  } catch (refusal) {
    if (refusal instanceof Refusal) return refusal.message;
    throw refusal;
  }
}

const ALGORITHMS = [
  'roundrobin',
  'static-rr',
  'leastconn',
  'first',
  'source',
  'uri',
  'uri whole',
  'uri depth 2',
  'uri len 8',
  'hdr(X-User)',
  'url_param user',
] as const;

async function compareChoices(judge: Judge, folder: string, count: number, random: Random): Promise<void> {
  const all = await Promise.all([1, 2, 3, 4, 5].map(startServer));
  for (const algorithm of ALGORITHMS) {
    const servers = all.slice(0, 1 + random.nextInt(all.length));
    const weights = servers.map(() => (algorithm === 'source' ? 1 : 1 + random.nextInt(6)));
    const backend = [
      'backend b',
      '  mode http',
      `  balance ${algorithm}`,
      ...servers.map((server, i) => `  server s${i + 1} 127.0.0.1:${portOf(server)} id ${i + 1} weight ${weights[i]}`),
    ].join('\n');
    const port = await freePort();
    const frontend = ['frontend f', `  bind 127.0.0.1:${port}`, '  mode http', '  use_backend b'].join('\n');
    const defaults = ['defaults', '  timeout connect 3s', '  timeout client 30s', '  timeout server 30s'].join('\n');
    const file = join(folder, 'run.cfg');
    writeFileSync(file, `${defaults}\n${frontend}\n${backend}\n`);
    const process = spawn('haproxy', ['-db', '-f', file], { stdio: 'ignore' });
    await waitFor(port);
    const model = readHaproxyConfig(`${frontend}\n${backend}`, VERSION).backends.get('b');
    const balancer = model && createBalancer(model, VERSION);
    const [real, modelled]: [string[], string[]] = [[], []];
    for (let i = 0; i < count; i++) {
      const target = `/${random.nextInt(4)}/${random.nextInt(9)}/x?user=${random.nextInt(7)}`;
      const headers: readonly (readonly [string, string])[] =
        random.nextInt(4) === 0 ? [] : [['X-User', `u${random.nextInt(20)}`]];
      real.push(await get(port, target, headers));
      const server = balancer?.take({ source: CLIENT, target, headers });
      if (server !== undefined) balancer?.release(server);
      modelled.push(server?.name ?? '-');
    }
    judge.compare(`${algorithm} ${weights.join()}`, real.join(' '), modelled.join(' '));
    const ended = new Promise((resolve) => process.once('exit', resolve));
    process.kill('SIGKILL');
    await ended;
  }
  for (const server of all) server.close();
}

function startServer(number: number): Promise<Server> {
  const server = createServer((_, response) => response.setHeader('Connection', 'close').end(`s${number}`));
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

async function freePort(): Promise<number> {
  const server = await startServer(0);
  const port = portOf(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Waits until something listens; a connection without a request is not a choice. */
async function waitFor(port: number): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const there = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
    if (there) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('haproxy does not listen');
}

function get(port: number, path: string, headers: readonly (readonly [string, string])[]): Promise<string> {
  const agent = new Agent({ keepAlive: false });
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, headers: Object.fromEntries(headers), agent }, (response) => {
      let body = '';
      response.on('data', (part) => {
        body += String(part);
      });
      response.on('end', () => resolve(response.statusCode === 200 ? body : String(response.statusCode)));
    });
    asked.once('error', reject);
    asked.end();
  });
}

main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
