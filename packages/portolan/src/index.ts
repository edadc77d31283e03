/**
 * portolan: what users install. A whole DC/OS cluster's networking, from a Marathon app definition to the packet that
 * reaches its container.
 */
export {
  Cluster,
  envValue,
  formatIpv4,
  formatRanges,
  HTTPI,
  type HttpRequest,
  type HttpResponse,
  type Ipv4,
  Machine,
  type MachineConfig,
  type Program,
  parseIpv4,
  parseRanges,
  Refusal,
  ShellResult,
  type Step,
  Trace,
} from '@portolan/core';
export {
  type Change,
  type Convergence,
  DcosCluster,
  type DcosEvents,
  DcosNode,
  type DcosOptions,
  type DcosSnapshot,
  type Handler,
  type HttpOptions,
  type HttpReply,
  type HttpSession,
  type SnapshotDiff,
} from '@portolan/dcos';
export {
  APP_SCHEMA,
  type App,
  answerApi,
  type Explanation,
  Marathon,
  type MarathonTask,
  type MarathonVersion,
  MesosMaster,
  type Offer,
  POD_SCHEMA,
  type PortChooser,
  type QueueItem,
} from '@portolan/scheduler';
