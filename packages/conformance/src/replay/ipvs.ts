/**
 * Replays what the kernel's IPVS did (`ipvs/*.jsonl`, `ipvs-listings/*.jsonl`): one operation a line, at its time. Of every
 * operation the server a connection got, its state, the refusal and the whole table after it must agree, and of a
 * listing its text. In a table of several services their order is the boot's own, so they are compared by name;
 * the lines of a connection listing likewise.
 */
import {
  FLAG,
  formatIpv4,
  type Ipv4,
  Ipvs,
  type IpvsConnection,
  Packet,
  parseIpv4,
  Refusal,
  type ServiceKey,
  type ServiceSpec,
} from '@portolan/core';
import { showListing } from './ipvs-listing.ts';
import { canonical, listOf, type ReplayResult, ReplayTally, recordOf } from './result.ts';

type Line = Readonly<Record<string, unknown>>;

/** What one operation gave: fields to compare with the recorded ones; undefined for one that is not covered. */
type Outcome = Line | { readonly unknown: string };

/** Replays one recorded file. */
export function replay(text: string, file: string): ReplayResult {
  const tally = new ReplayTally();
  const machine = new Machine();
  let lost: string | undefined;
  for (const [index, row] of text.split('\n').entries()) {
    if (row.trim() === '') continue;
    const line = recordOf(JSON.parse(row));
    const name = `${file}:${index + 1} ${String(line.op)}`;
    if (lost !== undefined) {
      tally.skip(name, lost);
      continue;
    }
    machine.advance(Number(line.t));
    const outcome = machine.run(line);
    if ('unknown' in outcome) {
      tally.skip(name, String(outcome.unknown));
      // What follows an operation that was not carried out would be judged against other tables.
      if (line.op !== 'show' && line.op !== 'sh') lost = `after: ${String(outcome.unknown)}`;
      continue;
    }
    const after = 'table' in line ? { ...outcome, table: machine.table() } : outcome;
    const wanted = Object.fromEntries(
      Object.keys(after).map((field) => [field, field === 'table' ? byName(line.table) : line[field]]),
    );
    tally.compare(name, canonical(wanted), canonical(after));
  }
  return tally;
}

class Machine {
  private readonly clock = { now: 0 };
  private readonly ipvs = new Ipvs(this.clock);
  /** Connections by the recording's id. */
  private readonly ends = new Map<string, Ends>();
  /** Virtual ends that an operation named. */
  private readonly named = new Set<string>();
  /** Real servers that refuse connections, as text. */
  private readonly deaf = new Set<string>();

  advance(seconds: number): void {
    this.clock.now = Math.max(this.clock.now, Math.round(seconds * 1000));
  }

  run(line: Line): Outcome {
    if (typeof line.vip === 'string') this.named.add(line.vip);
    try {
      return this.operate(line);
    } catch (refusal) {
      if (!(refusal instanceof Refusal)) throw refusal;
      if (refusal.code === 'not-modelled') return { unknown: refusal.message };
      return { rc: 255, stderr: refusal.message };
    }
  }

  table(): readonly Line[] {
    const rows = this.ipvs.services().map((service) => ({
      proto: service.protocol === 6 ? 'tcp' : 'udp',
      vip: endText(service.address, service.port),
      sched: service.scheduler,
      flags: service.onePacket ? 'ops' : '',
      dests: service.servers.map((server) => ({
        rip: endText(server.address, server.port),
        fwd: 'Masq',
        weight: server.weight,
        active: server.active,
        inact: server.inactive,
      })),
    }));
    return byName(rows);
  }

  private operate(line: Line): Outcome {
    switch (line.op) {
      case 'add-service':
      case 'edit-service':
        if (line.persistent !== undefined) return { unknown: 'persistent services are not modelled' };
        if (line.op === 'add-service') this.ipvs.addService(serviceOf(line));
        else this.ipvs.editService(serviceOf(line));
        return { rc: 0 };
      case 'del-service':
        this.ipvs.deleteService(keyOf(line));
        return { rc: 0 };
      case 'add-server':
      case 'edit-server': {
        const spec = {
          ...endOf(line.rip),
          weight: Number(line.weight ?? 1),
          upperThreshold: Number(line.x ?? 0),
          lowerThreshold: Number(line.y ?? 0),
        };
        if (line.listen === '0') this.deaf.add(String(line.rip));
        if (line.op === 'add-server') this.ipvs.addServer(keyOf(line), spec);
        else this.ipvs.editServer(keyOf(line), spec);
        return { rc: 0 };
      }
      case 'del-server':
        this.ipvs.deleteServer(keyOf(line), endOf(line.rip));
        return { rc: 0 };
      case 'set-timeout':
        this.ipvs.setTimeouts({ tcp: Number(line.tcp), tcpfin: Number(line.tcpfin), udp: Number(line.udp) });
        return { rc: 0 };
      case 'sysctl':
        return this.sysctl(String(line.name), Number(line.value));
      case 'connect':
        return this.connect(line);
      case 'udp':
        return this.datagram(line);
      case 'close':
        return this.close(line);
      case 'data':
        return this.data(line);
      case 'listen':
        this.deaf.delete(String(line.rip));
        return {};
      case 'unlisten':
        this.deaf.add(String(line.rip));
        return {};
      case 'wait':
        return {};
      case 'show':
        return showListing(this.ipvs, this.clock.now, line, (virtual) => this.named.has(virtual));
      default:
        return { unknown: `the operation ${String(line.op)} is unknown` };
    }
  }

