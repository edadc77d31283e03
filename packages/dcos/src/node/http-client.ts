/** An HTTP client as curl is one: looks the name up, connects, asks, takes the answer and closes. */
import {
  type HttpResponse,
  type Namespace,
  parseResponse,
  type Random,
  Refusal,
  requestText,
  type TcpFailure,
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

/** Makes a GET request; `done` is told once. */
export function get(
  ns: Namespace,
  target: Target,
  options: { random: Random; agent: string },
  done: (outcome: HttpOutcome) => void,
): void {
  const { host, port } = target;
  let settled = false;
  const finish = (outcome: HttpOutcome): void => {
    if (!settled) done(outcome);
    settled = true;
  };
  lookup(ns, host, options.random, ([address]) => {
    if (address === undefined) return finish({ kind: 'no-such-host', host });
    let text = '';
    const socket = ns.sockets.connect(
      { address, port },
      {
        connected: (s) => s.write(requestOf(target, options.agent)),
        received: (s, part) => {
          text += part;
          const response = parseResponse(text);
          if (response === undefined) return;
          s.close();
          finish({ kind: 'response', response });
        },
        closed: (s) => {
          s.close();
          finish({ kind: 'failed', failure: 'EMPTY', host, port });
        },
        failed: (_, failure) => finish({ kind: 'failed', failure, host, port }),
      },
    );
    if (socket === undefined) finish({ kind: 'failed', failure: 'ENETUNREACH', host, port });
  });
}

function requestOf({ host, port, path }: Target, agent: string): string {
  return requestText({
    method: 'GET',
    path,
    headers: [
      ['Host', port === 80 ? host : `${host}:${port}`],
      ['User-Agent', agent],
      ['Accept', '*/*'],
    ],
    body: '',
  });
}

function refuse(message: string): Refusal {
  return new Refusal({ component: 'http', code: 'bad-url', path: 'url', message });
}
