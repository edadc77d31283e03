/** `ss` against recordings: iproute2 6.1 on sockets that a program held in a namespace of Linux, and beside Docker. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { SocketRow } from '../src/agent/report.ts';
import { parseIpv4 } from '../src/base/address.ts';
import { Refusal } from '../src/base/refusal.ts';
import { ss } from '../src/tools/ss.ts';
import { fakeHost } from './fake-host.ts';

const RECORDED = new URL('../../conformance/recorded/', import.meta.url);
const read = (name: string) => readFileSync(new URL(name, RECORDED), 'utf8');

function row(protocol: 'tcp' | 'udp', state: SocketRow['state'], local: string, remote: string, program?: string): SocketRow {
  const [address = '', port] = local.split(':');
  const [peer = '', peerPort] = remote.split(':');
  const ends = { local: parseIpv4(address), localPort: Number(port), remote: parseIpv4(peer), remotePort: Number(peerPort) };
  return { protocol, state, ...ends, ...(program === undefined ? {} : { program }) };
}

/** What the recorded program held open. */
const HELD: readonly SocketRow[] = [
  row('udp', 'UNCONN', '0.0.0.0:53', '0.0.0.0:0'),
  row('udp', 'CONNECTED', '127.0.0.1:4000', '127.0.0.1:53'),
  row('tcp', 'LISTEN', '127.0.0.1:90', '0.0.0.0:0'),
  row('tcp', 'LISTEN', '0.0.0.0:8080', '0.0.0.0:0'),
  row('tcp', 'ESTABLISHED', '127.0.0.1:45000', '127.0.0.1:8080'),
  row('tcp', 'ESTABLISHED', '127.0.0.1:8080', '127.0.0.1:45000'),
  row('tcp', 'FIN_WAIT', '127.0.0.1:45001', '127.0.0.1:8080'),
  row('tcp', 'CLOSE_WAIT', '127.0.0.1:8080', '127.0.0.1:45001'),
  row('tcp', 'ESTABLISHED', '127.0.0.1:45003', '127.0.0.1:90'),
  row('tcp', 'ESTABLISHED', '127.0.0.1:90', '127.0.0.1:45003'),
];

test('every recorded listing, its rows in any order', () => {
  const listings = read('kernel/formats/ss-6.1.0.txt')
    .split(/^\$ ss /m)
    .slice(1);
  expect(listings.length).toBeGreaterThan(25);
  for (const listing of listings) {
    const [options = '', ...recorded] = listing.trimEnd().split('\n');
    const result = ss.run(options.split(' '), fakeHost({ sockets: HELD }), '');
    expect([options, result.code, result.stderr]).toEqual([options, 0, '']);
    const ours = result.stdout.split('\n').slice(0, -1);
    if (!options.includes('H')) expect([options, ours[0]?.trimEnd()]).toEqual([options, recorded[0]?.trimEnd()]);
    const sorted = (lines: readonly string[]) => lines.map((line) => line.trimEnd()).sort();
    expect([options, ...sorted(ours)]).toEqual([options, ...sorted(recorded)]);
  }
});

test('what is wrong is said, what is not modelled is a Refusal that names it', () => {
  const run = (line: string) => ss.run(line.split(' '), fakeHost({ sockets: HELD }), '');
  expect(run('-t state foo')).toEqual({ stdout: '', stderr: 'ss: wrong state name: foo\n', code: 255 });
  expect(run('-t dst nonsense').code).toBe(255);
  for (const [line, message] of [
    ['-x', 'ss: option -x is not modelled'],
    ['-s', 'ss: option -s is not modelled'],
    ['-t dport = :80 or sport = :80', "ss: `or' in a filter is not modelled"],
    ['-t autobound', 'ss: the filter autobound is not modelled'],
    ['--foo', "ss: unrecognized option '--foo'"],
  ] as const)
    expect(() => run(line), line).toThrow(expect.objectContaining({ component: 'ss', message }));
});

test('any words are an answer or a Refusal', () => {
  const word = fc.oneof(
    fc.constantFrom('-t', '-a', 'state', 'dport', '=', ':80', 'src', '10.0.0.0/8'),
    fc.string({ maxLength: 8 }),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 6 }), (args) => {
      try {
        ss.run(args, fakeHost({ sockets: HELD }), '');
      } catch (error) {
        expect(error).toBeInstanceOf(Refusal);
      }
    }),
  );
});
