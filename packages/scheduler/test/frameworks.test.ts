/** Several frameworks at one master: who is offered what, what filters keep away, what quotas guarantee, what each hears of its tasks. */
import { describe, expect, test } from 'vitest';
import type { Scheduler, SchedulerDriver } from '../src/mesos/driver.ts';
import type { FrameworkInfo } from '../src/mesos/framework.ts';
import type { FrameworkOffer } from '../src/mesos/offer-desk.ts';
import type { TaskStatus } from '../src/task/state.ts';
import { agent, refusalOf, SLEEP, type World, world } from './world.ts';

/** A framework that keeps what it is told, and answers offers as it is said to. */
function framework(
  w: World,
  info: FrameworkInfo,
  answer: (offer: FrameworkOffer, driver: SchedulerDriver) => void = () => {},
): {
  readonly driver: SchedulerDriver;
  readonly offers: FrameworkOffer[];
  readonly statuses: TaskStatus[];
  readonly rescinded: string[];
} {
  const offers: FrameworkOffer[] = [];
  const statuses: TaskStatus[] = [];
  const rescinded: string[] = [];
  const scheduler: Scheduler = {
    resourceOffers: (made, driver) => {
      offers.push(...made);
      for (const offer of made) answer(offer, driver);
    },
    statusUpdate: (status) => statuses.push(status),
    offerRescinded: (id) => rescinded.push(id),
  };
  return { driver: w.master.subscribe(info, scheduler), offers, statuses, rescinded };
}

const PORTS = [{ begin: 31_000, end: 31_009 }];
const small = (i: number, more = {}) => agent(i, { cpus: 4, mem: 1024, ports: PORTS, ...more });

describe('offers', () => {
  test('an offer keeps its resources from everybody else until it is answered; what a task leaves is offered again', () => {
    const w = world([small(0)]);
    const a = framework(w, { name: 'a', roles: ['a'] });
    w.clock.advance(1000);
    expect(a.offers).toMatchObject([{ agentId: small(0).id, cpus: 4, mem: 1024, ports: PORTS, allocatedTo: 'a' }]);
    const b = framework(w, { name: 'b', roles: ['b'] });
    w.marathon.add(SLEEP);
    w.clock.advance(10_000);
    expect([b.offers, w.launched]).toEqual([[], []]);
    a.driver.accept(a.offers[0]?.id ?? '', [{ taskId: 't', cpus: 1, mem: 24, ports: [31_003] }]);
    expect(a.driver.offers()).toEqual([]);
    a.driver.suppress();
    w.settle();
    expect(w.launched.map(({ taskId }) => taskId)).toHaveLength(2);
    expect(a.statuses.map(({ state }) => state)).toEqual(['TASK_RUNNING']);
    expect(w.master.resources(small(0).id).used).toMatchObject({ mem: 24 + 32 });
    expect(refusalOf(() => a.driver.decline('nonsense'))).toBe('offer-missing');
    expect(refusalOf(() => b.driver.accept(a.offers[0]?.id ?? '', []))).toBe('offer-missing');
  });

  test('a declined offer comes back when its filter is over, sooner when it has grown or is revived; a suppressed framework gets none', () => {
    const w = world([small(0)]);
    const a = framework(w, { name: 'a', roles: ['a'] }, (offer, driver) => driver.decline(offer.id, { refuseSeconds: 20 }));
    w.clock.advance(21_000);
    expect(a.offers).toHaveLength(1);
    w.clock.advance(1000);
    expect(a.offers).toHaveLength(2);
    a.driver.revive();
    w.clock.advance(1000);
    expect(a.offers).toHaveLength(3);
    a.driver.suppress();
    w.clock.advance(60_000);
    expect(a.offers).toHaveLength(3);
    expect(refusalOf(() => a.driver.decline('x', { refuseSeconds: Number.NaN }))).toBe('offer-missing');
  });

  test('a filter holds for as much or less, not for more', () => {
    const w = world([small(0)], { behaviour: () => ({ state: 'TASK_RUNNING', delay: 0 }) });
    const a = framework(w, { name: 'a', roles: ['a'] }, (offer, driver) =>
      offer.cpus === 4
        ? driver.accept(offer.id, [{ taskId: 't', cpus: 1, mem: 32, ports: [31_000] }], { refuseSeconds: 1000 })
        : driver.decline(offer.id, { refuseSeconds: 1000 }),
    );
    w.clock.advance(30_000);
    expect(a.offers.map(({ cpus }) => cpus)).toEqual([4]);
    a.driver.kill('t');
    w.clock.advance(2000);
    expect(a.offers.map(({ cpus }) => cpus)).toEqual([4, 4]);
  });

  test('an offer nobody answers is taken back after two minutes', () => {
    const w = world([small(0)]);
    const a = framework(w, { name: 'a', roles: ['a'] });
    w.clock.advance(120_999);
    expect(a.rescinded).toEqual([]);
    w.clock.advance(1);
    expect(a.rescinded).toEqual([a.offers[0]?.id]);
    expect(refusalOf(() => a.driver.decline(a.offers[0]?.id ?? ''))).toBe('offer-missing');
  });

  test('a framework of two roles gets each one its own: what is reserved goes to its role, the rest to one of them', () => {
    const reserved = [{ role: 'b', cpus: 1, mem: 64, disk: 0, ports: [{ begin: 5000, end: 5001 }] }];
    const w = world([small(0, { reserved })]);
    const a = framework(w, { name: 'a', roles: ['a', 'b'] });
    w.clock.advance(1000);
    const byRole = new Map(a.offers.map((offer) => [offer.allocatedTo, offer]));
    const all = a.offers.flatMap((offer) => [offer, ...(offer.reserved ?? [])]).map(({ role, cpus }) => `${role} ${cpus}`);
    expect([...all].sort()).toEqual(['* 4', 'b 1']);
    expect(byRole.get('a')?.reserved ?? []).toEqual([]);
    const c = framework(w, { name: 'c', roles: ['c'] });
    w.clock.advance(5000);
    expect(c.offers).toEqual([]);
  });
});

