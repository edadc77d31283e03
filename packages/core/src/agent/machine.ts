/**
 * One machine: its configuration, its own network namespace, and those of its containers, which come to life when a
 * first packet reaches them.
 */
import type { Draft } from 'immer';
import { produce } from '../base/immutable.ts';
import type { Random } from '../base/random.ts';
import { Refusal } from '../base/refusal.ts';
import type { IpSet, NamespaceConfig, Route } from '../kernel/config.ts';
import type { Ipvs } from '../kernel/ipvs/ipvs.ts';
import { KernelLog, type LogLine } from '../kernel/kernel-log.ts';
import type { Device } from '../kernel/link/device.ts';
import { Namespace } from '../kernel/namespace.ts';
import type { TableName } from '../kernel/netfilter/rule.ts';
import type { Counter } from '../kernel/netfilter/table.ts';
import type { Listener } from '../kernel/socket/sockets.ts';
import type { World } from '../kernel/world.ts';
import type { MachineConfig } from './config.ts';
import { containerNamespace } from './docker/container-namespace.ts';
import {
  type RunResult,
  removeContainers,
  runContainers,
  type Surroundings,
  startContainers,
  stopContainers,
} from './docker/engine.ts';
import { startProxy } from './docker/proxy.ts';
import type { Container, RunRequest } from './docker/state.ts';
import type { Program } from './program.ts';
import { startServer } from './program-server.ts';
import {
  type ConntrackRow,
  conntrackRows,
  deleteConnections,
  type FdbRow,
  fdbRows,
  type NeighbourRow,
  neighbourRows,
  type SocketRow,
  socketRows,
} from './report.ts';
import { ucrNamespace } from './ucr/container-namespace.ts';
import { destroyContainers, launchContainers, type UcrRequest, type UcrResult } from './ucr/containerizer.ts';
import type { UcrContainer } from './ucr/state.ts';

/** Programs by image, the tag left out. */
export interface Images {
  find(image: string): Program | undefined;
}

/** What a machine shares with all others. */
export interface MachineOptions {
  readonly world: World;
  readonly random: Random;
  readonly images: Images;
  /** Unix milliseconds at virtual time 0. */
  readonly epoch: number;
  /** Told of every new configuration. */
  readonly configured: (machine: Machine, before: MachineConfig) => void;
}

/** What a running container has on its machine. */
interface Running {
  readonly container: Container | UcrContainer;
  /** What listens on the host for it: its own programs in host mode, docker-proxy otherwise. */
  listeners: readonly Listener[];
  /** Once a packet has reached it. */
  namespace: Namespace | undefined;
  /** Why it could not listen where it wanted to. */
  unbound: string | undefined;
}

/** A machine. */
export class Machine {
  readonly name: string;
  readonly host: Namespace;
  readonly epoch: number;
  private readonly log = new KernelLog();
  private current: MachineConfig;
  private readonly options: MachineOptions;
  private readonly running = new Map<string, Running>();

  constructor(config: MachineConfig, options: MachineOptions) {
    this.name = config.name;
    this.options = options;
    this.epoch = options.epoch;
    this.current = config;
    this.host = new Namespace(config.name, config.host, {
      world: options.world,
      random: options.random.fork('host'),
      log: this.log,
      findPeer: (namespace, index) => deviceOf(this.namespace(namespace), index),
    });
    this.syncContainers([], config.docker.containers);
    this.syncContainers([], config.ucr.containers);
  }

  /** Its configuration. */
  get config(): MachineConfig {
    return this.current;
  }

  /** Virtual milliseconds. */
  get now(): number {
    return this.options.world.clock.now;
  }

  /** Takes what the recipe makes of the configuration. */
  configure(recipe: (draft: Draft<MachineConfig>) => void): void {
    this.replace(produce(this.current, recipe));
  }

  /** Takes another configuration: a newer one, or an older one again. */
  replace(next: MachineConfig): void {
    if (next === this.current) return;
    const before = this.current;
    this.current = next;
    this.host.configure(next.host);
    if (next.docker.containers !== before.docker.containers)
      this.syncContainers(before.docker.containers, next.docker.containers);
    if (next.ucr.containers !== before.ucr.containers) this.syncContainers(before.ucr.containers, next.ucr.containers);
    this.options.configured(this, before);
  }

