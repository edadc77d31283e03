/**
 * DNS messages on the wire (RFC 1035, 2782, 3596, 6891): questions are read by the dns-packet library; answers are written
 * here, since the library does not compress names and a real server's sizes are those of compressed ones.
 */
import { Buffer } from 'node:buffer';
import type { DnsQuestion, DnsRecord, DnsReply, RecordData } from '@portolan/dcos';
import { decode, type OptAnswer } from 'dns-packet';

/** A question, and what of its message the answer repeats. */
export interface WireQuestion {
  readonly question: DnsQuestion;
  /** Name, type and class as they came. */
  readonly section: Buffer;
  /** The OPT record's options as they came, such as a cookie. */
  readonly options: readonly { readonly code: number; readonly data: Buffer }[];
}

const HEADER = 12;
const TYPES = { A: 1, NS: 2, CNAME: 5, SOA: 6, PTR: 12, AAAA: 28, SRV: 33 } as const;
const RCODES = { NOERROR: 0, SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 } as const;
const CLASS_IN = 1;
const OPT = 41;
/** Pointers have 14 bits. */
const POINTER_LIMIT = 0x4000;

/** Reads a query; undefined if it is none, or none with one question. */
export function readQuery(message: Buffer, transport: 'udp' | 'tcp'): WireQuestion | undefined {
  try {
    const packet = decode(message);
    const [asked, ...others] = packet.questions ?? [];
    if (packet.type !== 'query' || asked === undefined || others.length > 0) return undefined;
    const opt = packet.additionals?.find((record): record is OptAnswer => record.type === 'OPT');
    const flags = packet.flags ?? 0;
    const question: DnsQuestion = {
      name: asked.name,
      type: asked.type,
      id: packet.id ?? 0,
      transport,
      rd: (flags & 0x100) !== 0,
      ad: (flags & 0x20) !== 0,
      ...(opt === undefined ? {} : { ednsSize: opt.udpPayloadSize }),
    };
    const options = (opt?.options ?? []).map(({ code, data }) => ({ code: Number(code), data: Buffer.from(data ?? []) }));
    return { question, section: message.subarray(HEADER, sectionEnd(message)), options };
  } catch {
    // The library throws whatever a broken message makes it throw.
    return undefined;
  }
}

function sectionEnd(message: Buffer): number {
  let offset = HEADER;
  while (message.readUInt8(offset) !== 0) offset += message.readUInt8(offset) + 1;
  return offset + 5;
}

/** Writes an answer to a query. */
export function writeReply(reply: DnsReply, query: WireQuestion): Buffer {
  const { flags, answers, authority, additional } = reply;
  const header = Buffer.alloc(HEADER);
  const bits = [flags.qr, flags.aa, flags.tc, flags.rd, flags.ra, flags.ad].map((flag, i) => (flag ? (BITS[i] ?? 0) : 0));
  header.writeUInt16BE(query.question.id, 0);
  header.writeUInt16BE(
    bits.reduce((sum, bit) => sum | bit, RCODES[reply.rcode]),
    2,
  );
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(answers.length, 6);
  header.writeUInt16BE(authority.length, 8);
  header.writeUInt16BE(additional.length + (reply.edns ? 1 : 0), 10);
  const writer = new MessageWriter(header, query);
  for (const section of [answers, authority, additional]) for (const record of section) writer.record(record);
  if (reply.edns) writer.opt(query);
  return writer.message();
}

/** QR, AA, TC, RD, RA, AD. */
const BITS = [0x8000, 0x0400, 0x0200, 0x0100, 0x0080, 0x0020];

/** A message that grows, and where in it which names stand. */
class MessageWriter {
  private readonly parts: Buffer[];
  private size: number;
  private readonly places = new Map<string, number>();

  constructor(header: Buffer, query: WireQuestion) {
    this.parts = [header];
    this.size = header.length;
    const name = query.question.name;
    this.remember(name === '.' || name.endsWith('.') ? name : `${name}.`, this.size);
    this.push(query.section);
  }

