/** An HTTP client as curl is one: looks the name up, connects, asks, takes the answer, follows redirects if asked, and closes. */
import {
  assert,
  type HttpRequest,
  type HttpResponse,
  headerValue,
  type Namespace,
  parseResponse,
  type Random,
  Refusal,
  requestText,
  type TcpFailure,
  type TcpSocket,
} from '@portolan/core';
import { lookup } from './resolver.ts';

/** What became of a request. */
export type HttpOutcome =
  | { readonly kind: 'response'; readonly response: HttpResponse }
  | { readonly kind: 'no-such-host'; readonly host: string }
  | { readonly kind: 'failed'; readonly failure: TcpFailure | 'EMPTY'; readonly host: string; readonly port: number };

/** A request to be made. */
export interface Target {
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

/**
 * Reads a URL; without a scheme it is http.
 * @throws Refusal `bad-url`
 */
export function parseTarget(url: string): Target {
  const match = /^(?:(\w{1,10}):\/\/)?([A-Za-z0-9._-]{1,253})(?::(\d{1,5}))?(\/[^\s]{0,2000})?$/.exec(url);
  const port = match?.[3] === undefined ? 80 : Number(match[3]);
  const host = match?.[2];
  if (host === undefined || port < 1 || port > 65535)
    throw refuse(`'${url.slice(0, 80)}' is not a URL such as http://172.16.9.84:16327/`);
  if (match?.[1] !== undefined && match[1] !== 'http') throw refuse(`only http is modelled, not '${match[1]}'`);
  return { host, port, path: match?.[4] ?? '/' };
}

/** A request's method, headers and body. */
export interface RequestOptions {
  /** Default `GET`, or `POST` with a body. */
  readonly method?: string;
  /** Headers added to `Host`, `User-Agent` and `Accept`, or put in their place. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly body?: string;
  /** Follows redirects, at most 50 as curl does. */
  readonly follow?: boolean;
}

const MOST_REDIRECTS = 50;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * The request a client sends.
 * @throws Refusal `bad-request` for a method or header that would break the message
 */
export function requestOf(target: Target, agent: string, options: RequestOptions): HttpRequest {
  const { host, port, path } = target;
  const body = options.body ?? '';
  const method = options.method ?? (options.body === undefined ? 'GET' : 'POST');
  if (!/^[A-Z]{1,20}$/.test(method)) throw refuse(`'${String(method).slice(0, 40)}' is not a method`, 'bad-request');
  const own = options.headers ?? [];
  const strange = own.find(([name, value]) => !/^[A-Za-z0-9-]{1,100}$/.test(name) || !/^[^\r\n]{0,8000}$/.test(value));
  if (strange !== undefined) throw refuse(`'${String(strange[0]).slice(0, 40)}' is not a header of one line`, 'bad-request');
  const names = new Set(own.map(([name]) => name.toLowerCase()));
  const usual: readonly (readonly [string, string])[] = [
    ['Host', port === 80 ? host : `${host}:${port}`],
    ['User-Agent', agent],
    ['Accept', '*/*'],
    ...(body === '' ? [] : [['Content-Length', String(new TextEncoder().encode(body).length)] as const]),
  ];
  return { method, path, headers: [...usual.filter(([name]) => !names.has(name.toLowerCase())), ...own], body };
}

/** Makes a request, and those its redirects lead to if asked; `done` is told once. */
export function send(
  ns: Namespace,
  target: Target,
  options: RequestOptions & { readonly random: Random; readonly agent: string },
  done: (outcome: HttpOutcome) => void,
): void {
  const go = (to: Target, how: RequestOptions, left: number): void => {
    const connection = new HttpConnection(ns, to, options.random);
    connection.ask(requestOf(to, options.agent, how), (outcome) => {
      connection.close();
      const next = how.follow === true && left > 0 ? redirectOf(to, how, outcome) : undefined;
      if (next === undefined) done(outcome);
      else go(next.target, next.options, left - 1);
    });
  };
  go(target, options, MOST_REDIRECTS);
}

/** Where an answer leads; after 301 to 303 a POST goes on as a GET. */
function redirectOf(
  from: Target,
  options: RequestOptions,
  outcome: HttpOutcome,
): { readonly target: Target; readonly options: RequestOptions } | undefined {
  if (outcome.kind !== 'response' || !REDIRECTS.has(outcome.response.status)) return undefined;
  const location = headerValue(outcome.response.headers, 'location');
  // What is not http, such as https, is left to whoever asked.
  if (location === undefined || (!location.startsWith('http://') && !location.startsWith('/'))) return undefined;
  const target = location.startsWith('/') ? { ...from, path: location } : parseTarget(location);
  if (outcome.response.status > 303) return { target, options };
  const { body: _, method, ...rest } = options;
  return { target, options: method === 'HEAD' ? { ...rest, method } : rest };
}

/** A client's connection, kept for further requests until either side closes. */
export class HttpConnection {
  private socket: TcpSocket | undefined;
  private text = '';
  private waiting: ((outcome: HttpOutcome) => void) | undefined;

  constructor(
    private readonly ns: Namespace,
    private readonly target: Target,
    private readonly random: Random,
  ) {}

  /** Whether it stands. */
  get open(): boolean {
    return this.socket !== undefined;
  }

  /** Sends a request, over a new connection if there is none; one at a time. */
  ask(request: HttpRequest, done: (outcome: HttpOutcome) => void): void {
    assert(this.waiting === undefined, 'one request at a time');
    this.waiting = done;
    if (this.socket !== undefined) this.socket.write(requestText(request));
    else this.connect(request);
  }

  /** Closes it. */
  close(): void {
    this.socket?.close();
    this.socket = undefined;
  }

  private connect(request: HttpRequest): void {
    const { host, port } = this.target;
    lookup(this.ns, host, this.random, ([address]) => {
      if (address === undefined) return this.finish({ kind: 'no-such-host', host });
      const socket = this.ns.sockets.connect(
        { address, port },
        {
          connected: (s) => s.write(requestText(request)),
          received: (_, part) => this.take(part),
          closed: () => {
            this.close();
            this.finish({ kind: 'failed', failure: 'EMPTY', host, port });
          },
          failed: (_, failure) => {
            this.socket = undefined;
            this.finish({ kind: 'failed', failure, host, port });
          },
        },
      );
      if (socket === undefined) this.finish({ kind: 'failed', failure: 'ENETUNREACH', host, port });
      else if (this.waiting !== undefined) this.socket = socket;
    });
  }

  private take(part: string): void {
    this.text += part;
    const response = parseResponse(this.text);
    if (response === undefined) return;
    this.text = '';
    this.finish({ kind: 'response', response });
  }

  private finish(outcome: HttpOutcome): void {
    const { waiting } = this;
    this.waiting = undefined;
    waiting?.(outcome);
  }
}

function refuse(message: string, code = 'bad-url'): Refusal {
  return new Refusal({ component: 'http', code, path: code === 'bad-url' ? 'url' : 'options', message });
}
