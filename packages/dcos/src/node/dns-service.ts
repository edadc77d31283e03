/** dcos-dns and Mesos-DNS as programs of a node: UDP sockets that answer questions, or pass them on. */
import type { Datagram, Namespace, UdpSocket } from '@portolan/core';
import { answer, type DnsWorld, failedReply, UPSTREAM_TIMEOUT } from '../dns/dcos-dns.ts';
import type { DnsQuestion, DnsReply } from '../dns/message.ts';
import { chooseUpstreams, type Upstream } from '../dns/router.ts';
import { SPARTAN_ADDRESSES } from '../dns/zones.ts';
import { MESOS_DNS_PORT, type MesosDns } from '../mesos-dns/mesos-dns.ts';
import { isQuestion, isReply, questionBytes, replyBytes } from './resolver.ts';

const PORT = 53;

/** Starts dcos-dns on a node: it answers at spartan's three addresses. `world` says what the node knows at the moment. */
export function startDcosDns(ns: Namespace, world: () => DnsWorld): void {
  const received = (datagram: Datagram, socket: UdpSocket): void => {
    const question = datagram.payload;
    if (!isQuestion(question)) return;
    const decision = answer(question, world());
    if (decision.kind === 'reply') respond(socket, datagram, decision.reply);
    else
      forward(
        ns,
        question,
        chooseUpstreams(decision.upstreams, () => 0, ns.random),
        (reply) => respond(socket, datagram, reply),
      );
  };
  for (const address of SPARTAN_ADDRESSES) ns.sockets.bindUdp({ address, port: PORT, program: 'dcos-net' }, received);
}

/** Starts Mesos-DNS on a master. */
export function startMesosDns(ns: Namespace, mesosDns: MesosDns): void {
  ns.sockets.bindUdp({ address: 0, port: MESOS_DNS_PORT, program: 'mesos-dns' }, (datagram, socket) => {
    if (isQuestion(datagram.payload) && mesosDns.ready) respond(socket, datagram, mesosDns.answer(datagram.payload));
  });
}

/** Asks all upstreams at once; the first answer counts, and without any the question fails. */
function forward(ns: Namespace, question: DnsQuestion, upstreams: readonly Upstream[], done: (reply: DnsReply) => void): void {
  let settled = false;
  const finish = (reply: DnsReply): void => {
    if (settled) return;
    settled = true;
    timer.cancel();
    socket.close();
    done(reply);
  };
  const socket = ns.sockets.bindUdp({ address: 0, port: 0, program: 'dcos-net' }, ({ payload }) => {
    if (isReply(payload)) finish(payload);
  });
  const timer = ns.after(UPSTREAM_TIMEOUT, () => finish(failedReply(question)));
  for (const upstream of upstreams) socket.send(upstream, question, questionBytes(question));
}

function respond(socket: UdpSocket, to: Datagram, reply: DnsReply): void {
  socket.send({ address: to.source, port: to.sourcePort, source: to.destination }, reply, replyBytes(reply));
}
