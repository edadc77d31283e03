/** ACCEPT, DROP, RETURN: targets without options. */
import type { TargetDescription } from '../targets.ts';

/** What they are called. */
export interface VerdictTarget {
  readonly name: 'ACCEPT' | 'DROP' | 'RETURN';
}

/** One of them. */
export function verdict(name: VerdictTarget['name']): TargetDescription<VerdictTarget> {
  return { name, options: [], start: () => ({ name }), list: () => '' };
}
