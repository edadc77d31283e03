/**
 * IPVS at its hooks: a packet to a virtual service gets its real server's address and, unless that is an address
 * of this machine, a new way out; an answer gets the virtual address back.
 * Follows linux net/netfilter/ipvs/ip_vs_core.c and ip_vs_xmit.c (6.1), masquerading only.
 */
import { formatIpv4 } from '../base/address.ts';
import { ICMP_ERROR } from './icmp.ts';
import type { IpvsConnection } from './ipvs/connection.ts';
import type { Namespace } from './namespace.ts';
import type { Verdict } from './netfilter/hook.ts';
import { PROTOCOL } from './netfilter/rule.ts';
import { finish, pass, refuse, setRoute } from './path.ts';
import type { SkBuff } from './skb.ts';

/** Towards a virtual service: at LOCAL_IN for packets from elsewhere, at LOCAL_OUT for those made here. */
export function ipvsIn(ns: Namespace, skb: SkBuff): Verdict {
  if (skb.ipvs !== undefined || skb.protocol === PROTOCOL.icmp) return 'accept';
  const found = ns.ipvs.incoming(skb);
  if (found === 'none') return 'accept';
  if (found === 'unavailable') {
    refuse(ns, skb, ICMP_ERROR.portUnreachable, 'rejected');
    return 'stop';
  }
  if (found === 'drop') {
    skb.hop?.steps.push({ action: 'dropped', text: 'IPVS: the real server of this connection is gone' });
    return 'stop';
  }
  return translateIn(ns, skb, found);
}

/** Back from a real server: its connection's virtual address becomes the source. */
export function ipvsOut(ns: Namespace, skb: SkBuff): Verdict {
  if (skb.ipvs !== undefined) return 'accept';
  if (skb.protocol === PROTOCOL.icmp) return errorOut(ns, skb);
  const connection = ns.ipvs.outgoing(skb);
  if (connection === undefined) return 'accept';
  skb.source = connection.virtual;
  skb.sourcePort = connection.virtualPort;
  skb.ipvs = connection;
  skb.hop?.steps.push({ action: 'ipvs', text: `answer of ${serverText(connection)}: source becomes ${virtualText(connection)}` });
  return 'accept';
}

function translateIn(ns: Namespace, skb: SkBuff, connection: IpvsConnection): Verdict {
  const { address, port } = connection.server;
  skb.hop?.steps.push({ action: 'ipvs', text: `${virtualText(connection)} goes to ${serverText(connection)}` });
  const route = ns.route(address, skb.source);
  if (route === undefined) {
    refuse(ns, skb, ICMP_ERROR.netUnreachable, 'no-route');
    return 'stop';
  }
  const local = route.type === 'local';
  if (!local && skb.ttl <= 1) {
    refuse(ns, skb, ICMP_ERROR.timeExceeded, 'ttl-expired');
    return 'stop';
  }
  if (!local) skb.ttl--;
  skb.destination = address;
  skb.destinationPort = port;
  skb.ipvs = connection;
  follow(ns, skb);
  if (local) return 'accept';
  if (setRoute(ns, skb, route) && pass(ns, 'OUTPUT', skb)) finish(ns, skb);
  return 'stop';
}

/** net.ipv4.vs.conntrack: conntrack expects the answers from the real server; without it the packet is not tracked. */
function follow(ns: Namespace, skb: SkBuff): void {
  const tracked = skb.connection;
  if (!ns.config.sysctl.ipvsConntrack) {
    skb.connection = undefined;
    skb.ctInfo = 'untracked';
  } else if (tracked !== undefined && !tracked.confirmed) {
    tracked.reply = { ...tracked.reply, source: skb.destination, sourcePort: skb.destinationPort };
  }
}

function errorOut(ns: Namespace, skb: SkBuff): Verdict {
  const quoted = skb.quoted;
  if (quoted === undefined) return 'accept';
  const connection = ns.ipvs.find(quoted.protocol, quoted.destination, quoted.destinationPort, quoted.source, quoted.sourcePort);
  if (connection === undefined) return 'accept';
  const back = quoted.copy();
  back.destination = connection.virtual;
  back.destinationPort = connection.virtualPort;
  skb.quoted = back;
  skb.source = connection.virtual;
  skb.ipvs = connection;
  return 'accept';
}

function serverText({ server }: IpvsConnection): string {
  return `${formatIpv4(server.address)}:${server.port}`;
}

function virtualText(connection: IpvsConnection): string {
  return `${formatIpv4(connection.virtual)}:${connection.virtualPort}`;
}
