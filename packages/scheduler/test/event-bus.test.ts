/** Marathon's event bus: what is published when, worked by hand from mesosphere/marathon v1.8's actors. */
import { describe, expect, test } from 'vitest';
import { answerApi } from '../src/marathon/api.ts';
import { type BusEvent, followBus } from '../src/marathon/event-bus.ts';
import { eventText, subscribed } from '../src/marathon/event-stream.ts';
import { SLEEP, type World, world } from './world.ts';

function followed(w: World) {
  const events: BusEvent[] = [];
  const stop = followBus(w.marathon, (event) => events.push(event));
  return { stop, taken: () => events.splice(0) };
}

const types = (events: readonly BusEvent[]) =>
  events.map(({ eventType, condition, taskStatus }) => [eventType, condition ?? taskStatus].filter(Boolean).join(' '));

const stepsOf = (event: BusEvent | undefined) => JSON.parse(JSON.stringify(event?.plan)).steps;

describe('an app', () => {
  const w = world(1);
  const { stop, taken } = followed(w);
  const CHECK = { protocol: 'MESOS_TCP', port: 80 };

  test('is posted, deployed step by step, and runs', () => {
    const path = '/v2/apps?force=true';
    const answer = answerApi(w.marathon, { method: 'POST', path, body: { ...SLEEP, healthChecks: [CHECK] }, client: '10.0.0.7' });
    const events = taken();
    expect(types(events)).toEqual([
      'deployment_info',
      'deployment_step_success',
      'deployment_info',
      'group_change_success',
      'add_health_check_event',
      'api_post_event',
    ]);
    const [, success, info, group, check, post] = events;
    const id = answer.headers.get('Marathon-Deployment-Id');
    const { version } = w.marathon.app('/sleep');
    const start = { actions: [{ action: 'StartApplication', app: '/sleep' }] };
    const scale = { actions: [{ action: 'ScaleApplication', app: '/sleep' }] };
    const timestamp = '2019-07-22T15:58:00.000Z';
    expect(success).toEqual({
      eventType: 'deployment_step_success',
      plan: { id, steps: [start, scale], version },
      currentStep: start,
      timestamp,
    });
    expect(info?.currentStep).toEqual(scale);
    expect(group).toEqual({ eventType: 'group_change_success', groupId: '/', version, timestamp });
    expect(check).toMatchObject({ appId: '/sleep', healthCheck: { protocol: 'MESOS_TCP', port: 80 }, version });
    expect(post).toMatchObject({ clientIp: '10.0.0.7', uri: '/v2/apps', appDefinition: { id: '/sleep', version } });

    w.settle();
    const later = taken();
    expect(types(later)).toEqual([
      'instance_changed_event Provisioned',
      'status_update_event TASK_RUNNING',
      'instance_changed_event Running',
      'deployment_step_success',
      'deployment_success',
    ]);
    const [task] = w.marathon.tasks();
    expect(later[1]).toEqual({
      eventType: 'status_update_event',
      slaveId: task?.slaveId,
      taskId: task?.id,
      taskStatus: 'TASK_RUNNING',
      message: '',
      appId: '/sleep',
      host: '172.16.0.0',
      ipAddresses: [],
      ports: task?.ports,
      version,
      timestamp: '2019-07-22T15:58:01.200Z',
    });
    expect(later[2]).toEqual({
      eventType: 'instance_changed_event',
      instanceId: task?.instanceId,
      condition: 'Running',
      runSpecId: '/sleep',
      agentId: task?.slaveId,
      host: '172.16.0.0',
      runSpecVersion: version,
      timestamp: '2019-07-22T15:58:01.200Z',
    });
    expect(later.at(-1)).toMatchObject({ id, plan: { id, version } });
  });

  test('is healthy, or not', () => {
    const [task] = w.marathon.tasks();
    for (const healthy of [true, false]) {
      w.master.statusUpdate({ taskId: task?.id ?? '', state: 'TASK_RUNNING', healthy });
      w.settle();
    }
    const health = taken().filter(({ eventType }) => eventType !== 'status_update_event');
    expect(types(health)).toEqual([
      'health_status_changed_event',
      'instance_health_changed_event',
      'health_status_changed_event',
      'instance_health_changed_event',
    ]);
    expect(health[2]).toMatchObject({ appId: '/sleep', instanceId: task?.instanceId, version: task?.version, alive: false });
    expect(health[3]).toMatchObject({ instanceId: task?.instanceId, runSpecId: '/sleep', healthy: false });
  });

  test('is gone', () => {
    w.marathon.remove('/sleep');
    w.settle();
    const events = taken();
    expect(types(events)).toEqual([
      'remove_health_check_event',
      'deployment_info',
      'group_change_success',
      'status_update_event TASK_KILLED',
      'instance_changed_event Killed',
      'app_terminated_event',
      'deployment_step_success',
      'deployment_success',
    ]);
    stop();
    w.marathon.add(SLEEP);
    w.settle();
    expect(taken()).toEqual([]);
  });
});

