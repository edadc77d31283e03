/**
 * DNS messages as values: what DC/OS' two name servers are asked and answer (RFC 1035, 2782, 3596). Names are absolute,
 * with their final dot. Sizes are those of the wire, with names compressed as both servers do it.
 */
import { formatIp, type IpAddress, type Ipv6 } from '../vips/ip.ts';

/** A question, and what of the message's header the answer depends on. */
export interface DnsQuestion {
  /** With or without final dot; any case. */
  readonly name: string;
  /** `A`, `AAAA`, `SRV`, `ANY`, `TXT`, ... */
  readonly type: string;
  /** Message id, 0 to 65535. */
  readonly id: number;
  /** Default `udp`. */
  readonly transport?: 'udp' | 'tcp';
  /** The client's buffer size, if it speaks EDNS. */
  readonly ednsSize?: number;
  /** Recursion desired; default true, as dig asks. */
  readonly rd?: boolean;
  /** Authentic data; default false, though dig sets it. */
  readonly ad?: boolean;
}

/** A resource record of class IN. */
export interface DnsRecord {
  readonly name: string;
  /** Seconds. */
  readonly ttl: number;
  readonly data: RecordData;
}

/** A record's type and data. */
export type RecordData =
  | { readonly type: 'A'; readonly address: number }
  | { readonly type: 'AAAA'; readonly address: Ipv6 }
  | { readonly type: 'CNAME' | 'NS' | 'PTR'; readonly target: string }
  | { readonly type: 'SRV'; readonly priority: number; readonly weight: number; readonly port: number; readonly target: string }
  | {
      readonly type: 'SOA';
      readonly mname: string;
      readonly rname: string;
      readonly serial: number;
      /** Seconds, as are the next three. */
      readonly refresh: number;
      readonly retry: number;
      readonly expire: number;
      readonly minimum: number;
    };

/** Names of the response codes that occur. */
export type Rcode = 'NOERROR' | 'SERVFAIL' | 'NXDOMAIN' | 'REFUSED';

/** The header's flags. */
export interface DnsFlags {
  readonly qr: boolean;
  readonly aa: boolean;
  readonly tc: boolean;
  readonly rd: boolean;
  readonly ra: boolean;
  readonly ad: boolean;
}

/** An answer. */
export interface DnsReply {
  readonly question: DnsQuestion;
  readonly rcode: Rcode;
  readonly flags: DnsFlags;
  readonly answers: readonly DnsRecord[];
  readonly authority: readonly DnsRecord[];
  readonly additional: readonly DnsRecord[];
  /** Whether an OPT record comes along, the server's side of EDNS. */
  readonly edns: boolean;
}

/** An A or AAAA record. */
export function addressRecord(name: string, ttl: number, address: IpAddress): DnsRecord {
  return { name, ttl, data: typeof address === 'number' ? { type: 'A', address } : { type: 'AAAA', address } };
}

/** The name with its final dot. */
export function absolute(name: string): string {
  return name.endsWith('.') ? name : `${name}.`;
}

/** ASCII letters in lower case, as DNS compares names. */
export function lowerCase(name: string): string {
  return name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** A record's data as dig prints it. */
export function printData(data: RecordData): string {
  switch (data.type) {
    case 'A':
    case 'AAAA':
      return formatIp(data.address);
    case 'SRV':
      return `${data.priority} ${data.weight} ${data.port} ${data.target}`;
    case 'SOA':
      return [data.mname, data.rname, data.serial, data.refresh, data.retry, data.expire, data.minimum].join(' ');
    default:
      return data.target;
  }
}

/** The set flags as dig prints them: `qr aa rd ra`. */
export function printFlags(flags: DnsFlags): string {
  return (['qr', 'aa', 'tc', 'rd', 'ra', 'ad'] as const).filter((flag) => flags[flag]).join(' ');
}

const HEADER = 12;
const OPT = 11;
const RECORD_HEAD = 10;

/** Bytes of the answer on the wire. SRV targets are written in full, other names compressed, letter case mattering. */
export function messageSize(reply: DnsReply): number {
  const seen = new Set<string>();
  let size = HEADER + nameSize(absolute(reply.question.name), seen) + 4;
  for (const section of [reply.answers, reply.authority, reply.additional]) {
    for (const record of section) size += nameSize(record.name, seen) + RECORD_HEAD + dataSize(record.data, seen);
  }
  return size + (reply.edns ? OPT : 0);
}

function dataSize(data: RecordData, seen: Set<string>): number {
  switch (data.type) {
    case 'A':
      return 4;
    case 'AAAA':
      return 16;
    case 'SRV':
      nameSize(data.target, seen);
      return 6 + data.target.length + 1;
    case 'SOA':
      return nameSize(data.mname, seen) + nameSize(data.rname, seen) + 20;
    default:
      return nameSize(data.target, seen);
  }
}

/** Bytes of a name after those already written; remembers its tails. */
function nameSize(name: string, seen: Set<string>): number {
  let size = 0;
  let rest = name;
  while (rest !== '' && rest !== '.') {
    if (seen.has(rest)) return size + 2;
    seen.add(rest);
    const dot = rest.indexOf('.');
    const length = dot < 0 ? rest.length : dot;
    size += length + 1;
    rest = rest.slice(length + 1);
  }
  return size + 1;
}
