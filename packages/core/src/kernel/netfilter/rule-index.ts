/**
 * Which rules of a long chain a packet can match at all: those for its destination port, and those for no port in
 * particular. The kernel has nothing of the kind and walks all of them; what matches, and what is counted, is the same.
 */
import type { SkBuff } from '../skb.ts';
import { MATCHES } from './matches.ts';
import { PROTOCOL, type Rule } from './rule.ts';

/** Chains shorter than this are walked. */
const WORTHWHILE = 32;
/** With more rules than this for no port in particular, walking is as good. */
const MOST_OTHERS = 256;

/** Numbers of the rules to try, in their order. */
export class RuleIndex {
  private readonly byPort = new Map<number, number[]>();
  private readonly others: readonly number[];
  private readonly merged = new Map<number, readonly number[]>();

  private constructor(byPort: Map<number, number[]>, others: readonly number[]) {
    this.byPort = byPort;
    this.others = others;
  }

  /** The index of a chain, or undefined where it is of no use. */
  static of(rules: readonly Rule[]): RuleIndex | undefined {
    if (rules.length < WORTHWHILE) return undefined;
    const byPort = new Map<number, number[]>();
    const others: number[] = [];
    for (const [i, rule] of rules.entries()) {
      const key = portOf(rule);
      if (key === undefined) others.push(i);
      else if (byPort.has(key)) byPort.get(key)?.push(i);
      else byPort.set(key, [i]);
    }
    return others.length > MOST_OTHERS ? undefined : new RuleIndex(byPort, others);
  }

  /** The rules a packet can match. */
  candidates({ protocol, destinationPort }: SkBuff): readonly number[] {
    if (protocol !== PROTOCOL.tcp && protocol !== PROTOCOL.udp) return this.others;
    const key = keyOf(protocol, destinationPort);
    const own = this.byPort.get(key);
    if (own === undefined) return this.others;
    let merged = this.merged.get(key);
    if (merged === undefined) {
      merged = [...own, ...this.others].sort((a, b) => a - b);
      this.merged.set(key, merged);
    }
    return merged;
  }
}

function keyOf(protocol: number, port: number): number {
  return protocol * 0x10000 + port;
}

/** The one port a rule is for, with its protocol. */
function portOf({ protocol, matches }: Rule): number | undefined {
  if (protocol === undefined || protocol.not === true) return undefined;
  for (const match of matches) {
    // What remembers packets must be asked about all of them, what is not modelled must be told of all of them.
    if (match.name === 'unmodelled' || MATCHES.get(match.name)?.stateful === true) return undefined;
    if (match.name !== 'tcp' && match.name !== 'udp') continue;
    const port = match.destinationPort;
    if (port !== undefined && port.first === port.last && port.not !== true) return keyOf(protocol.number, port.first);
  }
  return undefined;
}
