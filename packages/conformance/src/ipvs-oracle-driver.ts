/**
 * What runs on the private kernel: carries out planned operations with ipvsadm and with real sockets, all on addresses
 * of its own loopback device, and writes down what the kernel's IPVS made of each. It knows nothing of Portolan.
 */
import { spawnSync } from 'node:child_process';
import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, connect as dial, type Socket } from 'node:net';

type Row = Readonly<Record<string, string | number>>;

interface Talk {
  readonly client: Socket;
  readonly server: Socket;
  /** `ADDRESS:PORT` of the client, and of the virtual service. */
  readonly from: string;
  readonly to: string;
}

/** Milliseconds in which a packet is sure to have got there and its answer back. */
const SETTLE = 12;
const PATIENCE = 1500;

const started = Date.now();
const addresses = new Set<string>();
const listening = new Map<string, 'tcp' | 'udp'>();
const talks = new Map<string, Talk>();
/** Accepted sockets by the client's end, until their connection asks for them. */
const accepted = new Map<string, Socket>();
const asked = new Map<string, (socket: Socket) => void>();

async function carryOut(row: Row): Promise<Row | Readonly<Record<string, unknown>>> {
  switch (row.op) {
    case 'add-service':
    case 'edit-service': {
      const words = [row.op === 'add-service' ? '-A' : '-E', ...service(row), '-s', String(row.sched)];
      if (row.persistent !== undefined) words.push('-p', String(row.persistent));
      if (row.netmask !== undefined) words.push('-M', String(row.netmask));
      if (row.flags !== undefined) words.push('-b', String(row.flags));
      if (row.vip !== undefined) own(String(row.vip));
      return ipvsadm(words);
    }
    case 'add-server':
    case 'edit-server': {
      const way = row.fwd === 'route' ? '-g' : row.fwd === 'tunnel' ? '-i' : '-m';
      const words = [
        row.op === 'add-server' ? '-a' : '-e',
        ...service(row),
        '-r',
        String(row.rip),
        way,
        '-w',
        String(row.weight),
      ];
      if (row.x !== undefined) words.push('-x', String(row.x));
      if (row.y !== undefined) words.push('-y', String(row.y));
      if (row.op === 'add-server') own(String(row.rip));
      return ipvsadm(words);
    }
    case 'del-server':
      return ipvsadm(['-d', ...service(row), '-r', String(row.rip)]);
    case 'sysctl':
      writeFileSync(`/proc/sys/${String(row.name).replaceAll('.', '/')}`, String(row.value));
      return {};
    case 'show':
      return { text: run(String(row.cmd).split(' ')).stdout, rc: 0 };
    case 'connect':
      return open(row);
    case 'udp':
      return datagram(row);
    case 'close':
      return close(row);
    case 'data':
      return data(row);
    default:
      throw new Error(`operation ${row.op}`);
  }
}

async function open(row: Row): Promise<Readonly<Record<string, unknown>>> {
  const [host = '', port = ''] = String(row.vip).split(':');
  own(String(row.cip));
  own(String(row.vip));
  // A server gets the packets of a mark at whatever port they have, or at its own.
  await listen(row, 'tcp');
  const client = dial({ host, port: Number(port), localAddress: String(row.cip), allowHalfOpen: true });
  const error = await outcome(client);
  const from = `${row.cip}:${client.localPort}`;
  if (error !== undefined) return { client: from, error };
  const server = await Promise.race([acceptedFrom(from), pause(PATIENCE).then(() => undefined)]);
  if (server === undefined) throw new Error(`nobody accepted ${from}`);
  await pause(SETTLE);
  for (const socket of [client, server]) socket.on('error', () => undefined).resume();
  talks.set(String(row.id), { client, server, from, to: String(row.vip) });
  const kept = connection(from, String(row.vip));
  return { client: from, server: kept?.server, state: kept?.state };
}

