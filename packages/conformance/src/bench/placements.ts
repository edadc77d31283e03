/**
 * How fast tasks are placed and wired: offers and ports, containers with their namespaces' configuration, veth pairs, rules and
 * proxies, VIPs written to one node's kernel, DNS. Rules' text, environments, devices and namespaces at work are made when
 * somebody asks; `placements.read` asks for all of it.
 */
import { type Benchmark, cpuSeconds, median } from './measure.ts';
import { readAll } from './read-all.ts';
import { app, cluster, deploy, running } from './workload.ts';

const APPS = 1000;
const INSTANCES = 20;
const TASKS = APPS * INSTANCES;
const WORK =
  'parsing, offers, ports, containers with veth, rules and proxies, VIPs written to one node, DNS; the first of four rounds warms up';

/** The figures of placement. */
export const PLACEMENTS: readonly Benchmark[] = [
  placements(100),
  placements(1000),
  placements(10_000),
  placementsRead(),
  scaleSeconds(),
  scaleExponent(),
];

function placements(agents: number): Benchmark {
  const name = `placements.${agents}`;
  const includes = `${TASKS} tasks of ${APPS} apps with a VIP each at ${agents} agents: ${WORK}`;
  return { name, run: () => ({ name, value: rate(agents), unit: 'tasks per CPU second', includes }) };
}

function placementsRead(): Benchmark {
  const name = 'placements.read';
  const includes = `as placements.1000, and then each task's environment, namespace, devices, routes, rules as text, VIPs and DNS records read once`;
  return { name, run: () => ({ name, value: rate(1000, true), unit: 'tasks per CPU second', includes }) };
}

function rate(agents: number, reads = false): number {
  return warmMedian(3, () => {
    const at = cluster(agents);
    const seconds = cpuSeconds(() => {
      deploy(at, APPS, INSTANCES);
      if (reads && readAll(at) === 0) throw new Error('nothing was read');
    });
    if (running(at) !== TASKS) throw new Error('not all tasks run');
    return TASKS / seconds;
  });
}

/** One round that does not count, then the median. */
function warmMedian(runs: number, measure: () => number): number {
  measure();
  return median(runs, measure);
}

function scaleSeconds(): Benchmark {
  const name = 'scale.100000.seconds';
  const includes =
    'one app with a VIP goes from 1 instance to 100000 at 1000 agents, until all run and are servers of its VIP; a first round of 10000 warms up';
  return {
    name,
    run: () => {
      oneApp(10_000);
      return { name, value: oneApp(100_000), unit: 'CPU seconds', includes };
    },
  };
}

/** Costs are compared in one run, small ones many times over, so that all are of an engine that is warm. */
function scaleExponent(): Benchmark {
  const name = 'scale.exponent';
  return {
    name,
    run: () => {
      for (let i = 0; i < 10; i++) oneApp(1000);
      const few = median(9, () => oneApp(1000));
      const some = median(3, () => oneApp(10_000));
      const many = oneApp(100_000);
      const us = (seconds: number, tasks: number) => ((seconds / tasks) * 1e6).toFixed(0);
      return {
        name,
        value: Math.log(many / few) / Math.log(100),
        unit: 'exponent',
        includes: `of cost in tasks, from 1000 to 100000 instances of one app at 1000 agents: ${us(few, 1000)} µs a task at 1000, ${us(some, 10_000)} at 10000, ${us(many, 100_000)} at 100000`,
      };
    },
  };
}

/** CPU seconds that one app's way from 1 instance to so many takes. */
function oneApp(instances: number): number {
  const at = cluster(1000);
  at.marathon.add(app('/one', 1));
  at.settle();
  const seconds = cpuSeconds(() => {
    at.marathon.scale('/one', instances);
    at.settle();
    const [service] = at.master().machine.ipvs().services();
    if (service?.servers.length !== instances) throw new Error('servers are missing');
  });
  if (running(at) !== instances) throw new Error('not all tasks run');
  return seconds;
}
