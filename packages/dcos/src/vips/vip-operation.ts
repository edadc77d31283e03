/**
 * What dcos-net's manager (dcos_l4lb_mgr, dcos/dcos-net@7bd01ac) writes to a kernel: routes, set members and IPVS
 * services, as data and in its order.
 */
import { compareServers, type Server } from './backends.ts';
import { type Complement, complement, inWriteOrder, walk } from './complement.ts';
import { compareIp, type IpAddress } from './ip.ts';
import type { Protocol } from './key.ts';

/** A virtual service's address. */
export interface ServiceAddress {
  readonly protocol: Protocol;
  readonly address: IpAddress;
  readonly port: number;
}

/** What each kind of write says. */
interface Writes {
  readonly 'add-route': { readonly address: IpAddress };
  readonly 'remove-route': { readonly address: IpAddress };
  readonly 'add-member': ServiceAddress;
  readonly 'remove-member': ServiceAddress;
  readonly 'add-service': ServiceAddress;
  readonly 'delete-service': ServiceAddress;
  readonly 'add-server': ServiceAddress & { readonly server: Server };
  readonly 'remove-server': ServiceAddress & { readonly server: Server };
  readonly 'set-weight': ServiceAddress & { readonly server: Server };
}

/**
 * One write, told apart by `kind`. Routes are local routes of device minuteman; members go to the set dcos-l4lb (of
 * IPv6 addresses: dcos-l4lb-ipv6); services are scheduled by wlc, servers masqueraded.
 */
export type VipOperation = { [Kind in keyof Writes]: { readonly kind: Kind } & Writes[Kind] }[keyof Writes];

/** A service with its servers, as applied. */
export interface AppliedVip extends ServiceAddress {
  /** Sorted by {@link compareServers}. */
  readonly servers: readonly Server[];
  /** The same in the order in which they are added when the service is new. */
  readonly order: readonly Server[];
}

/** A service on both sides of a change. */
export interface ChangedVip extends ServiceAddress {
  /** `onlyA` are new servers, `onlyB` gone ones; a server of another weight is among both. */
  readonly servers: Complement<Server>;
}

/** The last elements of the whole lists of which a change names only the parts that changed. */
export interface Bounds {
  readonly lastService: ServiceAddress | undefined;
  readonly lastAddress: IpAddress | undefined;
}

/** A change of the list of VIPs, every list ascending. */
export interface VipChange {
  readonly added: readonly AppliedVip[];
  readonly removed: readonly ServiceAddress[];
  readonly changed: readonly ChangedVip[];
  readonly addedAddresses: readonly IpAddress[];
  readonly removedAddresses: readonly IpAddress[];
}

/** The writes that bring a change about: gone routes, new members, IPVS, gone members, new routes. */
export function operationsOf(change: VipChange, before: Bounds, after: Bounds): VipOperation[] {
  const { lastService } = before;
  const added = inWriteOrder<ServiceAddress>(change.added, lastService, compareServices) as AppliedVip[];
  const removed = inWriteOrder(change.removed, after.lastService, compareServices);
  const oldAddresses = inWriteOrder(change.removedAddresses, after.lastAddress, compareIp);
  const newAddresses = inWriteOrder(change.addedAddresses, before.lastAddress, compareIp);
  const writes: VipOperation[] = [];
  for (const address of oldAddresses) writes.push({ kind: 'remove-route', address });
  for (const vip of added) writes.push({ kind: 'add-member', ...serviceOf(vip) });
  for (const vip of removed) writes.push({ kind: 'delete-service', ...serviceOf(vip) });
  for (const vip of added) addition(vip, writes);
  for (let i = change.changed.length - 1; i >= 0; i--) modification(change.changed[i] as ChangedVip, writes);
  for (const vip of removed) writes.push({ kind: 'remove-member', ...serviceOf(vip) });
  for (const address of newAddresses) writes.push({ kind: 'add-route', address });
  return writes;
}

/** The writes that lead from one whole list of VIPs to another; both sorted by {@link compareServices}. */
export function operationsBetween(before: readonly AppliedVip[], after: readonly AppliedVip[]): VipOperation[] {
  const added: AppliedVip[] = [];
  const removed: AppliedVip[] = [];
  const changed: ChangedVip[] = [];
  walk<AppliedVip>(after, before, compareServices, {
    onlyA: (vip) => added.push(vip),
    onlyB: (vip) => removed.push(vip),
    both: (next, previous) => {
      const servers = complement(next.servers, previous.servers, compareServers);
      if (servers.onlyA.length + servers.onlyB.length > 0) changed.push({ ...serviceOf(next), servers });
    },
  });
  const [addedAddresses, removedAddresses]: [IpAddress[], IpAddress[]] = [[], []];
  const [newAddresses, oldAddresses] = [addressesOf(after), addressesOf(before)];
  walk(newAddresses, oldAddresses, compareIp, {
    onlyA: (address) => addedAddresses.push(address),
    onlyB: (address) => removedAddresses.push(address),
    both: () => {},
  });
  return operationsOf(
    { added, removed, changed, addedAddresses, removedAddresses },
    { lastService: before.at(-1), lastAddress: oldAddresses.at(-1) },
    { lastService: after.at(-1), lastAddress: newAddresses.at(-1) },
  );
}

/** Erlang's order of service keys: tcp before udp, then address and port. */
export function compareServices(a: ServiceAddress, b: ServiceAddress): number {
  return a.protocol - b.protocol || compareIp(a.address, b.address) || a.port - b.port;
}

function serviceOf({ protocol, address, port }: ServiceAddress): ServiceAddress {
  return { protocol, address, port };
}

function addition(vip: AppliedVip, writes: VipOperation[]): void {
  const { protocol, address, port } = vip;
  writes.push({ kind: 'add-service', protocol, address, port });
  for (const server of vip.order) writes.push({ kind: 'add-server', protocol, address, port, server: bare(server) });
}

function modification({ protocol, address, port, servers }: ChangedVip, writes: VipOperation[]): void {
  const { onlyA, onlyB } = servers;
  const gone = onlyB.length === 0 ? NO_ENDS : new Set(onlyB.map(endOf));
  const modified = gone.size === 0 ? [] : onlyA.filter((server) => gone.has(endOf(server)));
  const kept = modified.length === 0 ? NO_ENDS : new Set(modified.map(endOf));
  const isKept = (server: Server): boolean => kept.size > 0 && kept.has(endOf(server));
  for (const server of modified) writes.push({ kind: 'set-weight', protocol, address, port, server: bare(server) });
  for (const server of onlyA)
    if (!isKept(server)) writes.push({ kind: 'add-server', protocol, address, port, server: bare(server) });
  for (const server of onlyB)
    if (!isKept(server)) writes.push({ kind: 'remove-server', protocol, address, port, server: bare(server) });
}

const NO_ENDS: ReadonlySet<string> = new Set();

function endOf(server: Server): string {
  return `${server.address} ${server.port} ${typeof server.address}`;
}

function bare({ address, port, weight }: Server): Server {
  return { address, port, weight };
}

function addressesOf(vips: readonly AppliedVip[]): IpAddress[] {
  const sorted = vips.map((vip) => vip.address).sort(compareIp);
  return sorted.filter((address, index) => index === 0 || address !== sorted[index - 1]);
}
