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
 * Follows linux net/ipv4/ip_input.c, ip_forward.c, ip_output.c and route.c (6.1).
 */
import { formatIpv4, isGroupMac } from '../base/address.ts';
import type { Packet } from '../wire/ipv4.ts';
import { FLAG } from '../wire/tcp.ts';
import type { Route } from './config.ts';
import { fragments, sizesOf } from './fragment.ts';
import { echoReply, failureOf, ICMP_ERROR, type IcmpError, icmpError, isFinal, REJECT_ERROR } from './icmp.ts';
import type { Device } from './link/device.ts';
import { isHeardHere, isOfMany, markOfMany } from './many.ts';
import type { Namespace } from './namespace.ts';
import { send } from './neighbour.ts';
import { setClosing } from './netfilter/conntrack.ts';
import { at, type Hook, type Verdict } from './netfilter/hook.ts';
import { PROTOCOL, type Target } from './netfilter/rule.ts';
import { learnMtu } from './path-mtu.ts';
import { couldGoItself, hearRedirect } from './redirect.ts';
import { SkBuff } from './skb.ts';
import type { TcpFailure } from './socket/tcp-program.ts';
import { isBogus, isLoopback, isMartian } from './source.ts';

/** A packet comes in by a device. */
export function receive(ns: Namespace, skb: SkBuff, device: Device): void {
  if (!skb.prerouted) {
    arrive(ns, skb, device);
    if (!pass(ns, 'PREROUTING', skb)) return;
  }
  // What a bridge put together is not known any more to have come in pieces.
  else skb.pieces = undefined;
  skb.input = device;
  // What a namespace sends to itself over lo was routed when it was sent.
  if (device.kind === 'loopback') return deliver(ns, skb);
  if (isOfMany(skb.destination)) return receiveOfMany(ns, skb, device);
  if (isBogus(skb, device)) return end(skb, 'martian', `source ${formatIpv4(skb.source)} on ${device.name}`);
  const route = ns.route(skb.destination, skb.source, skb.mark);
  const local = route?.type === 'local' || route?.type === 'broadcast';
  if (!local && !device.switches.forwarding) return end(skb, 'not-forwarded', `${device.name} does not forward`);
  if (route === undefined) return refuse(ns, skb, ICMP_ERROR.netUnreachable, 'no-route');
  if (route.type === 'blackhole') return end(skb, 'no-route', 'blackhole');
  if (route.type === 'unreachable') return refuse(ns, skb, ICMP_ERROR.hostUnreachable, 'no-route');
  if (route.type === 'prohibit') return refuse(ns, skb, ICMP_ERROR.administrativelyProhibited, 'no-route');
  if (isMartian(ns, skb, device)) return end(skb, 'martian', `source ${formatIpv4(skb.source)} on ${device.name}`);
  skb.ofMany = route.type === 'broadcast';
  if (local) return deliver(ns, skb);
  forward(ns, skb, route);
}

/** A packet to many is for this namespace too, or for nobody here. */
function receiveOfMany(ns: Namespace, skb: SkBuff, device: Device): void {
  if (!isHeardHere(skb.destination)) return end(skb, 'not-forwarded', 'nobody here has joined that group');
  if (isMartian(ns, skb, device)) return end(skb, 'martian', `source ${formatIpv4(skb.source)} on ${device.name}`);
  skb.ofMany = true;
  deliver(ns, skb);
}

/** The first look at a packet that appears in a namespace. */
export function arrive(ns: Namespace, skb: SkBuff, device: Device): void {
  skb.input = device;
  skb.hop = ns.world.trace?.begin(ns.label, device.name, skb);
}

/** A packet for this namespace itself. */
function deliver(ns: Namespace, skb: SkBuff): void {
  if (!ns.isWhole(skb)) return;
  if (!pass(ns, 'INPUT', skb)) return;
  if (skb.protocol !== PROTOCOL.icmp) return ns.sockets.receive(skb);
  if (skb.icmpType === 8) {
    if (skb.ofMany) return end(skb, 'delivered', 'an echo request to many is not answered');
    end(skb, 'delivered', 'echo request answered');
    sendIcmp(ns, echoReply(skb));
  } else if (skb.quoted !== undefined) {
    end(skb, 'delivered', `ICMP ${skb.icmpType}/${skb.icmpCode}`);
    hear(ns, skb, skb.quoted);
  } else {
    end(skb, 'delivered', 'echo reply');
    ns.echoed(skb);
  }
}

