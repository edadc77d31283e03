/**
 * Persistent services: a template says to which server a client's connections go; without one the scheduler says, and
 * makes one.
 * Follows ip_vs_sched_persist and ip_vs_check_template of linux net/netfilter/ipvs/ip_vs_core.c and ip_vs_conn.c (6.1).
 */
import type { Packet } from '../../wire/ipv4.ts';
import { IpvsConnection } from './connection.ts';
import type { ConnectionTable } from './connections.ts';
import type { VirtualService } from './service.ts';

/** A template of an FTP service takes its data connections along. */
const FTP = 21;

/** The connection of a packet that begins one. */
export function schedulePersistent(
  service: VirtualService,
  p: Packet,
  now: number,
  connections: ConnectionTable,
  expireQuiescent: boolean,
): IpvsConnection | 'unavailable' {
  const ofPort = p.destinationPort === service.port;
  const byMark = !ofPort && service.mark !== 0;
  const protocol = byMark ? 0 : p.protocol;
  const virtual = byMark ? service.mark : p.destination;
  const virtualPort = ofPort && service.port !== FTP ? p.destinationPort : 0;
  const network = (p.source & service.netmask) >>> 0;

  let template = connections.template(protocol, network, virtual, virtualPort);
  if (template !== undefined && (!template.server.available || (expireQuiescent && template.server.weight === 0))) {
    connections.invalidate(template);
    template = undefined;
  }
  if (template === undefined) {
    const chosen = service.scheduling.choose(p, now);
    if (chosen === undefined) return 'unavailable';
    const port = ofPort && service.port !== FTP ? chosen.port : 0;
    template = new IpvsConnection(protocol, network, 0, virtual, virtualPort, chosen, port, true);
    connections.openTemplate(template);
  }
  const { server } = template;
  const port = ofPort && server.port !== 0 ? server.port : p.destinationPort;
  const made = new IpvsConnection(p.protocol, p.source, p.sourcePort, p.destination, p.destinationPort, server, port, false);
  const onePacket = service.onePacket && p.protocol === 17;
  connections.keep(template, onePacket ? undefined : made, now, service.persistentSeconds * 1000);
  if (!onePacket) connections.open(made, p.flags, now);
  return made;
}
