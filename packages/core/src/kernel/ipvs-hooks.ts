/**
 * IPVS at its hooks: a packet to a virtual service goes to a real server, by the server's address (masquerading), as it
 * is (direct routing) or inside a packet of its own (tunnelling), unless that is an address of this machine; a
 * masqueraded answer gets the virtual address back. ICMP errors go the way of the connection they are about.
 * Follows linux net/netfilter/ipvs/ip_vs_core.c and ip_vs_xmit.c (6.1). A machine takes packets out of a tunnel only if
 * it has a device for that, which is not modelled.
 */
import { formatIpv4 } from '../base/address.ts';
import { IPV4_HEADER } from '../wire/ipv4.ts';
import type { Route } from './config.ts';
import { ICMP_ERROR } from './icmp.ts';
import type { IpvsConnection } from './ipvs/connection.ts';
import type { Namespace } from './namespace.ts';
import type { Verdict } from './netfilter/hook.ts';
import { PROTOCOL } from './netfilter/rule.ts';
import { finish, pass, refuse, setRoute } from './path.ts';
import { SkBuff } from './skb.ts';

/** IPv4 in IPv4. */
const IPIP = 4;
/** How traces say that a packet goes in no address of its own. */
const HOW = { masquerade: '', route: ' as it is', tunnel: ' in a tunnel' } as const;

/** Towards a virtual service: at LOCAL_IN for packets from elsewhere, at LOCAL_OUT for those made here. */
export function ipvsIn(ns: Namespace, skb: SkBuff): Verdict {
  if (skb.ipvs !== undefined) return 'accept';
  if (skb.protocol === PROTOCOL.icmp) return errorIn(ns, skb);
  const found = ns.ipvs.incoming(skb);
  if (found === 'none') return 'accept';
  if (found === 'unavailable') {
    refuse(ns, skb, ICMP_ERROR.portUnreachable, 'rejected');
    return 'drop';
  }
  if (found === 'drop') {
    skb.hop?.steps.push({ action: 'dropped', text: 'IPVS: the real server of this connection is gone' });
    return 'drop';
  }
  return send(ns, skb, found);
}

/** Back from a real server: its connection's virtual address becomes the source. */
export function ipvsOut(ns: Namespace, skb: SkBuff): Verdict {
  if (skb.ipvs !== undefined) return 'accept';
  if (skb.protocol === PROTOCOL.icmp) return errorOut(ns, skb);
  const connection = ns.ipvs.outgoing(skb);
  if (connection === undefined) return 'accept';
  skb.ipvs = connection;
  if (connection.forward === 'masquerade') {
    skb.source = connection.virtual;
    skb.sourcePort = connection.virtualPort;
    skb.hop?.steps.push({
      action: 'ipvs',
      text: `answer of ${serverText(connection)}: source becomes ${virtualText(connection)}`,
    });
  }
  return 'accept';
}

function send(ns: Namespace, skb: SkBuff, connection: IpvsConnection): Verdict {
  const { address } = connection.server;
  skb.hop?.steps.push({
    action: 'ipvs',
    text: `${virtualText(connection)} goes to ${serverText(connection)}${HOW[connection.forward]}`,
  });
  const route = ns.route(address, skb.source);
  if (route === undefined) {
    refuse(ns, skb, ICMP_ERROR.netUnreachable, 'no-route');
    return 'stop';
  }
  const local = route.type === 'local';
  if (!local && !mayLeave(ns, skb, route, connection)) return 'stop';
  skb.ipvs = connection;
  if (connection.forward === 'masquerade') toServer(skb, connection);
  follow(ns, skb, connection);
  if (local) return 'accept';
  const leaving = connection.forward === 'tunnel' ? encapsulate(ns, skb, connection) : skb;
  if (!setRoute(ns, leaving, route)) return 'stop';
  leaving.nextHop = route.via ?? address;
  if (pass(ns, 'OUTPUT', leaving)) finish(ns, leaving);
  return 'stop';
}

