/** What the tests of IPVS share: packets, and a second model of wlc that knows neither heap nor list. */
import type { IpvsConnection } from '../src/kernel/ipvs/connection.ts';
import { Ipvs } from '../src/kernel/ipvs/ipvs.ts';
import { Packet } from '../src/wire/ipv4.ts';
import { FLAG } from '../src/wire/tcp.ts';

export const VIP = 0x0bf94edb;
export const SERVICE = { protocol: 6, address: VIP, port: 3141 } as const;
export const CLIENT = 0xac100954;
export const SERVER = 0x0a000000;

/** A segment from the client's port to the service. */
export function segment(port: number, flags: number): Packet {
  const packet = new Packet(6, CLIENT, port, VIP, SERVICE.port, 60);
  packet.flags = flags;
  return packet;
}

/** A segment from a real server to the client's port. */
export function answer(server: { readonly address: number; readonly port: number }, port: number, flags: number): Packet {
  const packet = new Packet(6, server.address, server.port, CLIENT, port, 60);
  packet.flags = flags;
  return packet;
}

/** Tables with one service and servers of those weights; the last is the newest. */
export function balancer(scheduler: string, weights: readonly number[]): { ipvs: Ipvs; clock: { now: number } } {
  const clock = { now: 0 };
  const ipvs = new Ipvs(clock);
  ipvs.addService({ ...SERVICE, scheduler });
  for (const [i, weight] of weights.entries()) ipvs.addServer(SERVICE, { address: SERVER + i, port: 80, weight });
  return { ipvs, clock };
}

/** A handshake from the client's port; the connection must exist. */
export function connect(ipvs: Ipvs, port: number): IpvsConnection {
  const connection = ipvs.incoming(segment(port, FLAG.syn));
  if (typeof connection === 'string') throw new Error(`no connection: ${connection}`);
  ipvs.outgoing(answer(connection.server, port, FLAG.syn | FLAG.ack));
  ipvs.incoming(segment(port, FLAG.ack));
  return connection;
}
