/**
 * What Marathon's HTTP API tells of Marathon itself: `/v2/info` and `/ping`.
 * Follows mesosphere/marathon v1.8 api/v2/InfoResource.scala and api/SystemResource.scala, in fewer settings. Metrics are not modelled,
 * and who leads is known to the machines Marathon runs on only.
 */
import { SERVICE_PORT_RANGE } from '../app/service-ports.ts';
import { type Answer, type Handler, NOT_ALLOWED, type Question } from './api-question.ts';
import type { Marathon } from './marathon.ts';

/** The handlers, by method. */
export const SYSTEM: readonly (readonly [string, Handler])[] = [
  ['GET info', getInfo],
  ['GET /ping', ping],
  // A stream has no one answer: it is followed.
  ['GET events', () => NOT_ALLOWED],
  ['GET /metrics', () => notModelled('metrics')],
  ['GET leader', () => notModelled('who leads')],
];

function getInfo(marathon: Marathon): Answer {
  const { begin, end } = SERVICE_PORT_RANGE;
  return {
    status: 200,
    body: {
      name: 'marathon',
      version: marathon.version,
      elected: true,
      marathon_config: {
        framework_name: marathon.name,
        mesos_role: marathon.role,
        local_port_min: begin,
        local_port_max: end,
      },
    },
  };
}

function ping(_marathon: Marathon, { accept }: Question): Answer {
  const json = accept.includes('application/json') && !accept.includes('text/') && !accept.includes('*/*');
  return { status: 200, body: json ? '"pong"' : 'pong', type: json ? 'application/json' : 'text/plain' };
}

function notModelled(what: string): Answer {
  return { status: 501, body: { message: `${what}: not modelled` } };
}
