/** dig, asking the node's own name servers, by TCP if told so or if an answer was cut short. Follows BIND 9.11 dig; one name a call. */
import type { Tool } from '@portolan/core';
import { type DnsRecord, type DnsReply, printData, printFlags } from '../dns/message.ts';
import type { DcosNode } from '../node/node.ts';
import { notModelled } from './curl.ts';

const TYPES: ReadonlySet<string> = new Set(['A', 'AAAA', 'SRV', 'ANY', 'NS', 'SOA', 'TXT', 'CNAME', 'MX', 'PTR']);

/** `dig [+short] [+tcp] NAME [TYPE]`, words in any order. */
export function dig(node: DcosNode): Tool {
  return {
    name: 'dig',
    summary: 'ask the name servers of this node',
    run: (args) => {
      let name: string | undefined;
      let type = 'A';
      let short = false;
      let transport: 'udp' | 'tcp' = 'udp';
      for (const word of args) {
        if (word === '+short') short = true;
        else if (word === '+tcp' || word === '+vc') transport = 'tcp';
        else if (word === '-h' || word === '--help')
          return { stdout: 'Usage: dig [+short] [+tcp] name [type]\n', stderr: '', code: 0 };
        else if (/^[-+@]/.test(word)) throw notModelled('dig', word.slice(0, 60));
        else if (TYPES.has(word.toUpperCase())) type = word.toUpperCase();
        else if (name === undefined) name = word;
        else throw notModelled('dig', 'more than one name');
      }
      const ask = (by: 'udp' | 'tcp') => node.query({ name: name ?? '.', type, id: node.messageId(), transport: by });
      const first = ask(transport);
      const truncated = first?.flags.tc === true && transport === 'udp';
      const reply = truncated ? ask('tcp') : first;
      if (reply === undefined) return { stdout: ';; connection timed out; no servers could be reached\n', stderr: '', code: 9 };
      const notice = truncated ? ';; Truncated, retrying in TCP mode.\n' : '';
      return { stdout: short ? shortText(reply) : `${notice}${longText(reply)}`, stderr: '', code: 0 };
    },
  };
}

function shortText(reply: DnsReply): string {
  return reply.answers.map((record) => `${printData(record.data)}\n`).join('');
}

function longText(reply: DnsReply): string {
  const { question, answers, authority, additional } = reply;
  const counts = `QUERY: 1, ANSWER: ${answers.length}, AUTHORITY: ${authority.length}, ADDITIONAL: ${additional.length + (reply.edns ? 1 : 0)}`;
  const head = [
    `;; ->>HEADER<<- opcode: QUERY, status: ${reply.rcode}, id: ${question.id}`,
    `;; flags: ${printFlags(reply.flags)}; ${counts}`,
    '',
    ';; QUESTION SECTION:',
    `;${absoluteName(question.name)}\t\tIN\t${question.type}`,
    '',
  ];
  const sections = [
    ['ANSWER', answers],
    ['AUTHORITY', authority],
    ['ADDITIONAL', additional],
  ] as const;
  const body = sections.flatMap(([title, records]) =>
    records.length === 0 ? [] : [`;; ${title} SECTION:`, ...records.map(recordLine), ''],
  );
  return `${[...head, ...body].join('\n')}\n`;
}

function recordLine({ name, ttl, data }: DnsRecord): string {
  return `${name}\t${ttl}\tIN\t${data.type}\t${printData(data)}`;
}

function absoluteName(name: string): string {
  return name.endsWith('.') ? name : `${name}.`;
}
