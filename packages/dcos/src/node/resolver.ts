/**
 * A program's look-up of a name: questions to the name servers of resolv.conf, one after the other; an answer that was cut
 * short is asked for again by TCP. Follows glibc's resolver with DC/OS's resolv.conf (timeout 1 s, 3 attempts over
 * 198.51.100.1, .2, .3), which waits longer for TCP than this.
 */
import { assert, type Ipv4, isIpv4, type Namespace, parseIpv4, type Random } from '@portolan/core';
import type { DnsQuestion, DnsReply } from '../dns/message.ts';
import { SPARTAN_ADDRESSES } from '../dns/zones.ts';
import { exchange } from './dns-exchange.ts';

const PORT = 53;
const TIMEOUT = 1000;
const ATTEMPTS = 3;

/** Asks the node's name servers by the question's transport. `done` gets the answer, or nothing if none came. */
export function ask(ns: Namespace, question: DnsQuestion, done: (reply: DnsReply | undefined) => void): void {
  let attempt = 0;
  const send = (): void => {
    if (attempt === ATTEMPTS * SPARTAN_ADDRESSES.length) return ns.wire.wake(() => done(undefined));
    const address = SPARTAN_ADDRESSES[attempt++ % SPARTAN_ADDRESSES.length];
    assert(address !== undefined, 'a resolver without name servers');
    const timer = ns.after(TIMEOUT, () => {
      cancel();
      send();
    });
    const cancel = exchange(ns, 'resolver', { server: { address, port: PORT }, question }, (reply) => {
      timer.cancel();
      if (reply === undefined) send();
      else ns.wire.wake(() => done(reply));
    });
  };
  send();
}

/** The same, and by TCP again if the answer was cut short. */
export function askForAll(ns: Namespace, question: DnsQuestion, done: (reply: DnsReply | undefined) => void): void {
  ask(ns, question, (reply) => {
    if (reply?.flags.tc === true && question.transport !== 'tcp') ask(ns, { ...question, transport: 'tcp' }, done);
    else done(reply);
  });
}

/** The IPv4 addresses of a host name, in the answer's order; an address stands for itself. */
export function lookup(ns: Namespace, name: string, random: Random, done: (addresses: readonly Ipv4[]) => void): void {
  if (isIpv4(name)) return done([parseIpv4(name)]);
  askForAll(ns, { name, type: 'A', id: random.nextInt(0x10000) }, (reply) =>
    done((reply?.answers ?? []).flatMap(({ data }) => (data.type === 'A' ? [data.address] : []))),
  );
}
