/** What recorded outputs of dig say, apart from what chance decides: the order of records, and which of several addresses comes along. */
import { type DnsReply, messageSize, printData, printFlags } from '@portolan/dcos';
import { canonical } from './result.ts';

/** Status, flags, numbers and records of every section, and size, as one text. */
export function digFacts(dig: string): string {
  const records = dig.split('\n').flatMap((line) => {
    if (line.startsWith(';')) return [];
    const fields = line.split(/\s+/);
    const [name, ttl, type, kind, ...data] = fields;
    return type === 'IN' ? [[name, ttl, kind, ...data].join(' ')] : [];
  });
  const of = (pattern: RegExp) => pattern.exec(dig)?.[1];
  return canonical({
    status: of(/status: ([A-Z]+)/),
    flags: of(/flags: ([a-z ]+);/),
    counts: of(/(ANSWER: \d+, AUTHORITY: \d+, ADDITIONAL: \d+)/),
    size: Number(of(/MSG SIZE {2}rcvd: (\d+)/)),
    records: records.sort(),
  });
}

/** The same of an answer. */
export function replyFacts(reply: DnsReply): string {
  const { answers, authority, additional } = reply;
  const records = [...answers, ...authority, ...additional].map(
    ({ name, ttl, data }) => `${name} ${ttl} ${data.type} ${printData(data)}`,
  );
  return canonical({
    status: reply.rcode,
    flags: printFlags(reply.flags),
    counts: sectionCounts(reply),
    size: messageSize(reply),
    records: records.sort(),
  });
}

/** `ANSWER: 5, AUTHORITY: 0, ADDITIONAL: 5`. */
export function sectionCounts({ answers, authority, additional }: DnsReply): string {
  return `ANSWER: ${answers.length}, AUTHORITY: ${authority.length}, ADDITIONAL: ${additional.length}`;
}

/** Lines of a `dig +short`, sorted. */
export function shortLines(text: string): string {
  return text.split('\n').filter(Boolean).sort().join('\n');
}

/** What `dig +short` would print, sorted. */
export function shortReply(reply: DnsReply): string {
  return reply.answers
    .map(({ data }) => printData(data))
    .sort()
    .join('\n');
}
