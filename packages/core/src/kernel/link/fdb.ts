/**
 * A learned forwarding table: behind what a MAC address was last seen: a bridge's port, or a far tunnel end.
 * Follows linux net/bridge/br_fdb.c and drivers/net/vxlan/vxlan_core.c (vxlan_snoop).
 */
import type { Mac } from '../../base/address.ts';
import { MacTable } from '../../base/mac-table.ts';

interface FdbEntry<Place> {
  readonly place: Place;
  /** Virtual milliseconds of the last frame seen. */
  seenAt: number;
}

/** What was learned, until it is too old. */
export class FdbTable<Place> {
  readonly ageingSeconds: number;
  private readonly entries = new MacTable<FdbEntry<Place>>();

  constructor(ageingSeconds: number) {
    this.ageingSeconds = ageingSeconds;
  }

  /** Remembers where a source address was seen. */
  learn(mac: Mac, place: Place, now: number): void {
    const entry = this.entries.get(mac);
    if (entry !== undefined && entry.place === place) entry.seenAt = now;
    else this.entries.set(mac, { place, seenAt: now });
  }

  /** Where an address was last seen, unless that is too long ago. */
  lookup(mac: Mac, now: number): Place | undefined {
    const entry = this.entries.get(mac);
    if (entry === undefined) return undefined;
    if (now - entry.seenAt < this.ageingSeconds * 1000) return entry.place;
    this.entries.delete(mac);
    return undefined;
  }

  /** Forgets what was learned at a place that is gone or down. */
  forget(place: Place): void {
    for (const [mac, entry] of this.entries) if (entry.place === place) this.entries.delete(mac);
  }

  /** Live entries, in the order in which the addresses were first seen. */
  list(now: number): readonly { readonly mac: Mac; readonly place: Place; readonly seenAt: number }[] {
    return [...this.entries]
      .filter(([, entry]) => now - entry.seenAt < this.ageingSeconds * 1000)
      .map(([mac, entry]) => ({ mac, place: entry.place, seenAt: entry.seenAt }));
  }
}
