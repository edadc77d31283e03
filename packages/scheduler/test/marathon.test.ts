/** What becomes of apps: scaling, restarts, removal, failures, lost agents. */
import { describe, expect, test } from 'vitest';
import type { TaskInfo } from '../src/launch/task-info.ts';
import type { DeploymentInfo } from '../src/marathon/events.ts';
import { refusal } from './recorded.ts';
import { agent, example, HTTPI, refusalOf, SLEEP, world } from './world.ts';

describe('changes', () => {
  test('scaling down kills the youngest running ones first; scaling up adds new instances', () => {
    const w = world(3);
    w.marathon.add({ ...SLEEP, instances: 2 });
    w.settle();
    w.marathon.scale('/sleep', 4);
    w.settle();
    const old = w.launched.slice(0, 2).map((task) => task.taskId);
    w.marathon.scale('/sleep', 2);
    w.settle();
    expect(
      w.marathon
        .tasks()
        .map((task) => task.id)
        .sort(),
    ).toEqual([...old].sort());
    expect(w.killed.length).toBe(2);
    expect(w.marathon.app('sleep').lastConfigChangeAt).toBe('2019-07-22T15:58:00.000Z');
  });

  test('a killed task is launched again under the same instance id, without delay', () => {
    const w = world(1);
    w.marathon.add(SLEEP);
    w.settle();
    const [first] = w.launched;
    w.marathon.killTask(first?.taskId ?? '');
    w.settle();
    expect(w.launched.map((task) => task.taskId)).toEqual([`${first?.instanceId}._app.1`, `${first?.instanceId}._app.2`]);
    expect(w.marathon.app('sleep').instances).toBe(1);
  });

  test('killing with scale takes the named one', () => {
    const w = world(1);
    w.marathon.add({ ...SLEEP, instances: 3 });
    w.settle();
    const victim = w.marathon.tasks()[0]?.id ?? '';
    w.marathon.killTask(victim, { scale: true });
    w.settle();
    expect([w.killed, w.marathon.app('sleep').instances, w.marathon.tasks().length]).toEqual([[victim], 2, 2]);
  });

  test('a changed label restarts: new ones first, then the old ones go; service ports stay', () => {
    const w = world(3);
    w.marathon.add(HTTPI);
    w.settle();
    const finished: DeploymentInfo[] = [];
    w.marathon.events.on('deployment-finished', (deployment) => finished.push(deployment));
    let lowest = 5;
    let highest = 5;
    w.marathon.events.on('instance-changed', () => {
      const running = w.marathon.tasks().filter((task) => task.state === 'TASK_RUNNING').length;
      lowest = Math.min(lowest, running);
      highest = Math.max(highest, w.marathon.tasks().length);
    });
    const before = w.marathon.app('httpi');
    w.marathon.update('httpi', { labels: { A: 'b' } });
    w.settle();
    expect([lowest, highest]).toEqual([5, 10]);
    expect(finished.map((deployment) => deployment.action)).toEqual(['RestartApplication']);
    const after = w.marathon.app('httpi');
    expect(after.container?.portMappings).toEqual(before.container?.portMappings);
    expect(w.marathon.tasks().every((task) => task.version === after.version)).toBe(true);
    expect(w.marathon.update('httpi', { labels: { A: 'b' } }), 'no change, no deployment').toBe(after);
  });

  test('a restart that may not exceed the number kills first', () => {
    const w = world(1);
    w.marathon.add({ ...SLEEP, instances: 4, upgradeStrategy: { minimumHealthCapacity: 0.5, maximumOverCapacity: 0 } });
    w.settle();
    let highest = 0;
    w.marathon.events.on('instance-changed', () => {
      highest = Math.max(highest, w.marathon.tasks().length);
    });
    w.marathon.update('sleep', { env: { A: '1' } });
    w.settle();
    expect([w.marathon.tasks().length, w.launched.length, highest, w.marathon.deployments()]).toEqual([4, 8, 4, []]);
  });

  test('from host to bridge and back: ports of the old mode are dropped', () => {
    const w = world(2, { defaultNetworkName: 'dcos' });
    w.marathon.add(example('httpi-1-host'));
    w.settle();
    w.marathon.update('/httpi', example('httpi-2-bridge-vip'));
    w.settle();
    expect(w.marathon.app('/httpi').portDefinitions).toEqual([]);
    expect(w.marathon.tasks().map((task) => task.servicePorts)).toEqual(Array(5).fill([10000]));
    w.marathon.update('/httpi', { networks: [{ mode: 'host' }] });
    w.settle();
    expect(w.marathon.app('/httpi').container?.portMappings).toEqual([]);
    expect(w.marathon.tasks().every((task) => task.info.container?.network === 'HOST')).toBe(true);
  });

  test('a running deployment locks the app, force takes its place', () => {
    const w = world(1);
    w.marathon.add(SLEEP);
    const locked = refusal(() => w.marathon.scale('sleep', 2));
    expect([locked.status, locked.code]).toEqual([409, 'app-locked']);
    expect(locked.message).toContain("Override with the option '?force=true'");
    expect(w.marathon.app('sleep').instances).toBe(1);
    w.marathon.scale('sleep', 2, { force: true });
    w.settle();
    expect(w.launched.length).toBe(2);
  });

  test('a removed app is gone at once, its tasks when they are killed, its service port is free', () => {
    const w = world(1);
    w.marathon.add(HTTPI);
    w.settle();
    w.marathon.remove('httpi');
    expect(refusal(() => w.marathon.app('httpi')).message).toBe("App '/httpi' does not exist");
    expect([w.marathon.apps(), w.marathon.tasks().length]).toEqual([[], 5]);
    expect(refusal(() => w.marathon.add(HTTPI)).code).toBe('app-locked');
    w.settle();
    expect(w.marathon.tasks()).toEqual([]);
    w.marathon.add({ ...SLEEP, portDefinitions: [{ port: 0 }] });
    expect(w.marathon.app('sleep').portDefinitions[0]?.port).toBe(10000);
  });
});

