/** HTTP/1.1 messages as text, and a server that speaks it on a TCP socket: one message a segment run, bodies by Content-Length. */
import { civil } from '../base/civil.ts';
import { utf8Length } from '../base/text.ts';
import type { TcpSocket } from '../kernel/socket/tcp.ts';
import type { TcpProgram } from '../kernel/socket/tcp-program.ts';
import type { HttpRequest, HttpResponse } from './program.ts';

const MOST_BYTES = 1 << 20;
/** From 1 January 1970 on. */
const WEEKDAYS = ['Thu', 'Fri', 'Sat', 'Sun', 'Mon', 'Tue', 'Wed'] as const;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

/** A request as text. */
export function requestText(request: HttpRequest): string {
  return `${request.method} ${request.path} HTTP/1.1\r\n${headerText(request.headers)}\r\n${request.body}`;
}

/** An answer as text. */
export function responseText(response: HttpResponse): string {
  return `HTTP/1.1 ${response.status} ${response.reason}\r\n${headerText(response.headers)}\r\n${response.body}`;
}

/** The request a text begins with, or undefined while it is not complete. */
export function parseRequest(text: string): HttpRequest | undefined {
  const parts = split(text);
  if (parts === undefined) return undefined;
  const [method = '', path = ''] = parts.first.split(' ');
  return { method, path, headers: parts.headers, body: parts.body };
}

/** The answer a text begins with, or undefined while it is not complete. */
export function parseResponse(text: string): HttpResponse | undefined {
  const parts = split(text);
  if (parts === undefined) return undefined;
  const [, status = '0', ...reason] = parts.first.split(' ');
  return { status: Number(status), reason: reason.join(' '), headers: parts.headers, body: parts.body };
}

/** A header's value; names are compared without regard to case. */
export function headerValue(headers: HttpRequest['headers'], name: string): string | undefined {
  return headers.find(([key]) => key.length === name.length && key.toLowerCase() === name)?.[1];
}

/** Who answers requests. */
export interface Responder {
  respond(request: HttpRequest, socket: TcpSocket): HttpResponse;
}

/** The program of an accepted connection: answers each request. */
export function httpServer(respond: Responder['respond']): TcpProgram {
  return new HttpServer({ respond });
}

/** As {@link httpServer}, by somebody who answers on many connections. */
export class HttpServer implements TcpProgram {
  private pending = '';

  constructor(private readonly responder: Responder) {}

  received(socket: TcpSocket, text: string): void {
    const pending = this.pending + text;
    const request = parseRequest(pending);
    this.pending = request === undefined ? pending : '';
    if (request !== undefined) socket.write(responseText(this.responder.respond(request, socket)));
    else if (pending.length > MOST_BYTES) socket.reset();
  }

  closed(socket: TcpSocket): void {
    socket.close();
  }
}

/** `Mon, 22 Jul 2019 16:00:09 GMT` for Unix milliseconds. */
export function httpDate(milliseconds: number): string {
  const days = Math.floor(milliseconds / 86_400_000);
  const seconds = Math.floor((milliseconds - days * 86_400_000) / 1000);
  const { year, month, day } = civil(days);
  const clock = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return `${WEEKDAYS[((days % 7) + 7) % 7]}, ${two(day)} ${MONTHS[month - 1]} ${year} ${clock} GMT`;
}

function two(n: number): string {
  return String(n).padStart(2, '0');
}

function headerText(headers: HttpRequest['headers']): string {
  let text = '';
  for (const [name, value] of headers) text += `${name}: ${value}\r\n`;
  return text;
}

function split(text: string): { first: string; headers: HttpRequest['headers']; body: string } | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const headers: (readonly [string, string])[] = [];
  const firstEnd = text.indexOf('\r\n');
  for (let at = firstEnd; at < end; ) {
    const next = text.indexOf('\r\n', at + 2);
    const colon = text.indexOf(':', at + 2);
    const nameEnd = colon < 0 || colon > next ? at + 2 : colon;
    headers.push([text.slice(at + 2, nameEnd), text.slice(nameEnd === colon ? colon + 1 : nameEnd, next).trim()]);
    at = next;
  }
  const length = Number(headerValue(headers, 'content-length') ?? 0);
  const body = text.slice(end + 4);
  return length > 0 && utf8Length(body) < length ? undefined : { first: text.slice(0, firstEnd), headers, body };
}
