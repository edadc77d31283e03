import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HOST_SYSCTL } from '../src/agent/host.ts';
import { Random } from '../src/base/random.ts';
import { Device, type DeviceOwner } from '../src/kernel/link/device.ts';
import { switchesOf } from '../src/kernel/link/switches.ts';
import { parseRule } from '../src/kernel/netfilter/arguments.ts';
import { Connection, tupleOf } from '../src/kernel/netfilter/connection.ts';
import type { Chain } from '../src/kernel/netfilter/rule.ts';
import type { RuleHost } from '../src/kernel/netfilter/rule-host.ts';
import { TableState } from '../src/kernel/netfilter/table.ts';
import { type CtInfo, SkBuff } from '../src/kernel/skb.ts';
import type { Hop } from '../src/kernel/trace.ts';

const HOST: RuleHost = {
  now: 0,
  random: new Random(1),
  addressType: (address) => (address === 1 ? 'LOCAL' : 'UNICAST'),
  setIndex: () => undefined,
  mtuTowards: () => undefined,
  log: () => {},
};

const OWNER = {} as DeviceOwner;
const SWITCHES = switchesOf(HOST_SYSCTL, 'eth0');
const DEVICES = ['eth0', 'eth1', 'docker0', 'lo'].map(
  (name, i) =>
    new Device(OWNER, { index: i + 1, name, mac: i, mtu: 1500, up: true, kind: { type: 'dummy' }, addresses: [] }, SWITCHES),
);

// Options that a sweep may ask come first; the others, and targets that do something, must keep one from being made.
const OPTIONS = [
  ...['', '', '-i eth0', '! -i docker0', '-o docker0', '! -o eth1', '-i eth+', '-i eth0 -o docker0', '-i tun9'],
  ...['NEW', 'ESTABLISHED', 'RELATED,ESTABLISHED', 'INVALID', 'NEW,UNTRACKED'].map((one) => `-m conntrack --ctstate ${one}`),
  ...['-m conntrack ! --ctstate NEW', '-m state --state ESTABLISHED', '-i eth0 -m conntrack --ctstate NEW'],
  ...['-p tcp', '! -p tcp', '-s 0.0.0.1', '! -d 0.0.0.2', '-p tcp -m tcp --dport 80', '-m mark --mark 0x1'],
  ...['-m addrtype --dst-type LOCAL', '-m length --length 60', '-m conntrack --ctstate DNAT', '-m conntrack --ctdir REPLY'],
  ...['-m statistic --mode nth --every 1 --packet 0', '-i eth1 -p udp', '-o docker0 -m ttl --ttl-lt 9'],
];
const TARGETS = ['ACCEPT', 'DROP', 'RETURN', 'A', 'B', '', 'MARK --set-xmark 0x1/0xffffffff', 'REJECT', 'LOG', '-g A', '-g B'];

const rule = (targets: readonly string[]) =>
  fc.tuple(fc.constantFrom(...OPTIONS), fc.constantFrom(...targets)).map(([options, target]) => {
    const action = target === '' || target.startsWith('-') ? target : `-j ${target}`;
    return parseRule(`${options} ${action}`.split(' ').filter((word) => word !== ''));
  });

const chains: fc.Arbitrary<readonly Chain[]> = fc
  .tuple(
    fc.array(rule(TARGETS), { maxLength: 8 }),
    fc.array(rule(TARGETS.filter((one) => !one.endsWith('A'))), { maxLength: 5 }),
    fc.array(rule(TARGETS.filter((one) => !/[AB]$/.test(one))), { maxLength: 5 }),
    fc.constantFrom('ACCEPT' as const, 'DROP' as const),
  )
  .map(([forward, a, b, policy]) => [
    { name: 'FORWARD', policy, rules: forward },
    { name: 'A', rules: a },
    { name: 'B', rules: b },
  ]);

const device = fc.constantFrom(undefined, ...DEVICES);
const packet = fc
  .record({
    input: device,
    output: device,
    ctInfo: fc.constantFrom<CtInfo | undefined>(
      undefined,
      'new',
      'established',
      'established',
      'related',
      'invalid',
      'untracked',
    ),
    protocol: fc.constantFrom(6, 17),
    source: fc.constantFrom(1, 2),
    destination: fc.constantFrom(1, 2),
    destinationPort: fc.constantFrom(80, 81),
    length: fc.constantFrom(60, 1500),
    ttl: fc.constantFrom(1, 64),
    mark: fc.constantFrom(0, 1),
    reply: fc.boolean(),
    translated: fc.option(fc.boolean(), { nil: undefined }),
    traced: fc.boolean(),
  })
  .map(({ protocol, source, destination, destinationPort, length, traced, translated, ...notes }) => () => {
    const skb = Object.assign(new SkBuff(protocol, source, 40000, destination, destinationPort, length), notes);
    if (translated !== undefined) skb.connection = Object.assign(new Connection(tupleOf(skb)), { destinationNat: translated });
    if (traced) skb.hop = { namespace: 'n', from: 'eth0', packet: skb.copy(), steps: [] } satisfies Hop;
    return skb;
  });

function counts(table: TableState, configured: readonly Chain[]): number[] {
  return configured.flatMap(({ name }) => {
    const state = table.chain(name);
    return [...(state?.counters ?? []), ...(state === undefined ? [] : [state.policy])].flatMap((c) => [c.packets, c.bytes]);
  });
}

/** What one packet does to a table: its verdict, what is counted, what a trace says, and the mark it ends with. */
function walk(table: TableState, configured: readonly Chain[], skb: SkBuff) {
  const before = counts(table, configured);
  const verdict = table.walk('FORWARD', HOST, skb);
  const counted = counts(table, configured).map((count, i) => count - (before[i] ?? 0));
  return { verdict, counted, steps: skb.hop?.steps, mark: skb.mark };
}

test('a table that has seen packets treats each as one that has seen none', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(chains, fc.array(packet, { maxLength: 25, size: 'max' })), { minLength: 1, maxLength: 3 }),
      (times) => {
        const table = new TableState('filter', []);
        for (const [configured, packets] of times) {
          table.configure(configured);
          for (const make of packets) {
            const fresh = new TableState('filter', configured);
            expect(walk(table, configured, make())).toEqual(walk(fresh, configured, make()));
          }
        }
      },
    ),
    { numRuns: 400 },
  );
});

test('of a connection that the rules let pass by its state, only the first packet asks for its port', () => {
  let asked = 0;
  const host: RuleHost = {
    ...HOST,
    addressType: () => {
      asked++;
      return 'LOCAL';
    },
  };
  const table = new TableState('filter', []);
  const rules = ['-m conntrack --ctstate ESTABLISHED -j ACCEPT', '-m addrtype --dst-type LOCAL -j ACCEPT'];
  table.configure([{ name: 'FORWARD', policy: 'DROP', rules: rules.map((text) => parseRule(text.split(' '))) }]);
  for (const ctInfo of ['new', 'established', 'established', 'established'] as const) {
    const skb = new SkBuff(6, 1, 40000, 2, 80, 100);
    skb.ctInfo = ctInfo;
    expect(table.walk('FORWARD', host, skb)).toBe('ACCEPT');
  }
  expect(asked).toBe(1);
  expect(table.chain('FORWARD')?.counters).toEqual([
    { packets: 3, bytes: 300 },
    { packets: 1, bytes: 100 },
  ]);
});
