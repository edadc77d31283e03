/**
 * Marathon as it is asked over HTTP: its API, and its stream of events, which lasts as long as the asker keeps the connection.
 * Follows mesosphere/marathon v1.8 core/event/impl/stream/HttpEventStreamServlet.scala and api/v2/LeaderResource.scala.
 */
import { formatIpv4, headerValue, type Ipv4 } from '@portolan/core';
import {
  type ApiRequest,
  answerApi,
  type BusEvent,
  eventText,
  followBus,
  formatTimestamp,
  type Marathon,
  subscribed,
} from '@portolan/scheduler';
import type { WebPage, WebRequest } from './web-server.ts';

/** Marathon's port. */
export const MARATHON_PORT = 8080;

const METHODS: ReadonlyMap<string, ApiRequest['method']> = new Map(
  (['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const).map((method) => [method, method]),
);

/** What Marathon on the leading machine answers. */
export function marathonPage(marathon: Marathon, leader: Ipv4, request: WebRequest): WebPage {
  const { method, path, headers, body } = request;
  const known = METHODS.get(method);
  if (known === undefined) return { status: 405, type: '', body: '' };
  const accept = headerValue(headers, 'accept') ?? '';
  const [uri] = path.split('?', 1);
  if (uri === '/v2/events' && method === 'GET' && accept === 'text/event-stream') return eventsPage(marathon, request);
  if (uri === '/v2/leader' && method === 'GET') {
    return { status: 200, type: 'application/json', body: `{"leader":"${formatIpv4(leader)}:${MARATHON_PORT}"}` };
  }
  const client = formatIpv4(request.client);
  const answer = answerApi(marathon, { method: known, path, accept, client, ...(body === '' ? {} : { body }) });
  return { status: answer.status, type: '', body: bodyText(answer.body), headers: [...answer.headers] };
}

function eventsPage(marathon: Marathon, { path, client }: WebRequest): WebPage {
  const textOf = (event: BusEvent): string => (subscribed(path, event.eventType) ? eventText(event) : '');
  return {
    status: 200,
    type: 'text/event-stream;charset=utf-8',
    headers: [['Connection', 'close']],
    body: textOf(attached(marathon, client)),
    follow: (send) =>
      followBus(marathon, (event) => {
        const text = textOf(event);
        if (text !== '') send(text);
      }),
  };
}

function attached(marathon: Marathon, client: Ipv4): BusEvent {
  return {
    eventType: 'event_stream_attached',
    remoteAddress: formatIpv4(client),
    timestamp: formatTimestamp(marathon.epoch + marathon.now),
  };
}

function bodyText(body: unknown): string {
  if (body === undefined) return '';
  return typeof body === 'string' ? body : JSON.stringify(body);
}
