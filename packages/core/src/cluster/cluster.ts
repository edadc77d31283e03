/**
 * Machines, what joins them, and the time they share. Knows no control plane: whoever sets machines up stands above.
 */
import { EventEmitter } from 'eventemitter3';
import type { MachineConfig } from '../agent/config.ts';
import { type Images, Machine } from '../agent/machine.ts';
import { Clock } from '../base/clock.ts';
import type { Patch } from '../base/immutable.ts';
import { patchesBetween } from '../base/patches.ts';
import { Random } from '../base/random.ts';
import { Refusal } from '../base/refusal.ts';
import { type Tap, Wire } from '../kernel/link/wire.ts';
import { Trace } from '../kernel/trace.ts';
import type { World } from '../kernel/world.ts';
import { Underlay } from './underlay.ts';

/** A machine's step from one configuration to the next. */
export interface ConfigChange {
  readonly machine: Machine;
  readonly before: MachineConfig;
  readonly after: MachineConfig;
  /** What is different, as immer's patches; found out when asked for. */
  patches(): readonly Patch[];
}

/** What happens in a cluster's machines. */
export interface ClusterEvents {
  'machine-added': (machine: Machine) => void;
  'machine-removed': (machine: Machine) => void;
  /** A machine has another configuration. */
  configured: (change: ConfigChange) => void;
  /** A trace was taken: hops, steps and fates of all packets of one conversation. */
  traced: (trace: Trace) => void;
}

/** The configurations of all machines at one moment: immutable, and cheap to keep. */
export interface ClusterSnapshot {
  /** Virtual milliseconds. */
  readonly time: number;
  readonly machines: ReadonlyMap<string, MachineConfig>;
}

/** A set of machines on common networks. */
export class Cluster {
  readonly clock = new Clock();
  readonly random: Random;
  readonly events = new EventEmitter<ClusterEvents>();
  readonly epoch: number;
  private readonly underlay = new Underlay();
  private readonly world: World & { trace: Trace | undefined };
  private readonly images: Images;
  private readonly byName = new Map<string, Machine>();

  /** @param options.epoch Unix milliseconds at virtual time 0 */
  constructor(options: { seed: number; epoch: number; images: Images }) {
    this.random = new Random(options.seed);
    this.epoch = options.epoch;
    this.images = options.images;
    this.world = { clock: this.clock, wire: new Wire(), trace: undefined };
  }

  /**
   * Adds a machine and plugs it in.
   * @throws Refusal `machine-exists`
   */
  add(config: MachineConfig): Machine {
    if (this.byName.has(config.name))
      throw new Refusal({
        component: 'cluster',
        code: 'machine-exists',
        path: config.name,
        message: `there is a machine ${config.name} already`,
      });
    const machine = new Machine(config, {
      world: this.world,
      random: this.random.fork(config.name),
      images: this.images,
      epoch: this.epoch,
      configured: (m, before) => {
        const after = m.config;
        this.events.emit('configured', { machine: m, before, after, patches: () => patchesBetween(before, after) });
      },
    });
    this.byName.set(config.name, machine);
    for (const device of machine.host.devices) this.underlay.attach(device);
    this.events.emit('machine-added', machine);
    return machine;
  }

  /** Unplugs a machine and forgets it. */
  remove(name: string): void {
    const machine = this.machine(name);
    for (const device of machine.host.devices) this.underlay.detach(device);
    this.byName.delete(name);
    this.events.emit('machine-removed', machine);
  }

  /**
   * A machine by name.
   * @throws Refusal `no-such-machine`
   */
  machine(name: string): Machine {
    const machine = this.byName.get(name);
    if (machine === undefined)
      throw new Refusal({
        component: 'cluster',
        code: 'no-such-machine',
        path: name.slice(0, 60),
        message: `there is no machine '${name.slice(0, 60)}'`,
      });
    return machine;
  }

  /** All machines, in the order in which they came. */
  get machines(): Iterable<Machine> {
    return this.byName.values();
  }

  /** Delivers all packets under way, and those they cause; takes no virtual time. */
  run(): void {
    this.world.wire.run();
  }

  /** Delivers packets and lets time pass until `done` says so, at most `limit` milliseconds; says whether it was. */
  runUntil(done: () => boolean, limit: number): boolean {
    const end = this.clock.now + limit;
    this.run();
    while (!done()) {
      if (this.clock.nextAt > end) {
        this.clock.advance(end - this.clock.now);
        return false;
      }
      this.clock.step();
      this.run();
    }
    return true;
  }

  /** Does something and keeps a trace of every packet meanwhile. */
  traced<T>(action: () => T): { readonly result: T; readonly trace: Trace } {
    const outer = this.world.trace;
    const trace = new Trace();
    this.world.trace = trace;
    try {
      const result = action();
      return { result, trace };
    } finally {
      this.world.trace = outer;
      this.events.emit('traced', trace);
    }
  }

  /** Lets somebody see every frame at every device; undefined ends it. */
  tap(tap: Tap | undefined): void {
    this.world.wire.tap = tap;
  }

  /** The configurations of now. */
  snapshot(): ClusterSnapshot {
    return { time: this.clock.now, machines: new Map([...this.byName].map(([name, machine]) => [name, machine.config])) };
  }
}
