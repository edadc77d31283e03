/** What the benchmark measures. Each figure says what it includes; all are of this machine's CPU, not of its clock. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { Ipvs, Packet, parseCidr, parseIpv4 } from '@portolan/core';
import { DcosCluster } from '@portolan/dcos';
import { cpuSeconds, type Figure, heapBytes, median, ratePerSecond } from './measure.ts';

const VTEPS = parseCidr('44.0.0.0/8');
const VIP = parseIpv4('11.249.78.219');
const MINUTE = 60_000;
/** Of a client; from port 20 no connection is scheduled, it is FTP's for data. */
const FIRST_PORT = 1024;

/** A figure, and how it is come by. */
export interface Benchmark {
  readonly name: string;
  readonly run: () => Figure;
}

/** All figures, in the order in which they are printed. */
export const BENCHMARKS: readonly Benchmark[] = [
  placements(100),
  placements(1000),
  placements(10_000),
  connections('plain'),
  connections('traced'),
  agentsBuilt(),
  agentBytes(),
  containerBytes(),
  wlc(5),
  wlc(1000),
  connectionBytes(),
  firstLine(),
];

function cluster(agents: number): DcosCluster {
  return DcosCluster.create({ seed: 1, agents, publicAgents: 0, vtepNetwork: VTEPS, cpus: 64, mem: 262_144 });
}

function app(id: string, instances: number, vip: string) {
  return {
    id,
    instances,
    cpus: 0.1,
    mem: 32,
    networks: [{ mode: 'container/bridge' }],
    container: {
      type: 'DOCKER',
      docker: { image: 'dcoslabs/httpi' },
      portMappings: [{ name: 'http', labels: { VIP_0: `${vip}:3141` } }],
    },
  };
}

function placements(agents: number): Benchmark {
  const apps = 250;
  const instances = 20;
  const includes = `${apps * instances} tasks of ${apps} apps with a VIP each at ${agents} agents: parsing, offers, ports, containers with veth, rules and proxies, VIPs written to one node's kernel, DNS`;
  return {
    name: `placements.${agents}`,
    run: () => {
      const value = median(3, () => {
        const at = cluster(agents);
        const seconds = cpuSeconds(() => {
          for (let i = 0; i < apps; i++) at.marathon.add(app(`/app-${i}`, instances, `/app-${i}`));
          at.settle();
          if (at.master().machine.ipvs().services().length !== apps) throw new Error('not all VIPs are in force');
        });
        if (at.marathon.tasks().filter(({ state }) => state === 'TASK_RUNNING').length !== apps * instances)
          throw new Error('not all tasks run');
        return (apps * instances) / seconds;
      });
      return { name: `placements.${agents}`, value, unit: 'tasks per CPU second', includes };
    },
  };
}

function connections(kind: 'plain' | 'traced'): Benchmark {
  const name = `connections.${kind}`;
  const includes = `TCP exchanges at 1000 agents, SYN to last ACK, 10 packets: a client's agent, IPVS, masquerade, the underlay, DNAT, docker0, a veth pair, a web server${kind === 'traced' ? '; every hop and step recorded' : ''}`;
  return {
    name,
    run: () => {
      const at = cluster(1000);
      at.marathon.add(app('/httpi', 20, '/httpi'));
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

function agentBytes(): Benchmark {
  const name = 'agent.bytes';
  return {
    name,
    run: () => {
      const before = heapBytes();
      const at = cluster(10_000);
      const value = (heapBytes() - before) / 10_000;
      if (at.agents().length !== 10_000) throw new Error('agents are missing');
      return { name, value, unit: 'bytes', includes: 'heap kept per agent of 10000, before any task' };
    },
  };
}

function containerBytes(): Benchmark {
  const name = 'container.bytes';
  const tasks = 20_000;
  return {
    name,
    run: () => {
      const at = cluster(1000);
      const before = heapBytes();
      for (let i = 0; i < 100; i++) at.marathon.add(app(`/app-${i}`, tasks / 100, `/app-${i}`));
      at.settle();
      const value = (heapBytes() - before) / tasks;
      if (at.marathon.tasks().length !== tasks) throw new Error('tasks are missing');
      return {
        name,
        value,
        unit: 'bytes',
        includes: `heap kept per task of ${tasks} at 1000 agents: Marathon's and Mesos' books, container, veth, rules, proxy, VIP backend, DNS`,
      };
    },
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

function connectionBytes(): Benchmark {
  const name = 'ipvs.connection.bytes';
  const connections = 1_000_000;
  return {
    name,
    run: () => {
      const clock = { now: 0 };
      const ipvs = new Ipvs(clock);
      const service = { protocol: 6, address: VIP, port: 3141 } as const;
      ipvs.addService({ ...service, scheduler: 'wlc' });
      for (let i = 0; i < 5; i++) ipvs.addServer(service, { address: parseIpv4('172.16.0.1') + i, port: 80, weight: 1 });
      const before = heapBytes();
      const syn = new Packet(6, 0, 0, VIP, 3141, 60);
      syn.flags = 2;
      for (let i = 0; i < connections; i++) {
        syn.source = parseIpv4('172.20.0.0') + Math.floor(i / 50_000);
        syn.sourcePort = FIRST_PORT + (i % 50_000);
        if (typeof ipvs.incoming(syn) === 'string') throw new Error('no server chosen');
      }
      const value = (heapBytes() - before) / connections;
      const counted = ipvs.services()[0]?.servers.reduce((sum, { active }) => sum + active, 0);
      if (counted !== connections) throw new Error('connections are missing');
      return {
        name,
        value,
        unit: 'bytes',
        includes: `heap kept per connection of ${connections} that live at once, lookup tables included`,
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
