import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseIpv4 } from '../src/base/address.ts';
import { Ipvs } from '../src/kernel/ipvs/ipvs.ts';
import { procServices, procStatistics } from '../src/kernel/ipvs/proc.ts';
import { cat } from '../src/tools/cat.ts';
import { ipvsadm, runIpvsadm } from '../src/tools/ipvsadm.ts';
import { Packet } from '../src/wire/ipv4.ts';
import { FLAG } from '../src/wire/tcp.ts';
import { fakeHost } from './fake-host.ts';

function machine() {
  const clock = { now: 0 };
  const ipvs = new Ipvs(clock);
  const host = { ...fakeHost(), ipvs: () => ipvs };
  return {
    ipvs,
    clock,
    host,
    run: (line: string) =>
      ipvsadm.run(
        line.split(' ').filter((word) => word !== ''),
        host,
        '',
      ),
  };
}

const VIP = '11.249.78.219:3141';
const SERVERS = ['172.16.40.67:14666', '172.16.15.168:9896', '172.16.15.168:26186', '172.16.17.198:8584', '172.16.40.67:7143'];

test("the post's table, made by command lines, in ipvsadm's columns", () => {
  const { run } = machine();
  expect(run(`-A -t ${VIP} -s wlc`)).toEqual({ stdout: '', stderr: '', code: 0 });
  for (const server of SERVERS) expect(run(`-a -t ${VIP} -r ${server} -m -w 1`).code).toBe(0);
  const row = (server: string) => `  -> ${server.padEnd(28)} Masq    1      0          0         \n`;
  const sorted = ['172.16.15.168:9896', '172.16.15.168:26186', '172.16.17.198:8584', '172.16.40.67:7143', '172.16.40.67:14666'];
  const body = `Prot LocalAddress:Port Scheduler Flags\n  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\nTCP  ${VIP} wlc\n`;
  const title = 'IP Virtual Server version 1.2.1 (size=4096)\n';
  expect(run('-Ln').stdout).toBe(title + body + sorted.map(row).join(''));
  expect(run('-l --numeric --nosort').stdout).toBe(title + body + SERVERS.toReversed().map(row).join(''));
  expect(run(`-Ln -t ${VIP}`).stdout).toBe(body + sorted.map(row).join(''));
  expect(run('-Sn').stdout).toBe(
    `-A -t ${VIP} -s wlc\n${sorted.map((server) => `-a -t ${VIP} -r ${server} -m -w 1\n`).join('')}`,
  );
});

test('what is saved makes the same table again', () => {
  const first = machine();
  for (const line of [
    `-A -t ${VIP} -s rr`,
    `-a -t ${VIP} -r 1.2.3.4:5 -m -w 7`,
    `-a -t ${VIP} -r 1.2.3.4 -m`,
    '-A -u 11.0.0.1:53 -o',
  ]) {
    expect(first.run(line)).toEqual({ stdout: '', stderr: '', code: 0 });
  }
  const second = machine();
  for (const line of first.run('-Sn').stdout.trim().split('\n')) expect(second.run(line).code).toBe(0);
  expect(second.run('-Ln').stdout).toBe(first.run('-Ln').stdout);
  expect(second.run('-Ln').stdout).toContain('UDP  11.0.0.1:53 wlc ops\n');
  expect(second.run('-Ln').stdout).toContain('  -> 1.2.3.4:3141 ');
});