  /** `docker run` for each request, as one change. */
  run(requests: readonly RunRequest[]): readonly RunResult[] {
    const { config, results } = runContainers(this.current, requests, this.surroundings());
    this.replace(config);
    return results;
  }

  /** `docker start` for stopped containers by id, as one change. */
  startAgain(ids: readonly string[]): readonly RunResult[] {
    const { config, results } = startContainers(this.current, ids, this.surroundings());
    this.replace(config);
    return results;
  }

  /** `docker stop` for containers by id, as one change. */
  stop(ids: ReadonlySet<string>): void {
    this.replace(stopContainers(this.current, ids));
  }

  /** `docker rm` for exited containers by id. */
  remove(ids: ReadonlySet<string>): void {
    this.replace(removeContainers(this.current, ids));
  }

  /** Has the Mesos containerizer launch containers, as one change. */
  launch(requests: readonly UcrRequest[]): readonly UcrResult[] {
    const { config, results } = launchContainers(this.current, requests, this.options.random);
    this.replace(config);
    return results;
  }

  /** Has the Mesos containerizer destroy containers by id, as one change. */
  destroy(ids: ReadonlySet<string>): void {
    this.replace(destroyContainers(this.current, ids));
  }

  /** What a running container's program was told when it wanted to listen on a port that was taken. */
  listenFailure(containerId: string): string | undefined {
    return this.running.get(containerId)?.unbound;
  }

  /**
   * The namespace a container lives in: by id, first digits of it or name; one of the Mesos containerizer's by the id of a task in
   * it, too; the machine's own by its name.
   */
  namespace(name: string): Namespace | undefined {
    if (name === this.name) return this.host;
    const running = this.running.get(name) ?? this.runningCalled(name);
    if (running === undefined) return undefined;
    return isOnHost(running.container) ? this.host : (running.namespace ?? this.open(running));
  }

  /** The answer to who listens where, rules' counters and tables, for the tools. */
  counters(table: TableName, chain: string): { readonly policy: Counter; readonly rules: readonly Counter[] } {
    const state = this.host.tables[table].chain(chain);
    return { policy: state?.policy ?? { packets: 0, bytes: 0 }, rules: state?.counters ?? [] };
  }

  setCounter(table: TableName, chain: string, place: number | 'policy', counter: Readonly<Counter>): void {
    this.host.tables[table].setCounter(chain, place, counter);
  }

  neighbours(): readonly NeighbourRow[] {
    return neighbourRows(this.host);
  }

  fdb(): readonly FdbRow[] {
    return fdbRows(this.host);
  }

  conntrack(): readonly ConntrackRow[] {
    return conntrackRows(this.host);
  }

  sockets(): readonly SocketRow[] {
    return socketRows(this.host);
  }

  deleteConnections(which: (row: ConntrackRow) => boolean): readonly ConntrackRow[] {
    return deleteConnections(this.host, which);
  }

  kernelLog(): readonly LogLine[] {
    return this.log.lines;
  }

  ipvs(): Ipvs {
    return this.host.ipvs;
  }

  routes(): readonly Route[] {
    return this.host.routes();
  }

  sets(): readonly IpSet[] {
    return this.host.sets();
  }

  interfaceName(namespace: string, index: number): string | undefined {
    if (namespace !== this.name) return undefined;
    return this.current.host.links.find((link) => link.index === index)?.name;
  }

  private surroundings(): Surroundings {
    const { sockets } = this.host;
    return {
      random: this.options.random,
      now: this.now,
      // Most ports are nobody's: only of the others is it asked on which address.
      portTaken: (protocol, port, address) =>
        sockets.listensOn(protocol, port) &&
        sockets
          .list()
          .some(
            ({ protocol: its, listener }) =>
              its === protocol &&
              listener.port === port &&
              (address === 0 || listener.address === 0 || listener.address === address),
          ),
    };
  }

  private runningCalled(name: string): Running | undefined {
    if (name === '') return undefined;
    const { docker, ucr } = this.current;
    const found =
      docker.containers.find((c) => c.state === 'running' && (c.name === name || c.id.startsWith(name))) ??
      ucr.containers.find((c) => c.id.startsWith(name) || c.programs.some(({ task }) => task === name));
    return found === undefined ? undefined : this.running.get(found.id);
  }

