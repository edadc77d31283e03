/**
 * dcos-dns, the name server of every node (formerly spartan): decides where a question goes and answers those that are
 * its own, in the order that its round robin gives (dcos_dns_handler.erl of dcos/dcos-net@7bd01ac). Nothing is cached.
 */
import { absolute, type DnsQuestion, type DnsRecord, type DnsReply, lowerCase, messageSize, type RecordData } from './message.ts';
import { type RoutingTable, routeQuestion, type Upstream } from './router.ts';
import { resolve, type Zone } from './zone.ts';

/** What a dcos-dns answers from. */
export interface DnsWorld {
  readonly routing: RoutingTable;
  readonly zones: readonly Zone[];
  /** `round_robin` (the default) rotates by message id; anything else leaves records sorted. */
  readonly loadBalance?: string;
}

/** An answer, or to whom the question is passed on unchanged: the first of them that answers wins. */
export type DnsDecision =
  | { readonly kind: 'reply'; readonly reply: DnsReply }
  | { readonly kind: 'forward'; readonly zone: string; readonly upstreams: readonly Upstream[] };

/** Bytes of an answer over UDP to a client without EDNS. */
const UDP_LIMIT = 512;
/** Milliseconds an upstream has to answer. */
export const UPSTREAM_TIMEOUT = 5000;

/** Answers a question or says where to ask. */
export function answer(question: DnsQuestion, world: DnsWorld): DnsDecision {
  const route = routeQuestion(question.name, world.routing);
  if (route.kind === 'forward') {
    if (route.upstreams.length === 0) return { kind: 'reply', reply: failedReply(question) };
    return { kind: 'forward', zone: route.zone, upstreams: route.upstreams };
  }
  const reply = route.kind === 'internal' ? resolve(question, world.zones) : renamed(question, route, world.zones);
  return {
    kind: 'reply',
    reply: fitted({ ...reply, answers: balanced(reply.answers, question.id, world.loadBalance ?? 'round_robin') }),
  };
}

/** What a client gets when no upstream answers: its own query with code SERVFAIL, not even marked as a response. */
export function failedReply(question: DnsQuestion): DnsReply {
  const flags = { qr: false, aa: false, tc: false, rd: question.rd ?? true, ra: false, ad: question.ad ?? false };
  const edns = question.ednsSize !== undefined;
  return { question, rcode: 'SERVFAIL', flags, answers: [], authority: [], additional: [], edns };
}

/** CNAMEs first in their order; the others rotated left by the message id. */
function balanced(answers: readonly DnsRecord[], id: number, policy: string): readonly DnsRecord[] {
  const start = answers.findIndex(({ data }) => data.type !== 'CNAME');
  if (policy !== 'round_robin' || start < 0) return answers;
  const rest = answers.slice(start);
  const by = id % rest.length;
  return [...answers.slice(0, start), ...rest.slice(by), ...rest.slice(0, by)];
}

/** Over UDP as many answers as the client's buffer takes, and then nothing else. */
function fitted(reply: DnsReply): DnsReply {
  const { question } = reply;
  if (question.transport === 'tcp') return reply;
  const limit = question.ednsSize ?? UDP_LIMIT;
  if (messageSize(reply) <= limit) return reply;
  const cut = (count: number): DnsReply => ({
    ...reply,
    flags: { ...reply.flags, tc: true },
    answers: reply.answers.slice(0, count),
    authority: [],
    additional: [],
    edns: false,
  });
  let [low, high] = [0, reply.answers.length];
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (messageSize(cut(middle)) <= limit) low = middle;
    else high = middle - 1;
  }
  return cut(low);
}

function renamed(question: DnsQuestion, { from, to }: { from: string; to: string }, zones: readonly Zone[]): DnsReply {
  const reply = resolve({ ...question, name: moved(absolute(question.name), from, to) }, zones);
  const back = (records: readonly DnsRecord[]) =>
    records.map(({ name, ttl, data }) => ({ name: moved(name, to, from), ttl, data: movedData(data, to, from) }));
  const { answers, authority, additional } = reply;
  return { ...reply, question, answers: back(answers), authority: back(authority), additional: back(additional) };
}

function movedData(data: RecordData, from: string, to: string): RecordData {
  if (data.type === 'SOA') return { ...data, mname: moved(data.mname, from, to), rname: moved(data.rname, from, to) };
  return 'target' in data ? { ...data, target: moved(data.target, from, to) } : data;
}

/** The name with its last labels replaced, if they are `from` in any letter case. */
function moved(name: string, from: string, to: string): string {
  const lower = lowerCase(name);
  if (lower === from) return to;
  return lower.endsWith(`.${from}`) ? name.slice(0, -from.length) + to : name;
}
