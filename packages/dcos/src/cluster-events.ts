/** One stream of all that happens in a cluster: placement, launches, states, deployments, configurations, VIPs, packets. */
import type { Cluster, ConfigChange, Ipv4, Trace } from '@portolan/core';
import type {
  AgentInfo,
  App,
  DeploymentInfo,
  Marathon,
  MesosMaster,
  Offer,
  Task,
  TaskInfo,
  TaskStatus,
} from '@portolan/scheduler';
import { EventEmitter } from 'eventemitter3';
import type { OverlayEvent } from './overlay/registration.ts';
import type { VipEvent } from './vips/l4lb.ts';

/** The events and what they carry. */
export interface DcosEvents {
  'app-added': [app: App];
  'app-updated': [app: App, previous: App];
  'app-removed': [app: App];
  'deployment-started': [deployment: DeploymentInfo];
  'deployment-finished': [deployment: DeploymentInfo];
  'agent-added': [agent: AgentInfo];
  'agent-removed': [agent: AgentInfo];
  /** Another Mesos master leads. */
  leader: [master: Ipv4];
  /** A message between a node's overlay module and the leading master's, or a node's records in gossip. */
  overlay: [event: OverlayEvent];
  /** The offers of one round. */
  offers: [offers: readonly Offer[]];
  /** Tasks were placed on an agent. */
  launch: [agent: AgentInfo, tasks: readonly TaskInfo[]];
  /** A task's state. */
  status: [status: TaskStatus, task: Task];
  /** A machine has another configuration; its patches come on request. */
  configured: [change: ConfigChange];
  /** The table of VIPs changed. */
  vips: [event: VipEvent];
  /** A conversation was traced: hops, steps and fates of all its packets. */
  traced: [trace: Trace];
}

/** Passes the events of a cluster's parts on. */
export function joinEvents(parts: { core: Cluster; mesos: MesosMaster; marathon: Marathon }): EventEmitter<DcosEvents> {
  const events = new EventEmitter<DcosEvents>();
  const { core, mesos, marathon } = parts;
  marathon.events.on('app-added', (app) => events.emit('app-added', app));
  marathon.events.on('app-updated', (app, previous) => events.emit('app-updated', app, previous));
  marathon.events.on('app-removed', (app) => events.emit('app-removed', app));
  marathon.events.on('deployment-started', (deployment) => events.emit('deployment-started', deployment));
  marathon.events.on('deployment-finished', (deployment) => events.emit('deployment-finished', deployment));
  mesos.events.on('agent-added', (agent) => events.emit('agent-added', agent));
  mesos.events.on('agent-removed', (agent) => events.emit('agent-removed', agent));
  mesos.events.on('offers', (offers) => events.emit('offers', offers));
  mesos.events.on('launch', (agent, tasks) => events.emit('launch', agent, tasks));
  mesos.events.on('status', (status, task) => events.emit('status', status, task));
  core.events.on('configured', (change) => events.emit('configured', change));
  core.events.on('traced', (trace) => events.emit('traced', trace));
  return events;
}
