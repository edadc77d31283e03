/**
 * The health check of a pod's container: one that its agent makes, as of an app those of Mesos' kinds.
 * Follows mesosphere/marathon v1.8 core/health/HealthCheck.scala (MesosHealthCheck) and raml/HealthCheckConversion.scala.
 */
import type { HealthCheck } from '../app/definition.ts';
import type { Violation } from '../app/refusal.ts';
import type { PodContainerDefinition, PodHealthCheckDefinition } from './definition.ts';

/** The check of a container, if it has one; `endpoints` are the names of all of the pod's, in order. */
export function podHealthCheck(
  definition: PodHealthCheckDefinition | undefined,
  endpoints: readonly string[],
): HealthCheck | undefined {
  if (definition === undefined) return undefined;
  const { http, tcp, exec, ...settings } = definition;
  if (http !== undefined) {
    const { endpoint = '', path, scheme } = http;
    const protocol = scheme === 'HTTPS' ? 'MESOS_HTTPS' : 'MESOS_HTTP';
    return { ...settings, protocol, portIndex: endpoints.indexOf(endpoint), ...(path === undefined ? {} : { path }) };
  }
  if (tcp !== undefined) return { ...settings, protocol: 'MESOS_TCP', portIndex: endpoints.indexOf(tcp.endpoint ?? '') };
  return exec === undefined ? undefined : { ...settings, protocol: 'COMMAND' };
}

/** What is wrong with the checks of a pod's containers: a check names an endpoint of its own container. */
export function healthCheckViolations(containers: readonly PodContainerDefinition[]): readonly Violation[] {
  return containers.flatMap(({ healthCheck = {}, endpoints = [] }, i) => {
    const names = endpoints.map(({ name = '' }) => name);
    return (['http', 'tcp'] as const).flatMap((kind): readonly Violation[] => {
      const endpoint = healthCheck[kind]?.endpoint;
      if (endpoint === undefined || names.includes(endpoint)) return [];
      const message = `got ${endpoint}, expected one of: [${names.join(', ')}]`;
      return [{ path: `/containers(${i})/healthCheck/${kind}/endpoint`, message }];
    });
  });
}