/** An ICMP error about a packet that was sent from here. */
function hear(ns: Namespace, skb: SkBuff, quoted: Packet): void {
  const error = { type: skb.icmpType, code: skb.icmpCode };
  if (error.type === ICMP_ERROR.redirect.type) return hearRedirect(ns, skb, quoted);
  const narrow = error.type === ICMP_ERROR.fragmentationNeeded.type && error.code === ICMP_ERROR.fragmentationNeeded.code;
  const learn = (): void => learnMtu(ns, quoted, skb.icmpInfo);
  if (narrow && quoted.protocol === PROTOCOL.tcp) return ns.sockets.narrow(quoted, learn);
  if (narrow && (quoted.protocol === PROTOCOL.icmp || ns.sockets.has(quoted))) learn();
  if (quoted.protocol === PROTOCOL.icmp) ns.echoFailed(skb);
  else ns.sockets.error(quoted, failureOf(error), isFinal(error));
}

/** A packet for somebody else. */
function forward(ns: Namespace, skb: SkBuff, route: Route): void {
  if (isGroupMac(skb.destinationMac)) return end(skb, 'not-forwarded', 'it came in a frame to many');
  if (skb.ttl <= 1) return refuse(ns, skb, ICMP_ERROR.timeExceeded, 'ttl-expired');
  if (!setRoute(ns, skb, route)) return end(skb, 'device-down', route.device ?? 'no device');
  if (skb.length > skb.mtu && skb.df) return refuse(ns, skb, ICMP_ERROR.fragmentationNeeded, 'too-big', skb.mtu);
  skb.ttl--;
  if (couldGoItself(ns, skb)) tell(ns, skb, ICMP_ERROR.redirect, skb.nextHop);
  if (pass(ns, 'FORWARD', skb)) finish(ns, skb);
}

/** A packet made here. Says at once if it cannot leave. */
export function output(ns: Namespace, skb: SkBuff): TcpFailure | undefined {
  skb.hop = ns.world.trace?.begin(ns.label, 'local', skb);
  const failure = routeOut(ns, skb);
  if (failure !== undefined) return failure;
  if (skb.length > skb.mtu && skb.df && !skb.ignoreDf) {
    end(skb, 'too-big', `${skb.length} bytes, ${skb.output?.name} takes ${skb.mtu}`);
    return 'EMSGSIZE';
  }
  // Sockets cut what they send as their route wants it, and so it stays if rules lead it elsewhere (ip_append_data).
  if (skb.length > skb.mtu && !(skb.payload instanceof SkBuff)) skb.pieces = sizesOf(skb.length, skb.mtu);
  const { destination, mark } = skb;
  const verdict = visit(ns, 'OUTPUT', skb);
  if (verdict === 'stop') return undefined;
  if (verdict === 'drop') return skb.destination === destination ? 'EPERM' : dropped(ns, skb);
  if (skb.destination !== destination || skb.mark !== mark) {
    const changed = routeOut(ns, skb);
    if (changed !== undefined) return skb.protocol === PROTOCOL.tcp ? 'EPERM' : changed;
    // Pieces have no room for the headers of a tunnel they were not made for: it is cut anew.
    if (skb.length <= skb.mtu || skb.output?.kind === 'vxlan') skb.pieces = undefined;
  }
  return finish(ns, skb);
}

/** What the sender of a packet learns that was dropped after it got another destination; TCP learns nothing, as of any drop. */
function dropped(ns: Namespace, skb: SkBuff): TcpFailure {
  if (skb.protocol === PROTOCOL.tcp) return 'EPERM';
  return outFailure(ns, skb, ns.route(skb.destination, skb.source, skb.mark)) ?? 'EPERM';
}

/** The packet leaves: the last hook, then the neighbour's address, then the device. */
export function finish(ns: Namespace, skb: SkBuff): TcpFailure | undefined {
  const device = skb.output;
  if (device !== undefined && skb.input === undefined && skb.destinationMac !== 0) comeBack(ns, skb, device);
  const verdict = visit(ns, 'POSTROUTING', skb);
  if (verdict !== 'accept') return verdict === 'drop' ? 'EPERM' : undefined;
  if (device === undefined) return undefined;
  if (skb.length <= skb.mtu && skb.pieces === undefined) leave(ns, skb, device);
  else if (skb.df && !skb.ignoreDf) {
    refuse(ns, skb, ICMP_ERROR.fragmentationNeeded, 'too-big', skb.mtu);
    return 'EMSGSIZE';
  } else for (const piece of fragments(skb, skb.mtu)) leave(ns, piece, device);
  return undefined;
}

