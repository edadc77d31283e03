/**
 * Connections found from both sides: by what a client's packet says and by what a real server's says. Where two are
 * alike the newest is found, because the kernel puts a new connection before the old ones of its hash bucket.
 * Stands for ip_vs_conn_tab of linux net/netfilter/ipvs/ip_vs_conn.c (6.1). The connections are the links of the
 * chains themselves, so that an entry needs no room besides.
 */
import type { Ipv4 } from '../../base/address.ts';
import type { IpvsConnection } from './connection.ts';

type Chain = IpvsConnection | undefined;

/** The table of connections. */
export class ConnectionLookup {
  private byClient: Chain[] = new Array(8).fill(undefined);
  private byServer: Chain[] = new Array(8).fill(undefined);
  private count = 0;

  /** How many connections there are, templates among them. */
  get size(): number {
    return this.count;
  }

  /** The newest connection, or template, of a client's packet. */
  towards(protocol: number, client: Ipv4, clientPort: number, virtual: Ipv4, port: number, template: boolean): Chain {
    const slot = hashOf(protocol, client, clientPort, virtual, port) & (this.byClient.length - 1);
    for (let c = this.byClient[slot]; c !== undefined; c = c.nextByClient) {
      if (
        c.client === client &&
        c.clientPort === clientPort &&
        c.virtual === virtual &&
        c.virtualPort === port &&
        c.protocol === protocol &&
        c.template === template
      )
        return c;
    }
    return undefined;
  }

  /** The newest connection of a real server's packet. */
  from(protocol: number, server: Ipv4, serverPort: number, client: Ipv4, clientPort: number): Chain {
    const slot = hashOf(protocol, server, serverPort, client, clientPort) & (this.byServer.length - 1);
    for (let c = this.byServer[slot]; c !== undefined; c = c.nextByServer) {
      if (
        c.client === client &&
        c.clientPort === clientPort &&
        answeringAddress(c) === server &&
        answeringPort(c) === serverPort &&
        c.protocol === protocol &&
        !c.template
      )
        return c;
    }
    return undefined;
  }

  /** Adds a connection, before all that are like it. */
  add(c: IpvsConnection): void {
    if (this.count >= this.byClient.length) this.grow();
    const mask = this.byClient.length - 1;
    const inward = clientHash(c) & mask;
    c.nextByClient = this.byClient[inward];
    this.byClient[inward] = c;
    const outward = serverHash(c) & mask;
    c.nextByServer = this.byServer[outward];
    this.byServer[outward] = c;
    this.count++;
  }

  /** Takes a connection out, which must be in it. */
  remove(c: IpvsConnection): void {
    const mask = this.byClient.length - 1;
    const inward = clientHash(c) & mask;
    const first = this.byClient[inward];
    if (first === c) this.byClient[inward] = c.nextByClient;
    else {
      let before = first;
      while (before !== undefined && before.nextByClient !== c) before = before.nextByClient;
      if (before !== undefined) before.nextByClient = c.nextByClient;
    }
    const outward = serverHash(c) & mask;
    const head = this.byServer[outward];
    if (head === c) this.byServer[outward] = c.nextByServer;
    else {
      let before = head;
      while (before !== undefined && before.nextByServer !== c) before = before.nextByServer;
      if (before !== undefined) before.nextByServer = c.nextByServer;
    }
    c.nextByClient = undefined;
    c.nextByServer = undefined;
    this.count--;
  }

  /** All connections, in no particular but a repeatable order. */
  *values(): Iterable<IpvsConnection> {
    for (const first of this.byClient) for (let c = first; c !== undefined; c = c.nextByClient) yield c;
  }

  /** Twice as many buckets; within each the order stays. */
  private grow(): void {
    const [inward, outward] = [this.byClient, this.byServer];
    const size = inward.length;
    this.byClient = new Array(size * 2).fill(undefined);
    this.byServer = new Array(size * 2).fill(undefined);
    for (let slot = 0; slot < size; slot++) {
      let lasts: [Chain, Chain] = [undefined, undefined];
      for (let c = inward[slot]; c !== undefined; ) {
        const next: Chain = c.nextByClient;
        const half = (clientHash(c) & size) === 0 ? 0 : 1;
        const last = lasts[half];
        if (last === undefined) this.byClient[slot + half * size] = c;
        else last.nextByClient = c;
        c.nextByClient = undefined;
        lasts[half] = c;
        c = next;
      }
      lasts = [undefined, undefined];
      for (let c = outward[slot]; c !== undefined; ) {
        const next: Chain = c.nextByServer;
        const half = (serverHash(c) & size) === 0 ? 0 : 1;
        const last = lasts[half];
        if (last === undefined) this.byServer[slot + half * size] = c;
        else last.nextByServer = c;
        c.nextByServer = undefined;
        lasts[half] = c;
        c = next;
      }
    }
  }
}

// A server that is reached by its own address answers from it; one that gets the packets as they are, from the virtual address.
function answeringAddress(c: IpvsConnection): Ipv4 {
  return c.forward === 'masquerade' ? c.server.address : c.virtual;
}

function answeringPort(c: IpvsConnection): number {
  return c.forward === 'masquerade' ? c.destinationPort : c.virtualPort;
}

function clientHash(c: IpvsConnection): number {
  return hashOf(c.protocol, c.client, c.clientPort, c.virtual, c.virtualPort);
}

function serverHash(c: IpvsConnection): number {
  return hashOf(c.protocol, answeringAddress(c), answeringPort(c), c.client, c.clientPort);
}

function hashOf(protocol: number, source: number, sourcePort: number, destination: number, destinationPort: number): number {
  let h = Math.imul(source, 0x9e3779b1) ^ Math.imul(destination, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 15) ^ ((sourcePort << 16) | destinationPort), 0xc2b2ae35) ^ protocol;
  h ^= h >>> 13;
  h = Math.imul(h, 0x27d4eb2f);
  return h ^ (h >>> 16);
}
