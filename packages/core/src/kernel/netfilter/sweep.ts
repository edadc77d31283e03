/**
 * What a packet's walk through a built-in chain came to, kept for the packets that would walk the same way.
 * A walk that asked for nothing but the packet's devices and its relation to its connection is the same for every
 * packet that agrees in those: the same rules are met, counted and traced, with the same verdict. So most packets of a
 * connection need not ask the rules again. The law: a table forgets its sweeps whenever its chains are made ready anew,
 * and no sweep is kept of a walk that asked anything else, or on which a target did something to the packet.
 * The kernel has nothing of the kind and walks every time.
 */
import type { Device } from '../link/device.ts';
import type { CtInfo, SkBuff } from '../skb.ts';
import type { Counter, TableVerdict } from './table.ts';

type Step = NonNullable<SkBuff['hop']>['steps'][number];

/** Places for the sweeps of one chain. */
const PLACES = 32;

/** One walk: for which packets it counts, and what it met. */
export class Sweep {
  private readonly input: Device | undefined;
  private readonly output: Device | undefined;
  private readonly ctInfo: CtInfo | undefined;
  private readonly counters: Counter[] = [];
  private readonly steps: Step[] = [];
  private verdict: TableVerdict | undefined = undefined;

  constructor(skb: SkBuff) {
    this.input = skb.input;
    this.output = skb.output;
    this.ctInfo = skb.ctInfo;
  }

  /** Whether a packet agrees in all that a sweep may ask. */
  fits(skb: SkBuff): boolean {
    return this.input === skb.input && this.output === skb.output && this.ctInfo === skb.ctInfo;
  }

  /** The packet meets a rule or a policy. */
  meet(counter: Counter, step: Step): void {
    this.counters.push(counter);
    this.steps.push(step);
  }

  /** The walk is over. */
  finish(verdict: TableVerdict): void {
    this.verdict = verdict;
  }

  /** Lets another packet meet the same; undefined if the walk asked more than a sweep may. */
  repeat(skb: SkBuff): TableVerdict | undefined {
    if (this.verdict === undefined) return undefined;
    for (const counter of this.counters) {
      counter.packets++;
      counter.bytes += skb.length;
    }
    skb.hop?.steps.push(...this.steps);
    return this.verdict;
  }
}

/** The sweeps of one built-in chain; each has one place, and another that needs it takes it over. */
export class Sweeps {
  private readonly places: (Sweep | undefined)[] = new Array(PLACES).fill(undefined);

  /** The sweep a packet fits, be it one that cannot be repeated. */
  find(skb: SkBuff): Sweep | undefined {
    const sweep = this.places[placeOf(skb)];
    return sweep?.fits(skb) === true ? sweep : undefined;
  }

  /** Begins a sweep. */
  begin(skb: SkBuff): Sweep {
    const sweep = new Sweep(skb);
    this.places[placeOf(skb)] = sweep;
    return sweep;
  }
}

function placeOf({ input, output, ctInfo }: SkBuff): number {
  const devices = (input?.index ?? 0) * 7 + (output?.index ?? 0) * 3;
  return (devices + (ctInfo === 'established' ? 1 : 0)) % PLACES;
}
