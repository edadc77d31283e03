/**
 * The table of VIPs that all dcos-nets gossip (key `[minuteman,vips2]` of lashup; dcos/dcos-net@7bd01ac). Every node
 * holds the same in the end, so it is kept once, as a log of changes; what a node makes of it is a {@link VipView}, shared
 * by all nodes that started at the same place of the log and hear of changes equally late. A node hears of its own agent's
 * changes no sooner than of others'.
 */
import { assert, type Ipv4 } from '@portolan/core';
import { VIP_RANGE, type VipRange } from './address.ts';
import type { Backend, TaskBackend } from './backends.ts';
import { type VipKey, vipKeyText } from './key.ts';
import { type NodeOptions, VipView } from './vip-view.ts';

/** One change of the table, as every node hears of it. */
export interface VipEvent {
  /** Its place in the log, from 0. */
  readonly position: number;
  /** Virtual milliseconds. */
  readonly at: number;
  /** None if nodes only look at all VIPs again. */
  readonly changes: readonly VipKeyChange[];
  /** Agents that gossip no longer reaches, if these have changed; counts from the next event on. */
  readonly unreachable?: ReadonlySet<Ipv4>;
}

/** What an event does to one key. */
export interface VipKeyChange {
  readonly key: VipKey;
  readonly removed: readonly Backend[];
  readonly added: readonly Backend[];
}

/** What one agent's poll found. */
export interface Publication {
  readonly agent: Ipv4;
  readonly backends: readonly TaskBackend[];
}

type Published = ReadonlyMap<string, TaskBackend>;

/** The gossiped table of a cluster. */
export class L4lb {
  /** Where named VIPs have their addresses. */
  readonly range: VipRange;
  private readonly log: VipEvent[] = [];
  private readonly published = new Map<Ipv4, Published>();
  private readonly views = new Map<string, VipView>();
  private readonly now: () => number;

  /** @param options.now virtual milliseconds, for views that hear of changes later; default a time after everything */
  constructor(options: { readonly range?: VipRange; readonly now?: () => number } = {}) {
    this.range = options.range ?? VIP_RANGE;
    this.now = options.now ?? (() => Number.POSITIVE_INFINITY);
  }

  /** How many changes have been gossiped to those who hear of them so many milliseconds late. */
  heardAfter(delay: number): number {
    const latest = this.now() - delay;
    let count = this.log.length;
    while (count > 0 && (this.log[count - 1]?.at ?? 0) > latest) count--;
    return count;
  }

  /** Every change so far, oldest first. */
  get events(): readonly VipEvent[] {
    return this.log;
  }

  /**
   * Replaces what an agent has published by what its poll found. Says whether that changed anything.
   * @param now virtual milliseconds
   */
  publish(agent: Ipv4, backends: readonly TaskBackend[], now: number): boolean {
    return this.merge([{ agent, backends }], now);
  }

  /** As {@link publish}, for several agents whose changes reach everybody as one. */
  merge(publications: readonly Publication[], now: number): boolean {
    const changes = new Map<string, { key: VipKey; removed: Backend[]; added: Backend[] }>();
    const change = ({ key }: TaskBackend) => {
      const text = vipKeyText(key);
      let found = changes.get(text);
      if (found === undefined) {
        found = { key, removed: [], added: [] };
        changes.set(text, found);
      }
      return found;
    };
    for (const { agent, backends } of publications) {
      const before = this.published.get(agent) ?? NOTHING;
      const after = byIdentity(agent, backends, before);
      for (const [id, item] of before) if (!isSame(after.get(id), item)) change(item).removed.push(item.backend);
      for (const [id, item] of after) if (!isSame(before.get(id), item)) change(item).added.push(item.backend);
      if (after.size === 0) this.published.delete(agent);
      else this.published.set(agent, after);
    }
    if (changes.size === 0) return false;
    // The log is kept for ever, and a list that grew has room for more.
    const kept = Array.from(changes.values(), ({ key, removed, added }) => ({
      key,
      removed: removed.slice(),
      added: added.slice(),
    }));
    this.append({ at: now, changes: kept });
    return true;
  }

  /**
   * Gossip reaches these agents no longer, and all others again: what they published stays, and nodes leave it out from the
   * next event on, unless a VIP had nothing left.
   */
  lose(unreachable: ReadonlySet<Ipv4>, now: number): void {
    this.append({ at: now, changes: [], unreachable });
  }

  /** Every node looks at all VIPs again, as dcos-net does every 30 seconds. */
  reconcile(now: number): void {
    this.append({ at: now, changes: [] });
  }

  private append(event: Omit<VipEvent, 'position'>): void {
    this.log.push({ position: this.log.length, ...event });
  }

  /** What is published now, of all agents. */
  *backends(): Generator<TaskBackend> {
    for (const published of this.published.values()) yield* published.values();
  }

  /**
   * The view of the nodes whose dcos-net started when the log had this length, and that hear of changes so many
   * milliseconds late. Those that have their own port mappings need a view of their own: {@link ownView}.
   */
  view(start = 0, delay = 0): VipView {
    const key = `${start} ${delay}`;
    let view = this.views.get(key);
    if (view === undefined) {
      view = this.ownView(start, delay === 0 ? {} : { delay });
      this.views.set(key, view);
    }
    return view;
  }

  /** A view shared with nobody. */
  ownView(start: number, options: NodeOptions): VipView {
    assert(Number.isInteger(start) && start >= 0 && start <= this.log.length, `a view from ${start} of ${this.log.length}`);
    return new VipView(this, start, options);
  }
}

const NOTHING: Published = new Map();

/** The CRDT holds sets: what is published twice counts once. */
function byIdentity(agent: Ipv4, items: readonly TaskBackend[], before: Published): Published {
  if (items.length === 0) return NOTHING;
  const known = new Map<TaskBackend, string>();
  for (const [id, item] of before) known.set(item, id);
  const map = new Map<string, TaskBackend>();
  for (const item of items) {
    assert(item.backend.agent === agent, 'an agent publishes only its own backends');
    const id = known.get(item) ?? identityOf(item);
    if (!map.has(id)) map.set(id, item);
  }
  return map;
}

function identityOf({ backend, key }: TaskBackend): string {
  const { address, port, weight, unweighted } = backend;
  return `${typeof address} ${address} ${port} ${unweighted === true ? '' : weight}|${vipKeyText(key)}`;
}

/** Whether a backend stays what it is, down to the task behind it. */
function isSame(a: TaskBackend | undefined, b: TaskBackend): boolean {
  return a !== undefined && a.backend.cause === b.backend.cause && a.backend.task === b.backend.task;
}
