/**
 * docker-proxy: a process of the host that accepts what the rules did not translate, and passes it on to the
 * container from an address of its own.
 * Follows moby libnetwork cmd/proxy (TCP; 20.10).
 */
import type { Namespace } from '../../kernel/namespace.ts';
import type { Listener } from '../../kernel/socket/sockets.ts';
import type { TcpSocket } from '../../kernel/socket/tcp.ts';
import type { Endpoint, PublishedPort } from './state.ts';

/** Listens on a published port of the host. UDP is not proxied. */
export function startProxy(host: Namespace, endpoint: Endpoint, port: PublishedPort): Listener | undefined {
  if (port.protocol !== 'tcp') return undefined;
  return host.sockets.listen({ address: 0, port: port.hostPort, program: 'docker-proxy' }, (front) => {
    let back: TcpSocket | undefined;
    let ready = false;
    let waiting: string[] = [];
    back = host.sockets.connect(
      { address: endpoint.address, port: port.containerPort },
      {
        connected: (socket) => {
          ready = true;
          for (const text of waiting) socket.write(text);
          waiting = [];
        },
        received: (_, text) => front.write(text),
        closed: (socket) => {
          socket.close();
          front.close();
        },
        failed: () => front.reset(),
      },
    );
    return {
      received: (_, text) => {
        if (ready) back?.write(text);
        else waiting.push(text);
      },
      closed: () => (back === undefined ? front.close() : back.close()),
      failed: () => back?.reset(),
    };
  });
}
