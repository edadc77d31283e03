/** HTTP servers of DC/OS' own daemons on a node: a request's method, path and body in, a page out. */
import { type HttpRequest, type HttpResponse, httpDate, httpServer, type Ipv4, type Machine } from '@portolan/core';

/** What is asked. */
export interface WebRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: HttpRequest['headers'];
  readonly body: string;
  /** The address of who asks. */
  readonly client: Ipv4;
}

/** What is answered; without a type there is no Content-Type. */
export interface WebPage {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly headers?: HttpResponse['headers'];
  /** More follows the body for as long as the asker listens: begins that, and returns what ends it. */
  readonly follow?: (send: (text: string) => void) => () => void;
}

/** Listens at an address and port; `now` is Unix time in milliseconds. */
export function serveWeb(
  machine: Machine,
  at: { readonly address: Ipv4; readonly port: number; readonly program: string },
  now: () => number,
  pageOf: (request: WebRequest) => WebPage,
): void {
  machine.host.sockets.listen(at, () => {
    let end = (): void => {};
    const server = httpServer((request, socket): HttpResponse => {
      const page = pageOf({ ...request, client: socket.remote });
      if (page.follow !== undefined) end = page.follow((text) => socket.write(text));
      return responseOf(page, now());
    });
    return {
      received: (socket, text) => server.received?.(socket, text),
      closed: (socket) => {
        end();
        server.closed?.(socket);
      },
      failed: () => end(),
    };
  });
}

/** What follows has no length that is known. */
function responseOf({ status, type, body, headers = [], follow }: WebPage, now: number): HttpResponse {
  const length = String(new TextEncoder().encode(body).length);
  return {
    status,
    reason: REASONS.get(status) ?? '',
    headers: [
      ['Date', httpDate(now)],
      ...(follow === undefined ? [['Content-Length', length] as const] : []),
      ...(type === '' ? [] : [['Content-Type', type] as const]),
      ...headers,
    ],
    body,
  };
}

/** A page for GET only. */
export function getOnly(pageOf: (path: string) => WebPage): (request: WebRequest) => WebPage {
  return ({ method, path }) => (method === 'GET' ? pageOf(path) : { status: 405, type: '', body: '' });
}

const REASONS: ReadonlyMap<number, string> = new Map([
  [200, 'OK'],
  [201, 'Created'],
  [202, 'Accepted'],
  [204, 'No Content'],
  [307, 'Temporary Redirect'],
  [400, 'Bad Request'],
  [403, 'Forbidden'],
  [404, 'Not Found'],
  [405, 'Method Not Allowed'],
  [409, 'Conflict'],
  [422, 'Unprocessable Entity'],
  [500, 'Internal Server Error'],
  [501, 'Not Implemented'],
  [503, 'Service Unavailable'],
]);
