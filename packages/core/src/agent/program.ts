/**
 * What runs in a container, as far as the network sees it: which ports it listens on, and what it answers.
 */

/** An HTTP request as a server gets it. */
export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  /** In the order they came. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

/** An HTTP answer. */
export interface HttpResponse {
  readonly status: number;
  readonly reason: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

/** Environment variables, sorted by name. */
export type Environment = readonly (readonly [name: string, value: string])[];

/** How a program starts: it listens, or it gives up. */
export type Start = { readonly ports: readonly number[] } | { readonly exitCode: number; readonly stderr: string };

/** An image's program. */
export interface Program {
  /** What it does with its environment. */
  start(env: Environment): Start;
  /** Its answer; `date` is the text of a Date header. */
  respond(request: HttpRequest, date: string): HttpResponse;
}

/** The value of an environment variable. */
export function envValue(env: Environment, name: string): string | undefined {
  return env.find(([key]) => key === name)?.[1];
}

/** The post's example: pi to ten decimal places on port $PORT_HTTP (dcos-labs/httpi at 994d7bc). */
export const HTTPI: Program = {
  start: (env) => {
    const port = Number(envValue(env, 'PORT_HTTP') ?? Number.NaN);
    return Number.isInteger(port) && port > 0 && port < 65536
      ? { ports: [port] }
      : { exitCode: 2, stderr: 'flag needs an argument: -port' };
  },
  respond: (_, date) => ({
    status: 200,
    reason: 'OK',
    headers: [
      ['Date', date],
      ['Content-Length', '12'],
      ['Content-Type', 'text/plain; charset=utf-8'],
    ],
    body: '3.1415926536',
  }),
};
