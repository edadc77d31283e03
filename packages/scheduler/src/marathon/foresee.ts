/**
 * What will not work out, found before it hangs: ports no agent has, constraints that admit too few, upgrades that cannot begin.
 * Marathon itself accepts all of these and waits for ever.
 */
import { formatRanges, includesPort } from '@portolan/core';
import { type App, isHostMode } from '../app/app.ts';
import { portRequest, portSlots } from '../launch/port-slots.ts';
import { needs, UNRESERVED } from '../match/offer-match.ts';
import type { AgentInfo } from '../mesos/agent.ts';
import type { Offer } from '../mesos/offer.ts';
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
export function foresee(
  record: AppRecord,
  cluster: { readonly agents: readonly AgentInfo[]; readonly offers: readonly Offer[] },
  fitting: Fitting,
): readonly string[] {
  const { app } = record;
  const usable = cluster.agents.filter((agent) => poolsOf(agent).accepted(app.acceptedResourceRoles ?? UNRESERVED).length > 0);
  return [
    ...duplicatePorts(app),
    ...unreachablePorts(app, usable),
    ...tooFewAgents(record, usable),
    ...tooLittle(app, usable),
    ...stuckUpgrade(record, usable, fitting),
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
    const assigned = isHostMode(app) && app.requirePorts;
    const why = assigned
      ? ': with requirePorts the host port is the service port, which is assigned where the definition says 0'
      : '';
    if (having > 0 || usable.length === 0) return [];
    const ranges = usable[0] === undefined ? '' : formatRanges(rangesOf(poolsOf(usable[0]).accepted(roles)));
    return [`host port ${port} (${field}) is in no agent's ranges (${ranges})${why}`];
  });
}

function tooFewAgents({ app }: AppRecord, usable: readonly AgentInfo[]): readonly string[] {
  const hosts = new Set(usable.map(({ hostname }) => hostname)).size;
  const fixed = fixedPorts(app)[0];
  const perHost = app.constraints.flatMap(({ field, operator, value }) => {
    if (field !== 'hostname' && field !== '@hostname') return [];
    if (operator === 'UNIQUE') return [{ words: `${field} UNIQUE`, most: 1 }];
    return operator === 'MAX_PER' ? [{ words: `${field} MAX_PER ${value ?? ''}`, most: Number(value) }] : [];
  });
  if (fixed !== undefined) perHost.push({ words: `the fixed host port ${fixed.port}`, most: 1 });
  return perHost.flatMap(({ words, most }) =>
    app.instances > most * hosts
      ? [`${app.instances} instances wanted; ${words} and ${hosts} usable agents allow ${most * hosts}`]
      : [],
  );
}

function tooLittle(app: App, usable: readonly AgentInfo[]): readonly string[] {
  const roles = app.acceptedResourceRoles ?? UNRESERVED;
  const room = usable.reduce((sum, agent) => sum + slots(app, poolsOf(agent), roles), 0);
  if (usable.length === 0) return [`no agent has resources of role ${roles.join(' or ')}`];
  return room < app.instances ? [`${app.instances} instances wanted; empty agents would have room for ${room}`] : [];
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
  if (deployment !== undefined || live === 0 || record.scheduled > 0 || fitting.anew > 0) return [];
  const { killImmediately } = restartStrategy(app.instances, app.upgradeStrategy, restartStart(record), version);
  return killImmediately > 0 ? [] : [`an upgrade would hang: ${upgradeWords(record, live, usable)}`];
}

function upgradeWords({ app }: AppRecord, kept: number, usable: readonly AgentInfo[]): string {
  const { minimumHealthCapacity, maximumOverCapacity } = app.upgradeStrategy;
  const fixed = fixedPorts(app)[0];
  const what = fixed === undefined ? 'there is room for one more' : `host port ${fixed.port} is free`;
  const bounds = `minimumHealthCapacity ${minimumHealthCapacity}, maximumOverCapacity ${maximumOverCapacity}`;
  return `${kept} old ${kept === 1 ? 'instance stays' : 'instances stay'} until new ones are up (${bounds}), but ${what} on none of ${usable.length} usable agents; a lower minimumHealthCapacity or another agent lets it go on`;
}
