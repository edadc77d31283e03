/** A few machines on one network, for tests of what the kernel does on the wire. */
import { hostConfig, type Plug } from '../src/agent/host.ts';
import { formatIpv4, parseCidr, parseIpv4 } from '../src/base/address.ts';
import { Cluster } from '../src/cluster/cluster.ts';
import type { Namespace } from '../src/kernel/namespace.ts';
import type { TcpSocket } from '../src/kernel/socket/tcp.ts';
import type { TcpFailure } from '../src/kernel/socket/tcp-program.ts';

/** An empty network. */
export function lan(seed = 1): Cluster {
  return new Cluster({ seed, epoch: 0, images: { find: () => undefined } });
}

/** Plugs a machine in: `10.0.0.1/24`, with a gateway if it has one. */
export function host(cluster: Cluster, name: string, address: string, gateway?: string): Namespace {
  const plug: Plug = { name: 'eth0', address: parseCidr(address) };
  return cluster.add(hostConfig(name, [plug], gateway === undefined ? undefined : parseIpv4(gateway))).host;
}

/** A server that answers everything with what it knows of its peer. */
export function echo(ns: Namespace, port: number, address = 0): void {
  ns.sockets.listen({ address, port, program: 'echo' }, (socket) => ({
    received: (_, text) => socket.write(`${text} from ${formatIpv4(socket.remote)}:${socket.remotePort}`),
    closed: () => socket.close(),
  }));
}

/** What became of a conversation: the answer, or why there was none. */
export interface Talk {
  answer: string | undefined;
  failure: TcpFailure | undefined;
  socket: TcpSocket | undefined;
}

/** Connects, says `hello`, and notes what comes of it; packets move when the cluster runs. */
export function talk(from: Namespace, to: string, port: number, options: { sourcePort?: number; keep?: boolean } = {}): Talk {
  const result: Talk = { answer: undefined, failure: undefined, socket: undefined };
  const { sourcePort, keep } = options;
  result.socket = from.sockets.connect(
    { address: parseIpv4(to), port, ...(sourcePort === undefined ? {} : { sourcePort }) },
    {
      connected: (socket) => socket.write('hello'),
      received: (socket, text) => {
        result.answer = text;
        if (keep !== true) socket.close();
      },
      failed: (_, failure) => {
        result.failure = failure;
      },
    },
  );
  if (result.socket === undefined) result.failure = 'ENETUNREACH';
  return result;
}
