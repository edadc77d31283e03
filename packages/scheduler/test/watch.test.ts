/** The observer of the model sees what it is for: each invariant is broken once, on purpose. */
import { expect, test } from 'vitest';
import { Watch } from './watch.ts';
import { SLEEP, world } from './world.ts';

/** A world with an app of two on one agent, looked at. */
function sound() {
  const w = world(1);
  const watch = new Watch(w);
  w.marathon.add({ ...SLEEP, instances: 2, constraints: [['hostname', 'MAX_PER', '2']] });
  w.settle();
  expect(watch.violations()).toEqual([]);
  const [first, second] = [...w.master.tasks()];
  if (first === undefined || second === undefined) throw new Error('no tasks');
  return { w, watch, first, second };
}

test('a port of two tasks, and one that no agent offers', () => {
  const { watch, first, second } = sound();
  Object.assign(second.info, { ports: first.info.ports });
  expect(watch.ports()).toHaveLength(1);
  Object.assign(second.info, { ports: [2181] });
  expect(watch.ports()).toEqual([expect.stringMatching(/^port 2181 of .* is not its agent's$/)]);
});

test('resources that are not accounted for', () => {
  const { w, watch } = sound();
  const { info } = [...w.master.tasks()][0] ?? {};
  Object.defineProperty(info, 'cpus', { value: 3 });
  expect(watch.resources()).toEqual([expect.stringMatching(/cpus, of which .* are accounted for$/)]);
});

test('a state that cannot follow, one that listings do not show, and one that they forget', () => {
  const { w, watch, first } = sound();
  const { taskId, instanceId, appId } = first.info;
  watch.changed({ taskId, instanceId, appId, condition: 'Staging', goal: 'Running', expunged: false });
  expect(watch.violations()).toEqual([`${taskId} went from Running to Staging`, `${taskId} is Running, and was Staging last`]);
  const other = new Watch(w);
  other.changed({ taskId: 'ghost', instanceId: 'g', appId, condition: 'Provisioned', goal: 'Running', expunged: false });
  expect(other.violations()).toContain('ghost was Provisioned last, and is not listed');
});

test('a launch against a constraint, and a restart beyond its limits', () => {
  const { w, watch, first } = sound();
  const [app] = w.marathon.apps();
  Object.assign(app ?? {}, { constraints: [{ field: 'hostname', operator: 'UNIQUE' }] });
  watch.batch = [];
  watch.launched(first);
  expect(watch.seen).toEqual([expect.stringMatching(/ breaks hostname UNIQUE {2}of \/sleep$/)]);
  const change = { taskId: first.info.taskId, instanceId: 'i', appId: '/sleep', condition: 'Running', goal: 'Running' } as const;
  watch.limit('/sleep', { least: 3, most: 1 });
  watch.changed({ ...change, expunged: false });
  expect(watch.seen.slice(1)).toEqual(['/sleep has 2 ready, of 3 it must have', '/sleep has 2, and may have 1']);
});
