/**
 * What `ipvsadm` prints of the tables, column by column.
 * Follows ipvsadm.c and libipvs.c of ipvsadm 1.31; 1.27 prints the same.
 */
import { formatIpv4, type Ipv4 } from '../../base/address.ts';
import type { IpvsConnection } from './connection.ts';
import type { RealServer, ServiceKey, VirtualService } from './service.ts';
import { sortAsListed } from './sort.ts';
import type { IpvsTimeouts } from './state.ts';

/** Writes one end of a connection: with `-n` by numbers, without by names. */
export type EndName = (address: Ipv4, port: number, protocol: number) => string;

/** What of the servers is shown. */
export type ServerView = 'counts' | 'thresholds' | 'persistent';

/** How services are listed. */
export interface ListOptions {
  /** `--thresholds`, `--persistent-conn`; counts otherwise. */
  readonly view?: ServerView;
  /** `--nosort`: false. */
  readonly sort?: boolean;
  /** The version's line, left out when one service is asked for. */
  readonly title?: boolean;
  readonly end?: EndName;
}

const TITLE = 'IP Virtual Server version 1.2.1 (size=4096)\n';

const HEADERS: { readonly [view in ServerView]: string } = {
  counts: 'Prot LocalAddress:Port Scheduler Flags\n  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n',
  thresholds: 'Prot LocalAddress:Port            Uthreshold Lthreshold ActiveConn InActConn \n  -> RemoteAddress:Port\n',
  persistent: 'Prot LocalAddress:Port            Weight    PersistConn ActiveConn InActConn \n  -> RemoteAddress:Port\n',
};

/** `172.16.17.198:8584` */
export const numericEnd: EndName = (address, port) => `${formatIpv4(address)}:${port}`;

/** `ipvsadm -Ln` */
export function listServices(services: readonly VirtualService[], options: ListOptions = {}): string {
  const { view = 'counts', sort = true, title = true, end = numericEnd } = options;
  let text = (title ? TITLE : '') + HEADERS[view];
  for (const service of sort ? sortAsListed(services) : services) {
    text += serviceLine(service, end);
    for (const server of sort ? sortAsListed(service.servers) : service.servers) text += serverLine(service, server, view, end);
  }
  return text;
}

/** `ipvsadm -Lnc`: expiry counts from `now`, virtual milliseconds. */
export function listConnections(connections: Iterable<IpvsConnection>, now: number, end: EndName = numericEnd): string {
  let text = 'IPVS connection entries\npro expire state       source             virtual            destination\n';
  for (const c of connections) {
    const seconds = Math.max(0, Math.floor((c.expiresAt - now) / 1000));
    const expire = `${twoDigits(Math.floor(seconds / 60))}:${twoDigits(seconds % 60)}`;
    const source = end(c.client, c.clientPort, c.protocol).padEnd(18);
    const virtual = end(c.virtual, c.virtualPort, c.protocol).padEnd(18);
    const destination = end(c.server.address, c.server.port, c.protocol);
    text += `${protocolName(c.protocol)} ${expire}  ${c.state.padEnd(11)} ${source} ${virtual} ${destination}\n`;
  }
  return text;
}

/** `ipvsadm -Sn`: the command lines that make the tables anew; thresholds are not among them. */
export function saveServices(services: readonly VirtualService[], end: EndName = numericEnd): string {
  let text = '';
  for (const service of sortAsListed(services)) {
    const { protocol, address, port, scheduler, flags, onePacket } = service;
    const key = `${protocol === 6 ? '-t' : '-u'} ${end(address, port, protocol)}`;
    text += `-A ${key} -s ${scheduler}${flags.length === 0 ? '' : ` -b ${flagText(flags)}`}${onePacket ? ' -o' : ''}\n`;
    for (const server of sortAsListed(service.servers))
      text += `-a ${key} -r ${end(server.address, server.port, protocol)} -m -w ${server.weight}\n`;
  }
  return text;
}

/** `ipvsadm -L --timeout` */
export function listTimeouts({ tcp, tcpfin, udp }: IpvsTimeouts): string {
  return `Timeout (tcp tcpfin udp): ${tcp} ${tcpfin} ${udp}\n`;
}

function serviceLine({ protocol, address, port, scheduler, flags, onePacket }: VirtualService, end: EndName): string {
  const shown = flags.length === 0 ? '' : ` (${flagText(flags)})`;
  return `${protocolName(protocol).padEnd(4)} ${end(address, port, protocol)} ${scheduler}${shown}${onePacket ? ' ops' : ''}\n`;
}

function serverLine({ protocol }: ServiceKey, server: RealServer, view: ServerView, end: EndName): string {
  const { weight, active, inactive, upperThreshold, lowerThreshold } = server;
  const columns: readonly (readonly [number | string, number])[] =
    view === 'counts'
      ? [
          ['Masq', 7],
          [weight, 6],
          [active, 10],
          [inactive, 10],
        ]
      : view === 'thresholds'
        ? [
            [upperThreshold, 10],
            [lowerThreshold, 10],
            [active, 10],
            [inactive, 10],
          ]
        : [
            [weight, 9],
            [0, 11],
            [active, 10],
            [inactive, 10],
          ];
  const name = end(server.address, server.port, protocol).padEnd(28);
  return `  -> ${name} ${columns.map(([value, width]) => String(value).padEnd(width)).join(' ')}\n`;
}

/** The flags of sh and mh by their bits, which is also their order by name. */
function flagText(flags: readonly string[]): string {
  return [...flags].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)).join(',');
}

function protocolName(protocol: number): string {
  return protocol === 6 ? 'TCP' : 'UDP';
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
