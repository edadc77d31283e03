/**
 * A container as `docker run` makes it. What it was told it reads off its request, which may make it when it is asked; of its own it
 * has no more than the daemon gave it.
 */
import { immerable } from '../../base/immutable.ts';
import type { Environment } from '../program.ts';
import type { Container, Endpoint, PublishedPort, RunRequest } from './state.ts';

/** A container of a request. */
export class RequestedContainer implements Container {
  static readonly [immerable] = true;

  constructor(
    readonly id: string,
    readonly request: RunRequest,
    readonly endpoint: Endpoint | undefined,
    readonly createdAt: number,
    readonly startedAt: number,
    readonly state: Container['state'],
  ) {}

  get name(): string {
    return this.request.name;
  }

  get image(): string {
    return this.request.image;
  }

  get env(): Environment {
    return this.request.env;
  }

  get labels(): Container['labels'] {
    return this.request.labels;
  }

  get network(): string {
    return this.request.network;
  }

  get ports(): readonly PublishedPort[] {
    return this.request.ports;
  }

  /** All that is known of it. */
  toJSON(): Container {
    const { id, name, image, env, labels, network, ports, createdAt, startedAt, state, endpoint } = this;
    return { id, name, image, env, labels, network, ports, createdAt, startedAt, state, endpoint };
  }
}

/** A container once its program has ended: without an address. */
export function exited(container: Container): Container {
  const { id, createdAt, startedAt } = container;
  return new RequestedContainer(id, requestOf(container), undefined, createdAt, startedAt, 'exited');
}

/** What `docker run` was told of a container. */
export function requestOf(container: Container): RunRequest {
  return container instanceof RequestedContainer ? container.request : container;
}
