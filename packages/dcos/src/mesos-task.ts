/**
 * A task as Mesos' state shows it, read off the master's record (apache/mesos, src/internal/evolve.cpp and src/common/http.cpp, 1.8).
 * Of a hundred thousand tasks hardly one is ever looked at: its fields are made when they are read, and those of all tasks of an app once.
 */
import { type Ipv4, memo } from '@portolan/core';
import type { Task, TaskInfo, TimedStatus } from '@portolan/scheduler';
import type {
  MesosContainer,
  MesosDiscovery,
  MesosDiscoveryPort,
  MesosLabel,
  MesosNetwork,
  MesosStatus,
  MesosTask,
} from './mesos-state.ts';
import { type DcosNetVersion, type TaskBackend, taskBackends } from './vips/backends.ts';
import { seenTask } from './vips/task-ports.ts';

/** A task as it was when its record was read: later reports do not change it. */
export class ShownTask implements MesosTask {
  readonly agentAddress: Ipv4;
  readonly frameworkName: string;
  readonly frameworkId: string;
  readonly state: string;
  private readonly info: TaskInfo;
  private readonly reported: readonly TimedStatus[];
  private published: readonly TaskBackend[] | undefined = undefined;

  constructor({ info, state, statuses, framework }: Task, agentAddress: Ipv4) {
    this.info = info;
    this.state = state;
    this.reported = statuses;
    this.agentAddress = agentAddress;
    this.frameworkName = framework.name;
    this.frameworkId = framework.id;
  }

  get id(): string {
    return this.info.taskId;
  }

  get name(): string {
    return this.info.name;
  }

  get agentId(): string {
    return this.info.agentId;
  }

  get healthCheck(): boolean {
    return this.info.healthChecks.some(({ protocol = 'HTTP' }) => protocol.startsWith('MESOS_') || protocol === 'COMMAND');
  }

  get statuses(): readonly MesosStatus[] {
    return this.reported.map(({ state, at, healthy, addresses = NO_ADDRESSES }) => {
      const networks = networksOf(this.info, addresses);
      return healthy === undefined
        ? { state, timestamp: at / 1000, networks }
        : { state, timestamp: at / 1000, healthy, networks };
    });
  }

  /** Whether Docker runs it, and so maps its ports. */
  get inDocker(): boolean {
    return this.info.containerizer === 'docker';
  }

  get container(): MesosContainer | undefined {
    const { info } = this;
    const { container } = info;
    // A pod's container has no network of its own: that of its executor is in the statuses.
    if (info.containerizer === 'mesos' && container?.networkInfos.length === 0) return { type: container.type };
    return container;
  }

  get labels(): readonly MesosLabel[] {
    return labelsOf(this.info.labels);
  }

  get resourcePorts() {
    return this.info.ports.map((port) => ({ begin: port, end: port }));
  }

  get discovery(): MesosDiscovery {
    return new ShownDiscovery(this.info);
  }

  get origin(): string {
    return this.info.appId;
  }

  /** What its agent's dcos-net publishes for it: made once, since every poll finds it again. */
  backends(version: DcosNetVersion): readonly TaskBackend[] {
    this.published ??= taskBackends(seenTask(this), { version, ipv6: false }).slice();
    return this.published;
  }
}

/** `container_status.network_infos`: of CNI networks one each, with the mappings that were asked for. */
function networksOf(info: TaskInfo, addresses: readonly Ipv4[]): readonly MesosNetwork[] {
  const asked = info.containerizer === 'docker' ? [] : (info.group?.networks ?? info.container?.networkInfos ?? []);
  if (asked.length === 0) return [{ addresses }];
  return asked.map(({ portMappings }, i) => ({
    addresses: addresses.slice(i, i + 1),
    ...(portMappings.length === 0 ? {} : { portMappings }),
  }));
}

class ShownDiscovery implements MesosDiscovery {
  constructor(private readonly info: TaskInfo) {}

  get name(): string {
    return this.info.discovery.name;
  }

  get ports(): readonly MesosDiscoveryPort[] {
    const { discovery, slots } = this.info;
    return discovery.ports.map(({ number, protocol, labels, slot, name }) => {
      const origin = slots[slot]?.field;
      const port: { -readonly [Field in keyof MesosDiscoveryPort]: MesosDiscoveryPort[Field] } = {
        number,
        protocol,
        labels: labelsOf(labels),
      };
      if (origin !== undefined) port.origin = origin;
      if (name !== undefined) port.name = name;
      return port;
    });
  }
}

const NO_ADDRESSES: readonly Ipv4[] = [];

const labelsOf = memo((labels: Iterable<readonly [string, string]>): readonly MesosLabel[] =>
  Array.from(labels, ([key, value]) => ({ key, value })),
);
