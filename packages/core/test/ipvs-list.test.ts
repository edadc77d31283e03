import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseIpv4 } from '../src/base/address.ts';
import { Ipvs } from '../src/kernel/ipvs/ipvs.ts';
import { listConnections, listServices, listTimeouts, saveServices } from '../src/kernel/ipvs/list.ts';
import { sortAsListed } from '../src/kernel/ipvs/sort.ts';
import { connect, SERVICE } from './ipvs-model.ts';

/** The five servers in an order other than the listing's. */
const SERVERS = ['172.16.40.67:7143', '172.16.15.168:26186', '172.16.17.198:8584', '172.16.40.67:14666', '172.16.15.168:9896'];

function post(clock = { now: 0 }): Ipvs {
  const ipvs = new Ipvs(clock);
  ipvs.addService({ ...SERVICE, scheduler: 'wlc' });
  for (const text of SERVERS) {
    const [address = '', port] = text.split(':');
    ipvs.addServer(SERVICE, { address: parseIpv4(address), port: Number(port), weight: 1 });
  }
  return ipvs;
}

test('the post’s listing, with the blanks of the real tool', () => {
  expect(listServices(post().services())).toBe(
    [
      'IP Virtual Server version 1.2.1 (size=4096)',
      'Prot LocalAddress:Port Scheduler Flags',
      '  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn',
      'TCP  11.249.78.219:3141 wlc',
      '  -> 172.16.15.168:9896           Masq    1      0          0         ',
      '  -> 172.16.15.168:26186          Masq    1      0          0         ',
      '  -> 172.16.17.198:8584           Masq    1      0          0         ',
      '  -> 172.16.40.67:7143            Masq    1      0          0         ',
      '  -> 172.16.40.67:14666           Masq    1      0          0         ',
      '',
    ].join('\n'),
  );
});

test('ends may be written by names, the title left out, the order kept', () => {
  const ipvs = post();
  const text = listServices(ipvs.services(), { title: false, sort: false, end: (_, port) => `host:${port}` });
  expect(text.split('\n').slice(2, 5)).toEqual([
    'TCP  host:3141 wlc',
    '  -> host:9896                    Masq    1      0          0         ',
    '  -> host:14666                   Masq    1      0          0         ',
  ]);
});

test('a connection’s line: time left, state, its three ends', () => {
  const clock = { now: 0 };
  const ipvs = post(clock);
  connect(ipvs, 40000);
  clock.now = 1;
  expect(listConnections(ipvs.connections(), clock.now).split('\n')[2]).toBe(
    'TCP 14:59  ESTABLISHED 172.16.9.84:40000  11.249.78.219:3141 172.16.15.168:9896',
  );
});

test('saved tables and timeouts', () => {
  const ipvs = post();
  ipvs.addService({
    protocol: 17,
    address: SERVICE.address,
    port: 53,
    scheduler: 'sh',
    onePacket: true,
    flags: ['sh-port', 'sh-fallback'],
  });
  expect(saveServices(ipvs.services()).split('\n')).toEqual([
    '-A -t 11.249.78.219:3141 -s wlc',
    '-a -t 11.249.78.219:3141 -r 172.16.15.168:9896 -m -w 1',
    '-a -t 11.249.78.219:3141 -r 172.16.15.168:26186 -m -w 1',
    '-a -t 11.249.78.219:3141 -r 172.16.17.198:8584 -m -w 1',
    '-a -t 11.249.78.219:3141 -r 172.16.40.67:7143 -m -w 1',
    '-a -t 11.249.78.219:3141 -r 172.16.40.67:14666 -m -w 1',
    '-A -u 11.249.78.219:53 -s sh -o -b sh-fallback,sh-port',
    '',
  ]);
  expect(listTimeouts(ipvs.timeouts)).toBe('Timeout (tcp tcpfin udp): 900 120 300\n');
});

test('addresses less than 2^31 apart are sorted by number, those further apart the other way round', () => {
  const at = (text: string) => ({ address: parseIpv4(text), port: 80 });
  const sorted = (...texts: string[]) => sortAsListed(texts.map(at)).map(({ address }) => address >>> 24);
  expect(sorted('9.0.3.130', '10.0.0.1', '172.16.0.1')).toEqual([172, 9, 10]);
  expect(sorted('200.0.0.1', '100.0.0.1')).toEqual([100, 200]);
  expect(sorted('200.0.0.1', '11.0.0.1')).toEqual([200, 11]);
  const host = fc.record({ address: fc.integer({ min: 0x09000000, max: 0x7fffffff }), port: fc.integer({ min: 1, max: 65535 }) });
  fc.assert(
    fc.property(fc.array(host), (hosts) => {
      const byNumber = [...hosts].sort((a, b) => a.address - b.address || a.port - b.port);
      expect(sortAsListed(hosts)).toEqual(byNumber);
    }),
  );
});
