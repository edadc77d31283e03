/**
 * `GET /v2/events`: Marathon's event bus as text, an event after the other, for as long as the asker listens.
 * Follows mesosphere/marathon v1.8 core/event/impl/stream, and the lines that Jetty's EventSourceServlet makes of an event, without its
 * heartbeats.
 */
import { questionOf } from './api-question.ts';
import type { BusEvent } from './event-bus.ts';

/** An event as the stream has it. */
export function eventText(event: BusEvent): string {
  return `event: ${event.eventType}\r\ndata: ${JSON.stringify(event)}\r\n\r\n`;
}

/** Whether a stream that was asked for by this path, `/v2/events?event_type=…&event_type=…`, has an event; without types it has all. */
export function subscribed(path: string, eventType: string): boolean {
  const types = questionOf({ path }).question.query.get('event_type');
  return types === undefined || types.includes(eventType);
}
