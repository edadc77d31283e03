/** What is kept in memory, after a full collection, per agent, container, task and connection. */
import { Clock, Ipvs, Packet, parseIpv4, Random } from '@portolan/core';
import { type Executor, Marathon, MesosMaster, type TaskState } from '@portolan/scheduler';
import { type Benchmark, FIRST_PORT, heapBytes, VIP } from './measure.ts';
import { app, cluster, deploy } from './workload.ts';

/** The figures of memory. */
export const MEMORY: readonly Benchmark[] = [
  agentBytes(),
  containerBytes(false),
  containerBytes(true),
  taskBytes(),
  connectionBytes(),
];

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

/** @param reached whether each container's namespace is at work, as after a first packet */
function containerBytes(reached: boolean): Benchmark {
  const name = reached ? 'container.reached.bytes' : 'container.bytes';
  const [apps, instances] = [100, 200];
  const tasks = apps * instances;
  const includes = `heap kept per task of ${tasks} at 1000 agents: Marathon's and Mesos' books, container, veth, rules, proxy, VIP backend, DNS`;
  return {
    name,
    run: () => {
      const at = cluster(1000);
      const before = heapBytes();
      deploy(at, apps, instances);
      if (reached)
        for (const { node } of at.agents())
          for (const { id } of node.machine.config.docker.containers) {
            const index = node.machine.namespace(id)?.device('eth0')?.index ?? 0;
            if (node.machine.host.deviceAt(index + 1) === undefined) throw new Error('a pair is broken');
          }
      const value = (heapBytes() - before) / tasks;
      if (at.marathon.tasks().length !== tasks) throw new Error('tasks are missing');
      const more = '; each container with its namespace, sockets and both devices at work, as a first packet makes them';
      return { name, value, unit: 'bytes', includes: reached ? includes + more : includes };
    },
  };
}

/** The scheduler alone: agents that say of each task that it starts and runs, and do nothing. */
function taskBytes(): Benchmark {
  const name = 'task.bytes';
  const tasks = 20_000;
  return {
    name,
    run: () => {
      const clock = new Clock();
      const random = new Random(1);
      const report = (taskId: string, state: TaskState) =>
        master.statusUpdate(state === 'TASK_RUNNING' ? { taskId, state, addresses: [0xac110002] } : { taskId, state });
      const executor: Executor = {
        launch: (_, launched) => {
          for (const { taskId } of launched) clock.after(100, () => report(taskId, 'TASK_STARTING'));
          for (const { taskId } of launched) clock.after(1000, () => report(taskId, 'TASK_RUNNING'));
        },
        kill: () => {},
      };
      const master: MesosMaster = new MesosMaster({ clock, random, executor });
      const marathon = new Marathon({ clock, random, master });
      const ports = [{ begin: 1025, end: 32_000 }];
      for (let i = 0; i < 1000; i++)
        master.addAgent({
          id: `S${i}`,
          hostname: `10.0.0.${i}`,
          cpus: 64,
          mem: 262_144,
          disk: 0,
          ports,
          role: '*',
          attributes: [],
        });
      const before = heapBytes();
      for (let i = 0; i < 100; i++) marathon.add(app(`/app-${i}`, tasks / 100));
      clock.settle(3_600_000);
      const value = (heapBytes() - before) / tasks;
      if (marathon.tasks().filter(({ state }) => state === 'TASK_RUNNING').length !== tasks) throw new Error('tasks are missing');
      return {
        name,
        value,
        unit: 'bytes',
        includes: `heap kept per task of ${tasks} at 1000 agents by Marathon and the master alone: what a task weighs beside its container`,
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
