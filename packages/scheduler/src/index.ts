/**
 * @portolan/scheduler: Mesos offers and Marathon apps. What decides where tasks run and which ports they get.
 *
 * Map of the code, in the order an app meets it: app (read, translate, validate, normalise) - pod (the same for pods) -
 * marathon (apps, groups, instances, deployments, the launch queue, explanations, the HTTP API) - mesos (agents, offers, the
 * allocator) - match (resources, constraints, ports) - launch (ids, environment, port mappings, discovery: the TaskInfo) -
 * task (states and conditions) - health (checks and what they lead to).
 */
export {
  type App,
  type AppContainer,
  type AppNetwork,
  isHostMode,
  type PortDefinition,
  type PortMapping,
  servicePorts,
  toApp,
} from './app/app.ts';
export { type Constraint, type ConstraintOperator, readConstraint, validateConstraints } from './app/constraint.ts';
export {
  type AppDefinition,
  type HealthCheck,
  type HostVolume,
  type KillSelection,
  type NetworkMode,
  type PortProtocol,
  protocolInApi,
} from './app/definition.ts';
export {
  absoluteId,
  ancestorsOf,
  canonicalPath,
  comparePaths,
  hostnameOf,
  isPathPattern,
  restOf,
  safePath,
  validateId,
} from './app/id.ts';
export { DEFAULT_MARATHON_VERSION, type MarathonVersion } from './app/marathon-version.ts';
export { findPattern, type PatternResult } from './app/pattern.ts';
export { type DefinitionOptions, prepareApp, prepareUpdate, translateUpdate } from './app/prepare.ts';
export type { JsonSchema, Pairs } from './app/read.ts';
export { MarathonRefusal, type MarathonRefusalCode, type Violation } from './app/refusal.ts';
export { APP_SCHEMA } from './app/schema.ts';
export { SERVICE_PORT_RANGE, ServicePorts } from './app/service-ports.ts';
export type { HealthProbe } from './health/monitor.ts';
export type { ReadinessProbe, ReadinessResponse, ReadinessResult } from './health/readiness.ts';
export { failed, failureKills, type Health, isHealthy, succeeded, UNKNOWN_HEALTH } from './health/verdict.ts';
export type { Discovery, DiscoveryPort } from './launch/discovery.ts';
export { mergeByName, portVariables } from './launch/environment.ts';
export { instanceIdOf, taskIdOf } from './launch/ids.ts';
export { mesosContainer } from './launch/pod-task-info.ts';
export { type PortAssignment, portAssignments, type TaskNetwork } from './launch/port-assignments.ts';
export type { PortSlot } from './launch/port-slots.ts';
export { nextTaskId, type ParsedTaskId, parseTaskId, runSpecOfInstance } from './launch/task-id.ts';
export {
  type NetworkInfo,
  type TaskContainer,
  type TaskInfo,
  type TaskPort,
  type TaskPortMapping,
  takenWith,
  taskInfo,
} from './launch/task-info.ts';
export { type ApiRequest, type ApiResponse, answerApi } from './marathon/api.ts';
export { AppRecord } from './marathon/app-record.ts';
export { Backoff, type BackoffAction, backoffAction } from './marathon/backoff.ts';
export { selectForEvenness } from './marathon/evenness.ts';
export { type BusEvent, followBus } from './marathon/event-bus.ts';
export { eventText, subscribed } from './marathon/event-stream.ts';
export type { DeploymentInfo, InstanceChange, MarathonEvents } from './marathon/events.ts';
export type { AgentExplanation, Explanation, InstanceExplanation } from './marathon/explain.ts';
export { Groups } from './marathon/groups.ts';
export { Instance } from './marathon/instance.ts';
export type { ProcessedOffersSummary, QueueItem } from './marathon/launch-queue.ts';
export { Marathon } from './marathon/marathon.ts';
export { type PortChoice, type PortChooser, placeInstance } from './marathon/matcher.ts';
export { OfferStatistics, type UnusedOffer } from './marathon/offer-statistics.ts';
export type { ChangeOptions, MarathonOptions, UpdateOptions } from './marathon/options.ts';
export { type AppTree, affectedApps, dependencyClasses, deploymentSteps, type PlannedAction } from './marathon/plan.ts';
export { EXACT_KILL_ORDER, killOrder, restartStrategy } from './marathon/restart.ts';
export { type Candidate, compareVictims, propose } from './marathon/scaling.ts';
export type { MarathonTask, PlainJson } from './marathon/show.ts';
export { DEFAULT_EPOCH, formatTimestamp } from './marathon/timestamps.ts';
export { type UnreachableVerdict, unreachableVerdict } from './marathon/unreachable.ts';
export { isAvailable } from './match/availability.ts';
export { ConstraintIndex, type Place } from './match/constraints.ts';
export { askAll, matcherOrder } from './match/offer-loop.ts';
export { type MatchSite, matchOffer, type OfferMatch } from './match/offer-match.ts';
export { OFFER_QUEUE_DEFAULTS, type OfferFate, OfferQueue } from './match/offer-queue.ts';
export { type HostPorts, randomDraw } from './match/ports.ts';
export { RandomPorts } from './match/random-ports.ts';
export { firstReason, type NoMatchReason, type RejectSummaryRow, rejectSummary } from './match/reasons.ts';
export type { AgentInfo } from './mesos/agent.ts';
export { type OfferFilters, type Scheduler, SchedulerDriver, type TaskRequest } from './mesos/driver.ts';
export type { FrameworkInfo } from './mesos/framework.ts';
export { MesosMaster, type MesosMasterOptions } from './mesos/master.ts';
export { type Offer, OfferRemainder, type Unavailability } from './mesos/offer.ts';
export type { FrameworkOffer } from './mesos/offer-desk.ts';
export type { AgentResources, Executor, Framework, MesosEvents, OfferRound } from './mesos/parties.ts';
export type { Allocation, RoleResources } from './mesos/pools.ts';
export { consumeResources, type ResourceSet, type ResourceValue } from './mesos/resource-set.ts';
export { portResources } from './mesos/resources.ts';
export type { SorterKind } from './mesos/sorter.ts';
export type { Task, TimedStatus } from './mesos/task.ts';
export { POD_SCHEMA, type PodDefinition } from './pod/definition.ts';
export { isPod, normalisePod, type Pod, type PodApp, preparePod, toPod } from './pod/pod.ts';
export { type PodTask, podDiscovery, type TaskGroup, taskGroup } from './pod/task-group.ts';
export { validatePod } from './pod/validate.ts';
export { activeSince, conditionOfTasks } from './task/instance-state.ts';
export {
  type Condition,
  conditionOf,
  isActive,
  isTerminal,
  isTerminalState,
  type TaskState,
  type TaskStatus,
} from './task/state.ts';