  private readonly hostEnd = (namespace: string, index: number): Device | undefined =>
    namespace === this.name ? deviceOf(this.host, index) : undefined;

  private open(running: Running): Namespace | undefined {
    const { container } = running;
    const config = this.namespaceConfig(container);
    if (config === undefined) return undefined;
    const ns = new Namespace(container.id, config, {
      world: this.options.world,
      machine: this.name,
      random: this.options.random.fork(container.id),
      findPeer: this.hostEnd,
    });
    running.namespace = ns;
    this.startPrograms(running, ns);
    return ns;
  }

  private namespaceConfig(container: Container | UcrContainer): NamespaceConfig | undefined {
    const { docker, ucr } = this.current;
    if (isUcr(container)) return ucrNamespace(container, ucr.networks, this.name);
    const network = docker.networks.find((n) => n.name === container.network);
    return network === undefined ? undefined : containerNamespace(container, network, this.name);
  }

  /** Brings listeners in line with the containers that run; those that stand first in both lists are the same. */
  private syncContainers<C extends Container | UcrContainer>(before: readonly C[], after: readonly C[]): void {
    let same = 0;
    while (same < before.length && before[same] === after[same]) same++;
    const runs = (container: C): boolean => isUcr(container) || container.state === 'running';
    if (same < before.length) {
      const wanted = new Set(after.slice(same).flatMap((c) => (runs(c) ? [c.id] : [])));
      for (const { id } of before.slice(same)) if (!wanted.has(id)) this.retire(id);
    }
    for (let i = same; i < after.length; i++) {
      const container = after[i] as C;
      if (runs(container) && !this.running.has(container.id)) this.start(container);
    }
  }

  private start(container: Container | UcrContainer): void {
    const running: Running = { container, listeners: NO_LISTENERS, namespace: undefined, unbound: undefined };
    this.running.set(container.id, running);
    if (isOnHost(container)) running.listeners = this.startPrograms(running, this.host);
    else if (!isUcr(container)) running.listeners = this.startProxies(running, container);
  }

  private startProxies(running: Running, { endpoint, ports }: Container): readonly Listener[] {
    if (endpoint === undefined || !this.current.docker.userlandProxy || ports.length === 0) return NO_LISTENERS;
    const listeners: Listener[] = [];
    for (const port of ports) {
      const proxy = port.protocol === 'tcp' ? this.bound(running, () => startProxy(this.host, endpoint, port)) : undefined;
      if (proxy !== undefined) listeners.push(proxy);
    }
    // They are kept, and a list that grew has room for more.
    return listeners.slice();
  }

  private retire(id: string): void {
    for (const listener of this.running.get(id)?.listeners ?? []) listener.close();
    this.running.delete(id);
  }

  private startPrograms(running: Running, ns: Namespace): readonly Listener[] {
    const { container } = running;
    if (!isUcr(container)) return this.startProgram(running, container, ns);
    return container.programs.flatMap((program) => this.startProgram(running, program, ns));
  }

  private startProgram(running: Running, { image, env }: Pick<Container, 'image' | 'env'>, ns: Namespace): readonly Listener[] {
    const program = this.options.images.find(image);
    const start = program?.start(env);
    if (program === undefined || start === undefined || !('ports' in start)) return NO_LISTENERS;
    return start.ports.flatMap((port) => this.bound(running, () => startServer(ns, port, image, program, this)) ?? []);
  }

  /** What binding a port gave, or undefined if somebody else has it. */
  private bound<T>(running: Running, bind: () => T): T | undefined {
    try {
      return bind();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      running.unbound = error.message;
      return undefined;
    }
  }
}

const NO_LISTENERS: readonly Listener[] = [];

function isUcr(container: Container | UcrContainer): container is UcrContainer {
  return 'programs' in container;
}

/** Whether it shares its machine's network. */
function isOnHost(container: Container | UcrContainer): boolean {
  return isUcr(container) ? container.attachments.length === 0 : container.network === 'host';
}

function deviceOf(namespace: Namespace | undefined, index: number): Device | undefined {
  return namespace?.deviceAt(index);
}