test('editing, deleting, clearing, timeouts, connections', () => {
  const { run, ipvs, clock } = machine();
  run(`-A -t ${VIP}`);
  run(`-a -t ${VIP} -r 10.0.0.1:80 -m -w 1 -x 10 -y 5`);
  run(`-e -t ${VIP} -r 10.0.0.1:80 -m -w 3 -x 9 -y 5`);
  expect(run('-Ln').stdout).toContain('  -> 10.0.0.1:80                  Masq    3      0          0         \n');
  expect(run('-Ln --thresholds').stdout).toContain(
    '  -> 10.0.0.1:80                  9          5          0          0         \n',
  );
  expect(run(`-E -t ${VIP} -s rr`).code).toBe(0);
  expect(run('-Ln').stdout).toContain(`TCP  ${VIP} rr\n`);
  expect(run('--set 100 0 50').code).toBe(0);
  expect(run('-L --timeout').stdout).toBe('Timeout (tcp tcpfin udp): 100 120 50\n');
  const syn = new Packet(6, parseIpv4('10.1.0.2'), 30151, parseIpv4('11.249.78.219'), 3141, 60);
  syn.flags = FLAG.syn;
  expect(ipvs.incoming(syn)).toHaveProperty('virtualPort', 3141);
  clock.now = 1500;
  const host = { ...fakeHost({ now: 1500 }), ipvs: () => ipvs };
  expect(ipvsadm.run(['-Lnc'], host, '').stdout).toBe(
    'IPVS connection entries\npro expire state       source             virtual            destination\n' +
      'TCP 00:58  SYN_RECV    10.1.0.2:30151     11.249.78.219:3141 10.0.0.1:80\n',
  );
  expect(run(`-d -t ${VIP} -r 10.0.0.1:80`).code).toBe(0);
  expect(run(`-D -t ${VIP}`).code).toBe(0);
  expect(run('-Sn').stdout).toBe('');
  run(`-A -t ${VIP}`);
  expect(run('-C').code).toBe(0);
  expect(run('-Sn').stdout).toBe('');
});

test('the recorded refusals, with their exit codes, and nothing changes', () => {
  const { run } = machine();
  run(`-A -t ${VIP}`);
  run(`-a -t ${VIP} -r 1.2.3.4:5 -m`);
  const cases = [
    [`-A -t ${VIP}`, 255, 'Service already exists'],
    [`-a -t ${VIP} -r 1.2.3.4:5 -m`, 255, 'Destination already exists'],
    [`-d -t ${VIP} -r 9.9.9.9:9`, 255, 'No such destination'],
    ['-D -t 11.1.1.1:1', 255, 'No such service'],
    ['-a -t 11.1.1.1:1 -r 1.2.3.4:5 -m', 255, 'Service not defined'],
    ['-A -t 11.1.1.1:1 -s nope', 255, 'Scheduler or persistence engine not found'],
    ['-Ln -t 11.1.1.1:1', 1, 'No such service'],
    ['-A -t 11.1.1.1', 2, 'Zero port specified for non-persistent service'],
    [`-a -t ${VIP} -r 1.2.3.4:6 -m -w -1`, 2, 'illegal weight specified'],
    [`-a -t ${VIP} -r 1.2.3.4:6 -m -w NaN`, 2, 'illegal weight specified'],
    ['-A -t 11.1.1.1:65536', 2, 'illegal virtual server address[:port] specified'],
    [`-a -t ${VIP} -r 1.2.3:4 -m`, 2, 'illegal real server address[:port] specified'],
  ] as const;
  const before = run('-Sn').stdout;
  for (const [line, code, message] of cases)
    expect([line, run(line)]).toEqual([line, { stdout: '', stderr: `${message}\n`, code }]);
  expect(run('-Sn').stdout).toBe(before);
});

test('what is not modelled is a Refusal that names it, whatever stands before and after', () => {
  const { run } = machine();
  const cases = [
    ['-A --sctp-service 1.2.3.4:5', 'ipvsadm: option --sctp-service is not modelled'],
    ['-Ln --tun-info', 'ipvsadm: option --tun-info is not modelled'],
    [`-A -t ${VIP} --pe sip`, 'ipvsadm: option --pe is not modelled'],
    ['--start-daemon master', 'ipvsadm: option --start-daemon is not modelled'],
  ] as const;
  for (const [line, message] of cases)
    expect(() => run(line), line).toThrow(expect.objectContaining({ component: 'ipvsadm', code: 'not-modelled', message }));
  run(`-A -t ${VIP}`);
  expect(() => run(`-a -t ${VIP} -r 1.2.3.4 -i --tun-type gue`)).toThrow(expect.objectContaining({ code: 'not-modelled' }));
  expect(run('-Sn').stdout).toBe(`-A -t ${VIP} -s wlc\n`);
});

