/** A namespace's tables as rows: what `ip neigh`, `bridge fdb` and `conntrack -L` print. */
import type { Ipv4, Mac } from '../base/address.ts';
import type { Tuple } from '../base/tuple-table.ts';
import type { Namespace } from '../kernel/namespace.ts';
import type { NeighbourState } from '../kernel/neighbour.ts';
import type { Connection } from '../kernel/netfilter/connection.ts';
import { PROTOCOL } from '../kernel/netfilter/rule.ts';
import { TCP_STATE_NAMES } from '../kernel/netfilter/tcp-state.ts';
import type { TcpPhase } from '../kernel/socket/tcp-program.ts';

/** A line of `ip neigh`. */
export interface NeighbourRow {
  readonly address: Ipv4;
  readonly device: string;
  readonly mac?: Mac;
  readonly state: NeighbourState | 'PERMANENT';
}

/** A line of `bridge fdb`. */
export interface FdbRow {
  readonly mac: Mac;
  readonly device: string;
  readonly master?: string;
  readonly remote?: Ipv4;
  readonly self: boolean;
  readonly permanent: boolean;
  /** Virtual milliseconds at which a bridge last saw it. */
  readonly seenAt?: number;
}

/** One direction of a tracked flow. */
export interface ConntrackTuple {
  readonly source: Ipv4;
  readonly destination: Ipv4;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly icmpType?: number;
  readonly icmpCode?: number;
}

/** A line of `conntrack -L`. */
export interface ConntrackRow {
  readonly protocol: number;
  readonly secondsLeft: number;
  readonly state?: string;
  readonly original: ConntrackTuple;
  readonly reply: ConntrackTuple;
  readonly assured: boolean;
  readonly unreplied: boolean;
  readonly mark: number;
}

/** A line of `ss`. */
export interface SocketRow {
  readonly protocol: 'tcp' | 'udp';
  readonly state: 'LISTEN' | 'UNCONN' | 'CONNECTED' | Exclude<TcpPhase, 'CLOSED'>;
  readonly local: Ipv4;
  readonly localPort: number;
  /** 0 for anybody. */
  readonly remote: Ipv4;
  readonly remotePort: number;
  /** Who it is of, where that is known. */
  readonly program?: string;
}

/** Sockets: those of UDP, servers, connections, each by their ports. */
export function socketRows(ns: Namespace): readonly SocketRow[] {
  const bound = ns.sockets.list().map(({ protocol, listener }): SocketRow => {
    const { address: local, port: localPort, program, remote } = listener;
    const state = protocol === 'tcp' ? 'LISTEN' : remote === undefined ? 'UNCONN' : 'CONNECTED';
    const row = { protocol, state, local, localPort, remote: remote?.address ?? 0, remotePort: remote?.port ?? 0 } as const;
    // A tunnel's socket is the kernel's own.
    return ns.devices.some(({ name }) => name === program) ? row : { ...row, program };
  });
  const open = [...ns.sockets.open()].flatMap(({ phase, local, localPort, remote, remotePort }): readonly SocketRow[] =>
    phase === 'CLOSED' ? [] : [{ protocol: 'tcp', state: phase, local, localPort, remote, remotePort }],
  );
  open.sort((a, b) => a.localPort - b.localPort || a.remotePort - b.remotePort || a.remote - b.remote || a.local - b.local);
  return [...bound.filter(({ protocol }) => protocol === 'udp'), ...bound.filter(({ protocol }) => protocol === 'tcp'), ...open];
}

/** Learned neighbours, then permanent ones. */
export function neighbourRows(ns: Namespace): readonly NeighbourRow[] {
  const learned = ns.neighbours.list().map(({ neighbour, state }): NeighbourRow => {
    const row = { address: neighbour.address, device: neighbour.device.name, state };
    return neighbour.mac === 0 ? row : { ...row, mac: neighbour.mac };
  });
  return [...learned, ...ns.permanentNeighbours().map((entry): NeighbourRow => ({ ...entry, state: 'PERMANENT' }))];
}

/** What bridges and tunnels learned, then static entries. */
export function fdbRows(ns: Namespace): readonly FdbRow[] {
  const learned = ns.devices.flatMap((bridge) =>
    (bridge.bridge?.list(ns.now) ?? []).map(
      ({ mac, place, seenAt }): FdbRow => ({
        mac,
        device: place.name,
        master: bridge.name,
        self: false,
        permanent: false,
        seenAt,
      }),
    ),
  );
  const tunnelled = ns.devices.flatMap((device) =>
    (device.tunnel?.list(ns.now) ?? []).map(
      ({ mac, place }): FdbRow => ({ mac, device: device.name, remote: place, self: true, permanent: false }),
    ),
  );
  return [...learned, ...tunnelled, ...ns.staticFdb().map((entry): FdbRow => ({ ...entry, self: true, permanent: true }))];
}

/** Live connections. */
export function conntrackRows(ns: Namespace): readonly ConntrackRow[] {
  return [...ns.connections.list(ns.now)].map((c) => row(c, ns.now));
}

/** Takes out the live connections that are asked for, and tells which they were. */
export function deleteConnections(ns: Namespace, which: (row: ConntrackRow) => boolean): readonly ConntrackRow[] {
  const deleted: ConntrackRow[] = [];
  for (const c of [...ns.connections.list(ns.now)]) {
    const line = row(c, ns.now);
    if (!which(line)) continue;
    ns.connections.remove(c);
    deleted.push(line);
  }
  return deleted;
}

function row(c: Connection, now: number): ConntrackRow {
  const icmp = c.original.protocol === PROTOCOL.icmp;
  const base = {
    protocol: c.original.protocol,
    secondsLeft: Math.floor((c.expiresAt - now) / 1000),
    original: end(c.original, icmp ? 8 : undefined),
    reply: end(c.reply, icmp ? 0 : undefined),
    assured: c.assured,
    unreplied: !c.seenReply,
    mark: c.mark,
  };
  const state = c.original.protocol === PROTOCOL.tcp ? TCP_STATE_NAMES[c.tcp] : undefined;
  return state === undefined ? base : { ...base, state };
}

function end(t: Tuple, icmpType: number | undefined): ConntrackTuple {
  const tuple = { source: t.source, destination: t.destination, sourcePort: t.sourcePort, destinationPort: t.destinationPort };
  return icmpType === undefined ? tuple : { ...tuple, icmpType, icmpCode: 0 };
}
