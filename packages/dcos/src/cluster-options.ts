/** What a cluster is made of, and which of its choices somebody else makes. */
import {
  type Cidr,
  contains,
  envValue,
  formatCidr,
  formatIpv4,
  HTTPI,
  type HttpRequest,
  type HttpResponse,
  type Images,
  type Ipv4,
  isIpv4,
  type OverlayInfo,
  type PortRanges,
  PRIVATE_AGENT_PORTS,
  type Program,
  PUBLIC_AGENT_PORTS,
  parseCidr,
  parseIpv4,
  Refusal,
} from '@portolan/core';
import { type AgentInfo, DEFAULT_EPOCH, type MarathonVersion, type Offer, type PortChooser } from '@portolan/scheduler';
import { GATEWAY, UNDERLAY } from './outside.ts';
import type { DcosNetVersion } from './vips/backends.ts';

/** What an image answers: text, or a whole response. */
export type Handler = (request: HttpRequest) => string | Partial<HttpResponse>;

/** Options of a cluster; each has a default. */
export interface DcosOptions {
  /** Of all chance. Default 1. */
  readonly seed?: number;
  /** How many, or their addresses. The first leads; Marathon and HTTP answers of Mesos stay with it. Default 1. */
  readonly masters?: number | readonly string[];
  /** Private agents: how many, or their addresses. Default 3. */
  readonly agents?: number | readonly string[];
  /** Public agents: how many, or their addresses. They register first. Default 1. */
  readonly publicAgents?: number | readonly string[];
  /** The address under which the outside reaches the first public agent. */
  readonly publicAddress?: string;
  /** Images by name without tag: what a container of theirs answers. `dcoslabs/httpi` is built in. */
  readonly images?: Readonly<Record<string, Handler | Program>> | ReadonlyMap<string, Handler | Program>;
  /** dockerd's --userland-proxy. Default true. */
  readonly userlandProxy?: boolean;
  /** Which DC/OS; default 1.13, the post's. */
  readonly version?: DcosNetVersion;
  /** What each agent has; defaults 8, 16384 and 65536. */
  readonly cpus?: number;
  /** MiB. */
  readonly mem?: number;
  /** MiB. */
  readonly disk?: number;
  /** Host ports private agents offer; default those of DC/OS. */
  readonly ports?: PortRanges;
  /** Network of the tunnel ends; default 44.128.0.0/20, enough for 4094 nodes. */
  readonly vtepNetwork?: Cidr;
  /**
   * The installer's `enable_ipv6`: whether the overlay has an IPv6 half, `dcos6`. Default true; then no more than some 2000 nodes can
   * register, in life as here.
   */
  readonly ipv6?: boolean;
  /**
   * Milliseconds in which a change of VIPs reaches the nodes by gossip: the first node hears of it after the first of them,
   * the next after the next, and so round and round. Default 50, 100, 150, 200; not measured on a real cluster.
   */
  readonly gossipDelays?: readonly number[];
  /** Overlays beside `dcos`, such as `{ name: 'blue', subnet: '10.128.0.0/16', prefix: 24 }`. */
  readonly networks?: readonly { readonly name: string; readonly subnet: string; readonly prefix: number }[];
  /** Whose decisions Marathon follows: that of DC/OS 1.13 or of 2.2; default 1.8. */
  readonly marathon?: MarathonVersion;
  /** Chooses host ports in place of chance. */
  readonly portChooser?: PortChooser;
  /** Orders offers in place of chance. */
  readonly placementOrder?: (offers: readonly Offer[]) => readonly Offer[];
  /** Unix milliseconds at virtual time 0; default 2019-07-22T15:58:00Z, the day of the post. */
  readonly epoch?: number;
}

