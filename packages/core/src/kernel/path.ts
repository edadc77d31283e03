/**
 * THE way of a packet through one namespace. Every packet of every machine takes it.
 *
 *   device --> receive --> PREROUTING --> routed? --> forward --> FORWARD ------------+
 *                                            |                                        v
 *                                            +--> deliver --> INPUT --> socket    finish --> POSTROUTING --> device
 *                                                                         |           ^
 *                                                         output <--------+           |
 *                                                            +------> OUTPUT ---------+
 *
 * Who looks at the packet at the five hooks, and in which order, is the table in hooks.ts.
 * Follows linux net/ipv4/ip_input.c, ip_forward.c, ip_output.c and route.c (6.1). Fragments are not modelled.
 */
import { BROADCAST_MAC, formatIpv4 } from '../base/address.ts';
import { FLAG } from '../wire/tcp.ts';
import type { Route } from './config.ts';
import { echoReply, failureOf, ICMP_ERROR, type IcmpError, icmpError } from './icmp.ts';
import type { Device } from './link/device.ts';
import type { Namespace } from './namespace.ts';
import { send } from './neighbour.ts';
import type { Hook } from './netfilter/hook.ts';
import { PROTOCOL, type Target } from './netfilter/rule.ts';
import { SkBuff } from './skb.ts';
import type { TcpFailure } from './socket/tcp.ts';

/** A packet comes in by a device. */
export function receive(ns: Namespace, skb: SkBuff, device: Device): void {
  if (!skb.prerouted) {
    arrive(ns, skb, device);
    if (!pass(ns, 'PREROUTING', skb)) return;
  }
  skb.input = device;
  // What a namespace sends to itself over lo was routed when it was sent.
  if (device.link.kind.type === 'loopback') return deliver(ns, skb);
  const route = ns.route(skb.destination, skb.source);
  if (route === undefined) return refuse(ns, skb, ICMP_ERROR.netUnreachable, 'no-route');
  if (isMartian(ns, skb, device)) return end(skb, 'martian', `source ${formatIpv4(skb.source)} on ${device.name}`);
  if (route.type === 'local' || route.type === 'broadcast') return deliver(ns, skb);
  if (!ns.config.sysctl.ipForward) return end(skb, 'not-forwarded', 'net.ipv4.ip_forward is 0');
  if (route.type === 'blackhole') return end(skb, 'no-route', 'blackhole');
  if (route.type === 'unreachable') return refuse(ns, skb, ICMP_ERROR.hostUnreachable, 'no-route');
  if (route.type === 'prohibit') return refuse(ns, skb, ICMP_ERROR.administrativelyProhibited, 'no-route');
  forward(ns, skb, route);
}

/** The first look at a packet that appears in a namespace. */
export function arrive(ns: Namespace, skb: SkBuff, device: Device): void {
  skb.input = device;
  skb.hop = ns.world.trace?.begin(ns.label, device.name, skb);
}

/** A packet for this namespace itself. */
function deliver(ns: Namespace, skb: SkBuff): void {
  if (!pass(ns, 'INPUT', skb)) return;
  if (skb.protocol !== PROTOCOL.icmp) return ns.sockets.receive(skb);
  if (skb.icmpType === 8) {
    end(skb, 'delivered', 'echo request answered');
    output(ns, echoReply(skb));
  } else if (skb.quoted !== undefined) {
    const error = { type: skb.icmpType, code: skb.icmpCode };
    end(skb, 'delivered', `ICMP ${error.type}/${error.code}`);
    ns.sockets.error(skb.quoted, failureOf(error));
  } else {
    end(skb, 'delivered', 'echo reply');
    ns.echoed(skb);
  }
}

/** A packet for somebody else. */
function forward(ns: Namespace, skb: SkBuff, route: Route): void {
  if (skb.ttl <= 1) return refuse(ns, skb, ICMP_ERROR.timeExceeded, 'ttl-expired');
  if (!setRoute(ns, skb, route)) return end(skb, 'device-down', route.device ?? 'no device');
  const mtu = skb.output?.mtu ?? 0;
  if (skb.length > mtu && skb.df) return refuse(ns, skb, ICMP_ERROR.fragmentationNeeded, 'too-big', mtu);
  skb.ttl--;
  if (pass(ns, 'FORWARD', skb)) finish(ns, skb);
}

/** A packet made here. Says at once if it cannot leave. */
export function output(ns: Namespace, skb: SkBuff): TcpFailure | undefined {
  skb.hop = ns.world.trace?.begin(ns.label, 'local', skb);
  const failure = routeOut(ns, skb);
  if (failure !== undefined) return failure;
  const { destination, mark } = skb;
  if (!pass(ns, 'OUTPUT', skb)) return undefined;
  if (skb.destination !== destination || skb.mark !== mark) {
    const changed = routeOut(ns, skb);
    if (changed !== undefined) return changed;
  }
  finish(ns, skb);
  return undefined;
}

/** The packet leaves: the last hook, then the neighbour's address, then the device. */
export function finish(ns: Namespace, skb: SkBuff): void {
  if (!pass(ns, 'POSTROUTING', skb)) return;
  const device = skb.output;
  if (device === undefined) return;
  const type = device.link.kind.type;
  if (type === 'loopback') return send(device, device.mac, skb);
  if (skb.length > device.mtu)
    return end(skb, skb.df ? 'too-big' : 'not-modelled', `${skb.length} bytes, ${device.name} takes ${device.mtu}`);
  if (skb.destinationMac === BROADCAST_MAC) return send(device, BROADCAST_MAC, skb);
  const mac = ns.neighbours.lookup(device, skb.nextHop);
  if (mac === undefined) ns.neighbours.resolve(device, skb.nextHop, skb);
  else send(device, mac, skb);
}

