/**
 * A command of a simulated machine, and what it sees of that machine. Tools are pure text makers: they read the
 * machine through {@link Host}, change only its configuration and what the kernel keeps for `ipvsadm` and `conntrack`, and answer as the real program would on stdout,
 * stderr and with its exit code.
 */
import type { Draft } from 'immer';
import type { MachineConfig } from '../agent/config.ts';
import type { ConntrackRow, FdbRow, NeighbourRow, SocketRow } from '../agent/report.ts';
import type { IpSet, Route } from '../kernel/config.ts';
import type { Ipvs } from '../kernel/ipvs/ipvs.ts';
import type { LogLine } from '../kernel/kernel-log.ts';
import type { TableName } from '../kernel/netfilter/rule.ts';
import type { ChainCounters } from '../kernel/netfilter/save.ts';
import type { Counter } from '../kernel/netfilter/table.ts';

/** What a command printed, and its exit code. */
export interface ToolResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

/** A command: `name` is the word it is called by. */
export interface Tool {
  readonly name: string;
  /** One line for `help`. */
  readonly summary: string;
  /**
   * Runs it.
   * @param args the words after the name, unquoted
   * @param stdin what the command before it in a pipeline printed, or ''
   * @throws Refusal for what the real program could do and the model does not, named in its message
   */
  run(args: readonly string[], host: Host, stdin: string): ToolResult;
}

/** The machine a tool runs on, as the kernel's and the daemons' interfaces show it. */
export interface Host {
  /** Host name. */
  readonly name: string;
  /** Virtual milliseconds since the cluster's start. */
  readonly now: number;
  /** Unix time in milliseconds at virtual time 0: what a date printed by a tool counts from. */
  readonly epoch: number;
  readonly config: MachineConfig;
  /** Replaces the configuration by what the recipe makes of it. */
  configure(recipe: (draft: Draft<MachineConfig>) => void): void;
  /** Counters of a chain's policy and of its rules, in the rules' order. Of a user chain the policy counts nothing. */
  counters(table: TableName, chain: string): ChainCounters;
  /** Sets the counter of a chain's rule, by its place from 0, or of its policy. */
  setCounter(table: TableName, chain: string, place: number | 'policy', counter: Readonly<Counter>): void;
  /** ARP table: permanent entries and learned ones. */
  neighbours(): readonly NeighbourRow[];
  /** Forwarding entries that bridges learned or were given, and those of VXLAN devices; not the devices' own addresses. */
  fdb(): readonly FdbRow[];
  conntrack(): readonly ConntrackRow[];
  /** Sockets of the machine's own namespace. */
  sockets(): readonly SocketRow[];
  /** Takes out the connections that are asked for, and tells which they were. */
  deleteConnections(which: (row: ConntrackRow) => boolean): readonly ConntrackRow[];
  ipvs(): Ipvs;
  /** The kernel log, oldest line first. */
  kernelLog(): readonly LogLine[];
  /** Every route in force, of all tables: the configured ones, those that addresses bring, those of shared sources (VIPs). */
  routes(): readonly Route[];
  /** Every ipset: the configured ones and those of shared sources. */
  sets(): readonly IpSet[];
  /** Name of the device with that index in a namespace of this machine; undefined if there is none. */
  interfaceName(namespace: string, index: number): string | undefined;
}
