/**
 * Marathon's HTTP API: a request in, status, headers and body out. Follows mesosphere/marathon v1.8 api/RestResource.scala and
 * api/MarathonExceptionMapper.scala; a file of its own for each family of resources. No authentication, artifacts or plugins.
 */
import { MarathonRefusal } from '../app/refusal.ts';
import { APPS } from './api-apps.ts';
import { GROUPS } from './api-groups.ts';
import { type Answer, type Handler, NOT_ALLOWED, questionOf } from './api-question.ts';
import { SYSTEM } from './api-system.ts';
import { TASKS } from './api-tasks.ts';
import type { Marathon } from './marathon.ts';
import { POD_RESOURCES } from './pods-api.ts';

/** What is asked. */
export interface ApiRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With its query: `/v2/apps//httpi?force=true`. */
  readonly path: string;
  /** A JSON text or a parsed JSON value. */
  readonly body?: unknown;
  /** The header Accept: whether tasks are listed as `text/plain`. */
  readonly accept?: string;
  /** The address of who asks, for the event that tells of it. */
  readonly client?: string;
}

/** What is answered. */
export interface ApiResponse {
  readonly status: number;
  /** By name, as Marathon writes it. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: unknown;
}

/** Answers a request; what Marathon refuses is an answer like others. */
export function answerApi(marathon: Marathon, request: ApiRequest): ApiResponse {
  try {
    const { status, body, deployment, type = 'application/json' } = answerOf(marathon, request);
    const headers = new Map<string, string>(body === undefined ? [] : [['Content-Type', type]]);
    if (deployment !== undefined) headers.set('Marathon-Deployment-Id', deployment);
    return { status, headers, body: request.method === 'HEAD' ? undefined : body };
  } catch (refusal) {
    if (!(refusal instanceof MarathonRefusal)) throw refusal;
    return { status: refusal.status, headers: new Map([['Content-Type', 'application/json']]), body: refusal.body() };
  }
}

function answerOf(marathon: Marathon, { method, ...request }: ApiRequest): Answer {
  const { resource, question } = questionOf(request);
  const handler = RESOURCES.get(`${method === 'HEAD' ? 'GET' : method} ${resource}`);
  return handler?.(marathon, question) ?? (NAMES.has(resource) ? NOT_ALLOWED : NOT_FOUND);
}

const RESOURCES: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ...APPS,
  ...POD_RESOURCES,
  ...GROUPS,
  ...TASKS,
  ...SYSTEM,
]);
const NAMES: ReadonlySet<string> = new Set([...RESOURCES.keys()].map((key) => key.slice(key.indexOf(' ') + 1)));

/** No resource of that name; the status is Marathon's own. */
const NOT_FOUND: Answer = { status: 500, body: { message: 'URI not found' } };