/** Who sends to many hears it too: a copy comes back from the device without having been on it. */
function comeBack(ns: Namespace, skb: SkBuff, device: Device): void {
  if (device.kind === 'loopback' || (isOfMany(skb.destination) && !isHeardHere(skb.destination))) return;
  const copy = skb.copy();
  copy.connection = skb.connection;
  copy.ctInfo = skb.ctInfo;
  copy.output = device;
  if (!pass(ns, 'POSTROUTING', copy)) return;
  copy.output = undefined;
  arrive(ns, copy, device);
  copy.ofMany = true;
  if (pass(ns, 'PREROUTING', copy)) deliver(ns, copy);
}

/** Finds the neighbour's address and hands the packet to the device. */
function leave(ns: Namespace, skb: SkBuff, device: Device): void {
  if (device.kind === 'loopback') return send(device, device.mac, skb);
  if (skb.destinationMac !== 0) return send(device, skb.destinationMac, skb);
  const mac = ns.neighbours.lookup(device, skb.nextHop, skb.gotOn);
  if (mac === undefined) ns.neighbours.resolve(device, skb.nextHop, skb);
  else send(device, mac, skb);
}

/** Shows a packet to everybody at a hook until one of them does not let it go on. */
function visit(ns: Namespace, hook: Hook, skb: SkBuff): Verdict {
  for (const entry of at(ns.hooks, hook)) {
    const verdict = entry.handle(ns, skb, hook);
    if (verdict !== 'accept') return verdict;
  }
  return 'accept';
}

/** Whether a packet gets past a hook. */
export function pass(ns: Namespace, hook: Hook, skb: SkBuff): boolean {
  return visit(ns, hook, skb) === 'accept';
}

/** Nobody listens: a reset or an ICMP error says so. */
export function noListener(ns: Namespace, skb: SkBuff): void {
  // Sockets let go of the connection: what is said now is looked up anew.
  skb.connection = undefined;
  if (skb.ofMany) return end(skb, 'no-listener', 'nobody here listens for what is for many');
  if (skb.protocol !== PROTOCOL.tcp) return refuse(ns, skb, ICMP_ERROR.portUnreachable, 'no-listener');
  end(skb, 'no-listener', `nobody listens on port ${skb.destinationPort}`);
  resetAnswer(ns, skb);
}

/** What a REJECT rule answers. */
export function reject(ns: Namespace, skb: SkBuff, how: (Target & { name: 'REJECT' })['with']): void {
  // The checksum of a piece alone is wrong, and what has a wrong one is not answered (nf_send_unreach).
  if (skb.fragment !== undefined) return end(skb, 'rejected', 'a fragment is not answered');
  if (how === 'tcp-reset') {
    end(skb, 'rejected', how);
    resetAnswer(ns, skb, true);
    return;
  }
  refuse(ns, skb, REJECT_ERROR[how], 'rejected');
}

/** Ends a packet's way with an ICMP error to its sender. */
export function refuse(
  ns: Namespace,
  skb: SkBuff,
  error: IcmpError,
  fate: 'no-route' | 'ttl-expired' | 'too-big' | 'rejected' | 'no-listener' | 'unresolved' | 'incomplete',
  mtu = 0,
): void {
  end(skb, fate, `ICMP ${error.type}/${error.code} to ${formatIpv4(skb.source)}`);
  tell(ns, skb, error, mtu);
}

/** Sends an ICMP error about a packet to its sender. */
export function tell(ns: Namespace, skb: SkBuff, error: IcmpError, info: number): void {
  const own = ns.route(skb.destination, 0)?.type === 'local';
  const back = ns.sourceFor(skb.source);
  const source = own ? skb.destination : (back?.address ?? 0);
  const answer = icmpError(skb, error, { source, info, room: back?.mtu ?? 576 });
  if (answer !== undefined) sendIcmp(ns, relate(answer, skb));
}

/** The kernel's own ICMP; what becomes of it on its way out gives no occasion for more (icmp_xmit_lock). */
function sendIcmp(ns: Namespace, skb: SkBuff): void {
  if (ns.sendsIcmp) return;
  ns.sendsIcmp = true;
  output(ns, skb);
  ns.sendsIcmp = false;
}

