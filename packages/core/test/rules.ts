/** Arbitrary iptables rules in canonical form, for the tests of parsing and printing. */
import fc from 'fast-check';
import { networkOf } from '../src/base/address.ts';
import type { AddressMatch, Match, PortMatch, PortSpan, Rule, Target } from '../src/kernel/netfilter/rule.ts';

const ipv4 = fc.integer({ min: 0, max: 0xffffffff });
const network = fc.record({ address: ipv4, prefix: fc.integer({ min: 1, max: 32 }) }).map(networkOf);
const maybeNot = fc.constantFrom({}, { not: true });
const address: fc.Arbitrary<AddressMatch> = fc.tuple(network, maybeNot).map(([network, not]) => ({ network, ...not }));
const device = fc.tuple(fc.constantFrom('lo', 'eth0', 'docker0', 'veth+'), maybeNot).map(([name, not]) => ({ name, ...not }));
const span: fc.Arbitrary<PortSpan> = fc
  .tuple(fc.integer({ min: 1, max: 65535 }), fc.integer({ min: 1, max: 65535 }))
  .map(([a, b]) => ({ first: Math.min(a, b), last: Math.max(a, b) }));
const ports: fc.Arbitrary<PortMatch> = fc.tuple(span, maybeNot).map(([span, not]) => ({ ...span, ...not }));
const chainName = fc.stringMatching(/^[A-Z]{5}[A-Z0-9-]{0,20}$/);
const states = ['INVALID', 'NEW', 'RELATED', 'ESTABLISHED'] as const;
const mark = fc.record({ value: ipv4, mask: ipv4 });
const types = fc
  .tuple(fc.subarray(['UNICAST', 'LOCAL', 'BROADCAST', 'MULTICAST', 'BLACKHOLE'], { minLength: 1 }), maybeNot)
  .map(([types, not]) => ({ types, ...not }));

function optional<T extends object>(shape: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<Partial<T>> {
  return fc.record(shape, { requiredKeys: [] }) as fc.Arbitrary<Partial<T>>;
}

const anyMatch = fc.oneof(
  fc
    .tuple(fc.constantFrom('conntrack', 'state'), fc.subarray([...states], { minLength: 1 }), maybeNot)
    .map(([name, states, not]) => ({ name, states, ...not })),
  fc.record({ source: types, destination: types }).map((ends) => ({ name: 'addrtype', ...ends }) as Match),
  types.map((source) => ({ name: 'addrtype', source, limitIn: true }) as Match),
  fc.tuple(mark, maybeNot).map(([mark, not]) => ({ name: 'mark', ...mark, ...not })),
  fc.string({ minLength: 1, maxLength: 40 }).map((text) => ({ name: 'comment', text: text.replaceAll('\n', ' ') })),
  fc
    .tuple(
      fc.constantFrom('overlay', 'dcos-l4lb'),
      fc.array(fc.constantFrom('src', 'dst'), { minLength: 1, maxLength: 3 }),
      maybeNot,
    )
    .map(([set, directions, not]) => ({ name: 'set', set, directions, ...not })),
  fc.constant<Match>({ name: 'ipvs', direction: 'ORIGINAL', method: 'MASQ' }),
  fc.constant<Match>({ name: 'ipvs', not: true }),
) as fc.Arbitrary<Match>;

const anyTarget = fc.oneof(
  fc.constantFrom<Target>({ name: 'ACCEPT' }, { name: 'DROP' }, { name: 'RETURN' }, { name: 'NONE' }, { name: 'MASQUERADE' }),
  chainName.filter((name) => !/^[A-Z]+$/.test(name)).map((chain) => ({ name: 'JUMP', chain })),
  chainName.filter((name) => !/^[A-Z]+$/.test(name)).map((chain) => ({ name: 'GOTO', chain })),
  mark.map((mark) => ({ name: 'MARK', ...mark })),
  ipv4.map((address) => ({ name: 'DNAT', address })),
  fc
    .constantFrom('icmp-port-unreachable', 'icmp-host-unreachable', 'icmp-admin-prohibited')
    .map((kind) => ({ name: 'REJECT', with: kind }) as Target),
) as fc.Arbitrary<Target>;

const portTarget = fc.oneof(
  anyTarget,
  fc.tuple(ipv4, span).map(([address, port]) => ({ name: 'DNAT', address, port })),
  span.map((port) => ({ name: 'DNAT', port })),
  fc.tuple(ipv4, span).map(([address, port]) => ({ name: 'SNAT', address, port })),
  fc.tuple(fc.constantFrom('MASQUERADE', 'REDIRECT'), span).map(([name, port]) => ({ name, port }) as Target),
) as fc.Arbitrary<Target>;

const base = optional<Pick<Rule, 'source' | 'destination' | 'in' | 'out'> & { source: AddressMatch }>({
  source: address,
  destination: address,
  in: device,
  out: device,
});

/** A rule as `iptables -S` could print it. */
export const arbitraryRule: fc.Arbitrary<Rule> = fc.oneof(
  fc
    .tuple(base, fc.array(anyMatch, { maxLength: 3 }), anyTarget)
    .map(([base, matches, target]) => ({ ...base, matches, target }) as Rule),
  fc
    .tuple(
      base,
      fc.constantFrom(['tcp', 6] as const, ['udp', 17] as const),
      optional<{ sourcePort: PortMatch; destinationPort: PortMatch }>({ sourcePort: ports, destinationPort: ports }),
      fc.array(anyMatch, { maxLength: 2 }),
      portTarget,
    )
    .map(
      ([base, [name, number], match, matches, target]) =>
        ({ ...base, protocol: { number }, matches: [{ name, ...match }, ...matches], target }) as Rule,
    ),
  fc
    .tuple(base, fc.integer({ min: 0, max: 254 }), maybeNot)
    .map(
      ([base, type, not]) =>
        ({ ...base, protocol: { number: 1 }, matches: [{ name: 'icmp', type, ...not }], target: { name: 'DROP' } }) as Rule,
    ),
);
