/**
 * The rules a canonical app definition must obey, one function a rule or a group of them, with Marathon's words and paths.
 * Follows mesosphere/marathon v1.8 api/v2/validation/{AppValidation,NetworkValidation,SchedulingValidation}.scala.
 */
import { persistentVolumes } from './app.ts';
import { validateConstraints } from './constraint.ts';
import type { AppDefinition } from './definition.ts';
import { formatDouble } from './double.ts';
import { validateId } from './id.ts';
import type { Violation } from './refusal.ts';
import { artifacts, secretReferences } from './validate-references.ts';

/** A rule: what it has against an app. */
export type Validate = (app: AppDefinition) => readonly Violation[];

/** The rules, in the order in which their violations are told. */
export function rules(options: {
  readonly defaultNetworkName: string | undefined;
  readonly frameworkRole: string;
}): readonly Validate[] {
  return [
    (app) => validateId(app.id ?? '/'),
    command,
    (app) => networks(app, options.defaultNetworkName),
    portNames,
    definedPorts,
    mappingNetworks,
    portsFitNetworks,
    dockerContainer,
    healthChecks,
    graphicsProcessors,
    (app) => (app.constraints ?? []).flatMap(validateConstraints),
    unreachable,
    resident,
    singleInstance,
    (app) => instanceCount(app.instances ?? 1),
    resourceLimits,
    readiness,
    migrationLabels,
    environmentNames,
    secretReferences,
    artifacts,
    (app) => acceptedRoles(app, app.role ?? options.frameworkRole),
  ];
}

function command(app: AppDefinition): readonly Violation[] {
  const violations: Violation[] = [];
  if (app.cmd !== undefined && app.cmd.length <= 1) violations.push({ path: '/', message: 'must not be an empty string' });
  const hasArguments = (app.args ?? []).length > 0;
  const hasImage = app.container?.docker !== undefined;
  const fine = app.cmd === undefined ? hasArguments || hasImage : !hasArguments;
  if (!fine) {
    const message = "AppDefinition must either contain one of 'cmd' or 'args', and/or a 'container'.";
    violations.push({ path: '/', message });
  }
  return violations;
}

/** What Marathon says against the networks of an app or a pod. */
export function networks(app: Pick<AppDefinition, 'networks'>, defaultNetworkName: string | undefined): readonly Violation[] {
  const violations: Violation[] = [];
  const all = (app.networks ?? []).map((network) => ({ ...network, mode: network.mode ?? ('container' as const) }));
  all.forEach((network, i) => {
    const path = `/networks(${i})`;
    if (network.mode === 'host' && (network.name !== undefined || (network.labels ?? []).length > 0)) {
      violations.push({ path, message: 'Host networks may not have names or labels' });
    }
    if (network.mode === 'container/bridge' && network.name !== undefined) {
      violations.push({ path, message: 'Bridge networks may not have names' });
    }
  });
  const containers = all.filter((network) => network.mode === 'container');
  if (new Set(containers.map((network) => network.name)).size < containers.length) {
    violations.push({ path: '/networks', message: 'Duplicate networks are not allowed' });
  }
  if (all.length > 1 && containers.length < all.length) {
    const message = 'May specify a single host network, single bridge network, or else 1-to-n container networks';
    violations.push({ path: '/networks', message });
  }
  if (defaultNetworkName === undefined && containers.some((network) => network.name === undefined)) {
    violations.push({ path: '/networks', message: 'Network name must be specified when container network is selected.' });
  }
  return violations;
}

function portNames(app: AppDefinition): readonly Violation[] {
  const lists = [
    { path: '/portDefinitions', ports: app.portDefinitions ?? [] },
    { path: '/container/portMappings', ports: app.container?.portMappings ?? [] },
  ];
  return lists.flatMap(({ path, ports }) => {
    const names = ports.map((port) => port.name).filter((name) => name !== undefined);
    return new Set(names).size < names.length ? [{ path, message: 'Port names must be unique.' }] : [];
  });
}

function definedPorts(app: AppDefinition): readonly Violation[] {
  const ports = (app.portDefinitions ?? []).map((definition) => definition.port ?? 0).filter((port) => port !== 0);
  return new Set(ports).size < ports.length ? [{ path: '/portDefinitions', message: 'Ports must be unique.' }] : [];
}

