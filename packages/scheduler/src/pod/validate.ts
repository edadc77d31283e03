/**
 * The rules a pod must obey, with Marathon's words and paths. Follows mesosphere/marathon v1.8 api/v2/validation/PodsValidation.scala;
 * unlike apps, pods must not fix the same host port twice.
 */
import { validateConstraints } from '../app/constraint.ts';
import { validateId } from '../app/id.ts';
import type { Violation } from '../app/refusal.ts';
import { acceptedRoles, networks } from '../app/validate.ts';
import type { EndpointDefinition, PodDefinition } from './definition.ts';
import { healthCheckViolations } from './health-check.ts';

/** The settings that pods meet. */
export interface PodRules {
  readonly defaultNetworkName: string | undefined;
  /** Roles a pod may be in; the first is Marathon's own. */
  readonly roles: readonly string[];
}

/** All violations, in the order in which they are told. */
export function validatePod(pod: PodDefinition, rules: PodRules): readonly Violation[] {
  const [own = '*'] = rules.roles;
  const accepted = pod.scheduling?.placement?.acceptedResourceRoles;
  return [
    ...validateId(pod.id ?? '/'),
    ...roleOf(pod, rules.roles),
    ...networks(pod, rules.defaultNetworkName),
    ...containers(pod),
    ...endpoints(pod),
    ...healthCheckViolations(pod.containers ?? []),
    ...unique(
      (pod.volumes ?? []).map(({ name }) => name),
      '/volumes',
      'volume names must be unique',
    ),
    ...(pod.scheduling?.placement?.constraints ?? []).flatMap(({ fieldName = '', operator = '', value }, i) => {
      const path = `/scheduling/placement/constraints(${i})`;
      if (fieldName === '') return [{ path, message: 'missing field for constraint declaration' }];
      return validateConstraints([fieldName, operator, ...(value === undefined ? [] : [value])], i).map((violation) => ({
        ...violation,
        path,
      }));
    }),
    ...(accepted === undefined ? [] : acceptedRoles({ acceptedResourceRoles: accepted }, pod.role ?? own)),
  ];
}

function roleOf(pod: PodDefinition, roles: readonly string[]): readonly Violation[] {
  if (pod.role === undefined || roles.includes(pod.role)) return [];
  return [{ path: '/role', message: `got ${pod.role}, expected one of: [${roles.join(', ')}]` }];
}

function containers(pod: PodDefinition): readonly Violation[] {
  const all = pod.containers ?? [];
  if (all.length === 0) return [{ path: '/containers', message: 'must not be empty' }];
  return unique(
    all.map(({ name }) => name),
    '/containers',
    'container names must be unique',
  );
}

function endpoints(pod: PodDefinition): readonly Violation[] {
  const all = (pod.containers ?? []).flatMap((container) => container.endpoints ?? []);
  const fixed = (port: number | undefined) => (port === 0 ? undefined : port);
  const own = (pod.containers ?? []).flatMap((container, i) =>
    (container.endpoints ?? []).flatMap((endpoint, j) => endpointRules(pod, endpoint, `/containers(${i})/endpoints(${j})`)),
  );
  return [
    ...own,
    ...unique(
      all.map(({ name }) => name),
      '/',
      'endpoint names nust be unique across all containers',
    ),
    ...unique(
      all.map((e) => fixed(e.containerPort)),
      '/',
      'container ports must be unique across all containers',
    ),
    ...unique(
      all.map((e) => fixed(e.hostPort)),
      '/',
      'host ports must be unique across all containers',
    ),
  ];
}

function endpointRules(pod: PodDefinition, endpoint: EndpointDefinition, path: string): readonly Violation[] {
  const all = (pod.networks ?? []).map(({ mode = 'container', name }) => ({ mode, name }));
  const named = all.flatMap(({ mode, name }) => (mode === 'container' && name !== undefined ? [name] : []));
  const host = all.length === 0 || all.some(({ mode }) => mode === 'host');
  const violations: Violation[] = [];
  if (host && endpoint.containerPort !== undefined) {
    violations.push({ path: `${path}/containerPort`, message: 'is not allowed when using host-mode networking' });
  }
  if (!host && endpoint.containerPort === undefined) {
    violations.push({ path: `${path}/containerPort`, message: 'is required when using container-mode networking' });
  }
  const protocols = endpoint.protocol ?? [];
  if (new Set(protocols).size < protocols.length) {
    violations.push({ path: `${path}/protocol`, message: 'Duplicate protocols within the same endpoint are not allowed' });
  }
  (endpoint.networkNames ?? []).forEach((name, k) => {
    if (named.includes(name)) return;
    violations.push({ path: `${path}/networkNames(${k})`, message: `is not one of (${named.join(',')})` });
  });
  if (named.length > 1 && endpoint.hostPort !== undefined && (endpoint.networkNames ?? []).length !== 1) {
    const message =
      'networkNames must be a single item list when hostPort is specified and more than 1 container network is defined';
    violations.push({ path, message });
  }
  return violations;
}

function unique(values: readonly (string | number | undefined)[], path: string, message: string): readonly Violation[] {
  const there = values.filter((value) => value !== undefined);
  return new Set(there).size < there.length ? [{ path, message }] : [];
}
