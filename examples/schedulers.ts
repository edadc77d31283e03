/**
 * One uneven load through every scheduler of IPVS: which server got how many connections, and, with --out FILE, a
 * picture of the active connections of each server over time. The service is one by firewall mark, with eight
 * addresses, because to dh, lblc and lblcr the address of a connection matters.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { FLAG, Ipvs, Packet, parseIpv4, Random, type RealServer, SCHEDULER_NAMES } from '@portolan/core';
import { init } from 'echarts';

const SECONDS = 180;
const CONNECTIONS = 1500;
const SERVER = parseIpv4('172.16.0.1');
/** One strong server, two of middling strength, two weak ones. */
const WEIGHTS = [40, 20, 20, 10, 10];
const ADDRESS = parseIpv4('11.0.0.1');
const ADDRESSES = 8;
const MARK = { protocol: 6, address: 0, port: 0, mark: 1 } as const;

/** A connection that a client wants: when, from where, to which address, for how long. */
interface Wish {
  /** Milliseconds. */
  readonly at: number;
  readonly lasts: number;
  readonly client: number;
  readonly port: number;
  readonly address: number;
}

interface Outcome {
  readonly scheduler: string;
  /** Connections each server got. */
  readonly got: readonly number[];
  readonly refused: number;
  /** Active connections of each server, second by second. */
  readonly active: readonly (readonly number[])[];
}

/**
 * Most connections are short, one in eight stays; they come from sixty clients, of which a few are eager, and go to
 * eight addresses, of which the first has half of them; in the middle minute twice as many come.
 */
function wishes(random: Random): readonly Wish[] {
  const list = Array.from({ length: CONNECTIONS }, (_, i): Wish => {
    const second = i % 3 === 0 ? 60 + random.nextInt(60) : random.nextInt(SECONDS);
    const eager = random.nextInt(3) === 0;
    return {
      at: second * 1000 + random.nextInt(1000),
      lasts: random.nextInt(8) === 0 ? 20_000 + random.nextInt(40_000) : 200 + random.nextInt(3000),
      client: parseIpv4('10.0.0.1') + random.nextInt(eager ? 4 : 60) * 13,
      port: 20_000 + i,
      address: ADDRESS + (random.nextInt(2) === 0 ? 0 : random.nextInt(ADDRESSES)),
    };
  });
  return list.sort((a, b) => a.at - b.at || a.port - b.port);
}

function run(scheduler: string, load: readonly Wish[]): Outcome {
  const clock = { now: 0 };
  const ipvs = new Ipvs(clock);
  ipvs.addService({ ...MARK, scheduler });
  for (const [i, weight] of WEIGHTS.entries()) ipvs.addServer(MARK, { address: SERVER + i, port: 80, weight });
  const servers = [...(ipvs.service(MARK)?.servers ?? [])].reverse();
  const got = WEIGHTS.map(() => 0);
  let refused = 0;
  const active: (readonly number[])[] = [];
  const open: { readonly until: number; readonly wish: Wish; readonly server: RealServer }[] = [];
  let next = 0;
  for (clock.now = 0; clock.now < SECONDS * 1000; clock.now += 50) {
    for (const { wish, server } of open.filter(({ until }) => until <= clock.now)) close(ipvs, wish, server);
    open.splice(0, open.length, ...open.filter(({ until }) => until > clock.now));
    for (let wish = load[next]; wish !== undefined && wish.at <= clock.now; wish = load[++next]) {
      const server = begin(ipvs, wish);
      if (server === undefined) refused++;
      else {
        const index = server.address - SERVER;
        got[index] = (got[index] ?? 0) + 1;
        open.push({ until: clock.now + wish.lasts, wish, server });
      }
    }
    if (clock.now % 1000 === 0) active.push(servers.map((server) => server.active));
  }
  return { scheduler, got, refused, active };
}

/** The handshake; the server IPVS chose, if any. */
function begin(ipvs: Ipvs, wish: Wish): RealServer | undefined {
  const made = ipvs.incoming(segment(wish, FLAG.syn));
  if (typeof made === 'string') return undefined;
  ipvs.outgoing(answer(wish, made.server, FLAG.syn | FLAG.ack));
  ipvs.incoming(segment(wish, FLAG.ack));
  return made.server;
}

