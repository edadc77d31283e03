/**
 * @portolan/scheduler: Mesos offers and Marathon apps. What decides where tasks run and which ports they get.
 *
 * Map of the code, in the order an app meets it: app (read, translate, validate, normalise) - marathon (apps, instances,
 * deployments, the launch queue) - mesos (agents, offers, the allocator) - match (resources, constraints, ports) -
 * launch (ids, environment, port mappings, discovery: the TaskInfo) - task (states and conditions).
 */
export {
  type App,
  type AppContainer,
  type AppNetwork,
  isHostMode,
  type PortDefinition,
  type PortMapping,
  servicePorts,
} from './app/app.ts';
export type { Constraint, ConstraintOperator } from './app/constraint.ts';
export type { HealthCheck, HostVolume, KillSelection, NetworkMode, PortProtocol } from './app/definition.ts';
export { absoluteId, hostnameOf, safePath } from './app/id.ts';
export { type DefinitionOptions, prepareApp, prepareUpdate } from './app/prepare.ts';
export type { Pairs } from './app/read.ts';
export { MarathonRefusal, type MarathonRefusalCode, type Violation } from './app/refusal.ts';
export { SERVICE_PORT_RANGE } from './app/service-ports.ts';
export type { Discovery, DiscoveryPort } from './launch/discovery.ts';
export type { PortSlot } from './launch/port-slots.ts';
export type { NetworkInfo, TaskContainer, TaskInfo, TaskPort, TaskPortMapping } from './launch/task-info.ts';
export type { DeploymentInfo, InstanceChange, MarathonEvents } from './marathon/events.ts';
export type { ProcessedOffersSummary, QueueItem } from './marathon/launch-queue.ts';
export { type ChangeOptions, Marathon, type MarathonOptions } from './marathon/marathon.ts';
export type { PortChoice, PortChooser } from './marathon/matcher.ts';
export type { MarathonTask, PlainJson } from './marathon/show.ts';
export { DEFAULT_EPOCH, formatTimestamp } from './marathon/timestamps.ts';
export type { HostPorts } from './match/ports.ts';
export type { NoMatchReason, RejectSummaryRow } from './match/reasons.ts';
export type { AgentInfo } from './mesos/agent.ts';
export {
  type AgentResources,
  type Executor,
  type Framework,
  type MesosEvents,
  MesosMaster,
  type MesosMasterOptions,
  type OfferRound,
} from './mesos/master.ts';
export type { Offer } from './mesos/offer.ts';
export type { Task, TimedStatus } from './mesos/task.ts';
export { type Condition, isTerminalState, type TaskState, type TaskStatus } from './task/state.ts';