function mappingNetworks(app: AppDefinition): readonly Violation[] {
  const containers = (app.networks ?? []).filter((network) => (network.mode ?? 'container') === 'container');
  const names = containers.flatMap((network) => (network.name === undefined ? [] : [network.name]));
  const violations: Violation[] = [];
  (app.container?.portMappings ?? []).forEach((mapping, i) => {
    const path = `/container/portMappings(${i})`;
    const listed = mapping.networkNames ?? [];
    listed.forEach((name, j) => {
      if (names.includes(name)) return;
      violations.push({ path: `${path}/networkNames(${j})`, message: `is not one of (${names.join(',')})` });
    });
    if (containers.length > 1 && mapping.hostPort !== undefined && listed.length !== 1) {
      const message =
        'networkNames must be a single item list when hostPort is specified and more than 1 container network is defined';
      violations.push({ path, message });
    }
  });
  return violations;
}

function portsFitNetworks(app: AppDefinition): readonly Violation[] {
  const all = app.networks ?? [];
  const host = all.length === 0 || all.some((network) => network.mode === 'host');
  if (host && (app.container?.portMappings ?? []).length > 0) {
    return [{ path: '/', message: 'portMappings are not allowed with host-networking' }];
  }
  if (!host && (app.portDefinitions ?? []).length > 0) {
    return [{ path: '/', message: 'portDefinitions are only allowed with host-networking' }];
  }
  return [];
}

function dockerContainer(app: AppDefinition): readonly Violation[] {
  if (app.container === undefined || app.container.type === 'MESOS') return [];
  const violations: Violation[] = [];
  if (app.container.docker === undefined) violations.push({ path: '/container/docker', message: 'not defined' });
  if ((app.networks ?? []).filter((network) => (network.mode ?? 'container') === 'container').length > 1) {
    const message = 'may only specify a single container network when using the Docker container engine';
    violations.push({ path: '/', message });
  }
  return violations;
}

function healthChecks(app: AppDefinition): readonly Violation[] {
  const violations: Violation[] = [];
  const checks = app.healthChecks ?? [];
  const ports = (app.portDefinitions ?? []).length + (app.container?.portMappings ?? []).length;
  const docker = app.container !== undefined && app.container.type !== 'MESOS';
  checks.forEach((check, i) => {
    const path = `/healthChecks(${i})`;
    const protocol = check.protocol ?? 'HTTP';
    const asks = protocol === 'HTTP' || protocol === 'HTTPS' || protocol === 'TCP';
    const usesPort = asks && check.command === undefined;
    const found = check.portIndex !== undefined ? check.portIndex < ports : check.port !== undefined || ports === 1;
    if (usesPort && !found) {
      const message = 'Health check port indices must address an element of the ports array or container port mappings.';
      violations.push({ path, message });
    }
    if (check.ipProtocol === 'IPv6' && !(docker && protocol.startsWith('MESOS_'))) {
      const message = 'IPv6 can only be used for container type DOCKER and Mesos http/https/tcp health checks';
      violations.push({ path, message });
    }
    if (protocol === 'COMMAND' && check.command?.value === undefined) {
      violations.push({ path: `${path}/command`, message: 'not defined' });
    }
  });
  if (checks.filter(({ protocol = '', command: own }) => own === undefined && protocol.startsWith('MESOS_')).length > 1) {
    violations.push({ path: '/', message: 'AppDefinition can contain at most one Mesos health check' });
  }
  return violations;
}

function graphicsProcessors(app: AppDefinition): readonly Violation[] {
  const docker = app.container !== undefined && app.container.type !== 'MESOS';
  return docker && (app.gpus ?? 0) > 0 ? [{ path: '/', message: 'GPU resources only work with the Mesos containerizer' }] : [];
}

function unreachable(app: AppDefinition): readonly Violation[] {
  const strategy = app.unreachableStrategy;
  if (strategy === undefined || strategy === 'disabled') return [];
  const inactive = strategy.inactiveAfterSeconds ?? 0;
  const expunge = strategy.expungeAfterSeconds ?? 0;
  if (inactive <= expunge) return [];
  const message = `inactiveAfterSeconds (${inactive}) must be less or equal to expungeAfterSeconds, which is ${expunge}`;
  return [{ path: '/unreachableStrategy/inactiveAfterSeconds', message }];
}

/** Marathon takes any number up to 2,147,483,647, and would not live through it. */
const MOST_INSTANCES = 1_000_000;

/** A number of instances that this model can hold. */
export function instanceCount(instances: number): readonly Violation[] {
  if (instances <= MOST_INSTANCES) return [];
  return [{ path: '/instances', message: `more than ${MOST_INSTANCES} instances are not modelled`, notModelled: true }];
}