test('service ports: the lowest free number, given back when its app changes or goes', () => {
  const { marathon } = world(0);
  const port = (id: string): number | undefined => marathon.app(id).portDefinitions[0]?.port;
  for (const id of ['a', 'b', 'c']) marathon.add({ ...SLEEP, id });
  expect(['a', 'b', 'c'].map(port)).toEqual([10000, 10001, 10002]);
  marathon.update('b', { portDefinitions: [{ port: 12345 }] }, { force: true });
  marathon.remove('a', { force: true });
  for (const id of ['d', 'e', 'f']) marathon.add({ ...SLEEP, id });
  expect(['b', 'd', 'e', 'f'].map(port)).toEqual([12345, 10000, 10001, 10003]);
});

test('statuses that come in the middle of a launch are handled after it, in their order', () => {
  const w = world(1, { behaviour: () => ({ state: 'TASK_RUNNING', delay: 0 }) });
  const order: string[] = [];
  w.master.events.on('status', (status) => order.push(`status ${status.taskId}`));
  w.marathon.events.on('instance-changed', (change) => {
    if (change.condition === 'Running') order.push(`change ${change.taskId}`);
  });
  w.marathon.add({ ...SLEEP, instances: 2 });
  w.settle();
  const [a, b] = w.launched.map((task) => task.taskId);
  expect(order).toEqual([`status ${a}`, `status ${b}`, `change ${a}`, `change ${b}`]);
});

