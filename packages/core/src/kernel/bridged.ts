/**
 * An IP packet that came in by a bridge port while net.bridge.bridge-nf-call-iptables is on: it visits iptables
 * although it is only bridged.
 * Follows linux net/bridge/br_netfilter_hooks.c (6.1).
 */
import { isGroupMac, type Mac } from '../base/address.ts';
import { fragments } from './fragment.ts';
import type { Device } from './link/device.ts';
import { learnSource, passUpBridge } from './link/receive.ts';
import { fits, mayFlood, mayForward, transmit } from './link/transmit.ts';
import type { Namespace } from './namespace.ts';
import { confirm } from './netfilter/conntrack.ts';
import { arrive, pass } from './path.ts';
import type { SkBuff } from './skb.ts';
import { isBogus, isMartian } from './source.ts';

/** PREROUTING in the bridge, then up to the stack or on to other ports. */
export function receiveBridged(ns: Namespace, skb: SkBuff, bridge: Device, port: Device): void {
  const { destination } = skb;
  arrive(ns, skb, bridge);
  skb.physicalInput = port;
  if (!pass(ns, 'PREROUTING', skb)) return;
  skb.prerouted = true;
  if (skb.destination !== destination) return redirect(ns, skb, bridge, port);
  learnSource(bridge, port, skb);
  if (skb.destinationMac === bridge.mac) return passUpBridge(bridge, skb);
  if (isGroupMac(skb.destinationMac)) {
    bridgeOn(ns, withNotes(skb), bridge, port);
    // Since Linux 6.8 a connection that begins with a packet to many is entered even if no port takes it (br_nf_local_in).
    confirm(ns.connections, skb, ns.now);
    return passUpBridge(bridge, skb);
  }
  bridgeOn(ns, skb, bridge, port);
}

/** A new destination: on the same bridge the frame is bridged to its holder, elsewhere it is routed. */
function redirect(ns: Namespace, skb: SkBuff, bridge: Device, port: Device): void {
  const route = ns.route(skb.destination, skb.source, skb.mark);
  const forwarded = route?.type === 'unicast' && bridge.switches.forwarding;
  const leads = forwarded || route?.type === 'local' || route?.type === 'broadcast';
  if (isBogus(skb, bridge) || (leads && isMartian(ns, skb, bridge))) {
    skb.hop?.steps.push({ action: 'dropped', text: 'martian after translation in a bridge' });
    return;
  }
  if (!forwarded || route.device !== bridge.name) {
    learnSource(bridge, port, skb);
    skb.destinationMac = bridge.mac;
    return passUpBridge(bridge, skb);
  }
  const next = route.via ?? skb.destination;
  const mac = ns.neighbours.lookup(bridge, next);
  if (mac === undefined) ns.neighbours.resolve(bridge, next, skb, (found) => bridgeTo(ns, skb, found, bridge, port));
  else if (ns.neighbours.isReachable(bridge, next)) {
    learnSource(bridge, port, skb);
    skb.destinationMac = mac;
    bridgeOn(ns, skb, bridge, port);
  } else bridgeTo(ns, skb, mac, bridge, port);
}

function bridgeTo(ns: Namespace, skb: SkBuff, mac: Mac, bridge: Device, port: Device): void {
  skb.destinationMac = mac;
  // For a neighbour that is not confirmed the kernel takes the bridge device's own way out; the frame keeps its source address.
  bridge.sentPackets++;
  ns.wire.tap?.(bridge, 'out', skb);
  learnSource(bridge, port, skb);
  bridgeOn(ns, skb, bridge, port);
}

function bridgeOn(ns: Namespace, skb: SkBuff, bridge: Device, from: Device): void {
  const table = bridge.bridge;
  if (table === undefined) return;
  const known = isGroupMac(skb.destinationMac) ? undefined : table.lookup(skb.destinationMac, ns.now);
  for (const to of known === undefined ? table.ports : [known]) {
    if (!mayForward(from, to) || (known === undefined && !mayFlood(to, skb))) continue;
    const frame = known === undefined ? withNotes(skb) : skb;
    frame.output = bridge;
    frame.nextHop = frame.destination;
    frame.physicalOutput = to;
    frame.hop?.steps.push({ action: 'bridge', bridge: bridge.name, port: to.name, known: known !== undefined });
    if (!pass(ns, 'FORWARD', frame)) continue;
    // Past the bridge's FORWARD the packet has no input device any more.
    frame.input = undefined;
    if (pass(ns, 'POSTROUTING', frame)) for (const piece of fitting(frame, bridge, to)) transmit(to, piece);
  }
}

/** What was put together again goes on whole if the port takes it; otherwise in fragments (br_nf_dev_queue_xmit). */
function fitting(skb: SkBuff, bridge: Device, to: Device): readonly SkBuff[] {
  if (skb.length <= to.mtu) return [skb];
  if (!skb.df) return fragments(skb, bridge.mtu).filter((piece) => fits(to, piece));
  skb.hop?.steps.push({ action: 'too-big', text: `${skb.length} bytes, ${to.name} takes ${to.mtu}` });
  return [];
}

function withNotes(skb: SkBuff): SkBuff {
  const copy = skb.copy();
  copy.input = skb.input;
  copy.physicalInput = skb.physicalInput;
  copy.pieces = skb.pieces;
  copy.connection = skb.connection;
  copy.reply = skb.reply;
  copy.ctInfo = skb.ctInfo;
  return copy;
}
