/**
 * The overlay module of one Mesos agent (a master has one too): what it knows, and how that changes with each message.
 * Pure functions; who sends what when is in registration.ts. Follows ManagerProcess of dcos-mesos-modules
 * overlay/agent.cpp, edc45dc: registered means that every overlay is configured, or that it was tried too often.
 */
import type { AgentOverlay } from '@portolan/core';

/** How far the configuration of an overlay is. */
export type OverlayStatus = 'STATUS_CONFIGURING' | 'STATUS_OK' | 'STATUS_FAILED';

/** An overlay as the module knows it. */
export interface ModuleOverlay {
  readonly part: AgentOverlay;
  readonly status: OverlayStatus;
  /** Why it failed. */
  readonly error?: string;
}

/** What a module knows. */
export interface ModuleState {
  readonly phase: 'registering' | 'registered';
  /** Acknowledgements since this master was detected. */
  readonly attempts: number;
  readonly overlays: readonly ModuleOverlay[];
}

/** A module whose process has just started. */
export const MODULE_AT_START: ModuleState = { phase: 'registering', attempts: 0, overlays: [] };

/** `dcos_overlay_config_attempts`: acknowledgements after which a module puts up with what failed. */
const MOST_ATTEMPTS = 4;
/** Milliseconds: the longest first wait for an answer, and the longest of all. */
export const FIRST_BACKOFF = 5000;
/** The longest one. */
export const LONGEST_BACKOFF = 600_000;

/** The longest wait after one that could have lasted so long. */
export function nextBackoff(longest: number): number {
  return Math.min(longest * 2, LONGEST_BACKOFF);
}

/** The connection to the master broke. */
export function masterExited(state: ModuleState): ModuleState {
  return { ...state, phase: 'registering' };
}

/** Another master leads, or none. */
export function masterDetected(state: ModuleState): ModuleState {
  return { ...state, phase: 'registering', attempts: 0 };
}

/**
 * The master said which overlays there are. Says which of them are to be configured now; undefined if the message is
 * dropped: nobody asked for it, or a configuration is under way.
 */
export function takeUpdate(
  state: ModuleState,
  parts: readonly AgentOverlay[],
): { readonly state: ModuleState; readonly configure: readonly AgentOverlay[] } | undefined {
  const configuring = state.overlays.some(({ status }) => status === 'STATUS_CONFIGURING');
  if (state.phase !== 'registering' || configuring) return undefined;
  const known = new Map(state.overlays.map((overlay) => [overlay.part.name, overlay]));
  const configure = parts.filter(({ name }) => known.get(name)?.status !== 'STATUS_OK');
  for (const part of configure) known.set(part.name, { part, status: 'STATUS_CONFIGURING' });
  return { state: { ...state, overlays: [...known.values()] }, configure };
}

/** The configuration of an overlay has ended, well or with an error. */
export function configured(state: ModuleState, name: string, error: string | undefined): ModuleState {
  const overlays = state.overlays.map((overlay): ModuleOverlay => {
    if (overlay.part.name !== name) return overlay;
    return error === undefined
      ? { part: overlay.part, status: 'STATUS_OK' }
      : { part: overlay.part, status: 'STATUS_FAILED', error };
  });
  return { ...state, overlays };
}

/** The master acknowledged what the module had told it of its overlays. */
export function acknowledged(state: ModuleState): ModuleState {
  const attempts = state.attempts + 1;
  const good = state.overlays.every(({ status }) => status === 'STATUS_OK');
  return { ...state, attempts, phase: good || attempts > MOST_ATTEMPTS ? 'registered' : state.phase };
}
