/**
 * Replays what the kernel's IPVS did (`ipvs/*.jsonl`, `ipvs-listings/*.jsonl`): one operation a line, at its time. Of every
 * operation the server a connection got, its state, the refusal and the whole table after it must agree, and of a
 * listing its text. In a table of several services their order is the boot's own, so they are compared by name;
 * the lines of a connection listing likewise.
 */
import {
  FLAG,
  type Forwarding,
  formatIpv4,
  type Ipv4,
  Ipvs,
  type IpvsConnection,
  markKey,
  Packet,
  parseIpv4,
  Refusal,
  type ServiceKey,
  type ServiceSpec,
  type VirtualService,
} from '@portolan/core';
import { showListing } from './ipvs-listing.ts';
import { canonical, listOf, type ReplayResult, ReplayTally, recordOf } from './result.ts';

type Line = Readonly<Record<string, unknown>>;

/** What one operation gave: fields to compare with the recorded ones; undefined for one that is not covered. */
type Outcome = Line | { readonly unknown: string };

/**
 * Replays one recorded file. Two things are the recorder's own and are taken from it: the phase of its estimator, which
 * is that of its boot, and into how many packets its TCP cut a large transfer.
 */
export function replay(text: string, file: string): ReplayResult {
  const lines = text
    .split('\n')
    .map((row, index) => ({ row, index }))
    .filter(({ row }) => row.trim() !== '')
    .map(({ row, index }) => ({ line: recordOf(JSON.parse(row)), name: `${file}:${index + 1}` }));
  const estimated = lines.some(({ line }) => /stats|rate/.test(String(line.what)));
  let best: ReplayResult | undefined;
  for (let born = 0; born < (estimated ? 2000 : 1); born += 100) {
    const result = replayFrom(lines, born);
    if (best === undefined || result.disagree.length < best.disagree.length) best = result;
    if (best.disagree.length === 0) break;
  }
  return best ?? new ReplayTally();
}

interface NamedLine {
  readonly line: Line;
  readonly name: string;
}

function replayFrom(lines: readonly NamedLine[], born: number): ReplayResult {
  const first = new Machine(born, new Map());
  const result = run(lines, first);
  return first.morePackets.size === 0 ? result : run(lines, new Machine(born, first.morePackets));
}

