/**
 * One run of Marathon-LB: generate, let HAProxy check, and if it refuses, build up the configuration app by app without
 * those it refuses (mesosphere/marathon-lb, marathon_lb.py `make_config_valid_and_regenerate`, 1.15.0).
 */
import { Refusal } from '@portolan/core';
import { type HaproxyConfig, readHaproxyConfig } from '../haproxy/haproxy.ts';
import { type GeneratedConfig, haproxyConfig, type LoadBalancerOptions } from './config.ts';

/** A configuration HAProxy accepts. */
export interface Regenerated extends GeneratedConfig {
  /** The same as a value. */
  readonly haproxy: HaproxyConfig;
  /** Apps that were left out, by id, with HAProxy's words. */
  readonly excluded: ReadonlyMap<string, Refusal>;
}

/**
 * The configuration that comes into force for these apps. If its text equals the one in force, nothing is reloaded.
 * @throws Refusal if a label cannot be read (then the old configuration stays), or for what the HAProxy here lacks
 */
export function regenerate(apps: readonly unknown[], options: LoadBalancerOptions): Regenerated {
  const whole = attempt(apps, options);
  if (!(whole instanceof Refusal)) return { ...whole, excluded: new Map() };
  const valid: unknown[] = [];
  const excluded = new Map<string, Refusal>();
  for (const app of apps) {
    const outcome = attempt([...valid, app], options);
    if (outcome instanceof Refusal) excluded.set(idOf(app), outcome);
    else valid.push(app);
  }
  const generated = haproxyConfig(valid, options);
  return { ...generated, haproxy: readHaproxyConfig(generated.text), excluded };
}

function attempt(apps: readonly unknown[], options: LoadBalancerOptions): Omit<Regenerated, 'excluded'> | Refusal {
  const generated = haproxyConfig(apps, options);
  try {
    return { ...generated, haproxy: readHaproxyConfig(generated.text) };
  } catch (error) {
    if (error instanceof Refusal && error.code !== 'not-modelled') return error;
    throw error;
  }
}

function idOf(app: unknown): string {
  return typeof app === 'object' && app !== null && 'id' in app ? String(app.id) : '';
}
