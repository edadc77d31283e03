/**
 * `ip route` and `ip rule`.
 * Follows iproute2 6.1 (ip/iproute.c, print_route; ip/iprule.c); routes come in the order of the kernel's trie: by
 * address, the longer prefix first, then by metric.
 */
import { formatCidr, formatIpv4 } from '../../base/address.ts';
import { type Route, type RoutingRule, TABLE, type TableId } from '../../kernel/config.ts';
import { failed, lines, notModelled, ok, shorten } from '../result.ts';
import type { Host, ToolResult } from '../tool.ts';
import { hasCarrier, type Words } from './iproute.ts';

const TABLE_NAMES: readonly (readonly [string, TableId])[] = [
  ['local', TABLE.local],
  ['main', TABLE.main],
  ['default', TABLE.default],
];

/** `ip route show [table X] [dev D]`; `table all` shows every table. */
export function showRoutes(words: Words, host: Host): ToolResult {
  let table: TableId | 'all' = TABLE.main;
  let device: string | undefined;
  for (let word = words.next(); word !== undefined; word = words.next()) {
    if (word === 'table') {
      const typed = words.value();
      const id = tableId(typed);
      if (id === undefined) return failed(255, `Error: argument "${shorten(typed)}" is wrong: table id value is invalid\n`);
      table = id;
    } else if (word === 'dev') {
      device = words.value();
    } else {
      throw notModelled('ip', `route show ${shorten(word)}`);
    }
  }
  if (device !== undefined && !host.config.host.links.some((link) => link.name === device)) {
    return failed(1, `Cannot find device "${shorten(device)}"`);
  }
  const shown = host
    .routes()
    .filter((route) => (table === 'all' || route.table === table) && (device === undefined || route.device === device));
  return ok(lines(sorted(shown).map((route) => routeLine(route, host, device === undefined, table === 'all'))));
}

/** `ip rule`. */
export function showRules(words: Words, host: Host): ToolResult {
  const word = words.next();
  if (word !== undefined) throw notModelled('ip', `rule show ${shorten(word)}`);
  return ok(
    lines(
      host.config.host.rules.map((rule) => {
        const from = rule.from === undefined || rule.from.prefix === 0 ? 'all' : network(rule.from);
        const mark = rule.mark === undefined ? '' : ` fwmark ${markText(rule.mark)}`;
        return `${rule.priority}:\tfrom ${from}${mark} lookup ${tableName(rule.table)}`;
      }),
    ),
  );
}

function markText({ value, mask }: NonNullable<RoutingRule['mark']>): string {
  return `0x${value.toString(16)}${mask === 0xffffffff ? '' : `/0x${mask.toString(16)}`}`;
}

function tableId(text: string): TableId | 'all' | undefined {
  if (text === 'all') return text;
  const named = TABLE_NAMES.find(([name]) => name === text)?.[1];
  return named ?? (/^\d{1,9}$/.test(text) ? Number(text) : undefined);
}

/** A routing table as iproute2 calls it. */
export function tableName(table: TableId): string {
  return TABLE_NAMES.find(([, id]) => id === table)?.[0] ?? String(table);
}

function sorted(routes: readonly Route[]): readonly Route[] {
  const rank = (table: TableId) => (table === TABLE.local ? 1 : 0);
  return [...routes].sort(
    (a, b) =>
      rank(a.table) - rank(b.table) ||
      (rank(a.table) === 1 ? 0 : a.table - b.table) ||
      a.destination.address - b.destination.address ||
      b.destination.prefix - a.destination.prefix ||
      a.metric - b.metric,
  );
}

function network({ address, prefix }: Route['destination']): string {
  return prefix === 32 ? formatIpv4(address) : formatCidr({ address, prefix });
}

function routeLine(route: Route, host: Host, withDevice: boolean, withTable: boolean): string {
  let text = route.type === 'unicast' ? '' : `${route.type} `;
  text += `${route.destination.prefix === 0 ? 'default' : network(route.destination)} `;
  if (route.via !== undefined) text += `via ${formatIpv4(route.via)} `;
  if (route.device !== undefined && withDevice) text += `dev ${route.device} `;
  if (withTable && route.table !== TABLE.main) text += `table ${tableName(route.table)} `;
  if (route.protocol !== 'boot') text += `proto ${route.protocol} `;
  if (route.scope !== 'global') text += `scope ${route.scope} `;
  if (route.source !== undefined) text += `src ${formatIpv4(route.source)} `;
  if (route.metric > 0) text += `metric ${route.metric} `;
  return text + (isDown(route, host) ? 'linkdown ' : '');
}

function isDown(route: Route, host: Host): boolean {
  if (route.type === 'local') return false;
  const link = host.config.host.links.find((known) => known.name === route.device);
  return link?.up === true && !hasCarrier(link, host.config.host);
}
