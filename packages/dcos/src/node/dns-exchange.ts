/**
 * DNS messages between machines: one question to one server and its answer (RFC 1035 4.2), by UDP or, after two bytes of
 * length, by TCP. Over TCP a client asks once and closes; a server answers as long as the client asks.
 */
import type { Datagram, Ipv4, Namespace, TcpProgram, UdpSocket } from '@portolan/core';
import { type DnsQuestion, type DnsReply, messageSize } from '../dns/message.ts';
import type { Upstream } from '../dns/router.ts';

/** Header, type, class, and the name's first length and last zero byte. */
const QUESTION_BYTES = 12 + 4 + 2;
const OPT_BYTES = 11;
/** Bytes before a message in a stream. */
const LENGTH_BYTES = 2;

/** Answers a question, at once or later. */
export type DnsResponder = (question: DnsQuestion, respond: (reply: DnsReply) => void) => void;

/** Listens for questions over UDP and TCP, at one port of some addresses. */
export function serveDnsAt(
  ns: Namespace,
  at: { readonly addresses: readonly Ipv4[]; readonly port: number; readonly program: string },
  answer: DnsResponder,
): void {
  const received = (datagram: Datagram, socket: UdpSocket): void => {
    const question = datagram.payload;
    if (isQuestion(question)) answer({ ...question, transport: 'udp' }, (reply) => respondTo(datagram, socket, reply));
  };
  const accept = (): TcpProgram => {
    let open = true;
    return {
      message: (socket, question) => {
        if (!isQuestion(question)) return socket.reset();
        answer({ ...question, transport: 'tcp' }, (reply) => {
          if (open) socket.writeMessage(reply, LENGTH_BYTES + messageSize(reply));
        });
      },
      closed: (socket) => {
        open = false;
        socket.close();
      },
      failed: () => {
        open = false;
      },
    };
  };
  const { port, program } = at;
  for (const address of at.addresses) {
    ns.sockets.bindUdp({ address, port, program }, received);
    ns.sockets.listen({ address, port, program }, accept);
  }
}

function respondTo({ source, sourcePort, destination }: Datagram, socket: UdpSocket, reply: DnsReply): void {
  socket.send({ address: source, port: sourcePort, source: destination }, reply, messageSize(reply));
}

/**
 * Asks one server by the question's transport; `answered` gets its answer, or nothing if there is none to come.
 * @returns gives the question up: `answered` is not called any more
 */
export function exchange(
  ns: Namespace,
  program: string,
  { server, question }: { readonly server: Upstream; readonly question: DnsQuestion },
  answered: (reply: DnsReply | undefined) => void,
): () => void {
  return question.transport === 'tcp'
    ? exchangeByTcp(ns, server, question, answered)
    : exchangeByUdp(ns, program, { server, question }, answered);
}

function exchangeByUdp(
  ns: Namespace,
  program: string,
  { server, question }: { readonly server: Upstream; readonly question: DnsQuestion },
  answered: (reply: DnsReply | undefined) => void,
): () => void {
  const socket = ns.sockets.bindUdp({ address: 0, port: 0, program }, ({ payload }) => {
    socket.close();
    answered(isReply(payload) ? payload : undefined);
  });
  socket.send(server, question, questionSize(question));
  return () => socket.close();
}

function exchangeByTcp(
  ns: Namespace,
  server: Upstream,
  question: DnsQuestion,
  answered: (reply: DnsReply | undefined) => void,
): () => void {
  let waiting = true;
  const finish = (reply: DnsReply | undefined): void => {
    if (!waiting) return;
    waiting = false;
    answered(reply);
  };
  const socket = ns.sockets.connect(server, {
    connected: (made) => made.writeMessage(question, LENGTH_BYTES + questionSize(question)),
    message: (made, reply) => {
      made.close();
      finish(isReply(reply) ? reply : undefined);
    },
    closed: (made) => {
      made.close();
      finish(undefined);
    },
    failed: () => finish(undefined),
  });
  if (socket === undefined) ns.wire.wake(() => finish(undefined));
  return () => {
    waiting = false;
    socket?.close();
  };
}

function questionSize({ name, ednsSize }: DnsQuestion): number {
  return QUESTION_BYTES + name.length + (ednsSize === undefined ? 0 : OPT_BYTES);
}

function isReply(payload: unknown): payload is DnsReply {
  return typeof payload === 'object' && payload !== null && 'rcode' in payload;
}

function isQuestion(payload: unknown): payload is DnsQuestion {
  return typeof payload === 'object' && payload !== null && 'type' in payload && 'name' in payload;
}