  message(): Buffer {
    return Buffer.concat(this.parts);
  }

  record({ name, ttl, data }: DnsRecord): void {
    this.name(name);
    const head = Buffer.alloc(10);
    head.writeUInt16BE(TYPES[data.type], 0);
    head.writeUInt16BE(CLASS_IN, 2);
    head.writeUInt32BE(ttl, 4);
    this.push(head);
    const start = this.size;
    this.data(data);
    head.writeUInt16BE(this.size - start, 8);
  }

  /** The query's OPT record, repeated. */
  opt({ question, options }: WireQuestion): void {
    const data = Buffer.concat(
      options.map((option) => {
        const head = Buffer.alloc(4);
        head.writeUInt16BE(option.code, 0);
        head.writeUInt16BE(option.data.length, 2);
        return Buffer.concat([head, option.data]);
      }),
    );
    const record = Buffer.alloc(11);
    record.writeUInt16BE(OPT, 1);
    record.writeUInt16BE(question.ednsSize ?? 512, 3);
    record.writeUInt16BE(data.length, 9);
    this.push(record);
    this.push(data);
  }

  private data(data: RecordData): void {
    switch (data.type) {
      case 'A':
        return this.numbers32(data.address);
      case 'AAAA':
        return this.push(Buffer.from(data.address.toString(16).padStart(32, '0'), 'hex'));
      case 'SRV': {
        const head = Buffer.alloc(6);
        head.writeUInt16BE(data.priority, 0);
        head.writeUInt16BE(data.weight, 2);
        head.writeUInt16BE(data.port, 4);
        this.push(head);
        this.remember(data.target, this.size);
        return this.push(wholeName(data.target));
      }
      case 'SOA':
        this.name(data.mname);
        this.name(data.rname);
        return this.numbers32(data.serial, data.refresh, data.retry, data.expire, data.minimum);
      default:
        return this.name(data.target);
    }
  }

  private numbers32(...numbers: readonly number[]): void {
    const buffer = Buffer.alloc(4 * numbers.length);
    for (const [i, number] of numbers.entries()) buffer.writeUInt32BE(number >>> 0, 4 * i);
    this.push(buffer);
  }

  /** A name, its end by a pointer if it stands there already in the same letter case. */
  private name(name: string): void {
    const labels = name.split('.').slice(0, -1);
    for (let i = 0; i < labels.length; i++) {
      const place = this.places.get(`${labels.slice(i).join('.')}.`);
      if (place === undefined) continue;
      const pointer = Buffer.alloc(2);
      pointer.writeUInt16BE(0xc000 | place);
      const start = this.size;
      const fresh = wholeName(`${labels.slice(0, i).join('.')}.`).subarray(0, -1);
      this.push(i === 0 ? Buffer.alloc(0) : fresh);
      this.push(pointer);
      if (i > 0) this.remember(name, start, i);
      return;
    }
    this.remember(name, this.size);
    this.push(wholeName(name));
  }

  /** Notes where a name and its ends stand: the first `count` of them. */
  private remember(name: string, offset: number, count = Number.POSITIVE_INFINITY): void {
    const labels = name.split('.').slice(0, -1);
    let at = offset;
    for (let i = 0; i < Math.min(labels.length, count); i++) {
      const tail = `${labels.slice(i).join('.')}.`;
      if (at < POINTER_LIMIT && !this.places.has(tail)) this.places.set(tail, at);
      at += Buffer.byteLength(labels[i] ?? '', 'latin1') + 1;
    }
  }

  private push(part: Buffer): void {
    this.parts.push(part);
    this.size += part.length;
  }
}

function wholeName(name: string): Buffer {
  const labels = name.split('.').filter((label) => label !== '');
  const parts = labels.map((label) => {
    const bytes = Buffer.from(label, 'latin1').subarray(0, 63);
    return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  });
  return Buffer.concat([...parts, Buffer.from([0])]);
}
