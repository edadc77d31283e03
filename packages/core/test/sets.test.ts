/** ipsets as the kernel looks into them: the longest network that holds an address decides. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { contains, networkOf, parseCidr, parseIpv4 } from '../src/base/address.ts';
import type { IpSet } from '../src/kernel/config.ts';
import { indexSet } from '../src/kernel/netfilter/set.ts';

const cidr = fc
  .record({ address: fc.integer({ min: 0, max: 0xffffffff }), prefix: fc.integer({ min: 1, max: 32 }) })
  .map(networkOf);

test('hash:net: the longest network decides, with nomatch against it', () => {
  const near = fc.tuple(cidr, fc.array(fc.tuple(fc.integer({ min: 0, max: 7 }), fc.boolean()), { maxLength: 5 }));
  fc.assert(
    fc.property(near, fc.nat({ max: 0xffff }), ([base, cuts], noise) => {
      // Networks around one another, each at its length only once, as the kernel's hash keeps them.
      const members = [...new Map(cuts.map(([shorter, nomatch]) => [Math.max(1, base.prefix - shorter), nomatch]))].map(
        ([prefix, nomatch]) => ({ network: networkOf({ address: base.address, prefix }), ...(nomatch ? { nomatch } : {}) }),
      );
      const set: IpSet = { name: 's', type: 'hash:net', counters: false, members };
      for (const address of [base.address, (base.address ^ noise) >>> 0]) {
        const holding = members.filter(({ network }) => contains(network, address));
        const longest = holding.reduce<(typeof members)[number] | undefined>(
          (best, next) => (best === undefined || next.network.prefix > best.network.prefix ? next : best),
          undefined,
        );
        expect(indexSet(set).has(address, 6, 80)).toBe(longest !== undefined && longest.nomatch !== true);
      }
    }),
    { numRuns: 3000 },
  );
});

test('the set of the overlay: all but 9.0.0.0/8', () => {
  const set: IpSet = {
    name: 'overlay',
    type: 'hash:net',
    counters: false,
    members: [
      { network: parseCidr('0.0.0.0/1') },
      { network: parseCidr('128.0.0.0/1') },
      { network: parseCidr('9.0.0.0/8'), nomatch: true },
    ],
  };
  const has = (address: string): boolean => indexSet(set).has(parseIpv4(address), 6, 80);
  expect(['8.255.255.255', '9.0.0.0', '9.255.255.255', '10.0.0.0', '172.16.0.1', '255.255.255.255'].map(has)).toEqual([
    true,
    false,
    false,
    true,
    true,
    true,
  ]);
});

test('hash:ip,port: address, protocol and port must all agree', () => {
  const network = parseCidr('11.249.78.219');
  const set: IpSet = {
    name: 's',
    type: 'hash:ip,port',
    counters: false,
    members: [{ network, port: { protocol: 6, number: 3141 } }],
  };
  const { has } = indexSet(set);
  expect([
    has(network.address, 6, 3141),
    has(network.address, 17, 3141),
    has(network.address, 6, 3142),
    has(network.address + 1, 6, 3141),
  ]).toEqual([true, false, false, false]);
});
