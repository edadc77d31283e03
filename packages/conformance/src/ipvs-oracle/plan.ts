/**
 * Random operations for the kernel's IPVS: traces of some sixty lines, each about one service of one scheduler. A line
 * has the fields of the recorded traces (`ipvs/*.jsonl`) that an operation needs; running it adds what came of it.
 */
import { formatIpv4, Random, SCHEDULER_NAMES } from '@portolan/core';

/** One operation, as JSON. */
export type PlannedLine = Readonly<Record<string, string | number>> & { readonly op: string };

/** One trace. */
export interface Plan {
  readonly name: string;
  readonly lines: readonly PlannedLine[];
}

const LINES = 60;
/** Schedulers to which the address of a packet matters: they get services by firewall mark, with many addresses. */
const BY_ADDRESS = ['lblc', 'lblcr', 'dh'];

/** Traces with about so many operations in all, one scheduler after the other. */
export function planTraces(operations: number, seed: number): readonly Plan[] {
  const random = new Random(seed);
  const count = Math.max(1, Math.ceil(operations / LINES));
  return Array.from({ length: count }, (_, i) => {
    const scheduler = SCHEDULER_NAMES[i % SCHEDULER_NAMES.length] ?? 'wlc';
    return { name: `${scheduler}-${i}`, lines: new Planner(random.fork(`trace ${i}`), i, scheduler).lines() };
  });
}

class Planner {
  private readonly random: Random;
  private readonly scheduler: string;
  private readonly mark: number;
  private readonly udp: boolean;
  private readonly persistent: boolean;
  /** What names the service in every line. */
  private readonly key: Readonly<Record<string, string | number>>;
  private readonly vips: readonly string[];
  private readonly servers: readonly string[];
  private readonly weights: readonly number[];
  private readonly present = new Set<string>();
  private readonly open: string[] = [];
  private connections = 0;

  constructor(random: Random, index: number, scheduler: string) {
    this.random = random;
    this.scheduler = scheduler;
    this.mark = this.chance(BY_ADDRESS.includes(scheduler) ? 70 : 10) ? 1 + (index % 250) : 0;
    this.udp = this.chance(20);
    this.persistent = this.chance(15);
    const port = 1024 + random.nextInt(30_000);
    const base = this.mark === 0 ? 0x0b400000 + index * 256 : 0x0b4d0000 + this.mark * 256;
    this.vips = Array.from({ length: this.mark === 0 ? 1 : 6 }, (_, i) => `${formatIpv4(base + 1 + i * 7)}:${port}`);
    this.key = this.mark === 0 ? { vip: this.vips[0] ?? '', ...(this.udp ? { proto: 'udp' } : {}) } : { mark: this.mark };
    const address = 0xac1e0000 + (index % 200) * 256;
    this.servers = Array.from(
      { length: 2 + random.nextInt(6) },
      (_, i) => `${formatIpv4(address + 1 + random.nextInt(250))}:${2000 + i * 100 + random.nextInt(90)}`,
    );
    this.weights = this.pick([[1], [1, 2, 3, 4, 5], [0, 1, 2, 3], [1, 10, 100, 65535], [2, 4, 8]]);
  }

  lines(): readonly PlannedLine[] {
    const lines: PlannedLine[] = [this.service('add-service', this.scheduler)];
    for (const rip of this.servers.slice(0, 1 + this.random.nextInt(3))) lines.push(this.add(rip));
    while (lines.length < LINES) lines.push(this.next());
    const cmd = this.mark === 0 ? ['-Ln', '-Ln --persistent-conn', '-Ln --thresholds', '-Sn'] : ['-Ln', '-Sn'];
    return [...lines, ...cmd.map((args) => ({ op: 'show', cmd: `ipvsadm ${args}` }))];
  }

  private next(): PlannedLine {
    const roll = this.random.nextInt(100);
    if (roll < 55) return this.begin();
    if (roll < 70 && this.open.length > 0) return this.close();
    if (roll < 80) return this.edit();
    if (roll < 88) return this.add(this.pick(this.servers));
    if (roll < 94) return this.remove();
    if (roll < 96) return { op: 'data', id: this.pick(this.open) ?? 'none', bytes: 10 };
    if (roll < 98) return { op: 'sysctl', name: 'net.ipv4.vs.expire_quiescent_template', value: this.random.nextInt(2) };
    return this.service('edit-service', this.chance(50) ? this.scheduler : this.pick(SCHEDULER_NAMES));
  }

  private service(op: string, scheduler: string): PlannedLine {
    const own = scheduler === 'sh' || scheduler === 'mh';
    const flags = own ? [`${scheduler}-fallback`, `${scheduler}-port`].filter(() => this.chance(40)).join(',') : '';
    return {
      op,
      ...this.key,
      sched: scheduler,
      ...(flags === '' ? {} : { flags }),
      ...(this.persistent ? { persistent: 100 + this.random.nextInt(100) } : {}),
      ...(this.persistent && this.chance(30) ? { netmask: '255.255.255.0' } : {}),
    };
  }

  private begin(): PlannedLine {
    const id = `c${++this.connections}`;
    const cip = formatIpv4(0x0a010000 + this.random.nextInt(3) * 256 + 1 + this.random.nextInt(this.persistent ? 3 : 250));
    const to = { id, vip: this.pick(this.vips), cip, ...(this.mark === 0 ? {} : { mark: this.mark }) };
    if (this.udp) return { op: 'udp', ...to, proto: 'udp' };
    this.open.push(id);
    return { op: 'connect', ...to };
  }

  private close(): PlannedLine {
    const [id = ''] = this.open.splice(this.random.nextInt(this.open.length), 1);
    return { op: 'close', id, by: this.pick(['client', 'server']), how: this.pick(['fin', 'fin', 'fin', 'rst', 'half']) };
  }

  private add(rip: string): PlannedLine {
    this.present.add(rip);
    const limits = this.chance(15) ? { x: 3 + this.random.nextInt(4), y: this.random.nextInt(3) } : {};
    const fwd = this.mark === 0 && !this.persistent && this.chance(10) ? { fwd: this.pick(['route', 'tunnel']) } : {};
    return {
      op: 'add-server',
      ...this.key,
      rip: 'fwd' in fwd ? this.withPort(rip) : rip,
      weight: this.pick(this.weights),
      ...limits,
      ...fwd,
    };
  }

  private edit(): PlannedLine {
    const rip = this.pick([...this.present, ...this.servers]);
    const weight = this.chance(20) ? 0 : this.pick(this.weights);
    return { op: 'edit-server', ...this.key, rip, weight };
  }

  private remove(): PlannedLine {
    const rip = this.pick([...this.present, ...this.servers]);
    this.present.delete(rip);
    return { op: 'del-server', ...this.key, rip };
  }

  /** Servers that get packets as they are have the service's port. */
  private withPort(rip: string): string {
    return `${rip.split(':')[0]}:${this.vips[0]?.split(':')[1]}`;
  }

  private chance(percent: number): boolean {
    return this.random.nextInt(100) < percent;
  }

  private pick<T>(items: readonly T[]): T {
    return items[this.random.nextInt(Math.max(1, items.length))] as T;
  }
}
