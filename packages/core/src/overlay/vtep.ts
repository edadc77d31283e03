/**
 * The tunnel ends: every agent's address on the VXLAN and the MAC made of it.
 * Follows struct Vtep of dcos-mesos-modules overlay/master.cpp, edc45dc: the pool is open at both ends, the lowest
 * free address is handed out, a freed one is the next if it is the lowest.
 */
import { broadcastOf, type Cidr, formatCidr, formatIpv4, type Mac, networkOf } from '../base/address.ts';
import { type FreeSpace, isFree, spaceBetween, without, withValue } from './free-space.ts';
import { type Cidr6, formatCidr6, formatIpv6, type Ipv6, lastOf6, networkOf6 } from './ipv6.ts';
import { masterRefusal } from './refusals.ts';
import { nextAddress, nextAddress6 } from './successor.ts';

/** The first three octets of every tunnel end's MAC: 70:b3:d5, as a MAC with the others zero. */
export const VTEP_OUI: Mac = 0x70b3d5000000;

/** Free tunnel addresses. */
export interface VtepPool {
  readonly network: Cidr;
  readonly network6: Cidr6 | undefined;
  readonly oui: Mac;
  readonly free: FreeSpace<number> | undefined;
  readonly free6: FreeSpace<Ipv6> | undefined;
}

/**
 * The pool with all its addresses free.
 * @throws Refusal `bad-config` for a network shorter than /8 or an OUI with more than three octets
 */
export function vtepPool(network: Cidr, network6: Cidr6 | undefined = undefined, oui: Mac = VTEP_OUI): VtepPool {
  if (network.prefix < 8)
    throw masterRefusal(
      'bad-config',
      'VTEP MAC are derived from last 24 bits of VTEP IP.  Hence, in order to guarantee unique VTEP MAC we need the VTEP IP ' +
        'subnet to be equal to or greater than /8',
    );
  if (oui % 0x1000000 !== 0) {
    const hex = oui.toString(16).padStart(12, '0').replace(/../g, '$&:').slice(0, 17);
    throw masterRefusal(
      'bad-config',
      `Unable to parse VTEP MAC OUI: Invalid OUI MAC address: ${hex}. Least significant three bytes should not be set for the OUI`,
    );
  }
  return {
    network,
    network6,
    oui,
    free: spaceBetween(nextAddress(networkOf(network).address), broadcastOf(network)),
    free6: network6 && spaceBetween(nextAddress6(networkOf6(network6).address), lastOf6(network6)),
  };
}

/**
 * Takes the lowest free address.
 * @throws Refusal `exhausted`
 */
export function allocateVtep(pool: VtepPool): { readonly pool: VtepPool; readonly vtep: Cidr } {
  const address = pool.free?.lower;
  if (address === undefined) throw masterRefusal('exhausted', 'Unable to allocate a VTEP IP due to exhaustion');
  return {
    pool: { ...pool, free: without(pool.free, address, nextAddress) },
    vtep: { address, prefix: pool.network.prefix },
  };
}

/**
 * Takes the lowest free IPv6 address.
 * @throws Refusal `exhausted`
 */
export function allocateVtep6(pool: VtepPool): { readonly pool: VtepPool; readonly vtep: Cidr6 } {
  const address = pool.free6?.lower;
  if (address === undefined || pool.network6 === undefined)
    throw masterRefusal('exhausted', 'Unable to allocate a VTEP IPv6 due to exhaustion');
  return {
    pool: { ...pool, free6: without(pool.free6, address, nextAddress6) },
    vtep: { address, prefix: pool.network6.prefix },
  };
}

/**
 * Gives an address back. Whether it belongs to the pool is not checked, as in the real master.
 * @throws Refusal `not-allocated`
 */
export function releaseVtep(pool: VtepPool, vtep: Cidr): VtepPool {
  if (isFree(pool.free, vtep.address)) throw notAllocated(formatIpv4(vtep.address));
  return { ...pool, free: withValue(pool.free, vtep.address, nextAddress) };
}

/**
 * Gives an IPv6 address back.
 * @throws Refusal `not-allocated`
 */
export function releaseVtep6(pool: VtepPool, vtep: Cidr6): VtepPool {
  if (isFree(pool.free6, vtep.address)) throw notAllocated(formatIpv6(vtep.address));
  return { ...pool, free6: withValue(pool.free6, vtep.address, nextAddress6) };
}

/**
 * Takes a given address: recovery of what an agent already has.
 * @throws Refusal `unavailable`
 */
export function reserveVtep(pool: VtepPool, vtep: Cidr): VtepPool {
  if (!isFree(pool.free, vtep.address))
    throw masterRefusal('unavailable', `Cannot reserve an unavailable IP: ${formatCidr(vtep)}(${formatIpv4(vtep.address)})`);
  return { ...pool, free: without(pool.free, vtep.address, nextAddress) };
}

/**
 * Takes a given IPv6 address.
 * @throws Refusal `unavailable`
 */
export function reserveVtep6(pool: VtepPool, vtep: Cidr6): VtepPool {
  if (!isFree(pool.free6, vtep.address))
    throw masterRefusal('unavailable', `Cannot reserve an unavailable IPv6: ${formatCidr6(vtep)}(${formatIpv6(vtep.address)})`);
  return { ...pool, free6: without(pool.free6, vtep.address, nextAddress6) };
}

/** The MAC of a tunnel end: the OUI and the address's last three octets, 44.128.0.3 -> 70:b3:d5:80:00:03. */
export function vtepMac(pool: VtepPool, vtep: Cidr): Mac {
  return pool.oui + (vtep.address & 0xffffff);
}

function notAllocated(address: string) {
  return masterRefusal('not-allocated', `Unable to deallocate IP: ${address} that wasn't previously allocated`);
}
