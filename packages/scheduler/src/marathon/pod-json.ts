/** A pod's definition as Marathon's API gives it back. Follows mesosphere/marathon v1.8 raml/PodConversion.scala. */
import { plainJson } from '../app/json.ts';
import type { PodApp, PodContainer } from '../pod/pod.ts';

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