describe('what is refused', () => {
  test('tasks that do not fit end as TASK_ERROR; the others run', () => {
    const w = world([small(0)]);
    const a = framework(w, { name: 'a', roles: ['a'] });
    w.clock.advance(1000);
    a.driver.accept(a.offers[0]?.id ?? '', [
      { taskId: 'fits', cpus: 3, mem: 32, ports: [31_000] },
      { taskId: 'big', cpus: 2, mem: 32 },
      { taskId: 'port', cpus: 0.1, mem: 32, ports: [31_000] },
      { taskId: 'twice', cpus: 0.1, mem: 32, ports: [31_001, 31_001] },
      { taskId: 'fits', cpus: 0.1, mem: 32 },
      { taskId: 'nan', cpus: Number.NaN, mem: 32 },
    ]);
    a.driver.suppress();
    w.settle();
    const last = new Map(a.statuses.map(({ taskId, state }) => [`${taskId} ${state}`, true]));
    expect([...last.keys()].sort()).toEqual([
      'big TASK_ERROR',
      'fits TASK_ERROR',
      'fits TASK_RUNNING',
      'nan TASK_ERROR',
      'port TASK_ERROR',
      'twice TASK_ERROR',
    ]);
    expect(a.statuses.find(({ taskId }) => taskId === 'big')).toMatchObject({
      reason: 'REASON_TASK_INVALID',
      source: 'SOURCE_MASTER',
      message:
        'Total resources cpus(*):2; mem(*):32 required by task and its executor is more than available cpus(*):1; mem(*):992; disk(*):1000; ports(*):[31001-31009]',
    });
    expect(w.launched.map(({ taskId }) => taskId)).toEqual(['fits']);
    expect(w.master.resources(small(0).id).free).toMatchObject({ cpus: 1, mem: 992 });
  });

  test('registration, weights and quotas say what is wrong', () => {
    const w = world(0);
    const scheduler = { resourceOffers: () => {} };
    for (const roles of [[], ['a', 'a'], ['-a'], ['a b'], ['a/b'], ['..'], ['']]) {
      expect(refusalOf(() => w.master.subscribe({ name: 'x', roles }, scheduler))).toBe('bad-framework');
    }
    expect(refusalOf(() => w.master.subscribe({ name: '', roles: ['a'] }, scheduler))).toBe('bad-framework');
    for (const weight of [0, -1, Number.NaN]) expect(refusalOf(() => w.master.setWeight('a', weight))).toBe('bad-weight');
    expect(refusalOf(() => w.master.setQuota('a', { cpus: -1 }))).toBe('bad-quota');
    expect(refusalOf(() => w.master.setQuota('*', { cpus: 1 }))).toBe('bad-quota');
    expect(w.master.frameworks().map(({ name }) => name)).toEqual(['marathon']);
  });
});

