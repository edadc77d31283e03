/**
 * Which way an address goes: routing tables looked up by longest prefix, in the order of the routing rules.
 * Follows linux net/ipv4/fib_{rules,trie,frontend}.c. Tables are made of the configured routes and of sources that
 * many namespaces share.
 */
import { broadcastOf, type Cidr, contains, type Ipv4, maskOf, networkOf } from '../base/address.ts';
import { memo } from '../base/immutable.ts';
import { ANYWHERE, type Link, type NamespaceConfig, type Route, type RoutingRule, TABLE, type TableId } from './config.ts';

/** Routes that somebody keeps for many namespaces at once: looked up, never copied. */
export interface RouteSource {
  readonly table: TableId;
  /** Its most specific route to an address. */
  find(destination: Ipv4): Route | undefined;
  list(): readonly Route[];
}

/** The rules every namespace is born with. */
export const DEFAULT_RULES: readonly RoutingRule[] = [
  { priority: 0, table: TABLE.local },
  { priority: 32766, table: TABLE.main },
  { priority: 32767, table: TABLE.default },
];

/** The best route from `source` (0 if not yet chosen) to `destination` for a packet with a mark; undefined if there is none. */
export function findRoute(
  config: NamespaceConfig,
  sources: readonly RouteSource[],
  destination: Ipv4,
  source: Ipv4,
  mark: number,
): Route | undefined {
  const tables = tablesOf(config.routes);
  for (const rule of config.rules) {
    if (!applies(rule, source, mark)) continue;
    const route = findInTable(
      tables.find(({ id }) => id === rule.table),
      rule.table,
      sources,
      destination,
    );
    // A throw route says that this table has none.
    if (route !== undefined && route.type !== 'throw') return route;
  }
  return undefined;
}

function applies({ from, mark: wanted }: RoutingRule, source: Ipv4, mark: number): boolean {
  if (from !== undefined && !contains(from, source)) return false;
  return wanted === undefined || (mark & wanted.mask) >>> 0 === wanted.value;
}

/** Places for remembered routes: at first, and at most. */
const PLACES = { first: 8, most: 4096 } as const;

/** A route that was found, or that there is none. */
interface Remembered {
  /** As a signed number. */
  readonly destination: number;
  /** Which rules looked at its source or mark and matched. */
  readonly kind: number;
  readonly route: Route | undefined;
}

const NO_RULES: readonly RoutingRule[] = [];
const NO_PLACES: undefined[] = [];

/**
 * Routes found before: each has one place, by its destination, and is forgotten when another one needs that. Packets
 * of one kind, by the rules for some that they match, share what was found. What is remembered counts as long as the
 * configuration and the shared state are the same.
 */
export class RouteCache {
  private config: NamespaceConfig | undefined = undefined;
  private epoch = -1;
  /** The rules that are for some packets only. */
  private selective: readonly RoutingRule[] = NO_RULES;
  private places: (Remembered | undefined)[] = NO_PLACES;
  private displaced = 0;

  /** As {@link findRoute}. `epoch` rises whenever a shared source changes. */
  find(
    config: NamespaceConfig,
    sources: readonly RouteSource[],
    epoch: number,
    destination: Ipv4,
    source: Ipv4,
    mark: number,
  ): Route | undefined {
    if (config !== this.config || epoch !== this.epoch) this.renew(config, epoch);
    const kind = this.selective.length === 0 ? 0 : kindOf(this.selective, source, mark);
    const place = placeOf(destination, kind) & (this.places.length - 1);
    const known = this.places[place];
    if (known !== undefined && known.destination === (destination | 0) && known.kind === kind) return known.route;
    const route = findRoute(config, sources, destination, source, mark);
    this.places[place] = { destination: destination | 0, kind, route };
    if (known !== undefined) this.makeRoom();
    return route;
  }

  private renew(config: NamespaceConfig, epoch: number): void {
    const before = this.config;
    const same = before?.routes === config.routes && before.rules === config.rules && epoch === this.epoch;
    this.config = config;
    this.epoch = epoch;
    if (same) return;
    this.selective = selectiveOf(config.rules);
    this.forget(Math.max(this.places.length, PLACES.first));
  }

  /** Where as many were displaced as there are places, there are too few. */
  private makeRoom(): void {
    if (++this.displaced < this.places.length || this.places.length === PLACES.most) return;
    this.forget(this.places.length * 2);
  }

  private forget(places: number): void {
    this.places = new Array(places).fill(undefined);
    this.displaced = 0;
  }
}

const selectiveOf: (rules: readonly RoutingRule[]) => readonly RoutingRule[] = memo((rules) =>
  rules.filter(({ from, mark }) => from !== undefined || mark !== undefined),
);

function placeOf(destination: Ipv4, kind: number): number {
  const mixed = Math.imul(destination ^ Math.imul(kind, 0x85ebca6b), 0x9e3779b1);
  return mixed ^ (mixed >>> 16);
}

