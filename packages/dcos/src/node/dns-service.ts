/** dcos-dns and Mesos-DNS as programs of a node: they answer questions over UDP and TCP, or pass them on. */
import type { Namespace } from '@portolan/core';
import { answer, type DnsWorld, failedReply, UPSTREAM_TIMEOUT } from '../dns/dcos-dns.ts';
import type { DnsQuestion, DnsReply } from '../dns/message.ts';
import { chooseUpstreams, type Upstream } from '../dns/router.ts';
import { SPARTAN_ADDRESSES } from '../dns/zones.ts';
import { MESOS_DNS_PORT, type MesosDns } from '../mesos-dns/mesos-dns.ts';
import { type DnsResponder, exchange, serveDnsAt } from './dns-exchange.ts';

const PORT = 53;

/** Starts dcos-dns on a node: it answers at spartan's three addresses. `world` says what the node knows at the moment. */
export function startDcosDns(ns: Namespace, world: () => DnsWorld): void {
  const responder: DnsResponder = (question, respond) => {
    const decision = answer(question, world());
    if (decision.kind === 'reply') return respond(decision.reply);
    const upstreams = chooseUpstreams(decision.upstreams, () => 0, ns.random);
    forward(ns, question, upstreams, respond);
  };
  serveDnsAt(ns, { addresses: SPARTAN_ADDRESSES, port: PORT, program: 'dcos-net' }, responder);
}

/** Starts Mesos-DNS on a master. */
export function startMesosDns(ns: Namespace, mesosDns: MesosDns): void {
  serveDnsAt(ns, { addresses: [0], port: MESOS_DNS_PORT, program: 'mesos-dns' }, (question, respond) => {
    if (mesosDns.ready) respond(mesosDns.answer(question));
  });
}

/** Asks all upstreams at once, by the transport of the question; the first answer counts, and without any the question fails. */
function forward(ns: Namespace, question: DnsQuestion, upstreams: readonly Upstream[], done: (reply: DnsReply) => void): void {
  let waitingFor = upstreams.length;
  const cancels: (() => void)[] = [];
  const finish = (reply: DnsReply): void => {
    timer.cancel();
    for (const cancel of cancels) cancel();
    done(reply);
  };
  const timer = ns.after(UPSTREAM_TIMEOUT, () => finish(failedReply(question)));
  for (const server of upstreams) {
    const cancel = exchange(ns, 'dcos-net', { server, question }, (reply) => {
      waitingFor--;
      if (reply !== undefined) finish(reply);
      else if (waitingFor === 0) finish(failedReply(question));
    });
    cancels.push(cancel);
  }
}
