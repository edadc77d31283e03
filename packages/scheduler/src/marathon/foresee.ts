/**
 * What will not work out, found before it hangs: ports no agent has, constraints that admit too few, upgrades that cannot begin.
 * Marathon itself accepts all of these and waits for ever.
 */
import { formatRanges, includesPort } from '@portolan/core';
import { type App, isHostMode } from '../app/app.ts';
import { SERVICE_PORT_RANGE } from '../app/service-ports.ts';
import { portRequest, portSlots } from '../launch/port-slots.ts';
import { ConstraintIndex } from '../match/constraints.ts';
import { needs, UNRESERVED } from '../match/offer-match.ts';
import type { AgentInfo } from '../mesos/agent.ts';
import { Pools, rangesOf, scalarsOf } from '../mesos/pools.ts';
import type { AppRecord } from './app-record.ts';
import { restartStart } from './deployment.ts';
import { restartStrategy } from './restart.ts';

/** How many agents could take one instance more: of the app as it is, and of the app after a change. */
export interface Fitting {
  readonly now: number;
  readonly anew: number;
}

/** The problems of an app, in words. */
export function foresee(record: AppRecord, agents: readonly AgentInfo[], fitting: Fitting): readonly string[] {
  const { app } = record;
  const usable = agents.filter((agent) => poolsOf(agent).accepted(app.acceptedResourceRoles ?? UNRESERVED).length > 0);
  return [
    ...duplicatePorts(app),
    ...unreachablePorts(app, usable),
    ...disobeyedConstraints(record, usable),
    ...tooFewAgents(record, usable),
    ...tooLittle(app, usable),
    ...stuckUpgrade(record, usable, fitting),
    ...unreadyUpgrade(record),
  ];
}

function poolsOf(agent: AgentInfo): Pools {
  return new Pools(agent.reserved === undefined ? [agent] : [agent, ...agent.reserved]);
}

/** The host ports that must be exactly these, with the field each comes from. */
function fixedPorts(app: App): readonly { readonly port: number; readonly field: string }[] {
  const request = portRequest(app);
  if (request.anyPorts) return [];
  return portSlots(app).flatMap(({ field }, i) => {
    const port = request.slots[i];
    return port === undefined || (port === 0 && !request.exactPorts) ? [] : [{ port, field }];
  });
}

function duplicatePorts(app: App): readonly string[] {
  const fixed = fixedPorts(app);
  const twice = fixed.find(({ port }, i) => fixed.findIndex((other) => other.port === port) < i);
  if (twice === undefined) return [];
  return [
    `host port ${twice.port} is asked for twice (${twice.field}): Mesos refuses the task; one mapping of protocol udp,tcp is what works`,
  ];
}

function unreachablePorts(app: App, usable: readonly AgentInfo[]): readonly string[] {
  const roles = app.acceptedResourceRoles ?? UNRESERVED;
  return fixedPorts(app).flatMap(({ port, field }) => {
    const having = usable.filter((agent) => includesPort(rangesOf(poolsOf(agent).accepted(roles)), port)).length;
    const why = mayBeAssigned(app, port) ? `: ${SERVICE_PORT}` : '';
    if (having > 0 || usable.length === 0) return [];
    const ranges = usable[0] === undefined ? '' : formatRanges(rangesOf(poolsOf(usable[0]).accepted(roles)));
    return [`host port ${port} (${field}) is in no agent's ranges (${ranges})${why}`];
  });
}

const SERVICE_PORT = 'with requirePorts the host port is the service port, which is assigned where the definition says 0';

function mayBeAssigned(app: App, port: number): boolean {
  return isHostMode(app) && app.requirePorts && includesPort([SERVICE_PORT_RANGE], port);
}