/** The options, with every default filled in. */
export interface ClusterPlan
  extends Omit<DcosOptions, 'masters' | 'agents' | 'publicAgents' | 'publicAddress' | 'images' | 'networks'> {
  readonly seed: number;
  readonly masters: readonly [Ipv4, ...Ipv4[]];
  readonly agents: readonly Ipv4[];
  readonly publicAgents: readonly Ipv4[];
  readonly publicAddress: Ipv4;
  readonly images: Images;
  readonly userlandProxy: boolean;
  readonly version: DcosNetVersion;
  readonly epoch: number;
  readonly gossipDelays: readonly [number, ...number[]];
  readonly networks: readonly (OverlayInfo & { readonly network: Cidr })[];
}

const PUBLIC_ADDRESS = '93.186.40.121';
const MOST_NODES = 60_000;
/** Nodes are numbered from 172.16.0.10 on, 250 to a /24 so that none looks like a network or broadcast address. */
const FIRST = 10;

/**
 * Fills in defaults.
 * @throws Refusal `bad-option`
 */
export function planCluster(options: DcosOptions): ClusterPlan {
  const seed = options.seed ?? 1;
  if (!Number.isSafeInteger(seed)) throw refuse('seed', `a seed is an integer, not ${seed}`);
  const numbering = { next: FIRST };
  const [leader, ...otherMasters] = addresses('masters', options.masters ?? 1, numbering);
  const publicAgents = addresses('publicAgents', options.publicAgents ?? 1, numbering);
  const agents = addresses('agents', options.agents ?? 3, numbering);
  if (leader === undefined) throw refuse('masters', 'a cluster has at least one master');
  const masters = [leader, ...otherMasters] as const;
  const all = [...masters, ...publicAgents, ...agents];
  const version = options.version ?? '1.13';
  const epoch = options.epoch ?? DEFAULT_EPOCH;
  if (new Set(all).size !== all.length || all.includes(GATEWAY)) throw refuse('agents', 'two nodes have the same address');
  if (version !== '1.13' && version !== '2.1') throw refuse('version', `1.13 or 2.1, not ${String(version).slice(0, 40)}`);
  const { marathon = '1.8' } = options;
  if (marathon !== '1.8' && marathon !== '1.11') throw refuse('marathon', `1.8 or 1.11, not ${String(marathon).slice(0, 40)}`);
  if (!Number.isSafeInteger(epoch)) throw refuse('epoch', `an integer, not ${epoch}`);
  const { masters: _m, agents: _a, publicAgents: _p, images, networks: _n, ...rest } = options;
  return {
    ...rest,
    seed,
    masters,
    agents,
    publicAgents,
    publicAddress: address('publicAddress', options.publicAddress ?? PUBLIC_ADDRESS),
    images: registry(images),
    userlandProxy: options.userlandProxy ?? true,
    version,
    epoch,
    networks: (options.networks ?? []).map(network),
    gossipDelays: delays(options.gossipDelays ?? [50, 100, 150, 200]),
  };
}

/** What an agent registers with. */
export function agentInfo(plan: ClusterPlan, id: string, address: Ipv4, role: '*' | 'slave_public'): AgentInfo {
  const { cpus = 8, mem = 16384, disk = 65536, ports = PRIVATE_AGENT_PORTS } = plan;
  const hostname = formatIpv4(address);
  if (role === '*') return { id, hostname, cpus, mem, disk, ports, role, attributes: [] };
  return { id, hostname, cpus, mem, disk, ports: PUBLIC_AGENT_PORTS, role, attributes: [['public_ip', 'true']] };
}

/** `ip-172-16-9-84`. */
export function hostName(node: Ipv4): string {
  return `ip-${formatIpv4(node).replaceAll('.', '-')}`;
}

/**
 * Whether a node may have that address beside those in use.
 * @throws Refusal `bad-option`
 */
export function checkNewAgent(address: Ipv4, used: readonly Ipv4[]): void {
  if (!Number.isInteger(address) || !contains(UNDERLAY, address))
    throw refuse('address', `a node's address is one of ${formatCidr(UNDERLAY)} as a number, not ${address}`);
  if (address === GATEWAY || used.includes(address)) throw refuse('address', `${formatIpv4(address)} is in use`);
}

