/**
 * The gossiped table as one node has it before anything is made of it: published backends by VIP and family
 * (`lashup_kv:value` and categorize_backends of dcos-net).
 */
import type { Backend } from './backends.ts';
import { type Family, familyOf } from './ip.ts';
import { compareVipKeys, type VipKey, vipKeyText } from './key.ts';
import type { VipEvent } from './l4lb.ts';
import { VipEntry } from './vip-entry.ts';

/** What an event did to an entry. */
export interface Touch {
  readonly entry: VipEntry;
  readonly removed: Backend[];
  readonly added: Backend[];
}

/** Published backends by VIP and family. */
export class VipTable {
  /** By family, 0 for VIPs that take in both, and key. */
  private readonly entries: { readonly [family in Family | 0]: Map<string, VipEntry> } = {
    0: new Map(),
    4: new Map(),
    6: new Map(),
  };

  /** Takes an event in; says what it touched. */
  takeIn(event: VipEvent): readonly Touch[] {
    const touches = new Map<VipEntry, Touch>();
    const touch = (key: VipKey, backend: Backend): Touch => {
      const entry = this.entryOf(key, backend);
      let found = touches.get(entry);
      if (found === undefined) {
        found = { entry, removed: [], added: [] };
        touches.set(entry, found);
      }
      return found;
    };
    for (const { key, removed, added } of event.changes) {
      for (const backend of removed) touch(key, backend).removed.push(backend);
      for (const backend of added) touch(key, backend).added.push(backend);
    }
    for (const { entry, removed, added } of touches.values()) {
      for (const backend of removed) entry.remove(backend);
      entry.add(added);
    }
    return [...touches.values()];
  }

  /** Drops entries that are empty and not in force. */
  forget(touches: readonly Touch[]): void {
    for (const { entry } of touches) {
      const { key, family = 0 } = entry;
      if (entry.backends.length === 0 && entry.applied === undefined) this.entries[family].delete(vipKeyText(key));
    }
  }

  /** Every entry, in gossip's order. */
  inOrder(): VipEntry[] {
    return inGossipOrder(Object.values(this.entries).flatMap((entries) => [...entries.values()]));
  }

  private entryOf(key: VipKey, backend: Backend): VipEntry {
    const family = key.kind === 'named' ? familyOf(backend.address) : undefined;
    const entries = this.entries[family ?? 0];
    const text = vipKeyText(key);
    let entry = entries.get(text);
    if (entry === undefined) {
      entry = new VipEntry(key, family);
      entries.set(text, entry);
    }
    return entry;
  }
}

/** riak_dt_map's order, descending by key; of one key IPv4 first. Sorts in place. */
export function inGossipOrder(entries: VipEntry[]): VipEntry[] {
  return entries.sort((a, b) => compareVipKeys(b.key, a.key) || (a.family ?? 0) - (b.family ?? 0));
}
