/**
 * A learning bridge: which port a MAC address was last seen at.
 * Follows linux net/bridge/br_fdb.c and br_forward.c; STP is off, VLANs and multicast snooping are not modelled.
 */
import type { Mac } from '../../base/address.ts';
import { MacTable } from '../../base/mac-table.ts';
import type { Device } from './device.ts';

/** A learned entry. */
export interface FdbEntry {
  readonly port: Device;
  /** Virtual milliseconds of the last frame seen. */
  seenAt: number;
}

/** What a bridge knows: its ports, newest first, and its forwarding table. */
export class BridgeTable {
  readonly ageingSeconds: number;
  private newestFirst: readonly Device[] = [];
  private readonly entries = new MacTable<FdbEntry>();

  /** @param upToDate called before the ports are read */
  constructor(
    ageingSeconds: number,
    private readonly upToDate: () => void = () => {},
  ) {
    this.ageingSeconds = ageingSeconds;
  }

  /** Newest first: the order in which floods go out. */
  get ports(): readonly Device[] {
    this.upToDate();
    return this.newestFirst;
  }

  set ports(newestFirst: readonly Device[]) {
    this.newestFirst = newestFirst;
  }

  /** Remembers where a source address was seen. */
  learn(mac: Mac, port: Device, now: number): void {
    const entry = this.entries.get(mac);
    if (entry !== undefined && entry.port === port) entry.seenAt = now;
    else this.entries.set(mac, { port, seenAt: now });
  }

  /** The port an address was last seen at, unless that is too long ago. */
  lookup(mac: Mac, now: number): Device | undefined {
    const entry = this.entries.get(mac);
    if (entry === undefined) return undefined;
    if (now - entry.seenAt < this.ageingSeconds * 1000) return entry.port;
    this.entries.delete(mac);
    return undefined;
  }

  /** Forgets what was learned at a port that is gone or down. */
  forget(port: Device): void {
    for (const [mac, entry] of this.entries) if (entry.port === port) this.entries.delete(mac);
  }

  /** Live entries, in the order in which the addresses were first seen. */
  list(now: number): readonly { readonly mac: Mac; readonly port: Device; readonly seenAt: number }[] {
    return [...this.entries]
      .filter(([, entry]) => now - entry.seenAt < this.ageingSeconds * 1000)
      .map(([mac, entry]) => ({ mac, port: entry.port, seenAt: entry.seenAt }));
  }
}