function addresses(field: string, wanted: number | readonly string[], numbering: { next: number }): readonly Ipv4[] {
  if (typeof wanted !== 'number') return wanted.map((text) => nodeAddressOf(field, text));
  if (!Number.isInteger(wanted) || wanted < 0 || wanted > MOST_NODES)
    throw refuse(field, `a number from 0 to ${MOST_NODES} or a list of addresses, not ${wanted}`);
  return Array.from({ length: wanted }, () => nodeAddress(numbering.next++));
}

function nodeAddressOf(field: string, text: string): Ipv4 {
  const node = address(field, text);
  if (!contains(UNDERLAY, node)) throw refuse(field, `a node's address is one of ${formatCidr(UNDERLAY)}, not ${text}`);
  return node;
}

function network({ name, subnet, prefix }: NonNullable<DcosOptions['networks']>[number]): ClusterPlan['networks'][number] {
  if (!/^[a-z0-9][a-z0-9_-]*$/.test(name)) throw refuse('networks', `'${String(name).slice(0, 40)}' is not a name`);
  if (!/^[0-9.]{7,15}\/[0-9]{1,2}$/.test(subnet)) throw refuse('networks', `'${String(subnet).slice(0, 40)}' is not a subnet`);
  const cidr = parseCidr(subnet);
  if (!Number.isInteger(prefix) || prefix <= cidr.prefix || prefix > 29)
    throw refuse('networks', `a prefix from ${cidr.prefix + 1} to 29, not ${prefix}`);
  return { name, network: cidr, prefix };
}

const MOST_DELAYS = 16;

function delays(wanted: readonly number[]): readonly [number, ...number[]] {
  const [first, ...others] = wanted;
  if (first === undefined || wanted.length > MOST_DELAYS || !wanted.every((delay) => Number.isInteger(delay) && delay >= 0))
    throw refuse('gossipDelays', `1 to ${MOST_DELAYS} numbers of milliseconds`);
  return [first, ...others];
}

function nodeAddress(number: number): Ipv4 {
  return parseIpv4('172.16.0.0') + Math.floor(number / 250) * 256 + (number % 250) + 1;
}

function address(field: string, text: string): Ipv4 {
  if (typeof text !== 'string' || !isIpv4(text)) throw refuse(field, `'${String(text).slice(0, 40)}' is not an IPv4 address`);
  return parseIpv4(text);
}

function registry(images: DcosOptions['images'] = {}): Images {
  const entries = images instanceof Map ? [...images] : Object.entries(images);
  const programs = new Map<string, Program>([
    ['dcoslabs/httpi', HTTPI],
    ...entries.map(([name, image]) => [name, programOf(image)] as const),
  ]);
  return { find: (image) => programs.get(repository(image)) };
}

/** An image without its tag. */
export function repository(image: string): string {
  const colon = image.lastIndexOf(':');
  return colon > image.lastIndexOf('/') ? image.slice(0, colon) : image;
}

function programOf(image: Handler | Program): Program {
  if (typeof image !== 'function') return image;
  return {
    start: (env) => {
      const value = envValue(env, 'PORT_HTTP') ?? envValue(env, 'PORT0');
      const port = Number(value ?? Number.NaN);
      return Number.isInteger(port) && port > 0 && port < 65536
        ? { ports: [port] }
        : { exitCode: 2, stderr: 'no port to listen on' };
    },
    respond: (request, date) => {
      const answer = image(request);
      const response = typeof answer === 'string' ? { body: answer } : answer;
      const body = response.body ?? '';
      const length = String(new TextEncoder().encode(body).length);
      return {
        status: response.status ?? 200,
        reason: response.reason ?? 'OK',
        headers: [
          ['Date', date],
          ['Content-Length', length],
          ...(response.headers ?? [['Content-Type', 'text/plain; charset=utf-8']]),
        ],
        body,
      };
    },
  };
}

function refuse(path: string, message: string): Refusal {
  return new Refusal({ component: 'cluster', code: 'bad-option', path, message: `${path}: ${message}` });
}
