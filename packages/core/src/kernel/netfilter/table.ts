/**
 * A table at work: its chains walked, its rules counted.
 * Follows linux net/ipv4/netfilter/ip_tables.c (ipt_do_table).
 */
import { memo } from '../../base/immutable.ts';
import type { SkBuff } from '../skb.ts';
import { type CompiledRule, compileRules, type Unmodelled } from './compile.ts';
import { at, type Hook, type PerHook } from './hook.ts';
import type { Chain, Netfilter, Rule, TableName, Target } from './rule.ts';
import type { RuleHost } from './rule-host.ts';
import { RuleIndex } from './rule-index.ts';
import { type Sweep, Sweeps } from './sweep.ts';

/** Packets and bytes that met a rule or a policy. */
export interface Counter {
  packets: number;
  bytes: number;
}

/** A chain with its counters. */
export class ChainState {
  readonly chain: Chain;
  readonly rules: readonly CompiledRule[];
  readonly counters: readonly Counter[];
  /** Counts from 0 again whenever the table changes: iptables puts the counters of rules back, but not those of policies. */
  policy: Counter = { packets: 0, bytes: 0 };
  readonly index: RuleIndex | undefined;
  /** For each rule the chain it goes to, if it goes to one. */
  targets: readonly (ChainState | undefined)[] = [];
  /** Of a built-in chain that packets have walked. */
  sweeps: Sweeps | undefined = undefined;

  constructor(chain: Chain, before: ChainState | undefined) {
    this.chain = chain;
    this.rules = compileRules(chain.rules);
    this.index = RuleIndex.of(chain.rules);
    this.counters = before?.chain.rules === chain.rules ? before.counters : carryOver(chain.rules, before);
  }
}

function carryOver(rules: readonly Rule[], before: ChainState | undefined): readonly Counter[] {
  const old = new Map(before?.chain.rules.map((rule, i) => [rule, before.counters[i]]));
  return rules.map((rule) => {
    const kept = old.get(rule);
    old.delete(rule);
    return kept ?? { packets: 0, bytes: 0 };
  });
}

/** A packet on its way through a table's chains, and the record of it while it asks no more than a sweep may. */
interface Walk {
  readonly host: RuleHost;
  readonly skb: SkBuff;
  sweep: Sweep | undefined;
}

/** What becomes of a packet that went through a table's chain; of one that met what is not modelled nobody knows. */
export type TableVerdict = 'ACCEPT' | 'DROP' | 'UNKNOWN' | Target;

const NO_CHAIN: readonly Chain[] = [];
const NO_CHAINS: ReadonlyMap<string, ChainState> = new Map();
const NO_ENTRIES = entriesOf(NO_CHAINS);

/** One table of one namespace. Its chains are made ready when a first packet or reader meets them. */
export class TableState {
  readonly name: TableName;
  private chains = NO_CHAINS;
  private entries = NO_ENTRIES;
  private source: readonly Chain[];
  private ready: readonly Chain[] = NO_CHAIN;

  constructor(name: TableName, chains: readonly Chain[]) {
    this.name = name;
    this.source = chains;
  }

  /** Takes the configured chains; counters of rules that stay are kept. */
  configure(chains: readonly Chain[]): void {
    this.source = chains;
  }

  /** A chain with its counters. */
  chain(name: string): ChainState | undefined {
    if (this.ready !== this.source) this.prepare();
    return this.chains.get(name);
  }

  /** Sets the counter of a rule, by its place from 0, or of the policy. False if there is none such. */
  setCounter(chain: string, place: number | 'policy', { packets, bytes }: Readonly<Counter>): boolean {
    const state = this.chain(chain);
    const counter = place === 'policy' ? state?.policy : state?.counters[place];
    if (counter === undefined) return false;
    counter.packets = packets;
    counter.bytes = bytes;
    return true;
  }

  private prepare(): void {
    const chains = new Map<string, ChainState>();
    for (const chain of this.source) {
      const before = this.chains.get(chain.name);
      chains.set(chain.name, before?.chain === chain ? before : new ChainState(chain, before));
    }
    for (const state of chains.values()) {
      state.sweeps = undefined;
      state.policy = { packets: 0, bytes: 0 };
      state.targets = state.rules.map(({ rule: { target } }) =>
        target.name === 'JUMP' || target.name === 'GOTO' ? chains.get(target.chain) : undefined,
      );
    }
    this.chains = chains;
    this.entries = entriesOf(chains);
    this.ready = this.source;
  }