/** One bit for each rule that is for such a packet. */
function kindOf(rules: readonly RoutingRule[], source: Ipv4, mark: number): number {
  let bits = 0;
  for (let i = 0; i < rules.length; i++) if (applies(rules[i] as RoutingRule, source, mark)) bits += 2 ** i;
  return bits;
}

/** The address that came first of those that a device has in one network; further ones are secondary. */
export function primaryOf({ addresses }: Pick<Link, 'addresses'>, address: Cidr): Cidr {
  return addresses.find(({ address: other, prefix }) => prefix === address.prefix && contains(address, other)) ?? address;
}

/** The routes an address on a device brings with it, in the kernel's order; a secondary one speaks as its primary. */
export function routesOfAddress(link: Pick<Link, 'name' | 'kind' | 'addresses'>, address: Cidr): readonly Route[] {
  const own = { address: address.address, prefix: 32 };
  const primary = primaryOf(link, address);
  const routes = [kernelRoute(TABLE.local, 'local', own, 'host', link.name, primary)];
  if (primary.address !== address.address) return routes;
  if (link.kind.type === 'loopback') {
    if (address.prefix < 32) routes.push(kernelRoute(TABLE.local, 'local', networkOf(address), 'host', link.name, address));
  } else if (address.prefix < 32) {
    routes.push(kernelRoute(TABLE.main, 'unicast', networkOf(address), 'link', link.name, address));
  }
  if (address.prefix < 31) {
    const last = { address: broadcastOf(address), prefix: 32 };
    routes.push(kernelRoute(TABLE.local, 'broadcast', last, 'link', link.name, address));
  }
  return routes;
}

function kernelRoute(
  table: TableId,
  type: Route['type'],
  destination: Cidr,
  scope: Route['scope'],
  device: string,
  { address }: Cidr,
): Route {
  return { table, type, destination, scope, device, source: address, protocol: 'kernel', metric: 0 };
}

/** The default route through a gateway. */
export function defaultRoute(via: Ipv4, device: string): Route {
  return { table: TABLE.main, type: 'unicast', destination: ANYWHERE, via, device, scope: 'global', protocol: 'boot', metric: 0 };
}

/** The routes of one table: those of one length of prefix stand together, the longest first, each by address. */
interface RouteTable {
  readonly id: TableId;
  readonly byPrefix: readonly (readonly Route[])[];
}

const tablesOf: (routes: readonly Route[]) => readonly RouteTable[] = memo((routes) =>
  group([...routes].sort(inOrder), (route) => route.table).map((table) => ({
    id: (table[0] as Route).table,
    byPrefix: group(table, (route) => route.destination.prefix).map((alike) =>
      group(alike, (route) => route.destination.address).map(([least]) => least as Route),
    ),
  })),
);

function inOrder(a: Route, b: Route): number {
  if (a.table !== b.table) return a.table - b.table;
  if (a.destination.prefix !== b.destination.prefix) return b.destination.prefix - a.destination.prefix;
  return a.destination.address - b.destination.address || a.metric - b.metric;
}

/** Cuts a list where the key changes. */
function group(routes: readonly Route[], key: (route: Route) => number): readonly (readonly Route[])[] {
  const starts = routes.flatMap((route, i) => (i === 0 || key(route) !== key(routes[i - 1] as Route) ? [i] : []));
  return starts.map((start, n) => routes.slice(start, starts[n + 1]));
}

function findInTable(
  table: RouteTable | undefined,
  id: TableId,
  sources: readonly RouteSource[],
  destination: Ipv4,
): Route | undefined {
  const own = table === undefined ? undefined : findLongest(table, destination);
  let best = own;
  for (const shared of sources) {
    if (shared.table !== id) continue;
    const route = shared.find(destination);
    if (route !== undefined && (best === undefined || route.destination.prefix > best.destination.prefix)) best = route;
  }
  return best;
}

function findLongest({ byPrefix }: RouteTable, destination: Ipv4): Route | undefined {
  for (const routes of byPrefix) {
    const { prefix } = (routes[0] as Route).destination;
    const route = findAddress(routes, (destination & maskOf(prefix)) >>> 0);
    if (route !== undefined) return route;
  }
  return undefined;
}

/** Halves the list until what is left begins with the address or does not have it. */
function findAddress(routes: readonly Route[], address: Ipv4): Route | undefined {
  let low = 0;
  let high = routes.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((routes[middle] as Route).destination.address < address) low = middle + 1;
    else high = middle;
  }
  const found = routes[low];
  return found?.destination.address === address ? found : undefined;
}

/** The first address that is not of `lo`, by device; 127.0.0.1 if there is none. */
export function firstAddress(links: readonly Link[]): Ipv4 {
  for (const { kind, addresses } of links)
    if (kind.type !== 'loopback' && addresses[0] !== undefined) return addresses[0].address;
  return 0x7f000001;
}

/** The address a namespace prefers as source when it sends by that device towards `next`. */
export function sourceAddress(link: Link, next: Ipv4): Ipv4 {
  const near = link.addresses.find((address) => contains(address, next));
  return (near ?? link.addresses[0])?.address ?? 0;
}
