/**
 * Mesos-DNS: the name server of zone `mesos` on every master (mesosphere/mesos-dns@857ceb9, resolver/resolver.go; DC/OS
 * asks it at port 61053). It answers as of its last refresh, 30 seconds apart, in a fresh random order per answer. Go's
 * random walk over a map is modelled as a rotation, which it is up to eight entries.
 */
import type { Random } from '@portolan/core';
import {
  absolute,
  addressRecord,
  type DnsQuestion,
  type DnsRecord,
  type DnsReply,
  lowerCase,
  messageSize,
  type Rcode,
} from '../dns/message.ts';
import type { MesosState } from '../mesos-state.ts';
import type { IpAddress } from '../vips/ip.ts';
import { RecordSet } from './record-set.ts';
import { DCOS_RECORD_OPTIONS, type MesosRecord, type RecordOptions } from './records.ts';

/** How often DC/OS has it refresh. */
export const REFRESH_SECONDS = 30;
/** The port it listens on in DC/OS. */
export const MESOS_DNS_PORT = 61053;
/** Bytes of an answer over UDP: whatever buffer the client offers, since the limit is looked up in the reply. */
const UDP_LIMIT = 512;

/** What a Mesos-DNS is set up with. */
export interface MesosDnsOptions extends Partial<RecordOptions> {
  /** The addresses it listens on: those of its host but loopback. */
  readonly listeners: readonly IpAddress[];
  readonly random: Random;
  /** Seconds; default 60. */
  readonly ttl?: number;
  /** Default `ns1.<domain>.`. */
  readonly server?: string;
  /** Whether it says that it recurses; default true. */
  readonly recurseOn?: boolean;
  /** Default true; false truncates without saying so. */
  readonly setTruncateBit?: boolean;
  /** Who is asked about names outside the domain, as `/v1/config` shows it; default nobody. */
  readonly resolvers?: readonly string[];
  /** Version m3 only: whether it tells the names of addresses; default false. */
  readonly reverseDnsOn?: boolean;
}

/** One Mesos-DNS process. */
export class MesosDns {
  /** How it makes records. */
  readonly options: RecordOptions;
  private readonly setup: MesosDnsOptions;
  private readonly random: Random;
  private readonly ttl: number;
  private readonly server: string;
  private records: RecordSet | undefined = undefined;
  private serial = 0;
  private masters: readonly string[] = [];
  /** Names of the frameworks there were at the last refresh. */
  frameworks: readonly string[] = [];
  private startSerial: number | undefined = undefined;

  constructor(setup: MesosDnsOptions) {
    const { domain, version, ipSources, spec } = { ...DCOS_RECORD_OPTIONS, ...setup };
    this.options = { domain, version, ipSources, spec };
    this.setup = setup;
    this.random = setup.random;
    this.ttl = setup.ttl ?? 60;
    this.server = setup.server ?? `ns1.${domain}.`;
  }

  /** Whether it has started to listen: not before its first refresh. */
  get ready(): boolean {
    return this.records !== undefined;
  }

  /**
   * Takes over the state as it is now; its records are made when asked for.
   * @param serial Unix time in seconds, the zone's serial number
   */
  refresh(state: MesosState, serial: number): void {
    this.records = new RecordSet(state, this.options, this.setup.listeners, this.server);
    this.serial = serial;
    this.startSerial ??= serial;
    this.masters = state.masters;
    this.frameworks = state.frameworks.map(({ name }) => name);
  }

  /** The records of a name, as of the last refresh; absolute, lower case. */
  find(name: string, kind: MesosRecord['kind']): readonly MesosRecord[] {
    return this.records?.find(name, kind) ?? [];
  }

  /** All records as of the last refresh. */
  all(): readonly MesosRecord[] {
    return this.records?.all() ?? [];
  }

  /** The configuration in force, as `/v1/config` shows it; its serial number is that of the start. */
  get configuration(): unknown {
    const { domain, ipSources, spec } = this.options;
    const { setup, ttl, server, masters } = this;
    return {
      RefreshSeconds: REFRESH_SECONDS,
      Port: MESOS_DNS_PORT,
      Timeout: 5,
      StateTimeoutSeconds: 300,
      ZkDetectionTimeout: 30,
      HttpPort: 8123,
      TTL: ttl,
      SRVRecordDefaultWeight: 1,
      SOASerial: this.startSerial ?? 0,
      SOARefresh: 60,
      SOARetry: 600,
      SOAExpire: 86400,
      SOAMinttl: 60,
      SOAMname: server,
      SOARname: `root.${server}`,
      Masters: masters,
      ZoneResolvers: {},
      Resolvers: setup.resolvers ?? [],
      IPSources: ipSources,
      Zk: '',
      Domain: domain,
      File: '/etc/mesos-dns/config.json',
      Listener: '0.0.0.0',
      HTTPListener: '0.0.0.0',
      RecurseOn: setup.recurseOn ?? true,
      DnsOn: true,
      HttpOn: true,
      ExternalOn: false,
      EnforceRFC952: spec === 'rfc952',
      SetTruncateBit: setup.setTruncateBit ?? true,
      EnumerationOn: true,
      MesosHTTPSOn: false,
      CACertFile: '',
      CertFile: '',
      KeyFile: '',
      MesosCredentials: { Principal: '', Secret: '' },
      IAMConfigFile: '',
      MesosAuthentication: '',
    };
  }

  /** The zone's serial number and name server, and the time to live of its records. */
  get zone(): { readonly serial: number; readonly server: string; readonly ttl: number } {
    return { serial: this.serial, server: this.server, ttl: this.ttl };
  }

