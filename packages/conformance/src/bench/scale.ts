/**
 * `npm run bench -- --scale`: the largest clusters that Mesos was ever said to run, 40000 agents and 400000 tasks, told as it goes.
 * It needs a machine with 8 GiB to spare and Node started with `--max-old-space-size=8000`, and takes minutes.
 */
import { cpuSeconds, heapBytes } from './measure.ts';
import { cluster, definitions, running } from './workload.ts';

/** How large. */
export interface Scale {
  readonly agents: number;
  readonly tasks: number;
  readonly instances: number;
}

/** Mesos' own scale. */
export const MESOS_SCALE: Scale = { agents: 40_000, tasks: 400_000, instances: 100 };

/** Runs it, a tenth of the tasks at a time, and prints a line for each step. */
export function runScale({ agents, tasks, instances }: Scale, print: (line: string) => void): void {
  let at = cluster(1);
  const built = cpuSeconds(() => {
    at = cluster(agents);
  });
  print(`${agents} agents: ${built.toFixed(1)} CPU seconds, ${memory()}`);
  const apps = tasks / instances;
  let spent = 0;
  for (let step = 1; step <= 10; step++) {
    const seconds = cpuSeconds(() => {
      at.marathon.updateApps(definitions(((step - 1) * apps) / 10, (step * apps) / 10, instances));
      at.settle();
      at.master().machine.ipvs();
    });
    spent += seconds;
    print(`${running(at)} tasks run: ${seconds.toFixed(1)} CPU seconds for ${tasks / 10} more, ${memory()}`);
  }
  const servers = at
    .master()
    .machine.ipvs()
    .services()
    .reduce((sum, service) => sum + service.servers.length, 0);
  if (servers !== tasks || running(at) !== tasks)
    throw new Error(`${running(at)} tasks run, ${servers} are servers of their VIPs`);
  print(
    `${tasks} tasks of ${apps} apps at ${agents} agents: ${Math.round(tasks / spent)} a CPU second, ${spent.toFixed(0)} in all`,
  );
  print(`heap after a full collection: ${(heapBytes() / 2 ** 20).toFixed(0)} MiB`);
}

function memory(): string {
  return `${(process.memoryUsage.rss() / 2 ** 20).toFixed(0)} MiB resident`;
}
