/**
 * A table at work: its chains walked, its rules counted.
 * Follows linux net/ipv4/netfilter/ip_tables.c (ipt_do_table).
 */
import { memo } from '../../base/immutable.ts';
import type { SkBuff } from '../skb.ts';
import { type CompiledRule, compileRules, type Unmodelled } from './compile.ts';
import type { Chain, Rule, TableName, Target } from './rule.ts';
import type { RuleHost } from './rule-host.ts';
import { RuleIndex } from './rule-index.ts';

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
  readonly policy: Counter;
  readonly index: RuleIndex | undefined;
  /** For each rule the chain it goes to, if it goes to one. */
  targets: readonly (ChainState | undefined)[] = [];

  constructor(chain: Chain, before: ChainState | undefined) {
    this.chain = chain;
    this.rules = compileRules(chain.rules);
    this.index = RuleIndex.of(chain.rules);
    this.counters = before?.chain.rules === chain.rules ? before.counters : carryOver(chain.rules, before);
    this.policy = before?.policy ?? { packets: 0, bytes: 0 };
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

/** What becomes of a packet that went through a table's chain; of one that met what is not modelled nobody knows. */
export type TableVerdict = 'ACCEPT' | 'DROP' | 'UNKNOWN' | Target;

/** One table of one namespace. Its chains are made ready when a first packet or reader meets them. */
export class TableState {
  readonly name: TableName;
  private chains: ReadonlyMap<string, ChainState> = new Map();
  private source: readonly Chain[] = [];
  private ready: readonly Chain[] = this.source;

  constructor(name: TableName) {
    this.name = name;
  }

  /** Takes the configured chains; counters of rules that stay are kept. */
  configure(chains: readonly Chain[]): void {
    this.source = chains;
  }

  /** Whether there is any rule or user chain in it, or a policy other than ACCEPT. */
  get used(): boolean {
    return isUsed(this.source).used;
  }

  /** A chain with its counters. */
  chain(name: string): ChainState | undefined {
    if (this.ready !== this.source) this.prepare();
    return this.chains.get(name);
  }

  private prepare(): void {
    const chains = new Map<string, ChainState>();
    for (const chain of this.source) {
      const before = this.chains.get(chain.name);
      chains.set(chain.name, before?.chain === chain ? before : new ChainState(chain, before));
    }
    for (const state of chains.values())
      state.targets = state.rules.map(({ rule: { target } }) =>
        target.name === 'JUMP' || target.name === 'GOTO' ? chains.get(target.chain) : undefined,
      );
    this.chains = chains;
    this.ready = this.source;
  }

  /** Walks a built-in chain; the verdict is a terminal target or the policy. */
  walk(name: string, host: RuleHost, skb: SkBuff): TableVerdict {
    const state = this.chain(name);
    if (state === undefined) return 'ACCEPT';
    const verdict = this.walkChain(state, host, skb);
    if (verdict !== undefined) return verdict;
    state.policy.packets++;
    state.policy.bytes += skb.length;
    const policy = state.chain.policy ?? 'ACCEPT';
    skb.hop?.steps.push({ action: 'policy', table: this.name, chain: name, policy });
    return policy;
  }

  private walkChain(state: ChainState, host: RuleHost, skb: SkBuff): TableVerdict | undefined {
    const rules = state.rules;
    const candidates = state.index?.candidates(skb);
    const count = candidates === undefined ? rules.length : candidates.length;
    for (let n = 0; n < count; n++) {
      const i = candidates === undefined ? n : (candidates[n] as number);
      const compiled = rules[i] as CompiledRule;
      if (!compiled.matches(host, skb)) continue;
      if (compiled.unmodelled !== undefined) {
        this.note(state, i, compiled.unmodelled, skb);
        if (!compiled.unmodelled.passes) return 'UNKNOWN';
      }
      const counter = state.counters[i] as Counter;
      counter.packets++;
      counter.bytes += skb.length;
      const { rule } = compiled;
      skb.hop?.steps.push({ action: 'rule', table: this.name, chain: state.chain.name, number: i + 1, rule });
      const target = rule.target;
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
          const verdict = next === undefined ? undefined : this.walkChain(next, host, skb);
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

  private note({ chain }: ChainState, index: number, { what }: Unmodelled, skb: SkBuff): void {
    skb.hop?.steps.push({ action: 'not-modelled', text: `${what} of ${this.name} ${chain.name} rule ${index + 1}` });
  }
}

const isUsed: (chains: readonly Chain[]) => { readonly used: boolean } = memo((chains) => ({
  used: chains.some((chain) => chain.rules.length > 0 || chain.policy !== 'ACCEPT'),
}));
