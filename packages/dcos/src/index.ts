/**
 * @portolan/dcos: what DC/OS adds to Mesos and Marathon, and DcosCluster, which puts all of it together.
 *
 * Map of the code: cluster.ts (a cluster) - mesos-feed.ts (tasks on their way to those who follow them) - vips (labels to
 * keys, names to addresses, backends, what each kernel is told) - dns (dcos-dns' zones and answers) - mesos-dns -
 * marathon-lb (labels to haproxy.cfg) - edge-lb (pools to haproxy.cfg) - haproxy (what runs by that configuration) - overlay (who has which part) - node (what stands
 * and runs on one node) - tools (curl, dig, dcos).
 */

export { DcosCluster } from './cluster.ts';
export type { Change, DcosSnapshot, SnapshotDiff } from './cluster-diff.ts';
export type { DcosEvents } from './cluster-events.ts';
export type { DcosOptions, Handler } from './cluster-options.ts';
export type { Convergence } from './convergence.ts';
export { answer, type DnsDecision, type DnsWorld, failedReply, UPSTREAM_TIMEOUT } from './dns/dcos-dns.ts';
export {
  absolute,
  type DnsFlags,
  type DnsQuestion,
  type DnsRecord,
  type DnsReply,
  messageSize,
  printData,
  printFlags,
  type Rcode,
  type RecordData,
} from './dns/message.ts';
export {
  chooseUpstreams,
  DEFAULT_UPSTREAMS,
  type DnsRoute,
  parseUpstream,
  type RoutingTable,
  routeQuestion,
  type Upstream,
} from './dns/router.ts';
export { DCOS_ZONE, TaskZone, taskZoneRecords } from './dns/task-zone.ts';
export { DCOS_DNS_TTL, resolve, type Zone } from './dns/zone.ts';
export { dcosZones, SPARTAN_ADDRESSES, type ZoneSources } from './dns/zones.ts';
export { parseDuration } from './duration.ts';
export { poolConfig } from './edge-lb/config.ts';
export { EdgeLb } from './edge-lb/edge-lb.ts';
export { type Pool as EdgeLbPool, readPool } from './edge-lb/pool.ts';
export { Attempt, type NextAttempt } from './haproxy/attempt.ts';
export { type Balancer, type Chooser, createBalancer } from './haproxy/balance.ts';
export {
  type Backend as HaproxyBackend,
  type BackendServer,
  type Balance,
  type Frontend,
  type HaproxyConfig,
  readHaproxyConfig,
} from './haproxy/haproxy.ts';
export { type HaproxyVersion, ownAnswer, requestHeaders, responseHeaders } from './haproxy/headers.ts';
export { rewrittenLocation, rewrittenTarget } from './haproxy/rewrite.ts';
export { DCOS_PACKAGE_OPTIONS, haproxyConfig, LOAD_BALANCER_DEFAULTS, type LoadBalancerOptions } from './marathon-lb/config.ts';
export { MARATHON_LB_APP } from './marathon-lb/service.ts';
export { type MesosDnsPage, mesosDnsPage } from './mesos-dns/http-api.ts';
export { MESOS_DNS_PORT, MesosDns, type MesosDnsOptions, REFRESH_SECONDS } from './mesos-dns/mesos-dns.ts';
export { agentTail, type LabelSpec, mesosDomainFragment, mesosLabel, taskHash } from './mesos-dns/names.ts';
export { type Pointers, pointersOf } from './mesos-dns/pointers.ts';
export { readPortRanges } from './mesos-dns/port-ranges.ts';
export {
  DCOS_RECORD_OPTIONS,
  type IpSource,
  type MesosDnsVersion,
  type MesosRecord,
  masterRecords,
  type RecordOptions,
  taskAddresses,
} from './mesos-dns/records.ts';
export type {
  MesosAgent,
  MesosContainer,
  MesosDiscovery,
  MesosDiscoveryPort,
  MesosFramework,
  MesosLabel,
  MesosNetwork,
  MesosPortMapping,
  MesosState,
  MesosStatus,
  MesosTask,
} from './mesos-state.ts';
export type { RequestOptions } from './node/http-client.ts';
export { DcosNode, type HttpOptions, type HttpReply, type HttpSession } from './node/node.ts';
export { overlayRules, overlaySet } from './node/overlay-setup.ts';
export { dcosNetRules } from './node/setup.ts';
export type { ModuleOverlay, ModuleState, OverlayStatus } from './overlay/agent-module.ts';
export { OverlayDirectory, type OverlayRecord } from './overlay/directory.ts';
export type { OverlayEvent } from './overlay/registration.ts';
export { checkRange, choices, firstChoice, nextChoice, VIP_RANGE, type VipRange } from './vips/address.ts';
export {
  accepts,
  agentBackends,
  type Backend,
  type BackendOptions,
  type DcosNetVersion,
  type LocalPortMapping,
  localPortMappings,
  type Server,
  type TaskBackend,
  taskBackends,
} from './vips/backends.ts';
export { type Complement, complement } from './vips/complement.ts';
export { compareText, printBinary } from './vips/erlang.ts';
export { compareIp, type Family, familyOf, formatIp, type IpAddress, type Ipv6, parseIp, parseIpv6 } from './vips/ip.ts';
export { type FixedVipKey, type NamedVipKey, type Protocol, parseVipKey, type VipKey } from './vips/key.ts';
export { L4lb, type Publication, type VipEvent, type VipKeyChange } from './vips/l4lb.ts';
export { domainFragment, L4LB_ZONE, label, vipDnsName, vipName } from './vips/label.ts';
export { type VipMapping, VipNames } from './vips/names.ts';
export { phash2 } from './vips/phash2.ts';
export { type Sha1, sha1 } from './vips/sha1.ts';
export { type SeenTask, seenTask, type TaskPort, type VipLabel } from './vips/task-ports.ts';
export type { Vip } from './vips/vip-entry.ts';
export { type AppliedVip, operationsBetween, type ServiceAddress, type VipOperation } from './vips/vip-operation.ts';
export type { NodeOptions, VipView } from './vips/vip-view.ts';
