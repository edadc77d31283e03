/**
 * The tables of one dcos-net in which named VIPs have their addresses: name to address and address to name, as
 * dcos_l4lb_lashup_vip_listener keeps them in ETS (dcos/dcos-net@7bd01ac). They are local and depend on history: after
 * a collision two nodes can disagree. Keys are raw, so two labels with one cleaned name share a DNS name, not an address.
 */
import { Refusal } from '@portolan/core';
import { checkRange, choices, firstChoice, nextChoice, type VipRange } from './address.ts';
import { printAddressTuple, printBinary } from './erlang.ts';
import { type Family, familyOf, type IpAddress } from './ip.ts';
import { vipName } from './label.ts';

/** A name with its address. */
export interface VipMapping {
  readonly label: string;
  readonly framework: string;
  /** The cleaned name, `httpi.marathon`. */
  readonly name: string;
  readonly address: IpAddress;
}

/** The addresses of named VIPs as one node knows them. */
export class VipNames {
  readonly range: VipRange;
  private readonly byKey = new Map<string, VipMapping>();
  private readonly byAddress = new Map<IpAddress, VipMapping>();
  private readonly byName = new Map<string, readonly IpAddress[]>();

  /** @throws Refusal `bad-vip-range` */
  constructor(range: VipRange) {
    this.range = checkRange(range);
  }

  /**
   * The address of a label and framework: the one it has, or a new one, starting at its hash.
   * @throws Refusal `out-of-ips`
   */
  assign(family: Family, label: string, framework: string): IpAddress {
    const key = keyOf(family, label, framework);
    const known = this.byKey.get(key);
    if (known !== undefined) return known.address;
    const name = vipName(label, framework);
    let address = firstChoice(family, name, this.range);
    const limit = choices(family, this.range);
    for (let tried = 1; this.byAddress.has(address); tried++) {
      if (tried >= limit) throw outOfAddresses(family, label, framework, this.range);
      address = nextChoice(address, this.range);
    }
    const mapping = { label, framework, name, address };
    this.byKey.set(key, mapping);
    this.byAddress.set(address, mapping);
    this.byName.set(name, [...(this.byName.get(name) ?? []), address]);
    return address;
  }

  /** Forgets whose address this is; its place is free again, the others stay where they are. */
  release(address: IpAddress): void {
    const mapping = this.byAddress.get(address);
    if (mapping === undefined) return;
    this.byAddress.delete(address);
    this.byKey.delete(keyOf(familyOf(address), mapping.label, mapping.framework));
    const left = (this.byName.get(mapping.name) ?? []).filter((other) => other !== address);
    if (left.length === 0) this.byName.delete(mapping.name);
    else this.byName.set(mapping.name, left);
  }

  /** Every address of a cleaned name such as `httpi.marathon`, in the order in which they were given. */
  lookup(name: string): readonly IpAddress[] {
    return this.byName.get(name) ?? [];
  }

  /** All mappings, in the order in which they were made. */
  mappings(): readonly VipMapping[] {
    return [...this.byAddress.values()];
  }
}

function keyOf(family: Family, label: string, framework: string): string {
  return `${family} ${label.length} ${label}${framework}`;
}

function outOfAddresses(family: Family, label: string, framework: string, range: VipRange): Refusal {
  const [inet, min, max] = family === 4 ? ['inet', range.min, range.max] : ['inet6', range.min6, range.max6];
  const ends = `{${printAddressTuple(min as IpAddress)},${printAddressTuple(max as IpAddress)}}`;
  return new Refusal({
    component: 'dcos-net',
    code: 'out-of-ips',
    message: `{out_of_ips,${inet},${printBinary(framework)},${printBinary(label)},${ends}}`,
  });
}
