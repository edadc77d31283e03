/**
 * Which agents are offered next, in random order, drawn one by one: an agent nobody asks for costs nothing.
 * Follows apache/mesos 1.8 src/master/allocator/mesos/hierarchical.cpp with the random sorters of DC/OS 1.13. There is one
 * framework, which takes everything on an agent; a filter is kept as the absence from the list of fresh agents.
 */
import type { Random } from '@portolan/core';
import type { AgentLedger } from './agent.ts';

/** The agents, and those among them that have something new to offer. */
export class Allocator {
  private readonly all: AgentLedger[] = [];
  private readonly fresh: AgentLedger[] = [];
  /** Drawn in this round and left as they were: no longer fresh when it ends. */
  private readonly declined = new Set<AgentLedger>();
  private round = 0;
  private drawn = 0;
  private freshDrawn = 0;
  private disturbed = false;

  constructor(private readonly random: Random) {}

  /** Whether any agent has something new to offer. */
  get hasFresh(): boolean {
    return this.fresh.length > 0;
  }

  /** A new agent. */
  add(agent: AgentLedger): void {
    agent.index = this.all.push(agent) - 1;
    this.refresh(agent);
  }

  /** An agent that is gone. */
  remove(agent: AgentLedger): void {
    this.disturbed = true;
    this.declined.delete(agent);
    this.unlist(agent);
    const last = this.all.pop() as AgentLedger;
    if (last !== agent) {
      this.all[agent.index] = last;
      last.index = agent.index;
    }
    agent.index = -1;
  }

  /** The agent has resources that were not offered yet. */
  refresh(agent: AgentLedger): void {
    this.declined.delete(agent);
    if (agent.freshIndex < 0 && agent.index >= 0) agent.freshIndex = this.fresh.push(agent) - 1;
  }

  /** What the agent has was offered in this round, and declined. */
  decline(agent: AgentLedger): void {
    this.declined.add(agent);
  }

  /** Starts a round of offers: every agent may be drawn once. */
  startRound(): void {
    this.round++;
    this.drawn = 0;
    this.freshDrawn = 0;
    this.disturbed = false;
  }

  /** Ends the round. False if an agent left in the middle of it, so that others may have been passed over. */
  endRound(): boolean {
    for (const agent of this.declined) this.unlist(agent);
    this.declined.clear();
    return !this.disturbed;
  }

  /** An agent at random out of all that were not drawn in this round, or out of the fresh ones only. */
  draw(freshOnly: boolean): AgentLedger | undefined {
    return freshOnly ? this.drawFresh() : this.drawAny();
  }

  /** Fisher-Yates from the front, as far as it is asked for. */
  private drawAny(): AgentLedger | undefined {
    while (this.drawn < this.all.length) {
      const at = this.drawn + this.random.nextInt(this.all.length - this.drawn);
      const agent = this.all[at] as AgentLedger;
      const first = this.all[this.drawn] as AgentLedger;
      this.all[at] = first;
      first.index = at;
      this.all[this.drawn] = agent;
      agent.index = this.drawn++;
      if (this.mark(agent)) return agent;
    }
    return undefined;
  }

  private drawFresh(): AgentLedger | undefined {
    while (this.freshDrawn < this.fresh.length) {
      const at = this.freshDrawn + this.random.nextInt(this.fresh.length - this.freshDrawn);
      const agent = this.fresh[at] as AgentLedger;
      const first = this.fresh[this.freshDrawn] as AgentLedger;
      this.fresh[at] = first;
      first.freshIndex = at;
      this.fresh[this.freshDrawn] = agent;
      agent.freshIndex = this.freshDrawn++;
      if (this.mark(agent)) return agent;
    }
    return undefined;
  }

  private mark(agent: AgentLedger): boolean {
    if (agent.round === this.round) return false;
    agent.round = this.round;
    if (!agent.allocatable) this.decline(agent);
    return agent.allocatable;
  }

  private unlist(agent: AgentLedger): void {
    if (agent.freshIndex < 0) return;
    const last = this.fresh.pop() as AgentLedger;
    if (last !== agent) {
      this.fresh[agent.freshIndex] = last;
      last.freshIndex = agent.freshIndex;
    }
    agent.freshIndex = -1;
  }
}
