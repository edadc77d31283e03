/**
 * The paths under which Mesos answers on a master's port 5050 and an agent's 5051: `/state` and `/slaves`, and GET_STATE of the
 * operator API. Follows apache/mesos 1.8 src/master/http.cpp and src/slave/http.cpp; other calls and paths are refused by name.
 */
import type { WebPage, WebRequest } from '../node/web-server.ts';
import { agentGetState, masterGetState } from './get-state.ts';
import type { JsonRow } from './pieces.ts';
import { agentState, type MesosHttpSources, masterState, slavesJson } from './state.ts';

/** The leading master's port. */
export const MASTER_PORT = 5050;
/** An agent's port. */
export const AGENT_PORT = 5051;

/** What the leading master answers. */
export function masterPage(sources: MesosHttpSources, request: WebRequest): WebPage {
  const path = pathOf(request).replace(/^\/master(?=\/)/, '');
  if (path === '/api/v1') return operatorPage(request, () => masterGetState(sources));
  if (path === '/state' || path === '/state.json') return jsonPage(masterState(sources));
  if (path === '/slaves') return jsonPage(slavesJson(sources));
  if (path === '/health') return { status: 200, type: '', body: '' };
  return { status: 404, type: '', body: '' };
}

/** What an agent answers; nothing once the master does not know it any more. */
export function agentPage(agentId: string, sources: MesosHttpSources, request: WebRequest): WebPage {
  const path = pathOf(request).replace(/^\/slave\(1\)(?=\/)/, '');
  if (!sources.master.agents().some(({ id }) => id === agentId)) return { status: 503, type: '', body: '' };
  if (path === '/api/v1') return operatorPage(request, () => agentGetState(agentId, sources));
  if (path === '/state' || path === '/state.json') return jsonPage(agentState(agentId, sources));
  if (path === '/health') return { status: 200, type: '', body: '' };
  return { status: 404, type: '', body: '' };
}

function operatorPage({ method, body }: WebRequest, getState: () => JsonRow): WebPage {
  if (method !== 'POST') return { status: 405, type: '', body: `Expecting one of { 'POST' }, but received '${method}'` };
  const type = callType(body);
  if (type === undefined) return { status: 400, type: '', body: 'Failed to parse body into JSON: syntax error' };
  return type === 'GET_STATE' ? jsonPage(getState()) : { status: 501, type: '', body: `${type} is not modelled` };
}

/** The `type` of a call; undefined if the body is no call. */
function callType(body: string): string | undefined {
  try {
    const call: unknown = JSON.parse(body);
    if (typeof call !== 'object' || call === null || !('type' in call)) return undefined;
    return String(call.type).slice(0, 60);
  } catch {
    return undefined;
  }
}

function jsonPage(value: JsonRow): WebPage {
  return { status: 200, type: 'application/json', body: JSON.stringify(value) };
}

function pathOf({ path }: WebRequest): string {
  return path.split('?', 1)[0] ?? '';
}
