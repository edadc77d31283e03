/**
 * What `ipvsadm` prints of the tables, column by column.
 * Follows ipvsadm.c and libipvs.c of ipvsadm 1.31; 1.27 prints the same, but for tunnels in a saved table.
 */
import { formatIpv4, type Ipv4 } from '../../base/address.ts';
import type { IpvsConnection } from './connection.ts';
import { flagText } from './schedulers/flags.ts';
import type { Forwarding, RealServer, VirtualService } from './service.ts';
import { sortAsListed } from './sort.ts';
import type { IpvsTimeouts } from './state.ts';
import type { Amounts, Statistics } from './statistics.ts';

/** Writes one end of a connection: with `-n` by numbers, without by names. */
export type EndName = (address: Ipv4, port: number, protocol: number) => string;

/** What of the servers is shown. */
export type ServerView = 'counts' | 'thresholds' | 'persistent' | 'stats' | 'rate';

/** How services are listed. */
export interface ListOptions {
  /** `--thresholds`, `--persistent-conn`, `--stats`, `--rate`; counts otherwise. */
  readonly view?: ServerView;
  /** `--nosort`: false. */
  readonly sort?: boolean;
  /** `--exact`: large numbers in full. */
  readonly exact?: boolean;
  /** The version's line, left out when one service is asked for. */
  readonly title?: boolean;
  readonly end?: EndName;
}

const TITLE = 'IP Virtual Server version 1.2.1 (size=4096)\n';

const HEADERS: { readonly [view in ServerView]: string } = {
  counts: 'Prot LocalAddress:Port Scheduler Flags\n  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n',
  thresholds: 'Prot LocalAddress:Port            Uthreshold Lthreshold ActiveConn InActConn \n  -> RemoteAddress:Port\n',
  persistent: 'Prot LocalAddress:Port            Weight    PersistConn ActiveConn InActConn \n  -> RemoteAddress:Port\n',
  stats: 'Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes\n  -> RemoteAddress:Port\n',
  rate: 'Prot LocalAddress:Port                 CPS    InPPS   OutPPS    InBPS   OutBPS\n  -> RemoteAddress:Port\n',
};

const FORWARD: { readonly [way in Forwarding]: { readonly name: string; readonly option: string } } = {
  masquerade: { name: 'Masq', option: '-m' },
  route: { name: 'Route', option: '-g' },
  tunnel: { name: 'Tunnel', option: '-i' },
};

/** Characters kept of a service's and of a server's name. */
const SERVICE_WIDTH = 33;
const SERVER_WIDTH = 28;

/** `172.16.17.198:8584` */
export const numericEnd: EndName = (address, port) => `${formatIpv4(address)}:${port}`;

/** How a server is reached, as listings name it: `Masq`, `Route`, `Tunnel`. */
export function forwardName(way: Forwarding): string {
  return FORWARD[way].name;
}

/** `ipvsadm -Ln` */
export function listServices(services: readonly VirtualService[], options: ListOptions = {}): string {
  const { view = 'counts', sort = true, title = true, exact = false, end = numericEnd } = options;
  let text = (title ? TITLE : '') + HEADERS[view];
  for (const service of sort ? sortAsListed(services) : services) {
    const name = serviceName(service, end);
    if (view === 'stats' || view === 'rate') text += `${name.padEnd(SERVICE_WIDTH)}${amounts(service, view, exact)}\n`;
    else text += `${name} ${service.scheduler}${serviceFlags(service)}\n`;
    for (const server of sort ? sortAsListed(service.servers) : service.servers) {
      const to = end(server.address, server.port, namingProtocol(service)).slice(0, SERVER_WIDTH).padEnd(SERVER_WIDTH);
      text += `  -> ${to}${serverColumns(server, view, exact)}\n`;
    }
  }
  return text;
}

/** How connections are listed. */
export interface ConnectionListOptions {
  readonly end?: EndName;
  /** `--persistent-conn`: a header with columns for persistence engines, of which there are none. */
  readonly engines?: boolean;
}

/** `ipvsadm -Lnc`: expiry counts from `now`, virtual milliseconds. */
export function listConnections(connections: Iterable<IpvsConnection>, now: number, options: ConnectionListOptions = {}): string {
  const { end = numericEnd, engines = false } = options;
  let text = 'IPVS connection entries\npro expire state       source             virtual            destination';
  text += engines ? '        pe name          pe_data\n' : '\n';
  for (const c of connections) {
    const seconds = secondsLeft(c, now);
    const expire = `${twoDigits(Math.floor(seconds / 60))}:${twoDigits(seconds % 60)}`;
    const source = end(c.client, c.clientPort, c.protocol).padEnd(18);
    const virtual = end(c.virtual, c.virtualPort, c.protocol).padEnd(18);
    const destination = end(c.server.address, c.destinationPort, c.protocol);
    text += `${protocolName(c.protocol).padEnd(3)} ${expire.padEnd(6)} ${c.state.padEnd(11)} ${source} ${virtual} ${destination}\n`;
  }
  return text;
}