test('a group goes one step after the other; a pod is a pod', () => {
  const w = world(1);
  const { taken } = followed(w);
  w.marathon.updateGroup({
    id: '/shop',
    groups: [
      { id: 'db', apps: [{ ...SLEEP, id: 'store' }] },
      { id: 'web', dependencies: ['/shop/db'], apps: [{ ...SLEEP, id: 'front' }] },
    ],
  });
  w.settle();
  const events = taken().filter(({ eventType }) => /^(deployment|group)/.test(eventType));
  const current = (event: BusEvent) => JSON.stringify(event.currentStep ?? null);
  expect(events.map((event) => [event.eventType, /[a-z]+(?="}]})/.exec(current(event))?.[0]])).toEqual([
    ['deployment_info', 'front'],
    ['deployment_step_success', 'front'],
    ['deployment_info', 'store'],
    ['group_change_success', undefined],
    ['deployment_step_success', 'store'],
    ['deployment_info', 'front'],
    ['deployment_step_success', 'front'],
    ['deployment_success', undefined],
  ]);
  w.marathon.addPod({ id: '/p', containers: [{ name: 'c', resources: { cpus: 0.1, mem: 32 } }] });
  expect(stepsOf(taken().find(({ eventType }) => eventType === 'deployment_info'))).toEqual([
    { actions: [{ action: 'StartPod', pod: '/p' }] },
    { actions: [{ action: 'ScalePod', pod: '/p' }] },
  ]);
});

test('a deployment that another takes the place of fails', () => {
  const w = world(0);
  const { taken } = followed(w);
  w.marathon.add(SLEEP);
  taken();
  w.marathon.scale('/sleep', 2, { force: true });
  const events = taken();
  // The next one begins when those in its way are cancelled.
  expect(types(events)).toEqual(['deployment_failed', 'deployment_info', 'group_change_success']);
  expect(events[0]).toMatchObject({ reason: 'The upgrade has been cancelled' });
  expect(events[1]).not.toMatchObject({ plan: { id: events[0]?.id } });
});

test('as lines of the stream, and which of them are asked for', () => {
  const event = { eventType: 'app_terminated_event', appId: '/a', timestamp: '2019-07-22T15:58:00.000Z' };
  expect(eventText(event)).toBe(
    'event: app_terminated_event\r\ndata: {"eventType":"app_terminated_event","appId":"/a","timestamp":"2019-07-22T15:58:00.000Z"}\r\n\r\n',
  );
  const asked = (query: string) => ['a', 'b', 'c'].filter((type) => subscribed(`/v2/events${query}`, type));
  expect(asked('')).toEqual(['a', 'b', 'c']);
  expect(asked('?plan-format=light')).toEqual(['a', 'b', 'c']);
  expect(asked('?event_type=a&event_type=c&event_type=__proto__')).toEqual(['a', 'c']);
});
