/**
 * /v2/pods of Marathon's HTTP API: pods, their versions, and what has become of them.
 * Follows mesosphere/marathon v1.8 api/v2/PodsResource.scala and raml/InstanceConversion.scala.
 */
import { absoluteId } from '../app/id.ts';
import { plainJson, readJson } from '../app/json.ts';
import { MarathonRefusal } from '../app/refusal.ts';
import type { PodApp } from '../pod/pod.ts';
import { unknownPod } from '../pod/refusals.ts';
import { type Answer, type Handler, NOT_ALLOWED, parameter, type Question } from './api-question.ts';
import type { ApiPost } from './events.ts';
import type { Instance } from './instance.ts';
import type { Marathon } from './marathon.ts';
import { podJson } from './pod-json.ts';
import { podStatus } from './pod-status.ts';
import { noSuchTask } from './refusals.ts';
import type { PlainJson } from './show.ts';
import { formatTimestamp } from './timestamps.ts';

/** What answers each request, by method and resource. */
export const POD_RESOURCES: readonly (readonly [string, Handler])[] = [
  ['GET pods', getPods],
  ['POST pods', postPod],
  ['PUT pods', putPod],
  ['DELETE pods', deletePod],
];

/** A pod's id, and what is asked of it: `/shop/pod::versions/2019-07-22T15:58:00.000Z`. */
function target({ parts }: Question): { readonly id: string; readonly aspect: string; readonly rest: string } {
  const path = parts.join('/');
  const at = path.indexOf('::');
  if (at < 0) return { id: absoluteId(path), aspect: '', rest: '' };
  const [aspect = '', ...rest] = path.slice(at + 2).split('/');
  return { id: absoluteId(path.slice(0, at)), aspect, rest: rest.join('/') };
}

/** A pod. */
function podOf(marathon: Marathon, id: string): PodApp {
  const pod = marathon.pods().find((one) => one.id === id);
  if (pod === undefined) throw unknownPod(id);
  return pod;
}

function getPods(marathon: Marathon, question: Question): Answer {
  const { id, aspect, rest } = target(question);
  switch (aspect) {
    case 'status':
      if (id === '/') return { status: 200, body: marathon.pods().map((pod) => statusOf(marathon, pod)) };
      return { status: 200, body: statusOf(marathon, podOf(marathon, id)) };
    case 'versions': {
      const versions = marathon.versions(podOf(marathon, id).id);
      if (rest === '') return { status: 200, body: versions.map(({ version }) => version) };
      const then = versions.find(({ version }) => version === rest);
      if (then === undefined) throw unknownPod(id);
      return { status: 200, body: podJson(then as PodApp) };
    }
    case '':
      if (id === '/') return { status: 200, body: marathon.pods().map(podJson) };
      return { status: 200, body: podJson(marathon.pod(id)) };
    default:
      return NOT_ALLOWED;
  }
}

/** What has become of a pod. */
export function statusOf(marathon: Marathon, pod: PodApp): PlainJson {
  return podStatus(pod, [...marathon.record(pod.id).instances.values()], marathon);
}

function postPod(marathon: Marathon, question: Question): Answer {
  if (question.parts.length > 0) return NOT_ALLOWED;
  const pod = marathon.addPod(question.body);
  tellPosted(marathon, question, 'pod_created_event');
  return { status: 201, body: podJson(pod), deployment: marathon.latestChange?.id };
}

function putPod(marathon: Marathon, question: Question): Answer {
  const { id, aspect } = target(question);
  if (id === '/' || aspect !== '') return NOT_ALLOWED;
  const pod = marathon.updatePod(id, question.body, { force: question.force });
  tellPosted(marathon, question, 'pod_updated_event');
  return { status: 200, body: podJson(pod), deployment: marathon.latestChange?.id };
}

function deletePod(marathon: Marathon, question: Question): Answer {
  const { id, aspect, rest } = target(question);
  if (aspect === 'instances') return deleteInstances(marathon, question, podOf(marathon, id), rest);
  if (id === '/' || aspect !== '') return NOT_ALLOWED;
  const deployment = marathon.remove(podOf(marathon, id).id, { force: question.force });
  tellPosted(marathon, question, 'pod_deleted_event');
  return { status: 202, body: undefined, deployment };
}

function tellPosted(marathon: Marathon, { client: clientIp, uri }: Question, kind: ApiPost['kind']): void {
  marathon.events.emit('posted', { kind, clientIp, uri });
}

/** One instance by its id, or those a list names. */
function deleteInstances(marathon: Marathon, question: Question, pod: PodApp, named: string): Answer {
  const ids = named === '' ? plainJson(readJson(question.body)) : [named];
  if (!Array.isArray(ids)) throw new MarathonRefusal('invalid-json', 422, [{ path: '/', message: 'error.expected.jsarray' }]);
  ids.forEach((id, i) => {
    // As Marathon's pattern has it: <path>.instance-<uuid>, of which no part is empty.
    const [, ...after] = String(id).split(/\.(?:instance|marathon)-/);
    if (after.length > 0 && /^[^.]+$/.test(after.at(-1) ?? '')) return;
    const message = "must fully match regular expression '^(.+)\\.(instance-|marathon-)([^\\.]+)$'";
    throw new MarathonRefusal('invalid-app', 422, [{ path: named === '' ? `(${i})` : '/', message }]);
  });
  const { instances } = marathon.record(pod.id);
  const killed = [...new Set(ids.map(String))].flatMap((id) => instances.get(id) ?? []);
  if (named !== '' && killed.length === 0) throw noSuchTask(named);
  const body = killed.map((instance) => instanceJson(pod, instance, marathon.epoch));
  const wipe = parameter(question, 'wipe') === 'true';
  for (const { task } of killed) if (task !== undefined) marathon.killTask(task.taskId, { wipe });
  return { status: 200, body: named === '' ? body : body[0] };
}

function instanceJson(pod: PodApp, instance: Instance, epoch: number): PlainJson {
  const { id, condition, since, startedAt, healthy, goal, task } = instance;
  return {
    instanceId: id,
    state: {
      condition,
      since: formatTimestamp(epoch + since),
      ...(startedAt === undefined ? {} : { activeSince: formatTimestamp(epoch + startedAt) }),
      ...(healthy === undefined ? {} : { healthy }),
      goal,
    },
    ...(task === undefined ? {} : { agentInfo: { host: task.hostname, agentId: task.agentId, attributes: [] } }),
    runSpecVersion: task?.appVersion ?? pod.version,
    unreachableStrategy: pod.unreachableStrategy === 'disabled' ? pod.unreachableStrategy : { ...pod.unreachableStrategy },
  };
}
