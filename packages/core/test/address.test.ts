import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  broadcastOf,
  contains,
  formatCidr,
  formatIpv4,
  formatMac,
  isIpv4,
  macOfAddress,
  maskOf,
  networkOf,
  parseCidr,
  parseIpv4,
  parseMac,
} from '../src/base/address.ts';

const ipv4 = fc.integer({ min: 0, max: 0xffffffff });
const prefix = fc.integer({ min: 0, max: 32 });

test('addresses of the post, as numbers and as text', () => {
  expect(parseIpv4('11.249.78.219')).toBe(((11 * 256 + 249) * 256 + 78) * 256 + 219);
  expect(formatIpv4(0xffffffff)).toBe('255.255.255.255');
  expect(formatMac(macOfAddress(parseIpv4('9.0.3.131')))).toBe('02:42:09:00:03:83');
  expect(formatMac(macOfAddress(parseIpv4('172.17.0.2')))).toBe('02:42:ac:11:00:02');
  expect(formatCidr(networkOf(parseCidr('9.0.3.129/25')))).toBe('9.0.3.128/25');
  expect(formatIpv4(broadcastOf(parseCidr('9.0.3.129/25')))).toBe('9.0.3.255');
  expect(formatCidr(parseCidr('10.1.2.3'))).toBe('10.1.2.3/32');
});

test('what is written is read again', () => {
  fc.assert(
    fc.property(ipv4, prefix, fc.maxSafeNat(), (address, length, number) => {
      expect(parseIpv4(formatIpv4(address))).toBe(address);
      expect(parseCidr(formatCidr({ address, prefix: length }))).toEqual({ address, prefix: length });
      const mac = number % 2 ** 48;
      expect(parseMac(formatMac(mac))).toBe(mac);
    }),
    { numRuns: 3000 },
  );
});

test('masks, networks and membership are those of 32 binary digits', () => {
  const bits = (address: number): string => address.toString(2).padStart(32, '0');
  fc.assert(
    fc.property(ipv4, prefix, ipv4, fc.boolean(), (address, length, any, near) => {
      // A random address is hardly ever inside a longer network: half of the time the host bits alone differ.
      const other = near && length > 0 ? Number.parseInt(bits(address).slice(0, length) + bits(any).slice(length), 2) : any;
      const network = { address, prefix: length };
      const head = bits(address).slice(0, length);
      expect(bits(maskOf(length))).toBe('1'.repeat(length) + '0'.repeat(32 - length));
      expect(bits(networkOf(network).address)).toBe(head + '0'.repeat(32 - length));
      expect(bits(broadcastOf(network))).toBe(head + '1'.repeat(32 - length));
      expect(contains(network, other)).toBe(bits(other).startsWith(head));
    }),
    { numRuns: 5000 },
  );
});

test('what is no address is refused in one short line', () => {
  const bad = [
    '',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    '01.2.3.4',
    ' 1.2.3.4',
    '1.2.3.4 ',
    '0x1.2.3.4',
    '16909060',
    '::1',
    '1.2.3.-4',
    '١.2.3.4',
  ];
  for (const text of [...bad, '9'.repeat(1_000_000)]) {
    expect(isIpv4(text)).toBe(false);
    expect(() => parseIpv4(text)).toThrowError(/^'.{0,63}' is not an IPv4 address/);
  }
  for (const text of ['9.0.0.0/33', '9.0.0.0/', '9.0.0.0/8x', '9.0.0.0/-1', '9.0.0.0/008', '9.0.0/8', '/8', '9.0.0.0/8/8'])
    expect(() => parseCidr(text), text).toThrowError(/is not an? (network|IPv4)/);
  for (const text of ['', '02:42:ac:11:00', '02:42:ac:11:00:02:03', '2:42:ac:11:0:2', '02-42-ac-11-00-02', 'gg:42:ac:11:00:02'])
    expect(() => parseMac(text)).toThrowError(/is not a MAC address/);
  expect(parseMac('02:42:AC:11:00:02')).toBe(0x0242ac110002);
});
