/** One node of a cluster, as a person on it sees it: a shell, an HTTP client, a resolver. */
import {
  type Cluster,
  CORE_TOOLS,
  type HttpResponse,
  type Ipv4,
  type Machine,
  type Namespace,
  type Random,
  Refusal,
  runShell,
  type ShellResult,
  type Tool,
  Trace,
  toolRegistry,
} from '@portolan/core';
import type { DnsQuestion, DnsReply } from '../dns/message.ts';
import { HttpConnection, type HttpOutcome, parseTarget, type RequestOptions, requestOf, send } from './http-client.ts';
import { ask, askForAll } from './resolver.ts';

/** Longest a request may take, in virtual milliseconds: TCP gives up after 127 s, each name server look-up after 9 s. */
const PATIENCE = 300_000;

/** What came of a request, and how it came there. */
export interface HttpReply {
  /** 0 if there was no answer. */
  readonly status: number;
  readonly reason: string;
  readonly headers: HttpResponse['headers'];
  readonly body: string;
  /** Why there was no answer, as the system calls it: `ECONNREFUSED`, `EHOSTUNREACH`, `ETIMEDOUT`, `no such host`, ... */
  readonly failure: string | undefined;
  /** Every packet of it: empty unless it was traced. */
  readonly trace: Trace;
}

/** How a request is made, and whether its packets are traced; default true. */
export interface HttpOptions extends RequestOptions {
  readonly trace?: boolean;
  /** Default that of curl. */
  readonly userAgent?: string;
}

/** A connection kept for several requests. */
export interface HttpSession {
  /** Makes a request; redirects are not followed. */
  http(path: string, options?: HttpOptions): HttpReply;
  close(): void;
}

const USER_AGENT = 'curl/7.29.0';

/** A node, or a container on it. */
export class DcosNode {
  /** `ip-172-16-9-84`. */
  readonly name: string;
  readonly address: Ipv4;
  readonly machine: Machine;
  private readonly cluster: Cluster;
  private readonly random: Random;
  private readonly extraTools: (node: DcosNode) => readonly Tool[];
  private namespace: () => Namespace;

  constructor(
    machine: Machine,
    address: Ipv4,
    options: { cluster: Cluster; random: Random; tools: (node: DcosNode) => readonly Tool[] },
  ) {
    this.name = machine.name;
    this.address = address;
    this.machine = machine;
    this.cluster = options.cluster;
    this.random = options.random;
    this.extraTools = options.tools;
    this.namespace = () => machine.host;
  }

  /** The same machine, with requests made from inside a container: by its name, id or the first digits of it. */
  container(name: string): DcosNode {
    const inside = new DcosNode(this.machine, this.address, {
      cluster: this.cluster,
      random: this.random,
      tools: this.extraTools,
    });
    inside.namespace = () => {
      const ns = this.machine.namespace(name);
      if (ns === undefined) throw noSuchContainer(name);
      return ns;
    };
    inside.namespace();
    return inside;
  }

  /**
   * Runs a command line, as in `iptables -n -t nat -L DOCKER`.
   * @throws Refusal for commands and options that are not modelled, and for what a tool refuses by an exception
   */
  shell(line: string): ShellResult {
    return runShell(line, this.machine, toolRegistry(CORE_TOOLS, this.extraTools(this)));
  }

  /**
   * Makes a request, GET unless told otherwise, and waits for its end; virtual time passes only if something has to be
   * waited for.
   * @throws Refusal `bad-url`, `bad-request`
   */
  http(url: string, options: HttpOptions = {}): HttpReply {
    const target = parseTarget(url);
    const agent = options.userAgent ?? USER_AGENT;
    requestOf(target, agent, options);
    return this.conversation(options, target, (done) =>
      send(this.namespace(), target, { ...options, random: this.random, agent }, done),
    );
  }

  /**
   * A connection that is kept for several requests, as browsers and proxies keep it; made with the first of them.
   * @throws Refusal `bad-url`
   */
  connection(url: string): HttpSession {
    const target = parseTarget(url);
    const connection = new HttpConnection(this.namespace(), target, this.random);
    return {
      http: (path, options = {}) => {
        const request = requestOf({ ...target, path }, options.userAgent ?? USER_AGENT, options);
        return this.conversation(options, target, (done) => connection.ask(request, done));
      },
      close: () => {
        connection.close();
        this.cluster.run();
      },
    };
  }

  private conversation(
    options: HttpOptions,
    target: { readonly host: string; readonly port: number },
    begin: (done: (outcome: HttpOutcome) => void) => void,
  ): HttpReply {
    const run = (): HttpOutcome => {
      let outcome: HttpOutcome | undefined;
      begin((result) => {
        outcome = result;
      });
      this.cluster.runUntil(() => outcome !== undefined, PATIENCE);
      return outcome ?? { kind: 'failed', failure: 'ETIMEDOUT', host: target.host, port: target.port };
    };
    if (options.trace === false) return replyOf(run(), new Trace());
    const { result, trace } = this.cluster.traced(run);
    return replyOf(result, trace);
  }

  /** Asks the node's name servers, by TCP again if the answer is cut short; undefined if none answers. */
  resolve(name: string, type = 'A'): DnsReply | undefined {
    return this.lookUp({ name, type, id: this.messageId() }, askForAll);
  }

  /** Asks the node's name servers a question with all that its message says, by its transport; undefined if none answers. */
  query(question: DnsQuestion): DnsReply | undefined {
    return this.lookUp(question, ask);
  }

  /** An id for a DNS message. */
  messageId(): number {
    return this.random.nextInt(0x10000);
  }

  private lookUp(question: DnsQuestion, how: typeof ask): DnsReply | undefined {
    let reply: DnsReply | undefined;
    let done = false;
    how(this.namespace(), question, (result) => {
      reply = result;
      done = true;
    });
    this.cluster.runUntil(() => done, PATIENCE);
    return reply;
  }
}

function replyOf(outcome: HttpOutcome, trace: Trace): HttpReply {
  if (outcome.kind === 'response') return { ...outcome.response, failure: undefined, trace };
  const failure = outcome.kind === 'no-such-host' ? 'no such host' : outcome.failure;
  return { status: 0, reason: '', headers: [], body: '', failure, trace };
}

function noSuchContainer(name: string): Refusal {
  return new Refusal({
    component: 'docker',
    code: 'no-such-container',
    path: name.slice(0, 60),
    message: `No such container: ${name.slice(0, 60)}`,
  });
}
