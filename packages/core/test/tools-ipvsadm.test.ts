import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseIpv4 } from '../src/base/address.ts';
import { Ipvs } from '../src/kernel/ipvs/ipvs.ts';
import { ipvsadm } from '../src/tools/ipvsadm.ts';
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
  run(`-e -t ${VIP} -r 10.0.0.1:80 -w 3 -x 9 -y 5`);
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

test('the recorded refusals, with exit code 255', () => {
  const { run } = machine();
  run(`-A -t ${VIP}`);
  run(`-a -t ${VIP} -r 1.2.3.4:5 -m`);
  const cases = [
    [`-A -t ${VIP}`, 'Service already exists'],
    [`-a -t ${VIP} -r 1.2.3.4:5 -m`, 'Destination already exists'],
    [`-d -t ${VIP} -r 9.9.9.9:9`, 'No such destination'],
    ['-D -t 11.1.1.1:1', 'No such service'],
    ['-Ln -t 11.1.1.1:1', 'No such service'],
    ['-a -t 11.1.1.1:1 -r 1.2.3.4:5 -m', 'Service not defined'],
    ['-A -t 11.1.1.1:1 -s nope', 'Scheduler or persistence engine not found'],
    ['-A -t 11.1.1.1', 'Zero port specified for non-persistent service'],
    [`-a -t ${VIP} -r 1.2.3.4:6 -m -w -1`, 'illegal weight specified'],
    [`-a -t ${VIP} -r 1.2.3.4:6 -m -w NaN`, 'illegal weight specified'],
    ['-A -t 11.1.1.1:65536', 'illegal virtual server address[:port] specified'],
    [`-a -t ${VIP} -r 1.2.3:4 -m`, 'illegal real server address[:port] specified'],
    [`-a -t ${VIP} -m`, 'illegal real server address[:port] specified'],
    ['--set 1 2', 'illegal timeout values specified'],
    ['-L -S -n', 'multiple commands specified'],
  ] as const;
  const before = run('-Sn').stdout;
  for (const [line, message] of cases)
    expect([line, run(line)]).toEqual([line, { stdout: '', stderr: `${message}\n`, code: 255 }]);
  expect(run('-Sn').stdout).toBe(before);
});

test('what is unknown or not modelled is a Refusal that names it', () => {
  const { run } = machine();
  const cases = [
    ['--foo', 'unknown-option', '--foo: unknown option'],
    ['-Ln --stats', 'not-modelled', 'ipvsadm: option --stats is not modelled'],
    ['-A -f 1', 'not-modelled', 'ipvsadm: option -f is not modelled'],
    [`-A -t ${VIP} -p 60`, 'not-modelled', 'ipvsadm: option -p is not modelled'],
    ['-L', 'not-modelled', 'ipvsadm: a listing without -n is not modelled'],
  ] as const;
  for (const [line, code, message] of cases)
    expect(() => run(line), line).toThrow(expect.objectContaining({ component: 'ipvsadm', code, message }));
});

test('recorded listings with no connections are printed from their own tables', () => {
  const path = new URL('../../conformance/recorded/ipvs-listings/sort.jsonl', import.meta.url);
  const lines = readFileSync(path, 'utf8').trim().split('\n');
  const { run } = machine();
  let compared = 0;
  for (const line of lines) {
    const step = JSON.parse(line);
    if (step.op === 'add-service') run(`-A -${step.proto === 'udp' ? 'u' : 't'} ${step.vip} -s ${step.sched}`);
    else if (step.op === 'add-server')
      run(`-a -${step.proto === 'udp' ? 'u' : 't'} ${step.vip} -r ${step.rip} -m -w ${step.weight ?? 1}`);
    else if (step.op === 'show' && /^ipvsadm -(Ln|Sn)( --nosort)?$/.test(step.cmd) && step.what !== 'x') {
      expect(run(step.cmd.slice(8)).stdout).toBe(step.text);
      compared++;
    }
  }
  expect(compared).toBeGreaterThan(0);
});