function disobeyedConstraints({ app, version }: AppRecord, usable: readonly AgentInfo[]): readonly string[] {
  if (usable.length === 0) return [];
  return app.constraints.flatMap((constraint) => {
    const alone = new ConstraintIndex([constraint], version);
    if (usable.some((agent) => alone.admits(agent, app.instances))) return [];
    const { field, operator, value } = constraint;
    return [`${[field, operator, value ?? ''].join(' ').trim()} is obeyed by none of ${count(usable.length, 'usable agent')}`];
  });
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

function tooFewAgents({ app }: AppRecord, usable: readonly AgentInfo[]): readonly string[] {
  const hosts = new Set(usable.map(({ hostname }) => hostname)).size;
  const fixed = fixedPorts(app)[0];
  const perHost = app.constraints.flatMap(({ field, operator, value }) => {
    if (field !== 'hostname' && field !== '@hostname') return [];
    if (operator === 'UNIQUE') return [{ words: `${field} UNIQUE`, most: 1 }];
    return operator === 'MAX_PER' ? [{ words: `${field} MAX_PER ${value ?? ''}`, most: Number(value) }] : [];
  });
  const why = fixed !== undefined && mayBeAssigned(app, fixed.port) ? ` (${SERVICE_PORT})` : '';
  if (fixed !== undefined) perHost.push({ words: `the fixed host port ${fixed.port}${why}`, most: 1 });
  return perHost.flatMap(({ words, most }) =>
    app.instances > most * hosts
      ? [`${count(app.instances, 'instance')} wanted; ${words} and ${count(hosts, 'usable agent')} allow ${most * hosts}`]
      : [],
  );
}

function tooLittle(app: App, usable: readonly AgentInfo[]): readonly string[] {
  const roles = app.acceptedResourceRoles ?? UNRESERVED;
  const room = usable.reduce((sum, agent) => sum + slots(app, poolsOf(agent), roles), 0);
  if (usable.length === 0) return [`no agent has resources of role ${roles.join(' or ')}`];
  if (room >= app.instances) return [];
  const most = `${count(app.instances, 'instance')} wanted; empty agents would have room for ${room}`;
  return [room > 0 ? most : `${most}${largestWords(app, usable, roles)}`];
}

/** The first resource of which no agent has what one instance needs. */
function largestWords(app: App, usable: readonly AgentInfo[], roles: readonly string[]): string {
  const need = needs(app);
  for (const name of ['cpus', 'mem', 'disk', 'gpus'] as const) {
    const largest = Math.max(...usable.map((agent) => scalarsOf(poolsOf(agent).accepted(roles))[name]));
    if (largest < need[name]) return `: ${need[name] / 1000} ${name} wanted, and the largest has ${largest / 1000}`;
  }
  return '';
}

/** How many instances fit into pools by their scalars. */
function slots(app: App, pools: Pools, roles: readonly string[]): number {
  const need = needs(app);
  const has = scalarsOf(pools.accepted(roles));
  const parts = (['cpus', 'mem', 'disk', 'gpus'] as const).flatMap((name) =>
    need[name] > 0 ? [Math.floor(has[name] / need[name])] : [],
  );
  return Math.min(...parts);
}

/** An upgrade that may end no old instance has to find room for a new one first. */
function stuckUpgrade(record: AppRecord, usable: readonly AgentInfo[], fitting: Fitting): readonly string[] {
  const { app, version, live, deployment } = record;
  if (deployment?.action === 'RestartApplication') {
    const hangs = record.scheduled > 0 && fitting.now === 0 && record.doomed === 0 && record.old > 0;
    return hangs ? [`the upgrade hangs: ${upgradeWords(record, record.old, usable)}`] : [];
  }
  if (deployment !== undefined || live === 0 || record.scheduled > 0) return [];
  const { killImmediately } = restartStrategy(app.instances, app.upgradeStrategy, restartStart(record), version);
  if (killImmediately > 0) return [];
  if (fitting.anew === 0) return [`an upgrade would hang: ${upgradeWords(record, live, usable)}`];
  if (version !== '1.8' || fitting.now > 0) return [];
  return [
    `a restart would hang, since old instances of the same configuration bear on constraints: ${upgradeWords(record, live, usable)}`,
  ];
}

/** An upgrade that waits for new instances to become healthy or ready. */
function unreadyUpgrade({ deployment, instances, generation, old }: AppRecord): readonly string[] {
  if (deployment?.action !== 'RestartApplication') return [];
  const sick = [...instances.values()].filter((one) => one.generation === generation && one.healthy === false).length;
  const unready = [...instances.values()].filter((one) => one.generation === generation && one.readiness?.ready === false).length;
  const left = `${count(old, 'old instance')} left to be replaced`;
  return [
    ...(sick === 0 ? [] : [`the upgrade waits: health checks fail for ${count(sick, 'new instance')}; ${left}`]),
    ...(unready === 0 ? [] : [`the upgrade waits: ${count(unready, 'new instance')} not ready by its readiness check; ${left}`]),
  ];
}

function upgradeWords({ app }: AppRecord, kept: number, usable: readonly AgentInfo[]): string {
  const { minimumHealthCapacity, maximumOverCapacity } = app.upgradeStrategy;
  const fixed = fixedPorts(app)[0];
  const what = fixed === undefined ? 'there is room for one more' : `host port ${fixed.port} is free`;
  const bounds = `minimumHealthCapacity ${minimumHealthCapacity}, maximumOverCapacity ${maximumOverCapacity}`;
  return `${kept} old ${kept === 1 ? 'instance stays' : 'instances stay'} until new ones are up (${bounds}), but ${what} on none of ${count(usable.length, 'usable agent')}; a lower minimumHealthCapacity or another agent lets it go on`;
}
