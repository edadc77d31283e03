/**
 * Which Mesos master leads: ZooKeeper keeps them in the order in which they came, and the first leads. A master whose
 * process ends is missed when its session runs out, and stands last once systemd has started it again. Follows apache/mesos
 * src/zookeeper/contender.cpp and detector.cpp (session of 10 s) and dcos-mesos-master.service (RestartSec=15).
 */
import type { Clock, Ipv4 } from '@portolan/core';

/** Milliseconds until ZooKeeper forgets a master that has gone, and until systemd starts it again. */
const SESSION_TIMEOUT = 10_000;
const RESTART_DELAY = 15_000;

/** What others do when the leadership changes. */
export interface Electorate {
  readonly clock: Clock;
  /** The leading master's process has ended. */
  lost(leader: Ipv4): void;
  /** A master leads, and everybody has heard of it. */
  elected(leader: Ipv4): void;
}

/** The masters and their order. */
export class Masters {
  /** As ZooKeeper lists them. */
  private contenders: readonly Ipv4[];
  private readonly down = new Set<Ipv4>();
  private last: Ipv4;

  /** @param all the first one leads */
  constructor(
    readonly all: readonly [Ipv4, ...Ipv4[]],
    private readonly around: Electorate,
  ) {
    this.contenders = all;
    this.last = all[0];
  }

  /** The master that leads, or led last. */
  get leader(): Ipv4 {
    return this.last;
  }

  /** All of them, the leader first. */
  get listed(): readonly [Ipv4, ...Ipv4[]] {
    return [this.last, ...this.contenders.filter((master) => master !== this.last)];
  }

  /** A master's process ends and is started again; nothing if it is down already. */
  restart(master: Ipv4): void {
    if (this.down.has(master)) return;
    const { clock } = this.around;
    this.down.add(master);
    if (this.contenders[0] === master) this.around.lost(master);
    clock.after(SESSION_TIMEOUT, () => this.contend(this.contenders.filter((other) => other !== master)));
    clock.after(RESTART_DELAY, () => {
      this.down.delete(master);
      this.contend([...this.contenders, master]);
    });
  }

  private contend(contenders: readonly Ipv4[]): void {
    const [before] = this.contenders;
    const [first] = contenders;
    this.contenders = contenders;
    if (first === undefined || first === before || this.down.has(first)) return;
    this.last = first;
    this.around.elected(first);
  }
}
