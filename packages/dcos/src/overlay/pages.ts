/**
 * The overlay modules' pages, `/overlay-master/...` beside the Mesos master's and `/overlay-agent/overlay` beside those of each Mesos
 * process (dcos-mesos-modules overlay/master.cpp `stateEndpoint` and `deleteAgentsEndpoint`, overlay/agent.cpp, edc45dc).
 */
import { type Ipv4, isIpv4, parseIpv4 } from '@portolan/core';
import { getOnly, type WebPage, type WebRequest } from '../node/web-server.ts';
import type { OverlayRegistration } from './registration.ts';

/** What the pages are made of. */
export type OverlaySources = Pick<OverlayRegistration, 'masterState' | 'nodeState' | 'deleteAgents' | 'forgets'>;

/** A page of the modules on a node; undefined if it is none of theirs. */
export function overlayPage(overlay: OverlaySources, node: Ipv4, leads: boolean, request: WebRequest): WebPage | undefined {
  const [path] = request.path.split('?', 1);
  if (path === '/overlay-agent/overlay') return getOnly(() => jsonOf(overlay.nodeState(node)))(request);
  if (!leads) return undefined;
  if (path === '/overlay-master/state') return getOnly(() => jsonOf(overlay.masterState()))(request);
  return path === '/overlay-master/agents/delete' && overlay.forgets ? deletePage(overlay, request) : undefined;
}

function deletePage(overlay: OverlaySources, { method, body }: WebRequest): WebPage {
  if (method !== 'POST') {
    const expected = `Expecting one of { 'POST' }, but received '${method}'`;
    return { status: 405, type: '', body: expected, headers: [['Allow', 'POST']] };
  }
  if (!overlay.deleteAgents([])) return jsonOf(undefined);
  const agents = agentsOf(body);
  if (agents === undefined) return { status: 400, type: '', body: '' };
  overlay.deleteAgents(agents);
  return jsonOf(overlay.masterState());
}

/** The addresses of `{"agents": ["172.16.0.12", ...]}`. */
function agentsOf(body: string): readonly Ipv4[] | undefined {
  const agents = listOf(body);
  return agents?.every((agent): agent is string => typeof agent === 'string' && isIpv4(agent))
    ? agents.map(parseIpv4)
    : undefined;
}

function listOf(body: string): readonly unknown[] | undefined {
  try {
    const json: unknown = JSON.parse(body);
    return typeof json === 'object' && json !== null && 'agents' in json && Array.isArray(json.agents) ? json.agents : undefined;
  } catch {
    return undefined;
  }
}

function jsonOf(state: object | undefined): WebPage {
  return state === undefined
    ? { status: 503, type: '', body: '' }
    : { status: 200, type: 'application/json', body: JSON.stringify(state) };
}
