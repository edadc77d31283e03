/** One machine's whole configuration as one immutable value: what its kernel has been told and what its containerizers know. */
import type { NamespaceConfig } from '../kernel/config.ts';
import type { DockerState } from './docker/state.ts';
import type { UcrState } from './ucr/state.ts';

/** The configuration of one machine. */
export interface MachineConfig {
  /** Host name: `ip-172-16-9-84`. */
  readonly name: string;
  /** The machine's own (root) network namespace. */
  readonly host: NamespaceConfig;
  readonly docker: DockerState;
  readonly ucr: UcrState;
  /** Index the next device of the machine gets. */
  readonly nextIndex: number;
}
