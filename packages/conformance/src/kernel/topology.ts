/** What a shape of a lab is, before rules and probes. */
import type { LabNamespace } from './lab.ts';

/** A shape, and what may be spoken of in it. */
export interface Topology {
  readonly name: string;
  readonly namespaces: readonly LabNamespace[];
  /** Where rules stand. */
  readonly ruled: readonly string[];
  readonly clients: readonly string[];
  readonly servers: readonly string[];
  /** Those of all machines, and some of none. */
  readonly addresses: readonly string[];
  readonly networks: readonly string[];
  /** Broadcast addresses of those networks. */
  readonly broadcasts?: readonly string[];
  /** How many probes at most; as many as are drawn unless given. */
  readonly probes?: number;
  /** Seconds that may pass before a probe; they change something. */
  readonly wait?: number;
  /** Of what the probes are; of all unless given. */
  readonly protocols?: readonly ('tcp' | 'udp' | 'icmp')[];
  /** Where translations in a namespace may lead; all addresses unless given. */
  readonly hosts?: (namespace: string) => readonly string[];
}