/** The server has answered and closes, the client too. */
function close(ipvs: Ipvs, wish: Wish, server: RealServer): void {
  ipvs.outgoing(answer(wish, server, FLAG.fin | FLAG.ack));
  ipvs.incoming(segment(wish, FLAG.fin | FLAG.ack));
  ipvs.outgoing(answer(wish, server, FLAG.ack));
}

function segment({ client, port, address }: Wish, flags: number): Packet {
  const packet = new Packet(6, client, port, address, 80, 52);
  packet.flags = flags;
  packet.mark = MARK.mark;
  return packet;
}

function answer({ client, port }: Wish, server: RealServer, flags: number): Packet {
  const packet = new Packet(6, server.address, server.port, client, port, 52);
  packet.flags = flags;
  return packet;
}

function table(outcomes: readonly Outcome[]): string {
  const heading = WEIGHTS.map((weight, i) => `server ${i + 1} (${weight})`);
  const rows = outcomes.map(({ scheduler, got, refused, active }) => {
    const peak = Math.max(...active.map((counts) => counts.reduce((a, b) => a + b, 0)));
    const load = Math.max(...active.flatMap((counts) => counts.map((count, i) => count / (WEIGHTS[i] ?? 1))));
    return [scheduler, ...got.map(String), String(refused), String(peak), load.toFixed(2)];
  });
  const all = [['', ...heading, 'refused', 'peak', 'worst load'], ...rows];
  const widths = all[0]?.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0))) ?? [];
  const text = all.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  '),
  );
  return `${text.join('\n')}\n`;
}

/** Active connections of each server over time: a chart a scheduler, three in a row. */
function picture(outcomes: readonly Outcome[]): string {
  const [columns, width, height] = [3, 420, 220];
  const rows = Math.ceil(outcomes.length / columns);
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: columns * width, height: rows * height + 40 });
  const place = (i: number) => ({ left: (i % columns) * width + 45, top: Math.floor(i / columns) * height + 70 });
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    legend: { itemGap: 45, data: WEIGHTS.map((weight, i) => `server ${i + 1}, weight ${weight}`), top: 8 },
    title: outcomes.map(({ scheduler, refused }, i) => ({
      text: scheduler,
      subtext: refused === 0 ? '' : `${refused} refused`,
      left: place(i).left,
      top: place(i).top - 38,
      itemGap: 2,
      textStyle: { fontSize: 14 },
    })),
    grid: outcomes.map((_, i) => ({ ...place(i), width: width - 70, height: height - 85 })),
    xAxis: outcomes.map((_, i) => ({ gridIndex: i, type: 'value', min: 0, max: SECONDS, interval: 60 })),
    yAxis: outcomes.map((_, i) => ({ gridIndex: i, type: 'value', min: 0 })),
    series: outcomes.flatMap(({ active }, chartIndex) =>
      WEIGHTS.map((weight, server) => ({
        name: `server ${server + 1}, weight ${weight}`,
        type: 'line' as const,
        xAxisIndex: chartIndex,
        yAxisIndex: chartIndex,
        showSymbol: false,
        step: 'end' as const,
        lineStyle: { width: 1.2 },
        data: active.map((counts, second) => [second, counts[server] ?? 0]),
      })),
    ),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

function main(): void {
  const { values } = parseArgs({ options: { seed: { type: 'string', default: '7' }, out: { type: 'string' } } });
  const load = wishes(new Random(Number(values.seed)));
  const outcomes = SCHEDULER_NAMES.map((scheduler) => run(scheduler, load));
  process.stdout.write(
    `${CONNECTIONS} connections in ${SECONDS} seconds to five servers; in brackets their weights. "peak" is the highest number of
active connections of all servers together, "worst load" the highest number for its weight that a server ever had.

${table(outcomes)}
`,
  );
  if (values.out === undefined) process.stdout.write('With --out FILE the active connections over time are drawn as an SVG.\n');
  else {
    writeFileSync(values.out, picture(outcomes));
    process.stdout.write(`The active connections over time are in ${values.out}.\n`);
  }
}

if (require.main === module) main();
