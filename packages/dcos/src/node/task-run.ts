/**
 * The `docker run` of a task, as the Docker containerizer puts it together.
 * Follows apache/mesos 1.8 src/docker/docker.cpp (Docker::RunOptions::create) and src/slave/containerizer/docker.cpp. Only the
 * container's name is chance; all else is read off the task when somebody asks.
 */
import type { Environment, PublishedPort, Random, RunRequest } from '@portolan/core';
import type { TaskInfo, TaskPortMapping } from '@portolan/scheduler';
import { taskEnvironment } from './task-environment.ts';

/** What Docker is told. */
export class TaskRun implements RunRequest {
  readonly name: string;
  readonly ports: readonly PublishedPort[];

  constructor(
    private readonly task: TaskInfo,
    random: Random,
  ) {
    this.name = `mesos-${random.uuid()}`;
    const ports = (task.container?.portMappings ?? []).flatMap((mapping) =>
      mapping.protocol === 'udp,tcp' ? [] : [new TaskPublishedPort(task, mapping, mapping.protocol)],
    );
    this.ports = ports.slice();
  }

  get image(): string {
    return this.task.container?.image ?? '';
  }

  get env(): Environment {
    return taskEnvironment(this.task, [['MESOS_CONTAINER_NAME', this.name]]);
  }

  get labels(): RunRequest['labels'] {
    const parameters = this.task.container?.parameters ?? [];
    return parameters.flatMap(({ key, value }) => (key === 'label' ? [labelPair(value)] : []));
  }

  get network(): string {
    const container = this.task.container;
    if (container?.network === 'HOST') return 'host';
    return container?.network === 'BRIDGE' ? 'bridge' : (container?.networkName ?? '');
  }
}

/** A published port that knows whose it is. */
class TaskPublishedPort implements PublishedPort {
  readonly containerPort: number;
  readonly hostPort: number;
  private readonly slot: number;

  constructor(
    private readonly task: TaskInfo,
    { containerPort, hostPort, slot }: TaskPortMapping,
    readonly protocol: PublishedPort['protocol'],
  ) {
    this.containerPort = containerPort;
    this.hostPort = hostPort;
    this.slot = slot;
  }

  get cause(): string {
    return `${this.task.appId} container.portMappings(${this.slot}) of task ${this.task.taskId}`;
  }

  toJSON(): PublishedPort {
    const { protocol, containerPort, hostPort, cause } = this;
    return { protocol, containerPort, hostPort, cause };
  }
}

function labelPair(text: string): readonly [string, string] {
  const equals = text.indexOf('=');
  return equals < 0 ? [text, ''] : [text.slice(0, equals), text.slice(equals + 1)];
}
