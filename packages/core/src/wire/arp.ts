/** ARP for IPv4 over Ethernet (RFC 826). */
import { BROADCAST_MAC, formatIpv4, formatMac, type Ipv4, type Mac } from '../base/address.ts';

/** A request or reply, with the Ethernet addresses of the frame that carries it. */
export class Arp {
  sourceMac: Mac;
  destinationMac: Mac;
  readonly operation: 'request' | 'reply';
  readonly senderMac: Mac;
  readonly senderAddress: Ipv4;
  /** 0 in a request. */
  readonly targetMac: Mac;
  readonly targetAddress: Ipv4;

  constructor(operation: 'request' | 'reply', senderMac: Mac, senderAddress: Ipv4, targetMac: Mac, targetAddress: Ipv4) {
    this.operation = operation;
    this.senderMac = senderMac;
    this.senderAddress = senderAddress;
    this.targetMac = targetMac;
    this.targetAddress = targetAddress;
    this.sourceMac = senderMac;
    this.destinationMac = operation === 'request' ? BROADCAST_MAC : targetMac;
  }
}

/** `who-has 172.17.0.2 tell 172.17.0.1` or `172.17.0.2 is-at 02:42:ac:11:00:02`. */
export function printArp(arp: Arp): string {
  return arp.operation === 'request'
    ? `ARP who-has ${formatIpv4(arp.targetAddress)} tell ${formatIpv4(arp.senderAddress)}`
    : `ARP ${formatIpv4(arp.senderAddress)} is-at ${formatMac(arp.senderMac)}`;
}
