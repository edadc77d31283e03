/**
 * docker-proxy: a process of the host that accepts what the rules did not translate, and passes it on to the
 * container from an address of its own. UDP is not proxied here.
 * Follows moby libnetwork cmd/proxy (TCP; 20.10).
 */
import type { Ipv4 } from '../../base/address.ts';
import type { Namespace } from '../../kernel/namespace.ts';
import type { TcpListener } from '../../kernel/socket/sockets.ts';
import type { TcpSocket } from '../../kernel/socket/tcp.ts';
import type { TcpProgram } from '../../kernel/socket/tcp-program.ts';
import type { Endpoint, PublishedPort } from './state.ts';

/**
 * Listens on a published TCP port of the host.
 * @throws Refusal `address-in-use`
 */
export function startProxy(host: Namespace, endpoint: Pick<Endpoint, 'address'>, port: ProxiedPort): TcpListener {
  const proxy = new DockerProxy(host, endpoint, port);
  host.sockets.listenAs(proxy);
  return proxy;
}

type ProxiedPort = Pick<PublishedPort, 'hostAddress' | 'hostPort' | 'containerPort'>;

class DockerProxy implements TcpListener {
  constructor(
    private readonly host: Namespace,
    private readonly endpoint: Pick<Endpoint, 'address'>,
    private readonly published: ProxiedPort,
  ) {}

  get address(): Ipv4 {
    return this.published.hostAddress ?? 0;
  }

  get port(): number {
    return this.published.hostPort;
  }

  get program(): string {
    return 'docker-proxy';
  }

  close(): void {
    this.host.sockets.unlisten(this);
  }

  accept(front: TcpSocket): TcpProgram {
    let ready = false;
    let waiting: string[] = [];
    const back = this.host.sockets.connect(
      { address: this.endpoint.address, port: this.published.containerPort },
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
  }
}
