/** curl and http (HTTPie): one GET request and what they print of it. Follows curl 7.29 and HTTPie 1.0. */
import { type OptionTable, Refusal, readOptions, type Tool, type ToolResult } from '@portolan/core';
import { parseTarget, type RequestOptions } from '../node/http-client.ts';
import type { DcosNode, HttpReply } from '../node/node.ts';

const REASONS: ReadonlyMap<string, string> = new Map([
  ['ECONNREFUSED', 'Connection refused'],
  ['EHOSTUNREACH', 'No route to host'],
  ['ENETUNREACH', 'Network is unreachable'],
  ['ETIMEDOUT', 'Connection timed out'],
]);

const CURL: OptionTable = {
  flags: [
    ['s', 'silent'],
    ['i', 'include'],
    ['S', 'show-error'],
    ['L', 'location'],
    ['h', 'help'],
  ],
  values: [
    ['X', 'request'],
    ['d', 'data'],
    ['H', 'header'],
  ],
};
const HTTPIE: OptionTable = { flags: [['h', 'help']] };

const USAGE = 'Usage: curl [-s] [-i] [-L] [-X METHOD] [-H HEADER] [-d DATA] URL\n';

/** `curl URL`: prints the body. */
export function curl(node: DcosNode): Tool {
  return {
    name: 'curl',
    summary: 'transfer a URL over http',
    run: (args) => {
      const options = readOptions('curl', CURL, args, (option) => `curl: option ${option}: is unknown`);
      if (options.has('h')) return { stdout: USAGE, stderr: '', code: 0 };
      const [url, ...more] = options.words;
      if (url === undefined) return { stdout: '', stderr: "curl: try 'curl --help' for more information\n", code: 2 };
      if (more.length > 0) throw notModelled('curl', 'more than one URL');
      if (args.filter((word) => word === '-H' || word === '--header').length > 1) throw notModelled('curl', 'more than one -H');
      const reply = node.http(url, requestOptions(options));
      if (reply.failure !== undefined) return curlFailure(url, reply.failure, options.has('s') && !options.has('S'));
      return { stdout: (options.has('i') ? `${headText(reply)}\n` : '') + reply.body, stderr: '', code: 0 };
    },
  };
}

/** What `-X`, `-H`, `-d` and `-L` ask for. */
function requestOptions(options: ReturnType<typeof readOptions>): RequestOptions {
  const [method, data, header] = [options.value('X'), options.value('d'), options.value('H')];
  const colon = header?.indexOf(':') ?? -1;
  const form = ['Content-Type', 'application/x-www-form-urlencoded'] as const;
  const given = header === undefined ? [] : [[header.slice(0, Math.max(0, colon)), header.slice(colon + 1).trim()] as const];
  const typed = given.some(([name]) => name.toLowerCase() === 'content-type');
  return {
    ...(method === undefined ? {} : { method }),
    ...(data === undefined ? {} : { body: data }),
    headers: [...(data === undefined || typed ? [] : [form]), ...given],
    follow: options.has('L'),
  };
}

/** `http HOST:PORT`: prints headers, sorted, and body. */
export function httpie(node: DcosNode): Tool {
  return {
    name: 'http',
    summary: 'HTTPie: request a URL and print headers and body',
    run: (args) => {
      const options = readOptions('http', HTTPIE, args, (option) => `http: error: unrecognized arguments: ${option}`);
      const [url, ...more] = options.words;
      if (url === undefined || options.has('h'))
        return { stdout: '', stderr: 'usage: http URL\n', code: options.has('h') ? 0 : 1 };
      if (more.length > 0) throw notModelled('http', 'request items');
      const reply = node.http(url, { userAgent: 'HTTPie/1.0.2' });
      if (reply.failure !== undefined)
        return {
          stdout: '',
          stderr: `\nhttp: error: ConnectionError: ${reply.failure} while doing GET request to URL: http://${url}/\n`,
          code: 1,
        };
      const sorted = [...reply.headers].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
      return { stdout: `${headText({ ...reply, headers: sorted })}\n${reply.body}\n`, stderr: '', code: 0 };
    },
  };
}

function headText(reply: HttpReply): string {
  return [`HTTP/1.1 ${reply.status} ${reply.reason}`, ...reply.headers.map(([name, value]) => `${name}: ${value}`)]
    .map((line) => `${line}\n`)
    .join('');
}

function curlFailure(url: string, failure: string, silent: boolean): ToolResult {
  const { host, port } = parseTarget(url);
  const [code, text] =
    failure === 'no such host'
      ? [6, `Could not resolve host: ${host}`]
      : failure === 'EMPTY'
        ? [52, 'Empty reply from server']
        : failure === 'ECONNRESET'
          ? [56, 'Recv failure: Connection reset by peer']
          : [7, `Failed connect to ${host}:${port}; ${REASONS.get(failure) ?? failure}`];
  return { stdout: '', stderr: silent ? '' : `curl: (${code}) ${text}\n`, code };
}

/** The refusal of something a tool could do and the model does not. */
export function notModelled(tool: string, what: string): Refusal {
  return new Refusal({ component: tool, code: 'not-modelled', message: `${tool}: ${what} is not modelled` });
}