async function datagram(row: Row): Promise<Readonly<Record<string, unknown>>> {
  const [host = '', port = ''] = String(row.vip).split(':');
  own(String(row.cip));
  own(String(row.vip));
  await listen(row, 'udp');
  const socket = createSocket('udp4');
  await new Promise<void>((done) => socket.bind(0, String(row.cip), done));
  const from = `${row.cip}:${socket.address().port}`;
  const reply = new Promise<string | undefined>((done) => {
    socket.once('message', (_, { address, port: source }) => done(`${address}:${source}`));
    socket.once('error', () => done(undefined));
    socket.send('x', Number(port), host, (error) => {
      if (error !== null) done(undefined);
    });
    setTimeout(() => done(undefined), 100);
  });
  const answered = await reply;
  socket.close();
  if (answered === undefined) return { client: from, error: 'EAGAIN' };
  const kept = connection(from, String(row.vip));
  return { client: from, server: kept?.server, state: kept?.state, exp: kept?.expires, reply_from: answered };
}

async function close(row: Row): Promise<Readonly<Record<string, unknown>>> {
  const talk = talks.get(String(row.id));
  if (talk === undefined || !reachable(talk)) return { skipped: 'no such connection' };
  talks.delete(String(row.id));
  const first = row.by === 'client' ? talk.client : talk.server;
  const second = row.by === 'client' ? talk.server : talk.client;
  const state = () => connection(talk.from, talk.to)?.state;
  if (row.how === 'rst') first.resetAndDestroy();
  else first.end();
  await pause(SETTLE);
  if (row.how !== 'fin') return { state: state() };
  const states = [state()];
  second.end();
  await pause(SETTLE);
  states.push(state(), state());
  return { states, state: states[2] };
}

async function data(row: Row): Promise<Readonly<Record<string, unknown>>> {
  const talk = talks.get(String(row.id));
  if (talk === undefined || !reachable(talk)) return { skipped: 'no such connection' };
  talk.client.write('x'.repeat(Number(row.bytes)));
  await pause(SETTLE);
  talk.server.write('y'.repeat(Number(row.bytes)));
  await pause(SETTLE);
  return {};
}

/** Whether the real server of a connection is still one: else its packets are dropped and sent again and again. */
function reachable(talk: Talk): boolean {
  const server = connection(talk.from, talk.to)?.server ?? '';
  const [address] = server.split(':');
  return table().some(({ proto, dests }) =>
    dests.some(({ rip }) => rip === server || (proto === 'fwm' && rip.split(':')[0] === address)),
  );
}

/** Every server of the tables listens, at its own port and at that of the packet; one that gets packets as they are, at theirs. */
async function listen(row: Row, kind: 'tcp' | 'udp'): Promise<void> {
  const port = String(row.vip).split(':')[1] ?? '';
  const ends = new Set<string>();
  for (const { dests } of table())
    for (const { rip, fwd } of dests) {
      if (fwd === 'Masq') ends.add(rip).add(`${rip.split(':')[0]}:${port}`);
      else ends.add(String(row.vip));
    }
  for (const end of ends) if (listening.get(end) === undefined) await serve(end, kind);
}

function serve(end: string, kind: 'tcp' | 'udp'): Promise<void> {
  const [host = '', port = ''] = end.split(':');
  listening.set(end, kind);
  return new Promise((done, failed) => {
    if (kind === 'tcp') {
      const server = createServer({ allowHalfOpen: true }, (socket) => {
        const from = `${socket.remoteAddress}:${socket.remotePort}`;
        const waiting = asked.get(from);
        if (waiting === undefined) accepted.set(from, socket);
        else waiting(socket);
      });
      server.once('error', failed).listen(Number(port), host, done);
    } else {
      const socket: DatagramSocket = createSocket('udp4');
      socket.on('message', (text, { address, port: source }) => socket.send(text, source, address));
      socket.once('error', failed).bind(Number(port), host, done);
    }
  });
}

function acceptedFrom(from: string): Promise<Socket> {
  const socket = accepted.get(from);
  if (socket !== undefined) return Promise.resolve(socket);
  return new Promise((done) => asked.set(from, done));
}

function outcome(client: Socket): Promise<string | undefined> {
  return new Promise((done) => {
    client.once('connect', () => done(undefined));
    client.once('error', (error) => done('code' in error ? String(error.code) : error.message));
    setTimeout(() => done('ETIMEDOUT'), PATIENCE);
  });
}

interface Kept {
  readonly server: string;
  readonly state: string;
  readonly expires: number;
}