/** How many agents' offers each framework gets when all hold what they get. */
function shares(w: World, names: readonly string[], rounds = 1): readonly number[] {
  const all = names.map((name) => framework(w, { name, roles: [name] }));
  w.clock.advance(rounds * 1000);
  return all.map(({ offers }) => offers.length);
}

describe('turns', () => {
  test('dominant shares come out even, or as the weights say', () => {
    const agents = Array.from({ length: 12 }, (_, i) => small(i));
    expect(shares(world(agents, { sorter: 'drf' }), ['a', 'b', 'c'])).toEqual([4, 4, 4]);
    const w = world(agents, { sorter: 'drf' });
    w.master.setWeight('a', 2);
    expect(shares(w, ['a', 'b'])).toEqual([8, 4]);
  });

  test('the dominant resource counts: the one that uses much memory waits for the one that uses few CPUs', () => {
    const agents = [small(0), small(1), small(2), small(3)];
    const w = world(agents, { sorter: 'drf' });
    // a holds half of one agent's memory, b a quarter of its CPUs: 1/8 and 1/16 of the cluster.
    const take = { a: { cpus: 0.1, mem: 512 }, b: { cpus: 1, mem: 32 } };
    const count = { a: 0, b: 0 };
    for (const name of ['a', 'b'] as const) {
      framework(w, { name, roles: [name] }, (offer, driver) => {
        const tasks = [{ taskId: `${name}${count[name]++}`, ...take[name] }];
        driver.accept(offer.id, tasks, { refuseSeconds: 0 });
      });
    }
    w.clock.advance(5000);
    const used = (name: 'a' | 'b', what: 'cpus' | 'mem') =>
      [...w.master.tasks()].filter(({ framework: f }) => f.name === name).reduce((sum, { info }) => sum + info[what], 0);
    expect(used('a', 'mem') / 4096).toBeCloseTo(used('b', 'cpus') / 16, 0);
    expect(count.b).toBeGreaterThan(count.a);
  });

  test('at random each gets its part, and by weight a larger one', () => {
    const agents = Array.from({ length: 600 }, (_, i) => small(i));
    const [a = 0, b = 0] = shares(world(agents), ['a', 'b']);
    expect(a + b).toBe(600);
    expect(Math.abs(a - 300)).toBeLessThan(60);
    const w = world(agents);
    w.master.setWeight('a', 5);
    const [heavy = 0] = shares(w, ['a', 'b']);
    expect(Math.abs(heavy - 500)).toBeLessThan(50);
  });

  test('a quota is served first, is a limit, and is kept free for its role', () => {
    const agents = Array.from({ length: 4 }, (_, i) => small(i));
    const w = world(agents);
    w.master.setQuota('q', { cpus: 6, mem: 1536 });
    const q = framework(w, { name: 'q', roles: ['q'] });
    const other = framework(w, { name: 'other', roles: ['other'] });
    w.clock.advance(3000);
    const sum = (offers: readonly FrameworkOffer[], what: 'cpus' | 'mem') => offers.reduce((all, offer) => all + offer[what], 0);
    expect([sum(q.offers, 'cpus'), sum(q.offers, 'mem')]).toEqual([6, 1536]);
    expect(sum(other.offers, 'cpus'), 'the ports of the agent it shares with the role are gone').toBe(8);

    const kept = world(agents);
    kept.master.setQuota('q', { cpus: 6, mem: 1024 });
    const greedy = framework(kept, { name: 'greedy', roles: ['greedy'] });
    kept.clock.advance(3000);
    expect(sum(greedy.offers, 'cpus'), 'six of sixteen CPUs wait for the role, whole agents at a time').toBe(8);
  });

  test('Marathon under a quota of another role still gets what is not promised', () => {
    const w = world([small(0), small(1)]);
    w.master.setQuota('q', { cpus: 4 });
    w.marathon.add({ ...SLEEP, instances: 10 });
    w.settle();
    expect(w.marathon.tasks()).toHaveLength(10);
    expect(new Set(w.marathon.tasks().map(({ host }) => host)).size, 'one of two agents is kept').toBe(1);
  });

  test('Marathon and another framework share agents; each sees all of them in time', () => {
    const w = world([small(0), small(1), small(2)]);
    const a = framework(w, { name: 'a', roles: ['a'] }, (offer, driver) => driver.decline(offer.id));
    w.marathon.add({ ...SLEEP, instances: 3, constraints: [['hostname', 'UNIQUE']] });
    w.settle();
    expect(w.marathon.tasks()).toHaveLength(3);
    w.clock.advance(20_000);
    expect(new Set(a.offers.map(({ agentId }) => agentId)).size).toBe(3);
    w.settle();
    expect(w.clock.busy).toBe(false);
  });
});

