/**
 * @portolan/core: Linux, Docker and the wire. What packets meet.
 *
 * Map of the code, from below: base (numbers, chance, time) - wire (packets) - kernel (one network namespace; path.ts
 * is the way of a packet) - overlay (the address plan) - agent (one machine and its daemons) - cluster (machines and
 * what joins them) - tools (state in, text out). A folder imports only those before it.
 */

// agent
export type { MachineConfig } from './agent/config.ts';
export { createNetwork, type RunResult } from './agent/docker/engine.ts';
export { startProxy } from './agent/docker/proxy.ts';
export { change, daemonRules } from './agent/docker/rules.ts';
export type { Container, DockerNetwork, DockerState, Endpoint, PublishedPort, RunRequest } from './agent/docker/state.ts';
export { hostConfig, hostMac, type Plug, withLink } from './agent/host.ts';
export {
  headerValue,
  httpDate,
  httpServer,
  parseRequest,
  parseResponse,
  requestText,
  responseText,
} from './agent/http.ts';
export { type Images, Machine } from './agent/machine.ts';
export {
  type Environment,
  envValue,
  HTTPI,
  type HttpRequest,
  type HttpResponse,
  type Program,
  type Start,
} from './agent/program.ts';
export type { UcrRequest, UcrResult } from './agent/ucr/containerizer.ts';
export type { Attachment, CniNetwork, MappedPort, UcrContainer, UcrProgram, UcrState } from './agent/ucr/state.ts';
export {
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
// base
export { civil } from './base/civil.ts';
export { Clock, type Timer } from './base/clock.ts';
export { memo, type Patch, produce, produceWithPatches, remember, setFreezing } from './base/immutable.ts';
export { patchesBetween } from './base/patches.ts';
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
// cluster
export { Cluster, type ClusterEvents, type ClusterSnapshot, type ConfigChange } from './cluster/cluster.ts';
// kernel
export {
  ANYWHERE,
  type BridgePort,
  type IpSet,
  type IpSetMember,
  type Link,
  type LinkKind,
  type NamespaceConfig,
  type PermanentNeighbour,
  type Route,
  type RoutingRule,
  type StaticFdbEntry,
  type Sysctl,
  TABLE,
  type TableId,
} from './kernel/config.ts';
export type { IpvsConnection } from './kernel/ipvs/connection.ts';
export { Ipvs, type IpvsSettings } from './kernel/ipvs/ipvs.ts';
export {
  type EndName,
  type ListOptions,
  listConnections,
  listServices,
  listTimeouts,
  numericEnd,
  saveServices,
} from './kernel/ipvs/list.ts';
export { procConnections, procServices, procStatistics } from './kernel/ipvs/proc.ts';
export { SCHEDULER_NAMES } from './kernel/ipvs/schedulers/registry.ts';
export {
  type Forwarding,
  markKey,
  type RealServer,
  type ServerKey,
  type ServerSpec,
  type ServiceKey,
  type ServiceSpec,
  type VirtualService,
} from './kernel/ipvs/service.ts';
export type { ConnectionState, IpvsTimeouts } from './kernel/ipvs/state.ts';
export type { Amounts, Statistics } from './kernel/ipvs/statistics.ts';
export { type Tap, Wire } from './kernel/link/wire.ts';
export { Namespace, type SharedState } from './kernel/namespace.ts';
export { parseRule } from './kernel/netfilter/arguments.ts';
export type { Connection } from './kernel/netfilter/connection.ts';
export { parseSave } from './kernel/netfilter/restore.ts';
export {
  type AddressMatch,
  BUILT_IN,
  type Chain,
  EMPTY_NETFILTER,
  type Match,
  type Netfilter,
  PROTOCOL,
  type Rule,
  type TableName,
  type Target,
} from './kernel/netfilter/rule.ts';
export { ruleArguments } from './kernel/netfilter/rule-text.ts';
export { printSave } from './kernel/netfilter/save.ts';
export { indexSet, type SetIndex } from './kernel/netfilter/set.ts';
export { DEFAULT_RULES, defaultRoute, type RouteSource, routesOfAddress } from './kernel/route.ts';
export type { Datagram } from './kernel/socket/datagram.ts';
export type { Listener, UdpSocket } from './kernel/socket/sockets.ts';
export type { TcpSocket } from './kernel/socket/tcp.ts';
export type { TcpFailure, TcpProgram } from './kernel/socket/tcp-program.ts';
export { type Fate, type Hop, type Step, Trace } from './kernel/trace.ts';
// overlay
export { intervals, printSpace } from './overlay/free-space.ts';
export { formatCidr6, parseCidr6 } from './overlay/ipv6.ts';
export {
  type AddressPlan,
  type AgentOverlay,
  type AgentPlace,
  addressPlan,
  DEFAULT_OVERLAY,
  DEFAULT_OVERLAY6,
  type OverlayConfig,
  type Registration,
  refreshAgent,
  registerAgent,
  releaseAgent,
} from './overlay/plan.ts';
export { type OverlayRelease, type RecoveredPlan, recoverPlan } from './overlay/recovery.ts';
export {
  allocateSubnet,
  allocateSubnet6,
  bridgesOf,
  bridgesOf6,
  type OverlayInfo,
  releaseSubnet,
  releaseSubnet6,
  reserveSubnet,
  reserveSubnet6,
  type SubnetPool,
  subnetPool,
} from './overlay/subnets.ts';
export {
  allocateVtep,
  allocateVtep6,
  releaseVtep,
  releaseVtep6,
  reserveVtep,
  reserveVtep6,
  VTEP_OUI,
  type VtepPool,
  vtepMac,
  vtepPool,
} from './overlay/vtep.ts';
// tools
export { runIpvsadm } from './tools/ipvsadm.ts';
export { type OptionTable, readOptions } from './tools/options.ts';
export { CORE_TOOLS, toolRegistry } from './tools/registry.ts';
export { runShell, ShellResult } from './tools/shell.ts';
export type { Host, Tool, ToolResult } from './tools/tool.ts';
// wire
export { Arp } from './wire/arp.ts';
export { isLaterFragment, Packet, printPacket } from './wire/ipv4.ts';
export { FLAG, printFlags } from './wire/tcp.ts';
