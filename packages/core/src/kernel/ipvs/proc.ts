/**
 * What the kernel itself prints of IPVS: /proc/net/ip_vs, /proc/net/ip_vs_conn and /proc/net/ip_vs_stats, in
 * hexadecimal and in its own order.
 * Follows linux net/netfilter/ipvs/ip_vs_ctl.c and ip_vs_conn.c (6.1).
 */
import type { IpvsConnection } from './connection.ts';
import { forwardName, protocolName, secondsLeft } from './list.ts';
import type { VirtualService } from './service.ts';
import type { Amounts, Statistics } from './statistics.ts';

/**
 * `/proc/net/ip_vs`
 * @param ticks timer ticks in a second, in which the kernel prints a service's persistence: CentOS 7 has 1000 of them
 */
export function procServices(services: readonly VirtualService[], ticks = 1000): string {
  let text =
    'IP Virtual Server version 1.2.1 (size=4096)\nProt LocalAddress:Port Scheduler Flags\n' +
    '  -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n';
  for (const service of services) {
    const { protocol, address, port, mark, scheduler, onePacket, persistentSeconds, netmask } = service;
    const ops = onePacket ? 'ops ' : '';
    if (mark === 0) text += `${protocolName(protocol)}  ${hex(address, 8)}:${hex(port, 4)} ${scheduler} ${ops} `;
    else text += `FWM  ${hex(mark, 8)} ${scheduler} ${ops}`;
    text += persistentSeconds === 0 ? '\n' : `persistent ${persistentSeconds * ticks} ${hex(netmask, 8)}\n`;
    for (const server of service.servers) {
      const counts = `${pad(server.weight, 6)} ${pad(server.active, 10)} ${pad(server.inactive, 10)}`;
      text += `  -> ${hex(server.address, 8)}:${hex(server.port, 4)}      ${pad(forwardName(server.forward), 7)} ${counts}\n`;
    }
  }
  return text;
}

/** `/proc/net/ip_vs_conn` at virtual milliseconds `now`. */
export function procConnections(connections: Iterable<IpvsConnection>, now: number): string {
  let text = 'Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n';
  for (const c of connections) {
    const ends = [
      `${hex(c.client, 8)} ${hex(c.clientPort, 4)}`,
      `${hex(c.virtual, 8)} ${hex(c.virtualPort, 4)}`,
      `${hex(c.server.address, 8)} ${hex(c.destinationPort, 4)}`,
    ];
    const left = String(secondsLeft(c, now)).padStart(7);
    text += `${pad(protocolName(c.protocol), 3)} ${ends.join(' ')} ${pad(c.state, 11)} ${left}\n`;
  }
  return text;
}

/** `/proc/net/ip_vs_stats` */
export function procStatistics(total: Statistics): string {
  return (
    '   Total Incoming Outgoing         Incoming         Outgoing\n' +
    '   Conns  Packets  Packets            Bytes            Bytes\n' +
    `${amounts(total.amounts)}\n` +
    ' Conns/s   Pkts/s   Pkts/s          Bytes/s          Bytes/s\n' +
    amounts(total.perSecond)
  );
}

function amounts({ connections, packetsIn, packetsOut, bytesIn, bytesOut }: Amounts): string {
  const [few, many] = [
    [connections, packetsIn, packetsOut],
    [bytesIn, bytesOut],
  ];
  const words = [...few.map((n) => hex(n, 0).padStart(8)), ...many.map((n) => hex(n, 0).padStart(16))];
  return `${words.join(' ')}\n`;
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, '0');
}

function pad(value: number | string, width: number): string {
  return String(value).padEnd(width);
}