describe('tasks', () => {
  /** A framework with one task on each of two agents. */
  function running(info: FrameworkInfo) {
    const w = world([small(0), small(1)]);
    const a = framework(w, info, (offer, driver) =>
      driver.accept(offer.id, [{ taskId: `on-${offer.hostname}`, cpus: 1, mem: 32 }], { refuseSeconds: 1000 }),
    );
    w.settle();
    a.statuses.length = 0;
    return { w, ...a };
  }
  const told = (statuses: readonly TaskStatus[]) =>
    statuses.map(({ taskId, state, reason }) => `${taskId.slice(-1)} ${state} ${reason}`);

  test('an agent that answers no ping for 20 of them is unreachable; its tasks are what they were when it returns', () => {
    const { w, statuses } = running({ name: 'a', roles: ['a'] });
    const start = w.clock.now;
    w.master.partitionAgent(small(0).id);
    w.clock.advance(314_000 - (start % 15_000));
    expect(statuses).toEqual([]);
    w.clock.advance(1_000);
    expect(told(statuses)).toEqual(['0 TASK_UNREACHABLE REASON_SLAVE_REMOVED']);
    w.master.returnAgent(small(0).id);
    expect(told(statuses).slice(1)).toEqual(['0 TASK_RUNNING REASON_SLAVE_REREGISTERED']);
  });

  test('one that returns in time was never gone, but what was asked of it meanwhile is lost', () => {
    const { w, statuses, driver } = running({ name: 'a', roles: ['a'] });
    driver.suppress();
    w.master.partitionAgent(small(0).id);
    expect(driver.kill('on-172.16.0.0')).toBe(true);
    w.clock.advance(60_000);
    w.master.returnAgent(small(0).id);
    w.settle();
    expect([statuses, w.killed]).toEqual([[], []]);
    driver.kill('on-172.16.0.0');
    w.settle();
    expect(told(statuses)).toEqual(['0 TASK_KILLED undefined']);
  });

  test('without PARTITION_AWARE whatever is gone is TASK_LOST', () => {
    const { w, statuses } = running({ name: 'a', roles: ['a'], partitionAware: false });
    w.master.markAgentUnreachable(small(0).id);
    w.master.markAgentGone(small(1).id);
    expect(told(statuses)).toEqual(['0 TASK_LOST REASON_SLAVE_REMOVED', '1 TASK_LOST REASON_SLAVE_REMOVED_BY_OPERATOR']);
  });

  test('an agent marked gone does not come back; one that unregisters loses its tasks', () => {
    const { w, statuses } = running({ name: 'a', roles: ['a'] });
    w.master.markAgentGone(small(0).id);
    w.master.removeAgent(small(1).id);
    expect(told(statuses)).toEqual([
      '0 TASK_GONE_BY_OPERATOR REASON_SLAVE_REMOVED_BY_OPERATOR',
      '1 TASK_LOST REASON_SLAVE_REMOVED',
    ]);
    expect(refusalOf(() => w.master.returnAgent(small(0).id))).toBe('agent-missing');
    expect(refusalOf(() => w.master.addAgent(small(0)))).toBe('agent-exists');
  });

  test('reconciliation tells how each task stands', () => {
    const { w, statuses, driver } = running({ name: 'a', roles: ['a'] });
    w.master.markAgentUnreachable(small(0).id);
    w.master.markAgentGone(small(1).id);
    w.master.addAgent(small(2));
    statuses.length = 0;
    driver.reconcile([
      { taskId: 'x0', agentId: small(0).id },
      { taskId: 'x1', agentId: small(1).id },
      { taskId: 'x2', agentId: small(2).id },
      { taskId: 'x3' },
    ]);
    expect(statuses.map(({ state, message }) => `${state} ${message}`)).toEqual([
      'TASK_UNREACHABLE Reconciliation: Task is unreachable',
      'TASK_GONE_BY_OPERATOR Reconciliation: Task is gone',
      'TASK_GONE Reconciliation: Task is unknown to the agent',
      'TASK_UNKNOWN Reconciliation: Task is unknown',
    ]);
  });

  test('a framework that is torn down leaves nothing', () => {
    const { w, driver } = running({ name: 'a', roles: ['a'] });
    driver.revive();
    w.clock.advance(1000);
    driver.teardown();
    w.settle();
    expect([...w.master.tasks()]).toEqual([]);
    for (const { id } of w.master.agents()) expect(w.master.resources(id).free).toMatchObject({ cpus: 4, mem: 1024 });
    expect(w.master.frameworks().map(({ name }) => name)).toEqual(['marathon']);
  });
});

