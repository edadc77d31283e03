/**
 * Flags of schedulers: three bits, which sh and mh have names for.
 * Follows parse_sched_flags and print_sched_flags of ipvsadm.c (1.31).
 */

/** Try other places if the first server is not usable. */
export const FALLBACK = 1;
/** Let the client's port count. */
export const PORT = 2;

const NAMES = ['flag-1', 'flag-2', 'flag-3'] as const;

/** The bit of a flag; 0 if the name is none, undefined if it is another scheduler's. */
export function flagBit(name: string, scheduler: string): number | undefined {
  const plain: number = (NAMES as readonly string[]).indexOf(name);
  if (plain >= 0) return 1 << plain;
  const own = /^(sh|mh)-(fallback|port)$/.exec(name);
  if (own === null) return 0;
  if (own[1] !== scheduler) return undefined;
  return own[2] === 'fallback' ? FALLBACK : PORT;
}

/** The names of a scheduler's flags, as ipvsadm lists them: `sh-fallback,sh-port`. */
export function flagText(flags: number, scheduler: string): string {
  const named = scheduler === 'sh' || scheduler === 'mh';
  const names = named ? [`${scheduler}-fallback`, `${scheduler}-port`] : NAMES;
  return names.filter((_, bit) => (flags & (1 << bit)) !== 0).join(',');
}
