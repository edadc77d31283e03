/** A recorded probe, done again in the lab: who connects to whom, and what both ends see. */
import { formatIpv4, type Namespace, parseIpv4, type TcpFailure } from '@portolan/core';
import type { Lab } from './lab.ts';

/** What was asked for. */
export interface Probe {
  readonly proto: 'tcp' | 'udp' | 'icmp';
  readonly from: string;
  /** `address:port`, or an address for icmp. */
  readonly to: string;
  readonly sourcePort: number;
}

/** What came of it. */
export interface ProbeResult {
  readonly verdict: string;
  readonly server?: { readonly in: string; readonly peer: string; readonly local: string };
}

/** Lets a namespace's port answer probes with what it sees of them. */
export function answer(
  lab: Lab,
  name: string,
  proto: 'tcp' | 'udp',
  port: number,
  seen: (server: NonNullable<ProbeResult['server']>) => void,
): void {
  const ns = lab.namespace(name);
  if (proto === 'udp') {
    ns.sockets.bindUdp({ address: 0, port, program: 'probe' }, (datagram, socket) => {
      const server = {
        in: name,
        peer: `${formatIpv4(datagram.source)}:${datagram.sourcePort}`,
        local: `${formatIpv4(datagram.destination)}:${port}`,
      };
      seen(server);
      const text = jsonText(server, typeof datagram.payload === 'string' ? datagram.payload.length : 0);
      socket.send({ address: datagram.source, port: datagram.sourcePort, source: datagram.destination }, text, text.length);
    });
    return;
  }
  ns.sockets.listen({ address: 0, port, program: 'probe' }, (socket) => {
    const server = {
      in: name,
      peer: `${formatIpv4(socket.remote)}:${socket.remotePort}`,
      local: `${formatIpv4(socket.local)}:${socket.localPort}`,
    };
    seen(server);
    return { received: () => socket.write(jsonText(server)), closed: () => socket.close() };
  });
}

/** Does a probe and waits for its end, at most `patience` virtual milliseconds. */
export function probe(
  lab: Lab,
  { proto, from, to, sourcePort }: Probe,
  seen: () => ProbeResult['server'],
  patience: number,
): ProbeResult {
  const ns = lab.namespace(from);
  const [host = '', port = '0'] = to.split(':');
  const verdict = { current: 'timeout' };
  let done = false;
  const end = (text: string) => {
    if (!done) verdict.current = text;
    done = true;
  };
  let giveUp = () => {};
  if (proto === 'icmp') ping(ns, parseIpv4(host), () => end('ok'));
  else if (proto === 'udp') sendUdp(ns, { address: parseIpv4(host), port: Number(port) }, sourcePort, end);
  else giveUp = connect(ns, { address: parseIpv4(host), port: Number(port) }, sourcePort, end);
  lab.cluster.runUntil(() => done, patience);
  if (!done) giveUp();
  lab.cluster.run();
  const server = seen();
  return server === undefined || verdict.current !== 'ok' ? { verdict: verdict.current } : { verdict: verdict.current, server };
}

function connect(
  ns: Namespace,
  to: { address: number; port: number },
  sourcePort: number,
  end: (text: string) => void,
): () => void {
  const socket = ns.sockets.connect(
    { ...to, sourcePort },
    {
      connected: (s) => s.write('x'),
      received: (s) => {
        s.close();
      },
      closed: () => end('ok'),
      failed: (_, failure: TcpFailure) => end(failure),
    },
  );
  if (socket === undefined) end('ENETUNREACH');
  return () => socket?.close();
}

function sendUdp(ns: Namespace, to: { address: number; port: number }, sourcePort: number, end: (text: string) => void): void {
  const socket = ns.sockets.bindUdp(
    { address: 0, port: sourcePort, program: 'probe' },
    () => end('ok'),
    (failure) => end(failure),
  );
  const failure = socket.send(to, 'ping', 4);
  if (failure !== undefined) end(failure);
}

function ping(ns: Namespace, address: number, answered: () => void): void {
  ns.echoed = answered;
  ns.ping(address, 1);
}

function jsonText(server: NonNullable<ProbeResult['server']>, bytes?: number): string {
  const length = bytes === undefined ? '' : `, "len": ${bytes}`;
  return `{"peer": "${server.peer}", "local": "${server.local}", "in": "${server.in}"${length}}${bytes === undefined ? '\n' : ''}`;
}
