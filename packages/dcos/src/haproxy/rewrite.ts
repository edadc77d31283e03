/**
 * Rewriting of request and response lines by regular expression, `reqirep` and `rspirep`, in the forms Marathon-LB and Edge-LB
 * write them: a path prefix taken off or replaced, a Location header put below a path (HAProxy 2.0; gone in 2.1).
 */
import type { ConfigLine } from './lines.ts';
import { refuseLine } from './server-line.ts';

/** What a backend rewrites. */
export type Rewrite =
  /** Takes a prefix off the path, with one slash after it. */
  | { readonly kind: 'strip-prefix'; readonly prefix: string }
  /** Puts another prefix in the place of one. */
  | { readonly kind: 'replace-prefix'; readonly prefix: string; readonly by: string }
  /** Replaces a Location that is a path, or a URL of the host. */
  | { readonly kind: 'location'; readonly host: string; readonly path: string }
  /** Replaces a Location up to the last place where a path stands in it: a URL of any host, or what begins with that path. */
  | { readonly kind: 'location-prefix'; readonly prefix: string; readonly by: string };

/** Reads a `reqirep` or `rspirep` line. */
export function readRewrite(line: ConfigLine): Rewrite {
  const [word, pattern = '', replacement = ''] = line.words;
  const [before, after] = ['^([^ :]*) ', '/?(.*)'];
  if (word === 'reqirep' && pattern.startsWith(before) && pattern.endsWith(after) && replacement === String.raw`\1 /\2`)
    return { kind: 'strip-prefix', prefix: pattern.slice(before.length, -after.length) };
  if (word === 'reqirep' && pattern.startsWith(before) && pattern.endsWith('(.*)') && /^\\1 [^\\]*\\2$/.test(replacement))
    return { kind: 'replace-prefix', prefix: pattern.slice(before.length, -'(.*)'.length), by: replacement.slice(3, -2) };
  const anyHost = '^Location: (https?://.*(:[0-9]+)?)?';
  if (word === 'rspirep' && pattern.startsWith(anyHost) && pattern.endsWith('(.*)') && /^Location: [^\\]*\\3$/.test(replacement))
    return { kind: 'location-prefix', prefix: pattern.slice(anyHost.length, -'(.*)'.length), by: replacement.slice(10, -2) };
  const [start, end] = ['^Location: (https?://', '(:[0-9]+)?)?(/.*)'];
  if (word === 'rspirep' && pattern.startsWith(start) && pattern.endsWith(end) && replacement.startsWith('Location:'))
    return {
      kind: 'location',
      host: pattern.slice(start.length, -end.length),
      path: replacement.slice('Location:'.length).trim(),
    };
  throw refuseLine(line, 'not-modelled', `'${[word, pattern].join(' ').slice(0, 200)}' is not modelled`);
}

/** A request's target as the server gets it. */
export function rewrittenTarget(target: string, rewrites: readonly Rewrite[]): string {
  return rewrites.reduce((current, rewrite) => {
    if (rewrite.kind !== 'strip-prefix' && rewrite.kind !== 'replace-prefix') return current;
    if (!startsWith(current, rewrite.prefix)) return current;
    const rest = current.slice(rewrite.prefix.length);
    if (rewrite.kind === 'replace-prefix') return rewrite.by + rest;
    return rest.startsWith('/') ? rest : `/${rest}`;
  }, target);
}

/** A response's Location as the client gets it. */
export function rewrittenLocation(value: string, rewrites: readonly Rewrite[]): string {
  return rewrites.reduce((current, rewrite) => {
    if (rewrite.kind === 'location-prefix') return withPrefix(current, rewrite);
    if (rewrite.kind !== 'location') return current;
    const origin = ['http://', 'https://'].find((scheme) => startsWith(current, scheme + rewrite.host));
    if (origin === undefined) return current.startsWith('/') ? rewrite.path : current;
    const rest = current.slice(origin.length + rewrite.host.length);
    return /^(:[0-9]+)?\//.test(rest) ? rewrite.path : current;
  }, value);
}

function withPrefix(current: string, { prefix, by }: { readonly prefix: string; readonly by: string }): string {
  // `.*` takes as much as it can.
  const at = /^https?:\/\//i.test(current) ? current.toLowerCase().lastIndexOf(prefix.toLowerCase()) : -1;
  if (at > 'http:/'.length) return by + current.slice(at + prefix.length);
  return startsWith(current, prefix) ? by + current.slice(prefix.length) : current;
}

function startsWith(text: string, start: string): boolean {
  return text.slice(0, start.length).toLowerCase() === start.toLowerCase();
}
