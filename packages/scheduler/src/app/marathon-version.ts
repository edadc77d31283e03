/**
 * The versions of Marathon whose decisions differ: 1.8 (DC/OS 1.13, the post's) and 1.11 (DC/OS 2.2).
 * They part in GROUP_BY, in rolling restarts, in what an agent's draining does to backoff, and in the fields role and resourceLimits.
 */

/** A version this model can be. */
export type MarathonVersion = '1.8' | '1.11';

/** DC/OS 1.13's. */
export const DEFAULT_MARATHON_VERSION: MarathonVersion = '1.8';
