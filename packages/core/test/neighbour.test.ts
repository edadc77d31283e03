import { expect, test } from 'vitest';
import { Clock } from '../src/base/clock.ts';
import type { Link } from '../src/kernel/config.ts';
import { Device, type DeviceOwner, type Frame } from '../src/kernel/link/device.ts';
import { switchesOf } from '../src/kernel/link/switches.ts';
import { NeighbourTable } from '../src/kernel/neighbour.ts';
import { SkBuff } from '../src/kernel/skb.ts';
import { Arp } from '../src/wire/arp.ts';

const OTHER = 0x0a000002;
const OTHER_MAC = 0x020000000002;
const LINK: Link = {
  index: 2,
  name: 'br0',
  mac: 0x020000000001,
  mtu: 1500,
  up: true,
  kind: { type: 'dummy' },
  addresses: [{ address: 0x0a000001, prefix: 24 }],
};
const SYSCTL = {
  ipForward: false,
  bridgeNfCallIptables: false,
  rpFilter: 0,
  routeLocalnet: [],
  sendRedirects: true,
  ipvsConntrack: false,
} as const;

/** A device whose frames are noted, and the table above it. */
function stand() {
  const clock = new Clock();
  const sent: string[] = [];
  const lost: SkBuff[] = [];
  const owner = {
    name: 'here',
    get now() {
      return clock.now;
    },
    wire: {
      tap: (_: Device, __: string, frame: Frame) => {
        const way = frame.destinationMac === OTHER_MAC ? 'to it' : 'to all';
        sent.push(`${clock.now / 1000} ${frame instanceof Arp ? frame.operation : 'packet'} ${way}`);
      },
    },
  } as unknown as DeviceOwner;
  const device = new Device(owner, LINK, switchesOf(SYSCTL, 'br0'));
  const table = new NeighbourTable({
    get now() {
      return clock.now;
    },
    retransmitMs: 1000,
    after: (delay, action, background) => clock.after(delay, action, background),
    permanentNeighbour: () => undefined,
    askingAddress: () => 0x0a000001,
    unresolved: (skb) => lost.push(skb),
  });
  const state = () => table.list()[0]?.state;
  return { clock, sent, lost, device, table, state };
}

test('who asked is stale, and probed by unicast five seconds after first use, three times a second', () => {
  const { clock, sent, device, table, state } = stand();
  table.learn(device, OTHER, OTHER_MAC, 'request for us');
  expect(state()).toBe('STALE');
  clock.advance(1000);
  expect(table.lookup(device, OTHER)).toBe(OTHER_MAC);
  expect(state()).toBe('DELAY');
  clock.advance(4999);
  expect(sent).toEqual([]);
  clock.advance(1);
  expect(state()).toBe('PROBE');
  expect(table.lookup(device, OTHER)).toBe(OTHER_MAC);
  clock.advance(2000);
  expect(sent).toEqual(['6 request to it', '7 request to it', '8 request to it']);
  clock.advance(1000);
  expect(state()).toBe('FAILED');
  expect(table.lookup(device, OTHER)).toBeUndefined();
  expect(clock.busy).toBe(false);
});

test('an answer to the probe makes it reachable for thirty seconds', () => {
  const { clock, sent, device, table, state } = stand();
  table.learn(device, OTHER, OTHER_MAC, 'request for us');
  table.lookup(device, OTHER);
  clock.advance(5000);
  table.learn(device, OTHER, OTHER_MAC, 'answer');
  expect(state()).toBe('REACHABLE');
  clock.advance(30_000);
  expect(state()).toBe('REACHABLE');
  clock.advance(1);
  expect(state()).toBe('STALE');
  expect(sent).toEqual(['5 request to it']);
});

test('a connection that got on by it saves the probe', () => {
  const { clock, sent, device, table, state } = stand();
  table.learn(device, OTHER, OTHER_MAC, 'request for us');
  table.lookup(device, OTHER);
  clock.advance(20);
  table.lookup(device, OTHER, true);
  clock.advance(4980);
  expect(state()).toBe('REACHABLE');
  clock.advance(60_000);
  expect(sent).toEqual([]);
});

test('nobody is asked more than three times, and of 102 packets that waited the first is dropped and the others are told of', () => {
  const { clock, sent, lost, device, table, state } = stand();
  for (let i = 0; i < 102; i++) table.resolve(device, OTHER, new SkBuff(17, 0x0a000001, i, OTHER, 53, 28));
  clock.advance(3000);
  expect(sent).toEqual(['0 request to all', '1 request to all', '2 request to all']);
  expect(state()).toBe('FAILED');
  expect(lost.map(({ sourcePort }) => sourcePort)).toEqual(Array.from({ length: 101 }, (_, i) => i + 1));
});
