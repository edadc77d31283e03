/** A request to Marathon's HTTP API taken apart, and what is made of it. */
import { absoluteId } from '../app/id.ts';
import type { Marathon } from './marathon.ts';

/** A request's parts. */
export interface Question {
  /** The path behind `/v2/<resource>/`, without empty parts. */
  readonly parts: readonly string[];
  readonly force: boolean;
  /** Parameters by name; one that comes several times has several values. */
  readonly query: ReadonlyMap<string, readonly string[]>;
  readonly body: unknown;
  /** The request's header. */
  readonly accept: string;
  /** Without its query. */
  readonly uri: string;
  /** The address of who asks. */
  readonly client: string;
}

/** An answer; with a deployment it goes out as a header too. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly deployment?: string | undefined;
  /** Content type; JSON unless said. */
  readonly type?: string;
}

/** What a resource answers to a method that it has not. */
export const NOT_ALLOWED: Answer = { status: 405, body: { message: 'Method Not Allowed' } };

/** Whether plain text is preferred; where both are as good, JSON is given. */
export function asksForText({ accept }: Question): boolean {
  return accept.includes('text/plain') && !accept.includes('application/json');
}

/** What answers a method of a resource. */
export type Handler = (marathon: Marathon, question: Question) => Answer;

interface QuestionSource {
  readonly path: string;
  readonly body?: unknown;
  readonly accept?: string;
  readonly client?: string;
}

/** A parameter's first value. */
export function parameter({ query }: Question, name: string): string | undefined {
  return query.get(name)?.[0];
}

/** Takes a path with its query apart: the resource, with a slash if it is not one of `/v2`, and the question. */
export function questionOf({ path, body, accept = '', client = '127.0.0.1' }: QuestionSource): {
  readonly resource: string;
  readonly question: Question;
} {
  const [uri = '', queryText = ''] = path.split('?', 2);
  const query = new Map<string, string[]>();
  for (const pair of queryText.split('&')) {
    const [key = '', ...rest] = pair.replaceAll('+', ' ').split('=');
    const name = decoded(key);
    query.set(name, [...(query.get(name) ?? []), decoded(rest.join('='))]);
  }
  const [, version = '', name = '', ...below] = uri.split('/');
  const [resource, parts] = version === 'v2' ? [name, below] : [`/${version}`, [name, ...below]];
  const force = query.get('force')?.[0] === 'true';
  return {
    resource,
    question: { parts: parts.filter((part) => part !== '').map(decoded), force, query, body, accept, uri, client },
  };
}

/** What was just changed: the deployment that does it, and the version of what it changes. */
export function changed(marathon: Marathon, status = 200): Answer {
  const { id, version } = marathon.latestChange ?? { id: '', version: '' };
  return { status, body: { version, deploymentId: id }, deployment: id };
}

/** The absolute id that the first parts of a path name, as far as none of `ends` comes, and what follows. */
export function idAndRest(
  parts: readonly string[],
  ends: readonly string[],
): { readonly id: string; readonly rest: readonly string[] } {
  const at = parts.findIndex((part, i) => i > 0 && ends.includes(part));
  const end = at < 0 ? parts.length : at;
  return { id: absoluteId(parts.slice(0, end).join('/')), rest: parts.slice(end) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