test('kill requests: at most a hundred under way, and one that was lost is repeated after half a minute', () => {
  const w = world(4, { killDelay: 5000 });
  w.marathon.add({ ...SLEEP, instances: 90, cpus: 0.01 });
  w.settle();
  w.marathon.scale('/sleep', 180);
  w.settle();
  w.marathon.remove('/sleep');
  expect(w.killed).toHaveLength(100);
  w.clock.advance(5000);
  expect(w.killed).toHaveLength(180);
  w.settle();
  w.marathon.add({ ...SLEEP, id: '/one' });
  w.settle();
  const [task] = w.marathon.tasks();
  w.master.partitionAgent(task?.slaveId ?? '');
  w.marathon.remove('/one');
  w.clock.advance(10_000);
  w.master.returnAgent(task?.slaveId ?? '');
  const before = w.killed.length;
  w.clock.advance(19_000);
  expect(w.killed).toHaveLength(before);
  w.clock.advance(2000);
  expect(w.killed.slice(before)).toEqual([task?.id]);
  w.settle();
  expect(w.marathon.tasks()).toEqual([]);
});

test('an instance that returns after it was replaced stays until Marathon counts its instances: every five minutes', () => {
  const w = world(2);
  w.marathon.add({ ...SLEEP, unreachableStrategy: { inactiveAfterSeconds: 0, expungeAfterSeconds: 60 } });
  w.settle();
  const [first] = w.marathon.tasks();
  w.master.partitionAgent(first?.slaveId ?? '');
  w.clock.advance(320_000 - w.clock.now);
  expect(w.marathon.tasks().map(({ condition }) => condition)).toEqual(['UnreachableInactive', 'Running']);
  w.master.returnAgent(first?.slaveId ?? '');
  w.clock.advance(100_000);
  expect(w.marathon.tasks().map(({ condition }) => condition)).toEqual(['Running', 'Running']);
  w.clock.advance(615_000 + 5000 - w.clock.now);
  expect(w.marathon.tasks().map(({ condition }) => condition)).toEqual(['Running']);
});
