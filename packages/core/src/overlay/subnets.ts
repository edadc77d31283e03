/**
 * The agents' subnets of one overlay: whole /24s of 9.0.0.0/8 by default, the lowest free first.
 * Follows struct Overlay of dcos-mesos-modules overlay/master.cpp, edc45dc. Releases are checked no further than there:
 * a subnet outside the overlay is taken back and handed out.
 */
import { type Cidr, formatCidr, maskOf, networkOf } from '../base/address.ts';
import { type FreeSpace, isFree, spaceBetween, without, withValue } from './free-space.ts';
import { type Cidr6, formatCidr6, type Ipv6, lastOf6, maskOf6, networkOf6 } from './ipv6.ts';
import { masterRefusal } from './refusals.ts';
import { nextSubnet, nextSubnet6 } from './successor.ts';

/** An overlay's configuration. */
export interface OverlayInfo {
  /** `dcos` */
  readonly name: string;
  readonly network: Cidr | undefined;
  /** Prefix length of an agent's subnet. */
  readonly prefix: number;
  readonly network6?: Cidr6 | undefined;
  readonly prefix6?: number;
  readonly enabled?: boolean;
}

/** An overlay with what is free of it. */
export interface SubnetPool {
  readonly info: OverlayInfo;
  readonly free: FreeSpace<number> | undefined;
  readonly free6: FreeSpace<Ipv6> | undefined;
}

/** The overlay with all its subnets free. */
export function subnetPool(info: OverlayInfo): SubnetPool {
  const { network, prefix, network6, prefix6 = 80 } = info;
  const last = network && ((network.address | ~maskOf(network.prefix)) & maskOf(prefix)) >>> 0;
  return {
    info,
    free: network && last !== undefined ? spaceBetween(networkOf(network).address, nextSubnet(prefix)(last)) : undefined,
    free6: network6 && spaceBetween(networkOf6(network6).address, nextSubnet6(prefix6)(lastOf6(network6) & maskOf6(prefix6))),
  };
}

/**
 * Takes the lowest free subnet.
 * @throws Refusal `disabled` or `exhausted`
 */
export function allocateSubnet(pool: SubnetPool): { readonly pool: SubnetPool; readonly subnet: Cidr } {
  refuseDisabled(pool);
  const { name, prefix } = pool.info;
  const address = pool.free?.lower;
  if (address === undefined) throw masterRefusal('exhausted', `No free subnets available in the ${name}overlay`);
  return { pool: { ...pool, free: without(pool.free, address, nextSubnet(prefix)) }, subnet: { address, prefix } };
}

/**
 * Takes the lowest free IPv6 subnet.
 * @throws Refusal `disabled` or `exhausted`
 */
export function allocateSubnet6(pool: SubnetPool): { readonly pool: SubnetPool; readonly subnet: Cidr6 } {
  refuseDisabled(pool);
  const { name, prefix6 = 80 } = pool.info;
  const address = pool.free6?.lower;
  if (address === undefined) throw masterRefusal('exhausted', `No free IPv6 subnets available in the ${name}overlay`);
  return {
    pool: { ...pool, free6: without(pool.free6, address, nextSubnet6(prefix6)) },
    subnet: { address, prefix: prefix6 },
  };
}

/**
 * Gives a subnet back.
 * @throws Refusal `wrong-prefix`
 */
export function releaseSubnet(pool: SubnetPool, subnet: Cidr): SubnetPool {
  const { network, prefix } = pool.info;
  refuseWrongPrefix('', subnet.prefix, prefix, network?.prefix);
  return { ...pool, free: withValue(pool.free, subnet.address, nextSubnet(prefix)) };
}

/**
 * Gives an IPv6 subnet back.
 * @throws Refusal `wrong-prefix`
 */
export function releaseSubnet6(pool: SubnetPool, subnet: Cidr6): SubnetPool {
  const { network6, prefix6 = 80 } = pool.info;
  refuseWrongPrefix('IPv6 ', subnet.prefix, prefix6, network6?.prefix);
  return { ...pool, free6: withValue(pool.free6, subnet.address, nextSubnet6(prefix6)) };
}

/**
 * Takes a given subnet: recovery of what an agent already has.
 * @throws Refusal `unavailable`
 */
export function reserveSubnet(pool: SubnetPool, subnet: Cidr): SubnetPool {
  const wanted = networkOf(subnet);
  // Subnets of another length sort apart from the free ones, so none of them is ever free.
  if (subnet.prefix !== pool.info.prefix || !isFree(pool.free, wanted.address))
    throw masterRefusal('unavailable', `Unable to reserve unavailable subnet ${formatCidr(subnet)}(${formatCidr(wanted)})`);
  return { ...pool, free: without(pool.free, wanted.address, nextSubnet(wanted.prefix)) };
}

/**
 * Takes a given IPv6 subnet.
 * @throws Refusal `unavailable`
 */
export function reserveSubnet6(pool: SubnetPool, subnet: Cidr6): SubnetPool {
  const wanted = networkOf6(subnet);
  if (subnet.prefix !== (pool.info.prefix6 ?? 80) || !isFree(pool.free6, wanted.address))
    throw masterRefusal(
      'unavailable',
      `Unable to reserve unavailable IPv6 subnet ${formatCidr6(subnet)}(${formatCidr6(wanted)})`,
    );
  return { ...pool, free6: without(pool.free6, wanted.address, nextSubnet6(wanted.prefix)) };
}

/** An agent's subnet in two halves: the lower for Mesos's own containers, the upper for Docker's. */
export function bridgesOf(subnet: Cidr): { readonly mesosBridge: Cidr; readonly dockerBridge: Cidr } {
  const prefix = subnet.prefix + 1;
  return {
    mesosBridge: { address: subnet.address, prefix },
    dockerBridge: { address: nextSubnet(prefix)(subnet.address), prefix },
  };
}

/** The same of an IPv6 subnet. */
export function bridgesOf6(subnet: Cidr6): { readonly mesosBridge: Cidr6; readonly dockerBridge: Cidr6 } {
  const prefix = subnet.prefix + 1;
  return {
    mesosBridge: { address: subnet.address, prefix },
    dockerBridge: { address: nextSubnet6(prefix)(subnet.address), prefix },
  };
}

function refuseDisabled({ info }: SubnetPool): void {
  if (info.enabled === false) throw masterRefusal('disabled', `The ${info.name}overlay is disabled`);
}

function refuseWrongPrefix(family: string, given: number, wanted: number, overlay: number | undefined): void {
  // The real message prints both lengths as characters, not as numbers.
  if (given !== wanted)
    throw masterRefusal(
      'wrong-prefix',
      `Cannot free this ${family}network because prefix ${String.fromCharCode(given)} does not match Agent prefix ` +
        `${String.fromCharCode(wanted)} of the overlay`,
    );
  if (overlay !== undefined && given < overlay)
    throw masterRefusal('wrong-prefix', `Cannot free this ${family}network since it does not belong  to the overlay subnet`);
}
