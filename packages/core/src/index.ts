/**
 * @portolan/core: Linux, Docker and the wire. What packets meet.
 *
 * Map of the code, from below: base (numbers, chance, time) - wire (packets) - kernel (one network namespace) -
 * overlay (the address plan) - agent (one machine and its daemons) - cluster (machines and what joins them) -
 * tools (state in, text out). A folder imports only those before it.
 */
export {
  ANYWHERE,
  BROADCAST_MAC,
  broadcastOf,
  type Cidr,
  contains,
  formatCidr,
  formatIpv4,
  formatMac,
  type Ipv4,
  isIpv4,
  type Mac,
  macOfAddress,
  maskOf,
  networkOf,
  parseCidr,
  parseIpv4,
  parseMac,
} from './base/address.ts';
export { assert, Bug } from './base/assert.ts';
export { Clock, type Timer } from './base/clock.ts';
export { memo, type Patch, produce, produceWithPatches, setFreezing } from './base/immutable.ts';
export { Random, shuffle } from './base/random.ts';
export {
  countPorts,
  formatRanges,
  includesPort,
  type PortRange,
  type PortRanges,
  PRIVATE_AGENT_PORTS,
  PUBLIC_AGENT_PORTS,
  parseRanges,
  portRanges,
  withoutPort,
  withPort,
} from './base/ranges.ts';
export { Refusal } from './base/refusal.ts';