/**
 * Nobody answered ARP for a packet's next hop: its sender is told, who may be this namespace itself. Only bridged frames
 * still have an address; icmp_send says nothing about those for another host than this.
 */
export function unresolved(ns: Namespace, skb: SkBuff, device: Device): void {
  const forOthers = skb.destinationMac !== 0 && skb.destinationMac !== device.mac;
  if (forOthers) end(skb, 'unresolved', `no answer on ${device.name}`);
  else refuse(ns, skb, ICMP_ERROR.hostUnreachable, 'unresolved');
}

/** The rest of a packet for this namespace did not come in time: its sender is told. */
export function incomplete(ns: Namespace, first: SkBuff): void {
  if (ns.route(first.destination, first.source)?.type === 'local')
    refuse(ns, first, ICMP_ERROR.reassemblyTimeExceeded, 'incomplete');
  else end(first, 'incomplete', 'the rest of its packet did not come in time');
}

/** Writes a route onto a packet; false if its device is down or gone. */
export function setRoute(ns: Namespace, skb: SkBuff, route: Route): boolean {
  const device = route.type === 'local' ? ns.device('lo') : route.device === undefined ? undefined : ns.device(route.device);
  if (device === undefined || !device.up) return false;
  skb.output = device;
  const exception = ns.exceptions.find(route, skb.destination, ns.now);
  skb.nextHop = exception?.gateway ?? route.via ?? skb.destination;
  // Whoever passes packets on goes by the device alone (net.ipv4.ip_forward_use_pmtu is 0).
  skb.mtu = skb.input === undefined ? (exception?.mtu ?? device.mtu) : device.mtu;
  markOfMany(skb, route);
  skb.hop?.steps.push({ action: 'route', route, device: device.name });
  return true;
}

/** What a route that leads nowhere means to a program here; undefined for others. */
export function routeFailure(route: Route | undefined): TcpFailure | undefined {
  if (route === undefined) return 'ENETUNREACH';
  if (route.type === 'blackhole') return 'EINVAL';
  if (route.type === 'unreachable') return 'EHOSTUNREACH';
  return route.type === 'prohibit' ? 'EACCES' : undefined;
}

/** Why a packet made here cannot leave for where it is addressed to; undefined if it can. */
export function outFailure(ns: Namespace, { source }: SkBuff, route: Route | undefined): TcpFailure | undefined {
  const failure = routeFailure(route);
  if (failure !== undefined || route?.type === 'local' || !isLoopback(source)) return failure;
  return mayNotLeave(route?.device === undefined ? undefined : ns.device(route.device)) ? 'EINVAL' : undefined;
}

function routeOut(ns: Namespace, skb: SkBuff): TcpFailure | undefined {
  const route = ns.route(skb.destination, skb.source, skb.mark);
  const failure = outFailure(ns, skb, route) ?? (route !== undefined && setRoute(ns, skb, route) ? undefined : 'ENETUNREACH');
  if (failure !== undefined) end(skb, 'no-route', failure);
  return failure;
}

/** Whether packets from 127.0.0.0/8 are kept from that device. */
function mayNotLeave(device: Device | undefined): boolean {
  return device !== undefined && device.kind !== 'loopback' && !device.switches.routeLocalnet;
}

function resetAnswer(ns: Namespace, to: SkBuff, related = false): void {
  if (to.flags & FLAG.rst) return;
  const rst = new SkBuff(PROTOCOL.tcp, to.destination, to.destinationPort, to.source, to.sourcePort, 40);
  if (to.flags & FLAG.ack) {
    rst.flags = FLAG.rst;
    rst.sequence = to.acknowledgement;
  } else {
    rst.flags = FLAG.rst | FLAG.ack;
    rst.acknowledgement = (to.sequence + 1) >>> 0;
  }
  if (!related) rst.owner = 'kernel';
  const connection = related ? to.connection : undefined;
  if (connection?.confirmed === true) setClosing(connection, ns.now);
  output(ns, related ? relate(rst, to) : rst);
}

/** What is said about a packet belongs to that packet's connection. */
function relate(answer: SkBuff, about: SkBuff): SkBuff {
  if (about.connection === undefined) return answer;
  answer.connection = about.connection;
  answer.reply = !about.reply;
  answer.ctInfo = 'related';
  return answer;
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
    | 'incomplete',
  text: string,
): void {
  skb.hop?.steps.push({ action, text });
}
