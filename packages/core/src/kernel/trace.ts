/**
 * What happened to packets, and why: a trace is hops, a hop is one packet's stay in one namespace, a step says what
 * was done there and by which rule. Steps keep references; text is made when somebody prints.
 */
import { formatCidr, formatIpv4, formatMac, type Ipv4, type Mac } from '../base/address.ts';
import { type Packet, printPacket } from '../wire/ipv4.ts';
import type { Route } from './config.ts';
import type { Rule, TableName } from './netfilter/rule.ts';
import { ruleSummary } from './netfilter/summary.ts';

/** One thing done to a packet. */
export type Step =
  | { readonly action: 'rule'; readonly table: TableName; readonly chain: string; readonly number: number; readonly rule: Rule }
  | { readonly action: 'policy'; readonly table: TableName; readonly chain: string; readonly policy: 'ACCEPT' | 'DROP' }
  | { readonly action: 'nat'; readonly side: 'source' | 'destination'; readonly address: Ipv4; readonly port: number }
  | { readonly action: 'route'; readonly route: Route; readonly device: string }
  | { readonly action: 'ipvs'; readonly text: string }
  | { readonly action: 'bridge'; readonly bridge: string; readonly port: string; readonly known: boolean }
  | { readonly action: 'encapsulate'; readonly device: string; readonly remote: Ipv4; readonly mac: Mac }
  | { readonly action: 'decapsulate'; readonly device: string }
  | { readonly action: 'transmit'; readonly device: string; readonly mac: Mac }
  | { readonly action: 'resolve'; readonly device: string; readonly address: Ipv4 }
  | { readonly action: 'fragment' | 'redirect'; readonly text: string }
  | { readonly action: Fate; readonly text: string };

/** How a packet's way can end. */
export type Fate =
  | 'delivered'
  | 'no-listener'
  | 'dropped'
  | 'rejected'
  | 'no-route'
  | 'ttl-expired'
  | 'too-big'
  | 'unresolved'
  | 'incomplete'
  | 'not-forwarded'
  | 'martian'
  | 'device-down'
  | 'not-modelled';

/** One packet's stay in one namespace. */
export interface Hop {
  readonly namespace: string;
  /** Device it came in by; `local` if it was made here. */
  readonly from: string;
  /** The packet as it came. */
  readonly packet: Packet;
  readonly steps: Step[];
}

/** A record of hops, in the order in which they happened. */
export class Trace {
  readonly hops: Hop[] = [];

  /** Starts a hop for a packet that appears in a namespace. */
  begin(namespace: string, from: string, packet: Packet): Hop {
    const hop = { namespace, from, packet: packet.copy(), steps: [] };
    this.hops.push(hop);
    return hop;
  }

  /** The last step of the last hop of the given packet's direction, or of all: how it ended. */
  get fate(): Step | undefined {
    return this.hops.at(-1)?.steps.at(-1);
  }

  /** The trace as text: a line a hop, an indented line a step. */
  print(): string {
    return this.hops.map((hop) => [hopLine(hop), ...hop.steps.map((step) => `    ${stepLine(step)}`)].join('\n')).join('\n');
  }
}

function hopLine(hop: Hop): string {
  return `${hop.namespace} ${hop.from}: ${printPacket(hop.packet)}`;
}

function stepLine(step: Step): string {
  switch (step.action) {
    case 'rule':
      return `${step.table} ${step.chain} rule ${step.number}: ${ruleSummary(step.rule)}${step.rule.cause === undefined ? '' : `  (${step.rule.cause})`}`;
    case 'policy':
      return `${step.table} ${step.chain} policy ${step.policy}`;
    case 'nat':
      return `${step.side} becomes ${formatIpv4(step.address)}:${step.port}`;
    case 'route':
      return `route ${routeText(step.route)} dev ${step.device}`;
    case 'bridge':
      return `bridge ${step.bridge}: ${step.known ? 'known at' : 'flooded to'} ${step.port}`;
    case 'encapsulate':
      return `vxlan ${step.device}: ${formatMac(step.mac)} is behind ${formatIpv4(step.remote)}`;
    case 'decapsulate':
      return `vxlan ${step.device}: unpacked`;
    case 'transmit':
      return `sent by ${step.device} to ${formatMac(step.mac)}`;
    case 'resolve':
      return `ARP on ${step.device}: who has ${formatIpv4(step.address)}`;
    default:
      return `${step.action}: ${step.text}`;
  }
}

function routeText(route: Route): string {
  const to = route.destination.prefix === 0 ? 'default' : formatCidr(route.destination);
  const via = route.via === undefined ? '' : ` via ${formatIpv4(route.via)}`;
  return `${route.type === 'unicast' ? '' : `${route.type} `}${to}${via}${route.table === 254 || route.table === 255 ? '' : ` table ${route.table}`}`;
}
