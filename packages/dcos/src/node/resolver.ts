/**
 * A program's look-up of a name: UDP questions to the name servers of resolv.conf, one after the other.
 * Follows glibc's resolver with DC/OS's resolv.conf (timeout 1 s, 3 attempts over 198.51.100.1, .2, .3).
 */
import { assert, type Ipv4, isIpv4, type Namespace, parseIpv4, type Random } from '@portolan/core';
import { type DnsQuestion, type DnsReply, messageSize } from '../dns/message.ts';
import { SPARTAN_ADDRESSES } from '../dns/zones.ts';

const PORT = 53;
const TIMEOUT = 1000;
const ATTEMPTS = 3;
/** Header, type, class, and the name's first length and last zero byte. */
const QUESTION_BYTES = 12 + 4 + 2;

/** Asks the node's name servers. `done` gets the answer, or nothing if none came. */
export function ask(ns: Namespace, question: DnsQuestion, done: (reply: DnsReply | undefined) => void): void {
  let attempt = 0;
  let settled = false;
  const socket = ns.sockets.bindUdp({ address: 0, port: 0, program: 'resolver' }, ({ payload }) =>
    finish(isReply(payload) ? payload : undefined),
  );
  const finish = (reply: DnsReply | undefined): void => {
    if (settled) return;
    settled = true;
    timer?.cancel();
    socket.close();
    ns.wake(() => done(reply));
  };
  let timer: ReturnType<Namespace['after']> | undefined;
  const send = (): void => {
    if (settled) return;
    if (attempt === ATTEMPTS * SPARTAN_ADDRESSES.length) return finish(undefined);
    const server = SPARTAN_ADDRESSES[attempt++ % SPARTAN_ADDRESSES.length];
    assert(server !== undefined, 'a resolver without name servers');
    timer = ns.after(TIMEOUT, send);
    socket.send({ address: server, port: PORT }, question, questionBytes(question));
  };
  send();
}

/** The IPv4 addresses of a host name, in the answer's order; an address stands for itself. */
export function lookup(ns: Namespace, name: string, random: Random, done: (addresses: readonly Ipv4[]) => void): void {
  if (isIpv4(name)) return done([parseIpv4(name)]);
  ask(ns, { name, type: 'A', id: random.nextInt(0x10000) }, (reply) =>
    done((reply?.answers ?? []).flatMap(({ data }) => (data.type === 'A' ? [data.address] : []))),
  );
}

/** Bytes of a question on the wire. */
export function questionBytes(question: DnsQuestion): number {
  return QUESTION_BYTES + question.name.length + (question.ednsSize === undefined ? 0 : 11);
}

/** Bytes of an answer on the wire. */
export function replyBytes(reply: DnsReply): number {
  return messageSize(reply);
}

/** Whether a datagram's payload is an answer. */
export function isReply(payload: unknown): payload is DnsReply {
  return typeof payload === 'object' && payload !== null && 'rcode' in payload;
}

/** Whether a datagram's payload is a question. */
export function isQuestion(payload: unknown): payload is DnsQuestion {
  return typeof payload === 'object' && payload !== null && 'type' in payload && 'name' in payload;
}
