/**
 * A packet as the kernel log tells it.
 * Follows linux net/netfilter/nf_log_syslog.c (6.1): nf_log_ip_packet. Differs: the IP identification, the TCP window
 * and the echo sequence number, which the model does not have, are 0.
 */
import { formatIpv4, formatMac } from '../../base/address.ts';
import { IPV4_HEADER, type Packet } from '../../wire/ipv4.ts';
import { FLAG } from '../../wire/tcp.ts';
import type { Device } from '../link/device.ts';
import type { SkBuff } from '../skb.ts';
import { PROTOCOL } from './rule.ts';

/** What a line says besides, as LOG's options set it. Options of the headers, which the model does not have, are left out. */
export const LOG_FLAG = { tcpSequence: 1, tcpOptions: 2, ipOptions: 4, uid: 8, macDecode: 32 } as const;
const TCP_FLAGS: readonly (readonly [string, number])[] = [
  ['ACK', FLAG.ack],
  ['PSH', FLAG.psh],
  ['RST', FLAG.rst],
  ['SYN', FLAG.syn],
  ['FIN', FLAG.fin],
];
/** The precedence of ICMP errors (RFC 1812). */
const INTERNETWORK_CONTROL = '0xC0';
/** ICMP types whose message quotes a packet. */
const QUOTING: readonly number[] = [3, 4, 5, 11, 12];

/** All that follows the prefix, with its closing blank. */
export function packetLog(skb: SkBuff, flags: number): string {
  const { input, output, physicalInput, physicalOutput } = skb;
  let text = `IN=${input?.name ?? ''} OUT=${output?.name ?? ''} `;
  if (physicalInput !== undefined && physicalInput !== input) text += `PHYSIN=${physicalInput.name} `;
  if (physicalOutput !== undefined && physicalOutput !== output) text += `PHYSOUT=${physicalOutput.name} `;
  if (input !== undefined) text += macText(skb, input, flags);
  text += headerText(skb, flags);
  if (flags & LOG_FLAG.uid && skb.owner === 'program') text += 'UID=0 GID=0 ';
  return skb.mark === 0 ? text : `${text}MARK=0x${skb.mark.toString(16)} `;
}

function macText({ sourceMac, destinationMac }: SkBuff, input: Device, flags: number): string {
  // A packet that has been routed has lost the address it was sent to: it was the device's own.
  const [from, to] = [formatMac(sourceMac), formatMac(destinationMac === 0 ? input.mac : destinationMac)];
  return flags & LOG_FLAG.macDecode ? `MACSRC=${from} MACDST=${to} MACPROTO=0800 ` : `MAC=${to}:${from}:08:00 `;
}

function headerText(p: Packet, flags: number): string {
  const head = `SRC=${formatIpv4(p.source)} DST=${formatIpv4(p.destination)} LEN=${p.length} TOS=0x00 PREC=${p.quoted === undefined ? '0x00' : INTERNETWORK_CONTROL} TTL=${p.ttl} ID=0 ${p.df ? 'DF ' : ''}`;
  if (p.protocol === PROTOCOL.tcp) return `${head}${tcpText(p, flags)}`;
  if (p.protocol === PROTOCOL.udp)
    return `${head}PROTO=UDP SPT=${p.sourcePort} DPT=${p.destinationPort} LEN=${p.length - IPV4_HEADER} `;
  return p.protocol === PROTOCOL.icmp ? `${head}${icmpText(p)}` : `${head}PROTO=${p.protocol} `;
}

function tcpText(p: Packet, flags: number): string {
  const sequence = flags & LOG_FLAG.tcpSequence ? `SEQ=${p.sequence} ACK=${p.acknowledgement} ` : '';
  const bits = TCP_FLAGS.filter(([, bit]) => p.flags & bit)
    .map(([name]) => `${name} `)
    .join('');
  return `PROTO=TCP SPT=${p.sourcePort} DPT=${p.destinationPort} ${sequence}WINDOW=0 RES=0x00 ${bits}URGP=0 `;
}

function icmpText(p: Packet): string {
  let text = `PROTO=ICMP TYPE=${p.icmpType} CODE=${p.icmpCode} `;
  if (p.icmpType === 0 || p.icmpType === 8) text += `ID=${p.sourcePort} SEQ=0 `;
  if (!QUOTING.includes(p.icmpType) || p.quoted === undefined) return text;
  text += `[${headerText(p.quoted, 0)}] `;
  return p.icmpType === 3 && p.icmpCode === 4 ? `${text}MTU=${p.icmpInfo} ` : text;
}