  /** The records of a name in the order of one walk over Go's map, which starts anywhere. */
  walk(name: string, kind: MesosRecord['kind']): readonly MesosRecord[] {
    return this.rotated(this.find(name, kind));
  }

  /** Each running task with the records it was the first to have. */
  byTask(): ReturnType<RecordSet['byTask']> {
    return this.records?.byTask() ?? [];
  }

  /** Answers a question. */
  answer(question: DnsQuestion): DnsReply {
    const asked = absolute(question.name);
    const lower = lowerCase(asked);
    const { domain } = this.options;
    const rd = question.rd ?? true;
    const pointer = question.type === 'PTR' ? this.pointerReply(question, lower) : undefined;
    if (pointer !== undefined) return pointer;
    if (lower !== `${domain}.` && !lower.endsWith(`.${domain}.`)) {
      const flags = { qr: true, aa: false, tc: false, rd, ra: false, ad: false };
      return { question, rcode: 'REFUSED', flags, answers: [], authority: [], additional: [], edns: false };
    }
    const parts = this.partsOf(asked, lower.replaceAll('.*', ''), question.type);
    const flags = { qr: true, aa: true, tc: false, rd, ra: this.setup.recurseOn ?? true, ad: false };
    const reply = { question, flags, edns: false, ...parts, answers: this.shuffled(parts.answers) };
    return question.transport === 'tcp' ? reply : this.truncated(reply);
  }

  /** The one name of an address, if there is one and names of addresses are told. */
  private pointerReply(question: DnsQuestion, lower: string): DnsReply | undefined {
    if (this.options.version !== 'm3' || this.setup.reverseDnsOn !== true) return undefined;
    const [target, ...others] = this.records?.namesOf(lower) ?? [];
    if (target === undefined || others.length > 0) return undefined;
    const flags = { qr: true, aa: true, tc: false, rd: question.rd ?? true, ra: this.setup.recurseOn ?? true, ad: false };
    const answers: DnsRecord[] = [{ name: absolute(question.name), ttl: this.ttl, data: { type: 'PTR', target } }];
    return { question, rcode: 'NOERROR', flags, answers, authority: [], additional: [], edns: false };
  }

  private partsOf(asked: string, name: string, type: string) {
    const any = type === 'ANY';
    const additional: DnsRecord[] = [];
    const answers: DnsRecord[] = [];
    const authority: DnsRecord[] = [];
    if (type === 'SRV' || any) this.addServices(asked, name, answers, additional);
    for (const kind of ['A', 'AAAA'] as const) {
      if (type === kind || any) answers.push(...this.addressRecords(name, this.find(name, kind)));
    }
    if (type === 'SOA' || any) authority.push(this.soa(asked));
    if (type === 'NS' || any) authority.push({ name: asked, ttl: this.ttl, data: { type: 'NS', target: this.server } });
    let rcode: Rcode = 'NOERROR';
    if (answers.length === 0 && type !== 'SOA' && type !== 'NS' && type !== 'SRV') {
      authority.push(this.soa(asked));
      if (this.records?.has(name) !== true) rcode = 'NXDOMAIN';
    }
    return { rcode, answers, authority, additional };
  }

  /** SRV records, and the first address of each family of every target. */
  private addServices(asked: string, name: string, answers: DnsRecord[], additional: DnsRecord[]): void {
    const targets = new Set<string>();
    for (const record of this.rotated(this.find(name, 'SRV'))) {
      if (record.kind !== 'SRV') continue;
      const { target, port } = record;
      answers.push({ name: asked, ttl: this.ttl, data: { type: 'SRV', priority: 0, weight: 1, port, target } });
      if (targets.has(target)) continue;
      targets.add(target);
      for (const kind of ['A', 'AAAA'] as const) {
        additional.push(...this.addressRecords(target, this.rotated(this.find(target, kind)).slice(0, 1)));
      }
    }
  }

  private addressRecords(name: string, records: readonly MesosRecord[]): DnsRecord[] {
    return records.flatMap((record) => (record.kind === 'SRV' ? [] : [addressRecord(name, this.ttl, record.address)]));
  }

  private soa(name: string): DnsRecord {
    const times = { serial: this.serial, refresh: 60, retry: 600, expire: 86400, minimum: this.ttl };
    return { name, ttl: this.ttl, data: { type: 'SOA', mname: this.server, rname: `root.${this.server}`, ...times } };
  }

  private rotated<T>(items: readonly T[]): readonly T[] {
    if (items.length < 2) return items;
    const start = this.random.nextInt(items.length);
    return [...items.slice(start), ...items.slice(0, start)];
  }

  /** Fisher-Yates from the front, as the resolver does it. */
  private shuffled<T>(items: readonly T[]): readonly T[] {
    const copy = [...items];
    for (let i = 0; i < copy.length; i++) {
      const other = i + this.random.nextInt(copy.length - i);
      [copy[i], copy[other]] = [copy[other] as T, copy[i] as T];
    }
    return copy;
  }

  /** What fits: first without additional records, then, if that is not below the limit, with so many answers as are. */
  private truncated(reply: DnsReply): DnsReply {
    if (messageSize(reply) <= UDP_LIMIT) return reply;
    const flags = { ...reply.flags, tc: this.setup.setTruncateBit ?? true };
    const fits = (count: number) => {
      const cut = { ...reply, flags, additional: [], answers: reply.answers.slice(0, count) };
      return messageSize(cut) < UDP_LIMIT ? cut : undefined;
    };
    let [low, high] = [0, reply.answers.length];
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (fits(middle) === undefined) high = middle - 1;
      else low = middle;
    }
    return { ...reply, flags, additional: [], answers: reply.answers.slice(0, low) };
  }
}
