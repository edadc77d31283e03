/**
 * A zone of dcos-dns, and how erl-dns answers from it (dcos/erldns@5b03608, erldns_resolver.erl; dcos_dns.erl of
 * dcos/dcos-net@7bd01ac). Delegations, wildcards and DNSSEC are not modelled: no zone of DC/OS has them.
 */
import { absolute, addressRecord, type DnsQuestion, type DnsRecord, type DnsReply, lowerCase, type Rcode } from './message.ts';

/** Seconds every address and SRV record of dcos-dns lives. */
export const DCOS_DNS_TTL = 5;

/** A zone: its apex, and the records below it. */
export interface Zone {
  /** Absolute, lower case. */
  readonly apex: string;
  /** The records of a name, absolute and lower case; those every apex has are not among them. */
  readonly records: (name: string) => readonly DnsRecord[];
}

/** The SOA record of a zone; its time to live is 1 in the authority section. */
export function soaRecord(apex: string, ttl = DCOS_DNS_TTL): DnsRecord {
  const times = { serial: 1, refresh: 60, retry: 180, expire: 86400, minimum: 1 };
  return { name: apex, ttl, data: { type: 'SOA', mname: 'ns.spartan.', rname: 'support.mesosphere.com.', ...times } };
}

/** What erl-dns answers. */
export function resolve(question: DnsQuestion, zones: readonly Zone[]): DnsReply {
  const name = lowerCase(absolute(question.name));
  const zone = zoneOf(name, zones);
  if (zone === undefined || question.type === 'RRSIG') return refused(question, zone !== undefined);
  const { rcode, answers, authority } = lookup(name, question.type, zone, zones);
  const servers = [...answers, ...authority].filter(({ data }) => data.type === 'NS').length > 0 ? NAME_SERVER : [];
  const asked = absolute(question.name);
  const echoed = (record: DnsRecord) => (record.name === name ? { ...record, name: asked } : record);
  return {
    question,
    rcode,
    flags: { qr: true, aa: true, tc: false, rd: question.rd ?? true, ra: false, ad: false },
    answers: answers.map(echoed),
    authority,
    additional: servers,
    edns: question.ednsSize !== undefined,
  };
}

/** The zone a name lies in: the one with the longest apex. */
export function zoneOf(name: string, zones: readonly Zone[]): Zone | undefined {
  let best: Zone | undefined;
  for (const zone of zones) {
    if (name !== zone.apex && !name.endsWith(`.${zone.apex}`)) continue;
    if (best === undefined || zone.apex.length > best.apex.length) best = zone;
  }
  return best;
}

const NAME_SERVER: readonly DnsRecord[] = [addressRecord('ns.spartan.', DCOS_DNS_TTL, 0xc6336401)];

interface Found {
  readonly rcode: Rcode;
  readonly answers: readonly DnsRecord[];
  readonly authority: readonly DnsRecord[];
}

function lookup(name: string, type: string, zone: Zone, zones: readonly Zone[]): Found {
  const chain: DnsRecord[] = [];
  const followed = new Set<string>();
  let current = name;
  let place: Zone | undefined = zone;
  for (;;) {
    const records = place === undefined ? [] : recordsOf(place, current);
    const alias = type === 'CNAME' ? undefined : records.find(({ data }) => data.type === 'CNAME');
    if (alias === undefined || alias.data.type !== 'CNAME') {
      const matches = records.filter(({ data }) => type === 'ANY' || data.type === type);
      if (matches.length > 0) return { rcode: 'NOERROR', answers: [...chain, ...sorted(matches)], authority: [] };
      const soa = place === undefined ? [] : [soaRecord(place.apex, 1)];
      if (records.length > 0) return { rcode: 'NOERROR', answers: chain, authority: soa };
      return chain.length > 0
        ? { rcode: 'NOERROR', answers: chain, authority: soa }
        : { rcode: 'NXDOMAIN', answers: [], authority: soa };
    }
    if (followed.has(current)) return { rcode: 'SERVFAIL', answers: chain, authority: [] };
    followed.add(current);
    chain.push(alias);
    current = lowerCase(alias.data.target);
    place = zoneOf(current, zones);
  }
}

function recordsOf(zone: Zone, name: string): readonly DnsRecord[] {
  const records = zone.records(name);
  if (name !== zone.apex) return records;
  return [{ name, ttl: 3600, data: { type: 'NS', target: 'ns.spartan.' } }, soaRecord(name), ...records];
}

function refused(question: DnsQuestion, known: boolean): DnsReply {
  const flags = {
    qr: true,
    aa: false,
    tc: false,
    rd: question.rd ?? true,
    ra: false,
    ad: known ? false : (question.ad ?? false),
  };
  return { question, rcode: 'REFUSED', flags, answers: [], authority: [], additional: [], edns: question.ednsSize !== undefined };
}

const TYPE_NUMBERS = { A: 1, NS: 2, CNAME: 5, SOA: 6, PTR: 12, AAAA: 28, SRV: 33 } as const;

/** Erlang's order of records of one name: by type, time to live and data. */
function sorted(records: readonly DnsRecord[]): DnsRecord[] {
  return [...records].sort((a, b) => TYPE_NUMBERS[a.data.type] - TYPE_NUMBERS[b.data.type] || a.ttl - b.ttl || compareData(a, b));
}

function compareData({ data: a }: DnsRecord, { data: b }: DnsRecord): number {
  if (a.type === 'A' && b.type === 'A') return a.address - b.address;
  if (a.type === 'AAAA' && b.type === 'AAAA') return a.address < b.address ? -1 : a.address > b.address ? 1 : 0;
  if (a.type === 'SRV' && b.type === 'SRV') {
    return a.priority - b.priority || a.weight - b.weight || a.port - b.port || compare(a.target, b.target);
  }
  return 'target' in a && 'target' in b ? compare(a.target, b.target) : 0;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
