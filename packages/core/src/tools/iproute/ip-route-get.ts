/**
 * `ip route get`: the way the kernel would choose for one packet made here.
 * Follows iproute2 6.1 (ip/iproute.c, iproute_get) and linux net/ipv4/route.c (inet_rtm_getroute), as recorded on
 * Linux 6.18. What was learned of single destinations (smaller MTUs, other gateways) is not shown.
 */
import { formatIpv4, type Ipv4, parseIpv4 } from '../../base/address.ts';
import type { Route } from '../../kernel/config.ts';
import { findRoute, sourceAddress } from '../../kernel/route.ts';
import { failed, notModelled, ok, shorten } from '../result.ts';
import type { Host, ToolResult } from '../tool.ts';
import { tableName } from './ip-route.ts';
import type { Words } from './iproute.ts';

/** What is asked: where to, and of which packet. */
interface Question {
  readonly to: Ipv4;
  readonly from: Ipv4 | undefined;
  readonly mark: number;
}

/** `ip route get ADDRESS [from ADDRESS] [mark MARK]`. */
export function getRoute(words: Words, host: Host): ToolResult {
  let to: Ipv4 | undefined;
  let from: Ipv4 | undefined;
  let mark = 0;
  for (let word = words.next(); word !== undefined; word = words.next()) {
    if (word === 'mark') {
      const typed = words.value();
      if (!/^(0x[0-9a-f]{1,8}|\d{1,9})$/i.test(typed))
        return failed(255, `Error: argument "${shorten(typed)}" is wrong: invalid mark value\n`);
      mark = Number(typed);
      continue;
    }
    if (['oif', 'iif', 'dev', 'vrf', 'tos', 'uid', 'ipproto', 'sport', 'dport', 'fibmatch', 'connected', 'notify'].includes(word))
      throw notModelled('ip', `route get ... ${word}`);
    const typed = word === 'from' || word === 'to' ? words.value() : word;
    const address = addressOf(typed);
    if (address === undefined) return failed(1, `Error: any valid prefix is expected rather than "${shorten(typed)}".`);
    if (word === 'from') from = address;
    else to = address;
  }
  if (to === undefined) return failed(1, 'need at least a destination address');
  if (to >>> 24 === 0 || to >>> 28 === 14) throw notModelled('ip', `route get ${formatIpv4(to)}`);
  return answer(host, { to, from, mark });
}

function addressOf(text: string): Ipv4 | undefined {
  try {
    return parseIpv4(text);
  } catch {
    return undefined;
  }
}

const ERRORS: { readonly [type in Route['type']]?: string } = {
  unreachable: 'No route to host',
  prohibit: 'Permission denied',
  blackhole: 'Invalid argument',
};

function answer(host: Host, { to, from, mark }: Question): ToolResult {
  const config = { ...host.config.host, routes: host.routes() };
  const local = (address: Ipv4) => findRoute(config, [], address, 0, 0)?.type === 'local';
  const route = from !== undefined && !local(from) ? undefined : findRoute(config, [], to, from ?? 0, mark);
  const device = route?.type === 'local' ? 'lo' : route?.device;
  const error = route === undefined ? 'Network is unreachable' : ERRORS[route.type];
  if (route === undefined || device === undefined || error !== undefined) return failed(2, `RTNETLINK answers: ${error}`);
  const everybody = route.type === 'broadcast' || to === 0xffffffff;
  const link = config.links.find(({ name }) => name === device);
  const source = route.source ?? (route.type === 'local' ? to : link === undefined ? 0 : sourceAddress(link, route.via ?? to));
  let text = everybody ? 'broadcast ' : route.type === 'local' ? 'local ' : '';
  text += `${formatIpv4(to)} `;
  if (from !== undefined) text += `from ${formatIpv4(from)} `;
  if (route.via !== undefined && !everybody) text += `via ${formatIpv4(route.via)} `;
  text += `dev ${device} `;
  if (tableName(route.table) !== 'main') text += `table ${tableName(route.table)} `;
  if (from === undefined) text += `src ${formatIpv4(source)} `;
  if (mark !== 0) text += `mark ${mark < 16 ? mark : `0x${mark.toString(16)}`} `;
  const flags = everybody ? '<local,brd> ' : route.type === 'local' ? '<local> ' : '';
  return ok(`${text}uid 0 \n    cache ${flags}\n`);
}
