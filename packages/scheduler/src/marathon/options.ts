/** What Marathon is made of, and how its changes are asked for. Names in backticks are Marathon's own options. */
import type { Clock, Random } from '@portolan/core';
import type { MarathonVersion } from '../app/marathon-version.ts';
import type { HealthProbe } from '../health/monitor.ts';
import type { ReadinessProbe, ReadinessResponse } from '../health/readiness.ts';
import type { MatchSite } from '../match/offer-match.ts';
import type { MesosMaster } from '../mesos/master.ts';
import type { PortChooser } from './matcher.ts';

/** What Marathon is made of. */
export interface MarathonOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly master: MesosMaster;
  /** Replaces the random choice of ports. */
  readonly portChooser?: PortChooser;
  /** `--default_network_name`: the network of a container-mode app that names none. */
  readonly defaultNetworkName?: string;
  /** Unix time, in milliseconds, at which virtual time is 0. */
  readonly epoch?: number;
  /** Whose decisions to follow; 1.8 unless said. */
  readonly version?: MarathonVersion;
  /** Makes readiness checks; undefined if nothing answers. Needed beside `probe` by apps that have such checks. */
  readonly get?: (probe: ReadinessProbe) => ReadinessResponse | undefined;
  /** Makes health checks; without it, tasks are taken as healthy. */
  readonly probe?: (probe: HealthProbe) => boolean;
  /** The leading master's region, and settings that bear on which agents an app may use. */
  readonly site?: Omit<MatchSite, 'now'>;
}

/** Whether a change may take the place of a running deployment. */
export interface ChangeOptions {
  readonly force?: boolean;
}

/** How an app's definition is taken. */
export interface UpdateOptions extends ChangeOptions {
  /** Whether fields that are absent stay as they are, or get their defaults. Default true. */
  readonly partialUpdate?: boolean;
}