  /** Walks a built-in chain; the verdict is a terminal target or the policy. */
  walk(hook: Hook, host: RuleHost, skb: SkBuff): TableVerdict {
    if (this.ready !== this.source) this.prepare();
    const state = at(this.entries, hook);
    if (state === undefined) return 'ACCEPT';
    state.sweeps ??= new Sweeps();
    const known = state.sweeps.find(skb);
    const again = known?.repeat(skb);
    if (again !== undefined) return again;
    const sweep = known === undefined ? state.sweeps.begin(skb) : undefined;
    const walk: Walk = { host, skb, sweep };
    const verdict = this.walkChain(state, walk) ?? this.policyOf(state, walk);
    walk.sweep?.finish(verdict);
    return verdict;
  }

  private policyOf({ chain, policy: counter }: ChainState, { skb, sweep }: Walk): TableVerdict {
    const policy = chain.policy ?? 'ACCEPT';
    const step = { action: 'policy', table: this.name, chain: chain.name, policy } as const;
    counter.packets++;
    counter.bytes += skb.length;
    sweep?.meet(counter, step);
    skb.hop?.steps.push(step);
    return policy;
  }

  private walkChain(state: ChainState, walk: Walk): TableVerdict | undefined {
    const { host, skb } = walk;
    const rules = state.rules;
    const candidates = state.index?.candidates(skb);
    // Which rules are left out by the index is not for the devices to say.
    if (candidates !== undefined) walk.sweep = undefined;
    const count = candidates === undefined ? rules.length : candidates.length;
    for (let n = 0; n < count; n++) {
      const i = candidates === undefined ? n : (candidates[n] as number);
      const compiled = rules[i] as CompiledRule;
      if (!compiled.concerns(host, skb)) continue;
      if (compiled.asksMore || compiled.act !== undefined || compiled.unmodelled !== undefined) walk.sweep = undefined;
      if (compiled.asksMore && !compiled.matches(host, skb)) continue;
      if (compiled.unmodelled !== undefined) {
        this.note(state, i, compiled.unmodelled, skb);
        if (!compiled.unmodelled.passes) return 'UNKNOWN';
      }
      this.meet(state, i, walk);
      const target = compiled.rule.target;
      if (compiled.act !== undefined) {
        compiled.act(host, skb);
        continue;
      }
      switch (target.name) {
        case 'ACCEPT':
        case 'DROP':
          return target.name;
        case 'RETURN':
          return undefined;
        case 'NONE':
        case 'UNMODELLED':
          continue;
        case 'JUMP':
        case 'GOTO': {
          const next = state.targets[i];
          const verdict = next === undefined ? undefined : this.walkChain(next, walk);
          if (verdict !== undefined) return verdict;
          if (target.name === 'GOTO') return undefined;
          continue;
        }
        default:
          return target;
      }
    }
    return undefined;
  }

  /** A packet matches a rule: it is counted, and whoever keeps a record notes it. */
  private meet({ chain, counters, rules }: ChainState, index: number, { skb, sweep }: Walk): void {
    const counter = counters[index] as Counter;
    counter.packets++;
    counter.bytes += skb.length;
    if (skb.hop === undefined && sweep === undefined) return;
    const { rule } = rules[index] as CompiledRule;
    const step = { action: 'rule', table: this.name, chain: chain.name, number: index + 1, rule } as const;
    skb.hop?.steps.push(step);
    sweep?.meet(counter, step);
  }

  private note({ chain }: ChainState, index: number, { what }: Unmodelled, skb: SkBuff): void {
    skb.hop?.steps.push({ action: 'not-modelled', text: `${what} of ${this.name} ${chain.name} rule ${index + 1}` });
  }
}

function entriesOf(chains: ReadonlyMap<string, ChainState>): PerHook<ChainState | undefined> {
  return {
    PREROUTING: chains.get('PREROUTING'),
    INPUT: chains.get('INPUT'),
    FORWARD: chains.get('FORWARD'),
    OUTPUT: chains.get('OUTPUT'),
    POSTROUTING: chains.get('POSTROUTING'),
  };
}

/** Whether there is any rule in a table of such chains, or a policy other than ACCEPT. */
export const isUsed: (chains: readonly Chain[]) => { readonly used: boolean } = memo((chains) => ({
  used: chains.some((chain) => chain.rules.length > 0 || chain.policy !== 'ACCEPT'),
}));

/** All tables of one namespace. */
export type Tables = { readonly [table in TableName]: TableState };

/** The tables of a configuration, nothing counted yet. */
export function tablesOf(netfilter: Netfilter): Tables {
  return {
    raw: new TableState('raw', netfilter.raw),
    mangle: new TableState('mangle', netfilter.mangle),
    nat: new TableState('nat', netfilter.nat),
    filter: new TableState('filter', netfilter.filter),
  };
}
