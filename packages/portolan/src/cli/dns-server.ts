/** A real name server, UDP and TCP, in front of a simulated one: `dig` asks it as it would ask the node. */
import { Buffer } from 'node:buffer';
import { createSocket } from 'node:dgram';
import { createServer, type Socket } from 'node:net';
import type { DnsQuestion, DnsReply } from '@portolan/dcos';
import { readQuery, writeReply } from './dns-wire.ts';

/** Who answers; undefined leaves the client waiting. */
export type Answerer = (question: DnsQuestion) => DnsReply | undefined;

/** A server that listens. */
export interface DnsServer {
  readonly address: string;
  readonly port: number;
  close(): Promise<void>;
}

/** Milliseconds after which an idle TCP client is left. */
const IDLE = 10_000;

/**
 * Listens at an address, over UDP and TCP at the same port.
 * @param port 0 for any free one
 */
export async function serveDns(answer: Answerer, address: string, port: number): Promise<DnsServer> {
  const tcp = createServer((socket) => serveStream(socket, answer));
  await new Promise<void>((resolve, reject) => {
    tcp.once('error', reject);
    tcp.listen(port, address, resolve);
  });
  const bound = tcp.address();
  const chosen = typeof bound === 'object' && bound !== null ? bound.port : port;
  const udp = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  udp.on('message', (message, client) => {
    const reply = replyTo(message, 'udp', answer);
    if (reply !== undefined) udp.send(reply, client.port, client.address);
  });
  await new Promise<void>((resolve, reject) => {
    udp.once('error', reject);
    udp.bind(chosen, address, resolve);
  });
  const close = async (): Promise<void> => {
    await new Promise<void>((resolve) => udp.close(resolve));
    await new Promise<void>((resolve) => tcp.close(() => resolve()));
  };
  return { address, port: chosen, close };
}

function replyTo(message: Buffer, transport: 'udp' | 'tcp', answer: Answerer): Buffer | undefined {
  const query = readQuery(message, transport);
  const reply = query === undefined ? undefined : answer(query.question);
  return query === undefined || reply === undefined ? undefined : writeReply(reply, query);
}

/** Messages over TCP come after their length in two bytes. */
function serveStream(socket: Socket, answer: Answerer): void {
  let pending = Buffer.alloc(0);
  socket.setTimeout(IDLE, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.on('data', (part) => {
    pending = Buffer.concat([pending, typeof part === 'string' ? Buffer.from(part) : part]);
    while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
      const end = 2 + pending.readUInt16BE(0);
      const reply = replyTo(pending.subarray(2, end), 'tcp', answer);
      pending = pending.subarray(end);
      if (reply === undefined) return socket.destroy();
      const length = Buffer.alloc(2);
      length.writeUInt16BE(reply.length);
      socket.write(Buffer.concat([length, reply]));
    }
  });
}
