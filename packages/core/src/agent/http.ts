/** HTTP/1.1 messages as text, and a server that speaks it on a TCP socket: one message a segment run, bodies by Content-Length. */
import { civil } from '../base/civil.ts';
import { utf8Length } from '../base/text.ts';
import type { TcpProgram, TcpSocket } from '../kernel/socket/tcp.ts';
import type { HttpRequest, HttpResponse } from './program.ts';

const MOST_BYTES = 1 << 20;

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
  return headers.find(([key]) => key.toLowerCase() === name)?.[1];
}

/** The program of an accepted connection: answers each request. */
export function httpServer(respond: (request: HttpRequest, socket: TcpSocket) => HttpResponse): TcpProgram {
  let pending = '';
  return {
    received: (socket, text) => {
      pending += text;
      const request = parseRequest(pending);
      if (request !== undefined) {
        pending = '';
        socket.write(responseText(respond(request, socket)));
      } else if (pending.length > MOST_BYTES) socket.reset();
    },
    closed: (socket) => socket.close(),
  };
}

/** `Mon, 22 Jul 2019 16:00:09 GMT` for Unix milliseconds. */
export function httpDate(milliseconds: number): string {
  const days = Math.floor(milliseconds / 86_400_000);
  const seconds = Math.floor((milliseconds - days * 86_400_000) / 1000);
  const { year, month, day } = civil(days);
  const weekday = ['Thu', 'Fri', 'Sat', 'Sun', 'Mon', 'Tue', 'Wed'][((days % 7) + 7) % 7];
  const name = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'][month - 1];
  const clock = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60].map(two).join(':');
  return `${weekday}, ${two(day)} ${name} ${year} ${clock} GMT`;
}

function two(n: number): string {
  return String(n).padStart(2, '0');
}

function headerText(headers: HttpRequest['headers']): string {
  return headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
}

function split(text: string): { first: string; headers: HttpRequest['headers']; body: string } | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [first = '', ...lines] = text.slice(0, end).split('\r\n');
  const headers = lines.map((line): readonly [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, Math.max(colon, 0)), line.slice(colon + 1).trim()];
  });
  const length = Number(headerValue(headers, 'content-length') ?? 0);
  const body = text.slice(end + 4);
  return utf8Length(body) < length ? undefined : { first, headers, body };
}