describe('failures', () => {
  test('a failing app is relaunched after 1, 1.15, 1.3225 s …; settle does not wait for ever', () => {
    const w = world(1, { behaviour: () => ({ state: 'TASK_FAILED', delay: 0 }) });
    const at: number[] = [];
    w.master.events.on('launch', () => at.push(w.clock.now));
    w.marathon.add(SLEEP);
    w.settle();
    expect(at.slice(0, 4), 'rounds of offers come each full second').toEqual([1000, 3000, 5000, 7000]);
    expect(w.clock.busy).toBe(false);
    expect(w.clock.now).toBeLessThan(120_000);
    const before = at.length;
    expect(w.marathon.queue()[0]?.reasons[0]).toMatch(/^delayed for another \d+\.\d s after failed tasks$/);
    w.clock.advance(600_000);
    expect(at.length).toBeGreaterThan(before + 5);
  });

  test('a task that fails once comes back', () => {
    let failures = 1;
    const w = world(1, { behaviour: () => ({ state: failures-- > 0 ? 'TASK_FAILED' : 'TASK_RUNNING', delay: 10 }) });
    w.marathon.add(SLEEP);
    w.settle();
    expect([w.marathon.tasks().length, w.launched.length, w.marathon.deployments()]).toEqual([1, 2, []]);
  });

  test('tasks of an agent that is gone are replaced elsewhere', () => {
    const w = world(2);
    w.marathon.add({ ...SLEEP, instances: 6, constraints: [['hostname', 'MAX_PER', '3']] });
    w.settle();
    w.master.addAgent(agent(2));
    w.master.removeAgent(agent(0).id);
    expect(w.marathon.tasks().length).toBe(3);
    w.settle();
    expect(w.marathon.tasks().filter((task) => task.host === '172.16.0.2').length).toBe(3);
    expect(refusalOf(() => w.master.tasksOn(agent(0).id))).toBe('agent-missing');
  });

  test('an unreachable instance counts until a reconciliation gives it up, and is listed until a job forgets it', () => {
    const w = world(2);
    const states = () => w.marathon.tasks().map(({ condition }) => condition);
    w.marathon.add({ ...SLEEP, unreachableStrategy: { inactiveAfterSeconds: 60, expungeAfterSeconds: 720 } });
    w.settle();
    w.master.removeAgent(w.launched[0]?.agentId ?? '');
    const lostAt = w.clock.now;
    w.settle();
    expect(states()).toEqual(['Unreachable']);
    // Marathon asks for the state of all tasks 15 seconds after its start and every ten minutes from then on.
    w.clock.advance(614_999 - w.clock.now);
    expect(states()).toEqual(['Unreachable']);
    w.clock.advance(3000);
    expect(states()).toEqual(['UnreachableInactive', 'Running']);
    // The job runs every half minute.
    expect([lostAt > 0, lostAt + 720_000 < 750_000]).toEqual([true, true]);
    w.clock.advance(749_999 - w.clock.now);
    expect(states()).toEqual(['UnreachableInactive', 'Running']);
    w.clock.advance(1);
    expect(states()).toEqual(['Running']);
  });

  test('an instance that is lost twice has its time from the second loss', () => {
    const w = world(2, { pingTimeouts: 1 });
    const states = () => w.marathon.tasks().map(({ condition }) => condition);
    w.marathon.add({ ...SLEEP, instances: 1, unreachableStrategy: { inactiveAfterSeconds: 0, expungeAfterSeconds: 300 } });
    w.settle();
    const agentId = w.launched[0]?.agentId ?? '';
    w.master.partitionAgent(agentId);
    w.clock.advance(100_000 - w.clock.now);
    expect(states()).toEqual(['UnreachableInactive', 'Running']);
    w.master.returnAgent(agentId);
    w.clock.advance(100_000);
    w.master.partitionAgent(agentId);
    w.clock.advance(450_000 - w.clock.now);
    expect(states()).toEqual(['UnreachableInactive', 'Running']);
    w.clock.advance(100_000);
    expect(states()).toEqual(['Running']);
  });
});

test('a task that reports twice, late or unknown does no harm', () => {
  const w = world(1);
  w.marathon.add(SLEEP);
  w.settle();
  const { taskId } = w.launched[0] as TaskInfo;
  for (const state of ['TASK_RUNNING', 'TASK_KILLED', 'TASK_RUNNING', 'TASK_KILLED'] as const)
    w.master.statusUpdate({ taskId, state });
  w.master.statusUpdate({ taskId: 'nobody', state: 'TASK_RUNNING' });
  w.settle();
  expect(w.marathon.tasks().map((task) => task.id.slice(-6))).toEqual(['_app.2']);
});
