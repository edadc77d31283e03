/**
 * Names of servers: HAProxy looks them up when it starts, and goes without those that have no address (`init-addr last,libc,none`);
 * these it asks for again every two seconds, as `hold` says (HAProxy 2.0, src/server.c, src/dns.c). A name that once had an address
 * keeps it to the next reload: those of VIPs do not change.
 */
import type { Clock, Ipv4, Namespace, Timer } from '@portolan/core';
import { lookup } from '../node/resolver.ts';
import type { HaproxyConfig } from './haproxy.ts';

/** Milliseconds between look-ups of a name without address. */
const HOLD = 2000;

/** Looks up the names of one configuration's servers. */
export class ServerNames {
  private readonly addresses = new Map<string, Ipv4>();
  private timer: Timer | undefined;
  private stopped = false;

  /** @param found told of the configuration with all addresses there are: once at the start, then whenever there is another one */
  constructor(
    private readonly around: { readonly ns: Namespace; readonly clock: Clock },
    private readonly config: HaproxyConfig,
    private readonly found: (config: HaproxyConfig) => void,
  ) {
    this.lookUp(true);
  }

  /** Ends it; an answer that is under way counts no more. */
  stop(): void {
    this.stopped = true;
    this.timer?.cancel();
  }

  private lookUp(first: boolean): void {
    const missing = [...namesOf(this.config)].filter((name) => !this.addresses.has(name));
    const before = this.addresses.size;
    let open = missing.length;
    const done = (): void => {
      if (this.stopped) return;
      if (first || this.addresses.size > before) this.found(withAddresses(this.config, this.addresses));
      if (this.addresses.size < before + missing.length)
        this.timer = this.around.clock.after(HOLD, () => this.lookUp(false), true);
    };
    if (open === 0) done();
    for (const name of missing) {
      lookup(this.around.ns, name, this.around.ns.random, ([address]) => {
        if (address !== undefined) this.addresses.set(name, address);
        if (--open === 0) done();
      });
    }
  }
}

function namesOf(config: HaproxyConfig): ReadonlySet<string> {
  const servers = [...config.backends.values()].flatMap((backend) => backend.servers);
  return new Set(servers.flatMap(({ host }) => (host === undefined ? [] : [host])));
}

function withAddresses(config: HaproxyConfig, addresses: ReadonlyMap<string, Ipv4>): HaproxyConfig {
  if (namesOf(config).size === 0) return config;
  const backends = [...config.backends].map(([name, backend]) => {
    const servers = backend.servers.flatMap((server) => {
      if (server.host === undefined) return [server];
      const address = addresses.get(server.host);
      return address === undefined ? [] : [{ ...server, address }];
    });
    return [name, { ...backend, servers }] as const;
  });
  return { ...config, backends: new Map(backends) };
}
