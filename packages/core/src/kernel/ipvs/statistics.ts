/**
 * What IPVS counts of a server, a service and a whole namespace, and the rates it estimates from that: every two
 * seconds it takes the counters as they are then, so what `ipvsadm --stats` shows lags behind by as much.
 * Follows linux net/netfilter/ipvs/ip_vs_est.c and ip_vs_copy_stats of ip_vs_ctl.c (6.1), in the same integers.
 */

/** Milliseconds between two estimates. */
const PERIOD = 2000;
/** Places in the arrays below: connections, packets in and out, bytes in and out. */
const FIELDS = 5;
const CONNECTIONS = 0;
const FIRST_BYTES = 3;
// Rates are kept in parts: 1024 of a connection or packet, 32 of a byte, per second.
const PARTS = [1024, 1024, 1024, 32, 32] as const;

/** Five numbers: of connections, packets in, packets out, bytes in, bytes out. */
export interface Amounts {
  readonly connections: number;
  readonly packetsIn: number;
  readonly packetsOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** Nothing counted. */
export const NO_AMOUNTS: Amounts = { connections: 0, packetsIn: 0, packetsOut: 0, bytesIn: 0, bytesOut: 0 };

/** The counters of one thing. */
export class Statistics {
  /** In the estimator's hands: something changed, or a rate is still falling. */
  awake = false;
  private readonly live = new Float64Array(FIELDS);
  private readonly taken = new Float64Array(FIELDS);
  private readonly zero = new Float64Array(FIELDS);
  private readonly rates = new Float64Array(FIELDS);

  connection(): void {
    this.live[CONNECTIONS] = (this.live[CONNECTIONS] as number) + 1;
  }

  /** @param out 0 for a packet towards a server, 1 for one from it */
  packet(out: 0 | 1, bytes: number): void {
    this.live[1 + out] = (this.live[1 + out] as number) + 1;
    this.live[FIRST_BYTES + out] = (this.live[FIRST_BYTES + out] as number) + bytes;
  }

  /** Counted since the last zeroing, as of the last estimate. */
  get amounts(): Amounts {
    return amounts((i) => (this.taken[i] as number) - (this.zero[i] as number));
  }

  /** Per second. */
  get perSecond(): Amounts {
    return amounts((i) => {
      const parts = PARTS[i] as number;
      return Math.floor(((this.rates[i] as number) + parts / 2 - 1) / parts);
    });
  }

  /** `ipvsadm -Z`: counts from here, with rates of 0. */
  reset(): void {
    this.zero.set(this.taken);
    this.rates.fill(0);
  }

  /** Takes the counters, `times` times in a row. False if nothing is left to be estimated. */
  estimate(times: number): boolean {
    for (let round = 0; round < times; round++) {
      let busy = false;
      for (let i = 0; i < FIELDS; i++) {
        const now = this.live[i] as number;
        const rate = ((now - (this.taken[i] as number)) * (PARTS[i] as number)) / 2;
        const before = this.rates[i] as number;
        this.taken[i] = now;
        this.rates[i] = before + Math.floor((rate - before) / 4);
        if (this.rates[i] !== 0) busy = true;
      }
      if (!busy) return false;
    }
    return true;
  }
}

/** The timer that has the statistics of a namespace estimated. */
export class Estimator {
  /** Virtual milliseconds of the next estimate; Infinity while nothing changes. */
  next = Number.POSITIVE_INFINITY;
  private awake: Statistics[] = [];
  private readonly phase: number;

  /** @param phase milliseconds after time 0 at which the first estimate falls: when the namespace was made */
  constructor(phase: number) {
    this.phase = phase % PERIOD;
  }

  /** Something is about to be counted. */
  wake(statistics: Statistics, now: number): void {
    if (statistics.awake) return;
    statistics.awake = true;
    if (this.awake.length === 0) this.next = this.after(now);
    this.awake.push(statistics);
  }

  /** Makes up for all estimates until now. */
  work(now: number): void {
    if (now < this.next) return;
    const times = Math.floor((now - this.next) / PERIOD) + 1;
    this.awake = this.awake.filter((statistics) => {
      statistics.awake = statistics.estimate(times);
      return statistics.awake;
    });
    this.next = this.awake.length === 0 ? Number.POSITIVE_INFINITY : this.after(now);
  }

  private after(now: number): number {
    return Math.floor((now - this.phase) / PERIOD) * PERIOD + this.phase + PERIOD;
  }
}

function amounts(of: (field: number) => number): Amounts {
  return { connections: of(0), packetsIn: of(1), packetsOut: of(2), bytesIn: of(3), bytesOut: of(4) };
}
