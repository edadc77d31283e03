/** One probe in Portolan: what the sender does, and until when it waits. */
import { type Clock, formatIpv4, type Namespace, parseIpv4, type TcpSocket, type Wire } from '@portolan/core';
import type { LabProbe, ProbeAnswer } from './lab.ts';

/** What a server saw. */
export type Seen = ProbeAnswer['seen'][number];

/** How long after the last frame a probe is lost, in virtual milliseconds: longer than ARP's pauses, shorter than a SYN's. */
const QUIET_MS = 80;

/** Sends a probe and waits for what comes of it; `frames` is how many were seen so far. */
export function probeOnce(
  ns: Namespace,
  probe: LabProbe,
  { clock, wire, frames }: { readonly clock: Clock; readonly wire: Wire; readonly frames: () => number },
): Pick<ProbeAnswer, 'verdict' | 'reply'> {
  const client = new Client(ns, probe);
  client.start();
  wire.run();
  let end = clock.now + QUIET_MS;
  while (client.verdict === undefined && clock.nextAt <= end) {
    const before = frames();
    clock.step();
    wire.run();
    if (frames() > before) end = clock.now + QUIET_MS;
  }
  if (client.verdict === undefined) clock.advance(end - clock.now);
  const answer = { verdict: client.verdict ?? 'timeout', reply: client.reply };
  client.close();
  wire.run();
  return answer;
}

class Client {
  verdict: string | undefined;
  reply: string | null = null;
  private readonly ns: Namespace;
  private readonly probe: LabProbe;
  private end: (() => void) | undefined;

  constructor(ns: Namespace, probe: LabProbe) {
    this.ns = ns;
    this.probe = probe;
  }

  start(): void {
    if (this.probe.protocol === 'tcp') this.startTcp();
    else if (this.probe.protocol === 'udp') this.startUdp();
    else this.startIcmp();
  }

  close(): void {
    this.end?.();
    this.ns.echoed = () => {};
    this.ns.echoFailed = () => {};
  }

  private startTcp(): void {
    const { to, port = 0, sourcePort, source, ttl, bytes = 4 } = this.probe;
    const text = 'x'.repeat(bytes);
    let got = '';
    const socket = this.ns.sockets.connect(
      {
        address: parseIpv4(to),
        port,
        sourcePort,
        ...(source === undefined ? {} : { source: parseIpv4(source) }),
        ...(ttl === undefined ? {} : { ttl }),
      },
      {
        connected: (s: TcpSocket) => {
          this.reply = `${formatIpv4(s.remote)}:${s.remotePort}`;
          s.write(text);
        },
        received: (s, part) => {
          got += part;
          if (got.length < text.length) return;
          this.settle('ok');
          s.close();
        },
        failed: (_, failure) => this.settle(failure),
      },
    );
    if (socket === undefined) this.settle(this.ns.failureTo(parseIpv4(to)) ?? this.unopened(parseIpv4(to)));
    this.end = () => {
      if (this.verdict !== 'ok') socket?.reset();
    };
  }

  /** Why no connection was begun although there is a way: nobody answers for many; or a former one has those ports. */
  private unopened(to: number): string {
    const one = ['LOCAL', 'UNICAST'].includes(this.ns.addressType(to));
    return one && this.ns.sourceFor(to) !== undefined ? 'EADDRNOTAVAIL' : 'ENETUNREACH';
  }

  private startUdp(): void {
    const { to, port = 0, sourcePort, source, ttl, bytes = 4, fragment } = this.probe;
    const address = source === undefined ? 0 : parseIpv4(source);
    const socket = this.ns.sockets.bindUdp(
      {
        address,
        port: sourcePort,
        program: 'probe',
        ...(this.probe.connect === true ? { remote: { address: parseIpv4(to), port } } : {}),
      },
      (datagram) => {
        this.settle('ok', `${formatIpv4(datagram.source)}:${datagram.sourcePort}`);
      },
      (failure) => this.settle(failure),
    );
    this.end = () => socket.close();
    const options = {
      ...(ttl === undefined ? {} : { ttl }),
      ...(fragment === undefined ? {} : { df: !fragment }),
      ...(this.probe.broadcast === true ? { broadcast: true } : {}),
    };
    const failure = socket.send({ address: parseIpv4(to), port, ...options }, 'x'.repeat(bytes), bytes);
    if (failure !== undefined) this.settle(failure);
  }

  private startIcmp(): void {
    const { to, sourcePort, ttl, bytes = 4, fragment } = this.probe;
    this.ns.echoed = (skb) => {
      if (skb.sourcePort !== sourcePort) return;
      this.settle('ok', formatIpv4(skb.source));
    };
    this.ns.echoFailed = (skb) => {
      if (skb.quoted?.sourcePort !== sourcePort) return;
      this.settle(`icmp ${skb.icmpType}/${skb.icmpCode}`, formatIpv4(skb.source));
    };
    const options = {
      bytes,
      ...(ttl === undefined ? {} : { ttl }),
      ...(fragment === undefined ? {} : { df: !fragment }),
      ...(this.probe.broadcast === true ? { broadcast: true } : {}),
    };
    const failure = this.ns.ping(parseIpv4(to), sourcePort, options);
    if (failure !== undefined) this.settle(failure);
  }

  /** The first thing that comes back decides. */
  private settle(verdict: string, reply = this.reply): void {
    if (this.verdict !== undefined) return;
    this.verdict = verdict;
    this.reply = reply;
  }
}