/** `ipvsadm -Sn`: the command lines that make the tables anew; thresholds are not among them. */
export function saveServices(services: readonly VirtualService[], end: EndName = numericEnd): string {
  let text = '';
  for (const service of sortAsListed(services)) {
    const { protocol, address, port, mark, scheduler, flags } = service;
    const key = mark !== 0 ? `-f ${mark | 0}` : `${protocol === 6 ? '-t' : '-u'} ${end(address, port, protocol)}`;
    text += `-A ${key} -s ${scheduler}`;
    if (service.persistentSeconds > 0) text += ` -p ${service.persistentSeconds}${maskText(service, ' -M ')}`;
    if (service.onePacket) text += ' -o';
    if (flags !== 0) text += ` -b ${flagText(flags, scheduler)}`;
    text += '\n';
    for (const server of sortAsListed(service.servers)) {
      const to = end(server.address, server.port, namingProtocol(service));
      const tunnel = server.forward === 'tunnel' ? ' --tun-type ipip' : '';
      text += `-a ${key} -r ${to} ${FORWARD[server.forward].option} -w ${server.weight}${tunnel}\n`;
    }
  }
  return text;
}

/** `ipvsadm -L --timeout` */
export function listTimeouts({ tcp, tcpfin, udp }: IpvsTimeouts): string {
  return `Timeout (tcp tcpfin udp): ${tcp} ${tcpfin} ${udp}\n`;
}

/** Whole seconds until a connection goes. */
export function secondsLeft({ expiresAt }: IpvsConnection, now: number): number {
  return Math.max(0, Math.floor((expiresAt - now) / 1000));
}

/** `TCP`, `UDP`, or `IP` for the templates of firewall marks. */
export function protocolName(protocol: number): string {
  return protocol === 6 ? 'TCP' : protocol === 17 ? 'UDP' : 'IP';
}

function serviceName({ protocol, address, port, mark }: VirtualService, end: EndName): string {
  // The tool prints the mark as a signed number.
  if (mark !== 0) return `FWM  ${mark | 0}`;
  return `${protocolName(protocol).padEnd(4)} ${end(address, port, protocol)}`.slice(0, SERVICE_WIDTH);
}

/** A service by mark takes several protocols: its ports have no names. */
function namingProtocol({ protocol, mark }: VirtualService): number {
  return mark === 0 ? protocol : 0;
}

function serviceFlags(service: VirtualService): string {
  const { flags, scheduler, persistentSeconds, onePacket } = service;
  const own = flags === 0 ? '' : ` (${flagText(flags, scheduler)})`;
  const persistent = persistentSeconds === 0 ? '' : ` persistent ${persistentSeconds}${maskText(service, ' mask ')}`;
  return `${own}${persistent}${onePacket ? ' ops' : ''}`;
}

function maskText({ netmask }: VirtualService, before: string): string {
  return netmask === 0xffffffff ? '' : before + formatIpv4(netmask);
}

function serverColumns(server: RealServer, view: ServerView, exact: boolean): string {
  const { weight, active, inactive, upperThreshold, lowerThreshold } = server;
  switch (view) {
    case 'counts':
      return columns([FORWARD[server.forward].name, 7], [weight, 6], [active, 10], [inactive, 10]);
    case 'thresholds':
      return columns([upperThreshold, 10], [lowerThreshold, 10], [active, 10], [inactive, 10]);
    case 'persistent':
      return columns([weight, 9], [server.persistent, 11], [active, 10], [inactive, 10]);
    default:
      return amounts(server, view, exact);
  }
}

function columns(...values: readonly (readonly [value: number | string, width: number])[]): string {
  return values.map(([value, width]) => ` ${String(value).padEnd(width)}`).join('');
}

function amounts({ statistics }: { readonly statistics: Statistics }, view: 'stats' | 'rate', exact: boolean): string {
  const of: Amounts = view === 'stats' ? statistics.amounts : statistics.perSecond;
  return [of.connections, of.packetsIn, of.packetsOut, of.bytesIn, of.bytesOut].map((n) => largeNumber(n, exact)).join('');
}

/** Nine characters, from 100 million on in thousands, millions, ...; or, exactly, as many as it takes and a blank. */
function largeNumber(value: number, exact: boolean): string {
  if (exact) {
    const digits = String(value);
    return digits.padStart(Math.max(8, digits.length) + 1);
  }
  if (value < 1e8) return String(value).padStart(9);
  const [unit, letter] = value < 1e9 ? [1e3, 'K'] : value < 1e11 ? [1e6, 'M'] : value < 1e14 ? [1e9, 'G'] : [1e12, 'T'];
  return `${String(Math.floor(value / unit)).padStart(8)}${letter}`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