  private sysctl(name: string, value: number): Outcome {
    const { settings } = this.ipvs;
    if (name === 'net.ipv4.vs.conn_reuse_mode') this.ipvs.settings = { ...settings, connReuse: value !== 0 };
    else if (name === 'net.ipv4.vs.expire_nodest_conn') this.ipvs.settings = { ...settings, expireNodest: value !== 0 };
    // Who tracks the connections besides does not show in these tables.
    else if (name !== 'net.ipv4.vs.conntrack') return { unknown: `the switch ${name} is not modelled` };
    return {};
  }

  private connect(line: Line): Outcome {
    const ends: Ends = { protocol: 6, client: endOf(line.client), virtual: endOf(line.vip), connection: undefined };
    const connection = this.towards(ends, FLAG.syn);
    if (typeof connection !== 'string') this.ends.set(String(line.id), { ...ends, connection });
    if (typeof connection === 'string') return { error: connection === 'drop' ? 'ETIMEDOUT' : 'ECONNREFUSED' };
    const server = endText(connection.server.address, connection.server.port);
    if (this.deaf.has(server)) {
      this.back(ends, connection, FLAG.rst | FLAG.ack);
      return { error: 'ECONNREFUSED' };
    }
    this.back(ends, connection, FLAG.syn | FLAG.ack);
    this.towards(ends, FLAG.ack);
    return { server, state: connection.state };
  }

  private datagram(line: Line): Outcome {
    // The recorder notes no port of a datagram that was refused.
    const client = line.client === undefined ? { address: parseIpv4(String(line.cip)), port: 1 } : endOf(line.client);
    const ends: Ends = { protocol: 17, client, virtual: endOf(line.vip), connection: undefined };
    const connection = this.towards(ends, 0);
    if (typeof connection === 'string') return { error: 'EAGAIN' };
    const server = endText(connection.server.address, connection.server.port);
    const answered = this.back(ends, connection, 0);
    if (answered === undefined) return { server, state: null, exp: null, reply_from: server };
    const seconds = Math.floor((connection.expiresAt - this.clock.now) / 1000);
    // Whether a second has begun when the recorder reads it is chance.
    const exp = line.exp === seconds - 1 ? line.exp : seconds;
    return { server, state: connection.state, exp, reply_from: endText(answered.virtual, answered.virtualPort) };
  }

  private close(line: Line): Outcome {
    if (line.skipped !== undefined) return {};
    const ends = this.ends.get(String(line.id));
    if (ends === undefined) return { unknown: 'no connection of that id' };
    const how = line.how ?? 'fin';
    const by = line.by ?? 'client';
    const first = how === 'rst' ? FLAG.rst : FLAG.fin | FLAG.ack;
    const send = (who: unknown, flags: number) => (who === 'client' ? this.towards(ends, flags) : this.reply(ends, flags));
    const other = by === 'client' ? 'server' : 'client';
    const states: unknown[] = [stateOf(send(by, first))];
    if (how === 'half') states.push(stateOf(send(other, FLAG.ack)));
    else if (how === 'fin') states.push(stateOf(send(other, FLAG.fin | FLAG.ack)), stateOf(send(by, FLAG.ack)));
    else if (how !== 'rst') return { unknown: `closing by ${String(how)} is unknown` };
    return { ...(line.states === undefined ? {} : { states }), state: states.at(-1) };
  }

  private data(line: Line): Outcome {
    const ends = this.ends.get(String(line.id));
    if (ends === undefined) return { unknown: 'no connection of that id' };
    this.towards(ends, FLAG.psh | FLAG.ack);
    this.reply(ends, FLAG.psh | FLAG.ack);
    this.towards(ends, FLAG.ack);
    return {};
  }

  private towards({ protocol, client, virtual }: Ends, flags: number): IpvsConnection | 'none' | 'unavailable' | 'drop' {
    const packet = new Packet(protocol, client.address, client.port, virtual.address, virtual.port, 60);
    packet.flags = flags;
    return this.ipvs.incoming(packet);
  }

  private reply(ends: Ends, flags: number): IpvsConnection | undefined {
    return ends.connection === undefined ? undefined : this.back(ends, ends.connection, flags);
  }

  private back({ protocol, client }: Ends, { server }: IpvsConnection, flags: number): IpvsConnection | undefined {
    const packet = new Packet(protocol, server.address, server.port, client.address, client.port, 60);
    packet.flags = flags;
    return this.ipvs.outgoing(packet);
  }
}

interface End {
  readonly address: Ipv4;
  readonly port: number;
}

interface Ends {
  readonly protocol: 6 | 17;
  readonly client: End;
  readonly virtual: End;
  readonly connection: IpvsConnection | undefined;
}

function serviceOf(line: Line): ServiceSpec {
  const flags = typeof line.flags === 'string' && line.flags !== '' ? line.flags.split(',') : [];
  return { ...keyOf(line), scheduler: String(line.sched), flags, onePacket: line.ops !== undefined };
}

function keyOf(line: Line): ServiceKey {
  return { ...endOf(line.vip), protocol: line.proto === 'udp' ? 17 : 6 };
}

function endOf(text: unknown): End {
  const [address = '', port = ''] = String(text).split(':');
  return { address: parseIpv4(address), port: Number(port) };
}

function endText(address: Ipv4, port: number): string {
  return `${formatIpv4(address)}:${port}`;
}

function stateOf(connection: IpvsConnection | string | undefined): unknown {
  return typeof connection === 'object' ? connection.state : connection;
}

function byName(table: unknown): readonly Line[] {
  const name = (row: Line) => `${String(row.proto)} ${String(row.vip)}`;
  return listOf(table)
    .map(recordOf)
    .sort((a, b) => (name(a) < name(b) ? -1 : name(a) > name(b) ? 1 : 0));
}
