/** What the benchmark measures. Each figure says what it includes; all are of this machine's CPU, not of its clock. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { Ipvs, Packet, parseIpv4 } from '@portolan/core';
import { type Benchmark, cpuSeconds, FIRST_PORT, median, ratePerSecond, VIP } from './measure.ts';
import { MEMORY } from './memory.ts';
import { PLACEMENTS } from './placements.ts';
import { app, cluster } from './workload.ts';

const MINUTE = 60_000;

/** All figures, in the order in which they are printed. */
export const BENCHMARKS: readonly Benchmark[] = [
  ...PLACEMENTS,
  connections('plain'),
  connections('traced'),
  agentsBuilt(),
  ...MEMORY,
  wlc(5),
  wlc(1000),
  firstLine(),
];

function connections(kind: 'plain' | 'traced'): Benchmark {
  const name = `connections.${kind}`;
  const includes = `TCP exchanges at 1000 agents, SYN to last ACK, 10 packets: a client's agent, IPVS, masquerade, the underlay, DNAT, docker0, a veth pair, a web server${kind === 'traced' ? '; every hop and step recorded' : ''}`;
  return {
    name,
    run: () => {
      const at = cluster(1000);
      at.marathon.add(app('/httpi', 20));
      at.settle();
      const client = at.master().machine.host;
      const request = 'GET / HTTP/1.1\r\nHost: httpi.marathon.l4lb.thisdcos.directory:3141\r\nUser-Agent: bench\r\n\r\n';
      let sinceRest = 0;
      const exchange = () => {
        let answered = false;
        client.sockets.connect(
          { address: VIP, port: 3141 },
          {
            connected: (socket) => socket.write(request),
            received: (socket) => {
              answered = true;
              socket.close();
            },
          },
        );
        at.core.run();
        if (!answered) throw new Error('no answer');
        // Time passes, so that closed connections leave the tables as they do in life.
        if (++sinceRest % 2000 === 0) at.advance(5 * MINUTE);
      };
      const value = median(3, () =>
        kind === 'plain' ? ratePerSecond(exchange, 1) : ratePerSecond(() => at.core.traced(exchange), 1),
      );
      return { name, value, unit: 'exchanges per CPU second', includes };
    },
  };
}

function agentsBuilt(): Benchmark {
  const name = 'agents.build.10000';
  const includes = 'a cluster of one master and 10000 agents, each with Docker, dcos-net, the overlay and DNS set up';
  return {
    name,
    run: () => ({ name, value: median(3, () => cpuSeconds(() => cluster(10_000))), unit: 'CPU seconds', includes }),
  };
}

function wlc(servers: number): Benchmark {
  const name = `ipvs.wlc.${servers}`;
  return {
    name,
    run: () => {
      const clock = { now: 0 };
      const ipvs = new Ipvs(clock);
      const service = { protocol: 6, address: VIP, port: 3141 } as const;
      ipvs.addService({ ...service, scheduler: 'wlc' });
      for (let i = 0; i < servers; i++)
        ipvs.addServer(service, { address: parseIpv4('172.16.0.1') + i, port: 80, weight: 1 + (i % 7) });
      let port = FIRST_PORT;
      let client = parseIpv4('10.0.0.1');
      const value = median(3, () =>
        ratePerSecond(() => {
          if (++port === 65_536) {
            port = FIRST_PORT;
            client++;
            clock.now += 10 * MINUTE;
          }
          const syn = new Packet(6, client, port, VIP, 3141, 60);
          syn.flags = 2;
          if (typeof ipvs.incoming(syn) === 'string') throw new Error('no server chosen');
        }, 1),
      );
      return {
        name,
        value,
        unit: 'decisions per CPU second',
        includes: `a SYN to a service of ${servers} servers: choice, connection entry, counters, later its expiry`,
      };
    },
  };
}

function firstLine(): Benchmark {
  const name = 'start.first-line';
  return {
    name,
    run: () => ({
      name,
      value: median(5, timeToFirstLine),
      unit: 'seconds',
      includes: "wall-clock time from process start to the first line of the post's scenario, ts-node and compilation included",
    }),
  };
}

function timeToFirstLine(): number {
  const root = join(__dirname, '..', '..', '..', '..');
  const { stdout } = spawnSync(process.execPath, [join(__dirname, '..', 'bench-first-line.cjs')], {
    cwd: root,
    encoding: 'utf8',
  });
  return Number(stdout);
}