/** Takes one off the packet's time to live, and looks whether it fits the way. */
function mayLeave(ns: Namespace, skb: SkBuff, route: Route, { forward }: IpvsConnection): boolean {
  if (skb.ttl <= 1) {
    refuse(ns, skb, ICMP_ERROR.timeExceeded, 'ttl-expired');
    return false;
  }
  skb.ttl--;
  const device = route.device === undefined ? undefined : ns.device(route.device);
  const mtu = device === undefined ? skb.length : device.mtu - (forward === 'tunnel' ? IPV4_HEADER : 0);
  if (skb.length <= mtu || !skb.df) return true;
  refuse(ns, skb, ICMP_ERROR.fragmentationNeeded, 'too-big', mtu);
  return false;
}

/** Destination and, in what an ICMP error quotes, source become the real server's. */
function toServer(skb: SkBuff, connection: IpvsConnection): void {
  const { address } = connection.server;
  skb.destination = address;
  if (skb.quoted === undefined) skb.destinationPort = connection.destinationPort;
  else {
    const back = skb.quoted.copy();
    back.source = address;
    back.sourcePort = connection.destinationPort;
    skb.quoted = back;
  }
}

function encapsulate(ns: Namespace, skb: SkBuff, { server: { address } }: IpvsConnection): SkBuff {
  const source = ns.sourceFor(address)?.address ?? 0;
  const outer = new SkBuff(IPIP, source, 0, address, 0, skb.length + IPV4_HEADER);
  outer.ttl = skb.ttl;
  outer.df = skb.df;
  outer.payload = skb.copy();
  outer.ipvs = skb.ipvs;
  outer.hop = skb.hop;
  outer.ctInfo = 'untracked';
  return outer;
}

/**
 * net.ipv4.vs.conntrack: conntrack expects the answers from the masqueraded server; without it the packet is not
 * tracked any more.
 */
function follow(ns: Namespace, skb: SkBuff, { forward }: IpvsConnection): void {
  const tracked = skb.connection;
  if (!ns.config.sysctl.ipvsConntrack) {
    skb.connection = undefined;
    skb.ctInfo = 'untracked';
  } else if (forward === 'masquerade' && skb.quoted === undefined && tracked !== undefined && !tracked.confirmed) {
    const { protocol, destination, destinationPort } = tracked.reply;
    tracked.expectReply({ protocol, source: skb.destination, sourcePort: skb.destinationPort, destination, destinationPort });
  }
}

/** An error about an answer that a virtual service seemed to give: it is the real server's. */
function errorIn(ns: Namespace, skb: SkBuff): Verdict {
  const quoted = skb.quoted;
  if (quoted === undefined) return 'accept';
  const { protocol, source, sourcePort, destination, destinationPort } = quoted;
  const connection = ns.ipvs.findTowards(protocol, destination, destinationPort, source, sourcePort);
  if (connection === undefined) return 'accept';
  ns.ipvs.countRelated(connection, 0, skb.length);
  return send(ns, skb, connection);
}

/** An error about a packet that a real server got: to the client it is the virtual service's. */
function errorOut(ns: Namespace, skb: SkBuff): Verdict {
  const quoted = skb.quoted;
  if (quoted === undefined) return 'accept';
  const connection = ns.ipvs.find(quoted.protocol, quoted.destination, quoted.destinationPort, quoted.source, quoted.sourcePort);
  if (connection === undefined) return 'accept';
  ns.ipvs.countRelated(connection, 1, skb.length);
  skb.ipvs = connection;
  if (connection.forward !== 'masquerade') return 'accept';
  const back = quoted.copy();
  back.destination = connection.virtual;
  back.destinationPort = connection.virtualPort;
  skb.quoted = back;
  skb.source = connection.virtual;
  return 'accept';
}

function serverText({ server, destinationPort }: IpvsConnection): string {
  return `${formatIpv4(server.address)}:${destinationPort}`;
}

function virtualText(connection: IpvsConnection): string {
  return `${formatIpv4(connection.virtual)}:${connection.virtualPort}`;
}
