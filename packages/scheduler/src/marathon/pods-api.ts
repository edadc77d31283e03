/**
 * /v2/pods of Marathon's HTTP API: pods and what they are made of. Follows mesosphere/marathon v1.8 api/v2/PodsResource.scala and
 * raml/PodConversion.scala. No status of instances and no versions.
 */
import { absoluteId } from '../app/id.ts';
import { plainJson } from '../app/json.ts';
import type { PodApp, PodContainer } from '../pod/pod.ts';
import type { Marathon } from './marathon.ts';

interface Question {
  readonly parts: readonly string[];
  readonly force: boolean;
  readonly body: unknown;
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly deployment?: string | undefined;
}

/** What answers each request, by method and resource. */
export const POD_RESOURCES: readonly (readonly [string, (marathon: Marathon, question: Question) => Answer])[] = [
  ['GET pods', getPods],
  ['POST pods', postPod],
  ['PUT pods', putPod],
  ['DELETE pods', deletePod],
];

function getPods(marathon: Marathon, { parts }: Question): Answer {
  if (parts.length === 0) return { status: 200, body: marathon.pods().map(podJson) };
  return { status: 200, body: podJson(marathon.pod(idOf(parts))) };
}

function postPod(marathon: Marathon, { body }: Question): Answer {
  const pod = marathon.addPod(body);
  return { status: 201, body: podJson(pod), deployment: marathon.deploymentOf(pod.id) };
}

function putPod(marathon: Marathon, { parts, force, body }: Question): Answer {
  const pod = marathon.updatePod(idOf(parts), body, { force });
  return { status: 200, body: podJson(pod), deployment: marathon.deploymentOf(pod.id) };
}

function deletePod(marathon: Marathon, { parts, force }: Question): Answer {
  const { id } = marathon.pod(idOf(parts));
  return { status: 202, body: undefined, deployment: marathon.remove(id, { force }) };
}

function idOf(parts: readonly string[]): string {
  return absoluteId(parts.join('/'));
}

/** A pod's definition as the API gives it back. */
export function podJson(pod: PodApp) {
  const { id, version, networks, labels, instances, backoffSeconds, backoffFactor, maxLaunchDelaySeconds } = pod;
  const { upgradeStrategy, killSelection, unreachableStrategy, constraints, acceptedResourceRoles } = pod;
  return {
    id,
    version,
    labels: Object.fromEntries(labels),
    environment: Object.fromEntries(pod.pod.env),
    containers: pod.pod.containers.map(containerJson),
    networks: networks.map(({ mode, name, labels: own }) => ({ mode, name, labels: Object.fromEntries(own) })),
    scaling: { kind: 'fixed', instances },
    scheduling: {
      backoff: { backoff: backoffSeconds, backoffFactor, maxLaunchDelay: maxLaunchDelaySeconds },
      upgrade: upgradeStrategy,
      placement: {
        constraints: constraints.map(({ field: fieldName, operator, value }) => ({ fieldName, operator, value })),
        acceptedResourceRoles,
      },
      killSelection,
      unreachableStrategy,
    },
    executorResources: pod.pod.executor,
  };
}

function containerJson({ name, cpus, mem, disk, gpus, image, exec, env, labels, endpoints, checkDefinition }: PodContainer) {
  return {
    name,
    exec: exec === undefined ? undefined : plainJson(exec),
    resources: { cpus, mem, disk, gpus },
    image: image === undefined ? undefined : { kind: 'DOCKER', id: image },
    environment: Object.fromEntries(env),
    labels: Object.fromEntries(labels),
    healthCheck: checkDefinition,
    endpoints: endpoints.map(({ name: endpoint, containerPort, hostPort, protocols, labels: own, networkNames }) => ({
      name: endpoint,
      containerPort,
      hostPort,
      protocol: protocols,
      labels: Object.fromEntries(own),
      networkNames: networkNames.length === 0 ? undefined : networkNames,
    })),
  };
}