function singleInstance(app: AppDefinition): readonly Violation[] {
  const single = (app.labels ?? []).some(([key, value]) => key === 'MARATHON_SINGLE_INSTANCE_APP' && value === 'true');
  if (!single) return [];
  const violations: Violation[] = [];
  if ((app.instances ?? 1) > 1) violations.push({ path: '/', message: 'Single instance app may only have one instance' });
  const { minimumHealthCapacity = 1, maximumOverCapacity = 1 } = app.upgradeStrategy ?? {};
  for (const [name, value] of Object.entries({ minimumHealthCapacity, maximumOverCapacity })) {
    if (value !== 0) violations.push({ path: `/upgradeStrategy/${name}`, message: `got ${formatDouble(value)}, expected 0.0` });
  }
  return violations;
}

function resident(app: AppDefinition): readonly Violation[] {
  const disabled = app.unreachableStrategy === undefined || app.unreachableStrategy === 'disabled';
  if (disabled || persistentVolumes(app).length === 0) return [];
  return [{ path: '/', message: 'unreachableStrategy must be disabled for resident tasks' }];
}

function resourceLimits(app: AppDefinition): readonly Violation[] {
  const requested = { cpus: app.cpus ?? 1, mem: app.mem ?? 128 };
  return (['cpus', 'mem'] as const).flatMap((name) => {
    const limit = app.resourceLimits?.[name];
    if (limit === undefined || limit === 'unlimited') return [];
    if (typeof limit === 'string') {
      const message = `'${limit.slice(0, 80)}' is an invalid resource limit. It must be 'unlimited' or a number`;
      return [{ path: `/resourceLimits/${name}`, message }];
    }
    if (limit >= requested[name]) return [];
    const message = `resource limit must be greater than or equal to requested resource (${formatDouble(requested[name])})`;
    return [{ path: `/resourceLimits/${name}`, message }];
  });
}

function readiness(app: AppDefinition): readonly Violation[] {
  const ports = app.container?.portMappings ?? app.portDefinitions ?? [];
  const checks = app.readinessChecks ?? [];
  const violations: Violation[] = [];
  if (checks.length > 1) violations.push({ path: '/readinessChecks/size', message: `got ${checks.length}, expected 1 or less` });
  checks.forEach(({ portName: name = 'http-api', timeoutSeconds = 10, intervalSeconds = 30 }, i) => {
    const path = `/readinessChecks(${i})`;
    if (!ports.some((port) => port.name === name)) {
      violations.push({ path: `${path}/portName`, message: `No port definition reference for portName ${name}` });
    }
    if (timeoutSeconds >= intervalSeconds) {
      violations.push({
        path: `${path}/timeoutSeconds`,
        message: `got ${timeoutSeconds}, expected less than ${intervalSeconds}`,
      });
    }
  });
  return violations;
}

/** DC/OS' own labels of a package that migrates itself. */
function migrationLabels(app: AppDefinition): readonly Violation[] {
  const labels = new Map(app.labels);
  const version = labels.get('DCOS_MIGRATION_API_VERSION') ?? '';
  const complete = ['DCOS_PACKAGE_FRAMEWORK_NAME', 'DCOS_MIGRATION_API_PATH'].every((name) => (labels.get(name) ?? '') !== '');
  if (version === '' || (version === 'v1' && complete)) return [];
  const message = 'DCOS_PACKAGE_FRAMEWORK_NAME and DCOS_MIGRATION_API_PATH must be defined when using DCOS_MIGRATION_API_VERSION';
  return [{ path: '/', message }];
}

function environmentNames(app: AppDefinition): readonly Violation[] {
  const at = (app.env ?? []).findIndex(([name]) => name === '');
  return at < 0 ? [] : [{ path: `/env/keys(${at})`, message: 'must not be empty' }];
}

/** What Marathon says against accepted roles, for an app or pod of that role. */
export function acceptedRoles(app: Pick<AppDefinition, 'acceptedResourceRoles'>, role: string): readonly Violation[] {
  const roles = app.acceptedResourceRoles;
  if (roles === undefined) return [];
  const path = '/acceptedResourceRoles';
  if (roles.length === 0) return [{ path, message: 'must not be empty' }];
  if (roles.every((accepted) => accepted === '*' || accepted === role)) return [];
  return [{ path, message: `acceptedResourceRoles can only contain *${role === '*' ? '' : ` and ${role}`}` }];
}
