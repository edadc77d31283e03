/**
 * Those a master deals with, and what it tells: executors on agents, the framework, listeners.
 * Follows apache/mesos 1.8 include/mesos/scheduler/scheduler.proto and include/mesos/executor/executor.proto.
 */
import type { TaskInfo } from '../launch/task-info.ts';
import type { TaskStatus } from '../task/state.ts';
import type { AgentInfo } from './agent.ts';
import type { Offer } from './offer.ts';
import type { Task } from './task.ts';

/** What runs tasks on agents and reports back through MesosMaster.statusUpdate. */
export interface Executor {
  /** In the order of the accepted operations, newest first. */
  launch(agentId: string, tasks: readonly TaskInfo[]): void;
  kill(agentId: string, taskId: string): void;
}

/** A framework that draws its offers itself, as many as it wants to look at: Marathon. Any other subscribes as a Scheduler. */
export interface Framework {
  readonly name: string;
  /** The role it is subscribed to. */
  readonly role: string;
  resourceOffers(round: OfferRound): void;
  statusUpdate(status: TaskStatus): void;
}

/** One round of offers, drawn as the framework asks for them. */
export interface OfferRound {
  /** The next offer out of all agents, or only out of those with something new since they were last offered. */
  next(freshOnly: boolean): Offer | undefined;
  /** Launches tasks; what is left of the offer is offered again in the next round. */
  accept(offer: Offer, tasks: readonly TaskInfo[]): void;
  decline(offer: Offer): void;
  /** Ends the round. False if agents may have been passed over. */
  end(): boolean;
}

/** What the master tells. */
export interface MesosEvents {
  'agent-added': [agent: AgentInfo];
  'agent-removed': [agent: AgentInfo];
  /** The offers of one round. */
  offers: [offers: readonly Offer[]];
  launch: [agent: AgentInfo, tasks: readonly TaskInfo[]];
  status: [status: TaskStatus, task: Task];
}

/** Scalars in units, and ports. */
export interface AgentResources {
  readonly cpus: number;
  /** MiB. */
  readonly mem: number;
  /** MiB. */
  readonly disk: number;
  readonly gpus?: number | undefined;
}