/** What the kernel keeps of a connection. Its listing may leave one out while another expires: so it is read again. */
function connection(from: string, to: string): Kept | undefined {
  for (let attempt = 0; attempt < 3; attempt++) {
    for (const line of readFileSync('/proc/net/ip_vs_conn', 'utf8').split('\n')) {
      const [, client, clientPort, virtual, virtualPort, server, serverPort, state = '', expires] = line.split(/ +/);
      if (endOf(client, clientPort) === from && endOf(virtual, virtualPort) === to)
        return { server: endOf(server, serverPort), state, expires: Number(expires) };
    }
  }
  return undefined;
}

interface Service {
  readonly proto: string;
  readonly vip: string;
  readonly sched: string;
  readonly flags: string;
  readonly dests: { rip: string; fwd: string; weight: number; active: number; inact: number }[];
}

function table(): readonly Service[] {
  const services: Service[] = [];
  for (const line of readFileSync('/proc/net/ip_vs', 'utf8').split('\n').slice(3)) {
    const words = line.trim().split(/ +/);
    if (words[0] === '->') {
      const [, end = '', fwd = '', weight, active, inact] = words;
      const [address, port] = end.split(':');
      const counts = { weight: Number(weight), active: Number(active), inact: Number(inact) };
      services.at(-1)?.dests.push({ rip: endOf(address, port), fwd, ...counts });
    } else if (words.length > 1) {
      const [proto = '', name = '', sched = '', ...flags] = words;
      const [address, port] = name.split(':');
      const vip = port === undefined ? String(Number.parseInt(name, 16)) : endOf(address, port);
      services.push({ proto: proto === 'FWM' ? 'fwm' : proto.toLowerCase(), vip, sched, flags: flags.join(' '), dests: [] });
    }
  }
  return services;
}

function endOf(address = '', port = ''): string {
  const bytes = [0, 2, 4, 6].map((at) => Number.parseInt(address.slice(at, at + 2), 16));
  return `${bytes.join('.')}:${Number.parseInt(port, 16)}`;
}

function service(row: Row): readonly string[] {
  if (row.mark !== undefined) return ['-f', String(row.mark)];
  return [row.proto === 'udp' ? '-u' : '-t', String(row.vip)];
}

function ipvsadm(words: readonly string[]): Readonly<Record<string, unknown>> {
  const { status, stderr } = run(['ipvsadm', ...words]);
  return stderr === '' ? { rc: status } : { rc: status, stderr: stderr.trim() };
}

/** The address of an end becomes one of this machine. */
function own(end: string): void {
  const [address = ''] = end.split(':');
  if (addresses.has(address)) return;
  addresses.add(address);
  must(['ip', 'address', 'add', `${address}/32`, 'dev', 'lo']);
}

function must(words: readonly string[]): void {
  const { status, stderr } = run(words);
  if (status !== 0) throw new Error(`${words.join(' ')}: ${stderr}`);
}

function run([program = '', ...words]: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(program, words, { encoding: 'utf8' });
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((done) => setTimeout(done, milliseconds));
}

async function main(plans: readonly { readonly name: string; readonly lines: readonly Row[] }[], folder: string): Promise<void> {
  for (const mark of new Set(plans.flatMap(({ lines }) => lines.map((line) => line.mark ?? 0))))
    if (mark !== 0)
      must([
        'iptables-legacy',
        '-t',
        'mangle',
        '-A',
        'OUTPUT',
        '-d',
        `11.77.${mark}.0/24`,
        '-j',
        'MARK',
        '--set-mark',
        `${mark}`,
      ]);
  for (const { name, lines } of plans) {
    must(['ipvsadm', '-C']);
    writeFileSync('/proc/sys/net/ipv4/vs/expire_quiescent_template', '0');
    for (const [i, line] of lines.entries()) {
      const came = await carryOut(line);
      const after = line.op === 'show' ? {} : { table: table() };
      const t = (Date.now() - started) / 1000;
      appendFileSync(`${folder}/${name}.jsonl`, `${JSON.stringify({ i, ...line, ...came, t, ...after })}\n`);
    }
    for (const { client, server } of talks.values()) for (const socket of [client, server]) socket.destroy();
    talks.clear();
  }
}

const [, , planFile = '', folder = ''] = process.argv;
main(JSON.parse(readFileSync(planFile, 'utf8')), folder).then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(1);
  },
);