function run(lines: readonly NamedLine[], machine: Machine): ReplayResult {
  const tally = new ReplayTally();
  let lost: string | undefined;
  for (const { line, name: place } of lines) {
    const name = `${place} ${String(line.op)}`;
    if (lost !== undefined) {
      tally.skip(name, lost);
      continue;
    }
    machine.advance(Number(line.t));
    const outcome = machine.run(line);
    if (outcome === undefined) continue;
    if ('unknown' in outcome) {
      tally.skip(name, String(outcome.unknown));
      // What follows an operation that was not carried out would be judged against other tables.
      if (line.op !== 'show') lost = `after: ${String(outcome.unknown)}`;
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

/** Packets beyond one, of a large transfer. */
interface More {
  readonly in: number;
  readonly out: number;
}

/** Bytes of a segment without data, of one that opens a connection, and the data that fit into one. */
const BARE = 52;
const OPENING = 60;
const MOST_DATA = 1448;

class Machine {
  /** By a line's number, what the statistics recorded after it show. */
  readonly morePackets = new Map<number, More>();
  private readonly clock = { now: 0 };
  private readonly ipvs: Ipvs;
  private readonly knownPackets: ReadonlyMap<number, More>;
  /** Connections by the recording's id. */
  private readonly ends = new Map<string, Ends>();
  /** Virtual addresses that an operation named. */
  private readonly named = new Set<string>();
  /** Real servers that refuse connections, as text. */
  private readonly deaf = new Set<string>();
  /** The first large transfer since the last statistics. */
  private large: number | undefined = undefined;

  constructor(born: number, knownPackets: ReadonlyMap<number, More>) {
    this.ipvs = new Ipvs(this.clock, { born });
    this.knownPackets = knownPackets;
  }

  advance(seconds: number): void {
    this.clock.now = Math.max(this.clock.now, Math.round(seconds * 1000));
  }

  /** Undefined for what has nothing to do with IPVS. */
  run(line: Line): Outcome | undefined {
    if (typeof line.vip === 'string') this.named.add(line.vip.split(':')[0] ?? '');
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
      proto: service.mark !== 0 ? 'fwm' : service.protocol === 6 ? 'tcp' : 'udp',
      vip: service.mark !== 0 ? String(service.mark) : endText(service.address, service.port),
      sched: service.scheduler,
      flags: flagsOf(service),
      dests: service.servers.map((server) => ({
        rip: endText(server.address, server.port),
        fwd: { masquerade: 'Masq', route: 'Route', tunnel: 'Tunnel' }[server.forward],
        weight: server.weight,
        active: server.active,
        inact: server.inactive,
      })),
    }));
    return byName(rows);
  }

  private operate(line: Line): Outcome | undefined {
    switch (line.op) {
      case 'add-service':
      case 'edit-service':
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
          ...(line.fwd === undefined ? {} : { forward: forwardOf(line.fwd) }),
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
      case 'zero':
        this.ipvs.zero();
        return { rc: 0 };
      case 'sh':
      case 'show':
        if (/--stats/.test(String(line.cmd))) this.compareTransfers(String(line.text));
        return showListing(this.ipvs, this.clock.now, line, (virtual) => this.named.has(virtual));
      default:
        return { unknown: `the operation ${String(line.op)} is unknown` };
    }
  }

  private sysctl(name: string, value: number): Outcome {
    const { settings } = this.ipvs;
    if (name === 'net.ipv4.vs.conn_reuse_mode') this.ipvs.settings = { ...settings, connReuse: value !== 0 };
    else if (name === 'net.ipv4.vs.expire_quiescent_template')
      this.ipvs.settings = { ...settings, expireQuiescentTemplate: value !== 0 };
    else if (name === 'net.ipv4.vs.expire_nodest_conn') this.ipvs.settings = { ...settings, expireNodest: value !== 0 };
    // Who tracks the connections besides does not show in these tables.
    else if (name !== 'net.ipv4.vs.conntrack') return { unknown: `the switch ${name} is not modelled` };
    return {};
  }

  private connect(line: Line): Outcome {
    const ends: Ends = {
      protocol: 6,
      client: endOf(line.client),
      virtual: endOf(line.vip),
      mark: markOf(line),
      connection: undefined,
    };
    const connection = this.towards(ends, FLAG.syn, OPENING);
    if (typeof connection !== 'string') this.ends.set(String(line.id), { ...ends, connection });
    if (typeof connection === 'string') return { error: connection === 'drop' ? 'ETIMEDOUT' : 'ECONNREFUSED' };
    const server = endText(connection.server.address, connection.destinationPort);
    if (this.deaf.has(server)) {
      this.back(ends, connection, FLAG.rst | FLAG.ack);
      return { error: 'ECONNREFUSED' };
    }
    this.back(ends, connection, FLAG.syn | FLAG.ack, OPENING);
    this.towards(ends, FLAG.ack);
    return { server, state: connection.state };
  }

  private datagram(line: Line): Outcome {
    // The recorder notes no port of a datagram that was refused.
    const client = line.client === undefined ? { address: parseIpv4(String(line.cip)), port: 1 } : endOf(line.client);
    const ends: Ends = { protocol: 17, client, virtual: endOf(line.vip), mark: markOf(line), connection: undefined };
    const connection = this.towards(ends, 0);
    if (typeof connection === 'string') return { error: 'EAGAIN' };
    const server = endText(connection.server.address, connection.destinationPort);
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
    // A packet that is dropped leaves its connection in the state it is in.
    const send = (who: unknown, flags: number) => {
      const found = who === 'client' ? this.towards(ends, flags) : this.reply(ends, flags);
      return found === 'drop' ? ends.connection : found;
    };
    const other = by === 'client' ? 'server' : 'client';
    const states: unknown[] = [stateOf(send(by, first))];
    if (how === 'half') states.push(stateOf(send(other, FLAG.ack)));
    else if (how === 'fin') {
      send(other, FLAG.ack);
      states.push(stateOf(send(other, FLAG.fin | FLAG.ack)), stateOf(send(by, FLAG.ack)));
    } else if (how !== 'rst') return { unknown: `closing by ${String(how)} is unknown` };
    return { ...(line.states === undefined ? {} : { states }), state: states.at(-1) };
  }

  /** The client sends, the server acknowledges and sends it back, the client acknowledges. */
  private data(line: Line): Outcome {
    const ends = this.ends.get(String(line.id));
    if (line.skipped !== undefined) return {};
    if (ends === undefined) return { unknown: 'no connection of that id' };
    const bytes = Number(line.bytes);
    const more = this.knownPackets.get(Number(line.i)) ?? { in: 0, out: 0 };
    if (bytes > MOST_DATA) this.large ??= Number(line.i);
    this.towards(ends, FLAG.psh | FLAG.ack, BARE + bytes);
    this.reply(ends, FLAG.ack);
    for (let i = 0; i < more.in; i++) this.towards(ends, FLAG.ack);
    for (let i = 0; i < more.out; i++) this.reply(ends, FLAG.ack);
    this.reply(ends, FLAG.psh | FLAG.ack, BARE + bytes);
    this.towards(ends, FLAG.ack);
    return {};
  }

  /** How many packets a large transfer took is what recorded statistics show more than the product's. */
  private compareTransfers(recorded: string): void {
    const line = this.large;
    this.large = undefined;
    const [, packetsIn, packetsOut] = /^(?:TCP|UDP) +\S+ +\d+ +(\d+) +(\d+)/m.exec(recorded) ?? [];
    const ours = this.ipvs.services()[0]?.statistics.amounts;
    if (line === undefined || ours === undefined) return;
    this.morePackets.set(line, { in: Number(packetsIn) - ours.packetsIn, out: Number(packetsOut) - ours.packetsOut });
  }

  private towards({ protocol, client, virtual, mark }: Ends, flags: number, bytes = BARE): ReturnType<Ipvs['incoming']> {
    const packet = new Packet(protocol, client.address, client.port, virtual.address, virtual.port, bytes);
    packet.flags = flags;
    packet.mark = mark;
    return this.ipvs.incoming(packet);
  }

  private reply(ends: Ends, flags: number, bytes = BARE): IpvsConnection | undefined {
    return ends.connection === undefined ? undefined : this.back(ends, ends.connection, flags, bytes);
  }

  private back({ protocol, client }: Ends, connection: IpvsConnection, flags: number, bytes = BARE): IpvsConnection | undefined {
    const { server, forward, destinationPort, virtual, virtualPort } = connection;
    const packet =
      forward === 'masquerade'
        ? new Packet(protocol, server.address, destinationPort, client.address, client.port, bytes)
        : new Packet(protocol, virtual, virtualPort, client.address, client.port, bytes);
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
  readonly mark: number;
  readonly connection: IpvsConnection | undefined;
}

function serviceOf(line: Line): ServiceSpec {
  const flags = typeof line.flags === 'string' && line.flags !== '' ? line.flags.split(',') : [];
  return {
    ...keyOf(line),
    scheduler: String(line.sched),
    flags,
    onePacket: line.ops !== undefined,
    ...(line.persistent === undefined ? {} : { persistentSeconds: Number(line.persistent) }),
    ...(line.netmask === undefined ? {} : { netmask: parseIpv4(String(line.netmask)) }),
  };
}

/** As /proc/net/ip_vs has them: a persistence in ticks of a hundredth of a second. */
function flagsOf({ onePacket, persistentSeconds, netmask }: VirtualService): string {
  const mask = netmask.toString(16).toUpperCase().padStart(8, '0');
  const persistent = persistentSeconds === 0 ? '' : `persistent ${persistentSeconds * 100} ${mask}`;
  return [onePacket ? 'ops' : '', persistent].filter((word) => word !== '').join(' ');
}

function markOf(line: Line): number {
  return Number(line.mark ?? 0);
}

function forwardOf(word: unknown): Forwarding {
  return word === 'tunnel' || word === 'route' ? word : 'masquerade';
}

function keyOf(line: Line): ServiceKey {
  if (line.mark !== undefined) return markKey(Number(line.mark));
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
