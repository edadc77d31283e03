/**
 * The part of Mesos' state that DC/OS' daemons read: tasks as the agents' `GET_STATE` and the master's `/state` show
 * them (apache/mesos, include/mesos/mesos.proto, 1.8), with addresses already numbers. dcos-net reads a task on its
 * agent, Mesos-DNS on the leading master; both get it from the scheduler.
 */
import type { Ipv4, PortRange } from '@portolan/core';
import type { IpAddress } from './vips/ip.ts';

/** A task as Mesos shows it. Every text is as the framework gave it. */
export interface MesosTask {
  readonly id: string;
  readonly name: string;
  readonly frameworkName: string;
  readonly frameworkId?: string;
  readonly agentId: string;
  readonly agentAddress: Ipv4;
  /** `TASK_RUNNING`, `TASK_KILLING`, ... */
  readonly state: string;
  /** Whether the task has a health check of Mesos' own. */
  readonly healthCheck?: boolean;
  /** In the order of their arrival; none while the task is staging. */
  readonly statuses: readonly MesosStatus[];
  /** Absent for a task without a container. */
  readonly container?: MesosContainer | undefined;
  readonly labels?: readonly MesosLabel[];
  /** The host ports it was given, in order. */
  readonly resourcePorts: readonly PortRange[];
  readonly discovery?: MesosDiscovery;
  /** Who asked for the task, as its records show it: the app's id. Not part of Mesos' state. */
  readonly origin?: string;
}

/** One status update. */
export interface MesosStatus {
  readonly state: string;
  /** Seconds. */
  readonly timestamp: number;
  readonly healthy?: boolean;
  readonly networks: readonly MesosNetwork[];
  readonly labels?: readonly MesosLabel[];
}

/** One network the container is on. */
export interface MesosNetwork {
  readonly addresses: readonly IpAddress[];
  readonly portMappings?: readonly MesosPortMapping[];
}

/** What runs the task. */
export interface MesosContainer {
  /** `DOCKER` or `MESOS`. */
  readonly type: string;
  /** Of type DOCKER: `docker.port_mappings`; else those of all `network_infos`. Absent if it names no networks. */
  readonly portMappings?: readonly MesosPortMapping[];
}

/** A port of the container published on its agent. */
export interface MesosPortMapping {
  /** Absent if an endpoint of a pod names none. */
  readonly protocol?: string | undefined;
  readonly containerPort: number;
  readonly hostPort: number;
}

/** What the framework says about the task to whoever looks for it. */
export interface MesosDiscovery {
  readonly name?: string;
  readonly ports?: readonly MesosDiscoveryPort[];
}

/** A port that can be looked up. */
export interface MesosDiscoveryPort {
  readonly number: number;
  readonly name?: string;
  /** `tcp` or `udp`; empty for both. Absent if an endpoint of a pod names none. */
  readonly protocol?: string | undefined;
  readonly labels?: readonly MesosLabel[];
  /** The field of the app it comes from, such as `container.portMappings(0)`. Not part of Mesos' state. */
  readonly origin?: string;
}

/** A key with a value; a key may come more than once. */
export interface MesosLabel {
  readonly key: string;
  readonly value: string;
}

/** An agent as the master lists it. */
export interface MesosAgent {
  readonly id: string;
  readonly address: IpAddress;
  /** Usually 5051. */
  readonly port: number;
}

/** A framework as the master lists it. */
export interface MesosFramework {
  readonly name: string;
  /** Where its scheduler runs: from its pid, or its host name if that is an address. */
  readonly address?: IpAddress;
  /** The port of its pid; a scheduler that speaks HTTP has none. */
  readonly port?: number;
}

/** What `/state` of the leading master holds. */
export interface MesosState {
  /** `master@172.16.9.84:5050`. */
  readonly leader: string;
  /** `172.16.9.84:5050` each, as ZooKeeper lists them: the leader first. */
  readonly masters: readonly string[];
  readonly frameworks: readonly MesosFramework[];
  readonly agents: readonly MesosAgent[];
  /** Tasks of all frameworks, by framework and there in order. */
  readonly tasks: readonly MesosTask[];
}