/** Whether a packet gets past a hook. */
export function pass(ns: Namespace, hook: Hook, skb: SkBuff): boolean {
  for (const entry of ns.hooks[hook]) if (entry.handle(ns, skb, hook) === 'stop') return false;
  return true;
}

/** Nobody listens: a reset or an ICMP error says so. */
export function noListener(ns: Namespace, skb: SkBuff): void {
  if (skb.protocol !== PROTOCOL.tcp) return refuse(ns, skb, ICMP_ERROR.portUnreachable, 'no-listener');
  end(skb, 'no-listener', `nobody listens on port ${skb.destinationPort}`);
  resetAnswer(ns, skb);
}

/** What a REJECT rule answers. */
export function reject(ns: Namespace, skb: SkBuff, how: (Target & { name: 'REJECT' })['with']): void {
  if (how === 'tcp-reset') {
    end(skb, 'rejected', how);
    resetAnswer(ns, skb);
    return;
  }
  const errors = {
    'icmp-port-unreachable': ICMP_ERROR.portUnreachable,
    'icmp-host-unreachable': ICMP_ERROR.hostUnreachable,
    'icmp-net-unreachable': ICMP_ERROR.netUnreachable,
    'icmp-admin-prohibited': ICMP_ERROR.administrativelyProhibited,
  };
  refuse(ns, skb, errors[how], 'rejected');
}

/** Ends a packet's way with an ICMP error to its sender. */
export function refuse(
  ns: Namespace,
  skb: SkBuff,
  error: IcmpError,
  fate: 'no-route' | 'ttl-expired' | 'too-big' | 'rejected' | 'no-listener' | 'unresolved',
  mtu = 0,
): void {
  end(skb, fate, `ICMP ${error.type}/${error.code} to ${formatIpv4(skb.source)}`);
  const own = ns.route(skb.destination, 0)?.type === 'local' && skb.input !== undefined;
  const source = own ? skb.destination : (ns.sourceFor(skb.source)?.address ?? 0);
  const answer = icmpError(skb, error, source, mtu);
  if (answer !== undefined) output(ns, relate(answer, skb, 'related'));
}

/** Nobody answered ARP for a packet's next hop. */
export function unresolved(ns: Namespace, skb: SkBuff): void {
  if (skb.input !== undefined) return refuse(ns, skb, ICMP_ERROR.hostUnreachable, 'unresolved');
  end(skb, 'unresolved', formatIpv4(skb.nextHop));
  ns.sockets.error(skb.connection === undefined ? skb : skb.connection.original, 'EHOSTUNREACH');
}

/** Writes a route onto a packet; false if its device is down or gone. */
export function setRoute(ns: Namespace, skb: SkBuff, route: Route): boolean {
  const device = route.type === 'local' ? ns.device('lo') : route.device === undefined ? undefined : ns.device(route.device);
  if (device === undefined || !device.link.up) return false;
  skb.output = device;
  skb.nextHop = route.via ?? skb.destination;
  skb.destinationMac = route.type === 'broadcast' ? BROADCAST_MAC : 0;
  skb.hop?.steps.push({ action: 'route', route, device: device.name });
  return true;
}

function routeOut(ns: Namespace, skb: SkBuff): TcpFailure | undefined {
  const route = ns.route(skb.destination, skb.source);
  const failure: TcpFailure | undefined =
    route === undefined || route.type === 'blackhole'
      ? 'ENETUNREACH'
      : route.type === 'unreachable'
        ? 'EHOSTUNREACH'
        : route.type === 'prohibit'
          ? 'EACCES'
          : setRoute(ns, skb, route)
            ? undefined
            : 'ENETUNREACH';
  if (failure !== undefined) end(skb, 'no-route', failure);
  return failure;
}

function resetAnswer(ns: Namespace, to: SkBuff): void {
  if (to.flags & FLAG.rst) return;
  const rst = new SkBuff(PROTOCOL.tcp, to.destination, to.destinationPort, to.source, to.sourcePort, 40);
  if (to.flags & FLAG.ack) {
    rst.flags = FLAG.rst;
    rst.sequence = to.acknowledgement;
  } else {
    rst.flags = FLAG.rst | FLAG.ack;
    rst.acknowledgement = (to.sequence + 1) >>> 0;
  }
  output(ns, relate(rst, to, 'established'));
}

/** What answers a packet whose connection is in no table yet belongs to that connection all the same. */
function relate(answer: SkBuff, about: SkBuff, ctInfo: 'related' | 'established'): SkBuff {
  if (about.connection === undefined || about.connection.confirmed) return answer;
  answer.connection = about.connection;
  answer.reply = !about.reply;
  answer.ctInfo = ctInfo;
  return answer;
}

function isMartian(ns: Namespace, skb: SkBuff, device: Device): boolean {
  if (skb.source >>> 24 === 127 || skb.destination >>> 24 === 127) return !ns.config.sysctl.routeLocalnet.includes(device.name);
  const back = ns.route(skb.source, 0);
  if (back?.type === 'local') return true;
  const { rpFilter } = ns.config.sysctl;
  if (rpFilter === 0) return false;
  return back === undefined || (rpFilter === 1 && back.device !== device.name);
}

function end(
  skb: SkBuff,
  action:
    | 'delivered'
    | 'no-listener'
    | 'rejected'
    | 'no-route'
    | 'ttl-expired'
    | 'too-big'
    | 'unresolved'
    | 'not-forwarded'
    | 'martian'
    | 'device-down'
    | 'not-modelled',
  text: string,
): void {
  skb.hop?.steps.push({ action, text });
}
