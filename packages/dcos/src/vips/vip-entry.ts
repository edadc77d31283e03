/**
 * One VIP of one family inside a {@link VipView}: its published backends, and what of them the kernel has. A named VIP
 * with backends of both families is two entries, as it becomes two services (categorize_backends of dcos-net).
 */
import { type Backend, compareBackends, compareServers, type Server } from './backends.ts';
import { insertAllSorted, removeSorted } from './complement.ts';
import type { Family, IpAddress } from './ip.ts';
import type { VipKey } from './key.ts';
import { vipDnsName } from './label.ts';
import type { ServiceAddress } from './vip-operation.ts';

/** A VIP as a node knows it. */
export interface Vip extends ServiceAddress {
  readonly key: VipKey;
  /** Its DNS name, without a final dot; a VIP at a fixed address has none. */
  readonly name?: string;
  /** As published, in gossip's order. */
  readonly backends: readonly Backend[];
  /** As written to the kernel: without unreachable ones, local port mappings replaced. */
  readonly servers: readonly Server[];
  /** The app and field that asked for it first. */
  readonly cause: string;
}

/** What the kernel has of an entry. */
export interface Applied extends ServiceAddress {
  /** Sorted by {@link compareServers}; changed in place as long as the view needs no second look. */
  servers: Server[];
}

/** A VIP and family of a view. */
export class VipEntry {
  readonly key: VipKey;
  /** Of a named VIP; one at a fixed address takes backends of both. */
  readonly family: Family | undefined;
  /** Sorted by {@link compareBackends}. */
  readonly backends: Backend[] = [];
  /** What the kernel has; undefined if it has nothing. */
  applied: Applied | undefined = undefined;
  private snapshot: Vip | undefined = undefined;

  constructor(key: VipKey, family: Family | undefined) {
    this.key = key;
    this.family = family;
  }

  /** Adds published backends. */
  add(backends: readonly Backend[]): void {
    insertAllSorted(this.backends, backends, compareBackends);
    this.snapshot = undefined;
  }

  /** Takes a published backend away. */
  remove(backend: Backend): void {
    removeSorted(this.backends, backend, compareBackends);
    this.snapshot = undefined;
  }

  /** Says what the kernel has from now on. */
  apply(address: IpAddress | undefined, servers: Server[]): void {
    const { protocol, port } = this.key;
    this.applied = address === undefined ? undefined : { protocol, address, port, servers };
    this.snapshot = undefined;
  }

  /** The servers that the kernel has, sorted. */
  get servers(): readonly Server[] {
    return this.applied?.servers ?? [];
  }

  /** Replaces the servers of a VIP in force. */
  replaceServers(servers: Server[]): void {
    if (this.applied !== undefined) this.applied = { ...this.applied, servers };
    this.snapshot = undefined;
  }

  /** Takes servers from a VIP in force and adds others. */
  editServers(removed: readonly Server[], added: readonly Server[]): void {
    const servers = this.applied?.servers;
    if (servers === undefined) return;
    for (const server of removed) removeSorted(servers, server, compareServers);
    insertAllSorted(servers, added, compareServers);
    this.snapshot = undefined;
  }

  /** The VIP as an immutable value, undefined while it is not in force. */
  vip(servers: () => readonly Server[]): Vip | undefined {
    const { applied, key } = this;
    if (applied === undefined) return undefined;
    this.snapshot ??= {
      key,
      protocol: applied.protocol,
      address: applied.address,
      port: applied.port,
      ...(key.kind === 'named' ? { name: vipDnsName(key.label, key.framework) } : {}),
      backends: [...this.backends],
      servers: [...servers()],
      cause: this.backends[0]?.cause ?? '',
    };
    return this.snapshot;
  }
}