interface Said {
  readonly cmd: string;
  readonly stdin?: string;
  readonly output: string;
  readonly rc: number;
}

test('a session of 100 lines with the real tool: the same words, exit codes and tables', () => {
  const path = new URL('../../conformance/recorded/ipvsadm/session.jsonl', import.meta.url);
  const session: Said[] = readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const { ipvs } = machine();
  for (const { cmd, stdin, output, rc } of session) {
    const [tool = '', ...args] = cmd.split(' ');
    if (tool === 'cat') {
      const ours = args[0] === '/proc/net/ip_vs' ? procServices(ipvs.services(), 100) : procStatistics(ipvs.total);
      expect(blocks(ours), cmd).toEqual(blocks(output));
      continue;
    }
    const { stdout, stderr, code } = runIpvsadm(args, ipvs, 0, stdin);
    // The order of services is the boot's own.
    if (args.includes('--nosort')) expect(blocks(stdout + stderr), cmd).toEqual(blocks(output));
    else expect([cmd, stdout + stderr, code]).toEqual([cmd, output, rc]);
  }
  expect(session.length).toBeGreaterThanOrEqual(100);
});

function blocks(text: string): readonly string[] {
  return text.split(/^(?=(?:TCP|UDP|FWM) )/m).sort();
}

interface RecordedService {
  readonly proto: 'tcp' | 'udp';
  readonly vip: string;
  readonly sched: string;
  readonly flags: string;
  readonly dests: readonly { readonly rip: string; readonly weight: number }[];
}

test('the recorded listings of a table with all kinds of addresses', () => {
  const path = new URL('../../conformance/recorded/ipvs-listings/sort.jsonl', import.meta.url);
  const steps = readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const shows = steps.findIndex((step) => step.op === 'show');
  const { run } = machine();
  for (const { proto, vip, sched, flags, dests } of (steps[shows - 1].table as RecordedService[]).toReversed()) {
    const key = `-${proto === 'udp' ? 'u' : 't'} ${vip}`;
    const own = sched === 'sh' ? ' -b sh-port,sh-fallback' : sched === 'mh' ? ' -b mh-port' : '';
    expect(run(`-A ${key} -s ${sched}${flags.includes('ops') ? ' -o' : ''}${own}`).code).toBe(0);
    for (const { rip, weight } of dests.toReversed()) expect(run(`-a ${key} -r ${rip} -m -w ${weight}`).code).toBe(0);
  }
  const compared: string[] = [];
  for (const { op, cmd, text } of steps.slice(shows)) {
    if (op === 'udp') break;
    if (!/^ipvsadm -\w/.test(cmd ?? '')) continue;
    expect(run(cmd.slice(8)).stdout, cmd).toBe(text);
    compared.push(cmd.slice(8));
  }
  expect(compared).toEqual(['-Ln', '-Ln --nosort', '-Sn', '-S', '-L', '-Ln --exact', '-Ln -t 11.1.1.5:80']);
});

test("cat prints /proc's tables of IPVS, and has no other files", () => {
  const { run, host, ipvs } = machine();
  run(`-A -t ${VIP} -s wlc`);
  expect(cat.run(['/proc/net/ip_vs'], host, '').stdout).toBe(procServices(ipvs.services()));
  expect(cat.run(['/proc/net/ip_vs_stats'], host, '').stdout).toBe(procStatistics(ipvs.total));
  expect(cat.run(['/proc/net/ip_vs_conn'], host, '').stdout).toMatch(/^Pro FromIP {3}FPrt/);
  expect(cat.run([], host, 'through\n')).toEqual({ stdout: 'through\n', stderr: '', code: 0 });
  const stderr = 'cat: /etc/passwd: No such file or directory\n';
  expect(cat.run(['/etc/passwd', '-'], host, 'x')).toEqual({ stdout: 'x', stderr, code: 1 });
  expect(() => cat.run(['-n'], host, '')).toThrow('option -n is not modelled');
});
