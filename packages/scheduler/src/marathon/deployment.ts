/**
 * Deployments: the steps that bring an app's instances to what its definition says, driven by counts that change.
 * Follows mesosphere/marathon v1.8 core/deployment/impl/{DeploymentActor,TaskStartActor,TaskReplaceActor}.scala for one app at a time.
 * The original counts events; here the numbers are those of the moment, so that a restart replaces new instances that were given up.
 */
import type { AppRecord, Deployment, DeploymentTools } from './app-record.ts';
import { selectForEvenness } from './evenness.ts';
import type { Instance } from './instance.ts';
import { killOrder, launchableNow, type RestartStart, type RestartStrategy, restartStrategy } from './restart.ts';
import { propose } from './scaling.ts';

/**
 * Brings the number of instances to the definition's: first victims go and are waited for, then new ones come. It waits for as many
 * to be ready as were missing, and for nobody else.
 */
export class ScaleDeployment implements Deployment {
  readonly action = 'ScaleApplication';
  private victims: readonly Instance[] | undefined;
  /** How many launched in the present version must be ready. */
  private awaited: number | undefined;

  constructor(
    readonly id: string,
    readonly appId: string,
    private readonly named: readonly string[] = [],
  ) {}

  step(record: AppRecord, tools: DeploymentTools): boolean {
    const target = record.app.instances;
    if (this.victims === undefined) {
      const running = [...record.instances.values()].filter((instance) => instance.goal === 'Running');
      this.victims = surplusOf(record, running, this.named);
      for (const victim of this.victims) tools.decommission(record, victim);
    }
    if (record.doomed > 0) return false;
    const missing = Math.max(0, target - record.live);
    this.awaited ??= missing === 0 ? 0 : record.readyLaunched + missing;
    if (missing > 0) tools.start(record, missing);
    return record.readyLaunched >= this.awaited;
  }
}

/** Which instances go when there are more than the definition wants; those that were named first. */
export function surplusOf({ app }: AppRecord, running: readonly Instance[], named: readonly string[] = []): readonly Instance[] {
  return propose(running, app.instances, named, app.killSelection, (candidates, count) =>
    selectForEvenness(app.constraints, candidates, count),
  ).decommission;
}

/**
 * Replaces instances of earlier configurations by new ones, within the bounds of the upgrade strategy. Each new one that is ready
 * releases the next old one, and one that has gone by itself was released in vain: its place is free already.
 */
export class RestartDeployment implements Deployment {
  readonly action = 'RestartApplication';
  private begun: { readonly strategy: RestartStrategy; readonly victims: readonly Instance[] } | undefined;
  private released = 0;

  constructor(
    readonly id: string,
    readonly appId: string,
  ) {}

  step(record: AppRecord, tools: DeploymentTools): boolean {
    const target = record.app.instances;
    this.begun ??= begin(record);
    const { strategy, victims } = this.begun;
    while (this.released < strategy.killImmediately + record.readyCurrent) {
      const victim = victims[this.released++];
      if (victim === undefined) break;
      tools.decommission(record, victim);
    }
    const launchable = launchableNow(target, strategy, record.old, record.liveCurrent);
    if (launchable > 0) tools.start(record, launchable);
    return record.readyCurrent >= target && record.old === 0;
  }
}

function begin(record: AppRecord): { readonly strategy: RestartStrategy; readonly victims: readonly Instance[] } {
  const { app, version } = record;
  const old = [...record.instances.values()].filter((one) => one.generation < record.generation && one.goal === 'Running');
  return {
    strategy: restartStrategy(app.instances, app.upgradeStrategy, restartStart(record), version),
    victims: version === '1.8' ? old : killOrder(old, (instance) => record.isConsideredHealthy(instance)),
  };
}

/** What a restart of the app would begin with now. */
export function restartStart(record: AppRecord): RestartStart {
  const all = [...record.instances.values()];
  const running = all.filter(({ goal }) => goal === 'Running');
  return {
    existing: record.version === '1.8' ? running.length : all.length,
    healthy: running.filter((instance) => record.isConsideredHealthy(instance)).length,
    resident: record.app.persistentDisk > 0,
  };
}

/** Ends all instances of an app that was deleted. */
export class StopDeployment implements Deployment {
  readonly action = 'StopApplication';
  private begun = false;

  constructor(
    readonly id: string,
    readonly appId: string,
  ) {}

  step(record: AppRecord, tools: DeploymentTools): boolean {
    if (!this.begun) {
      this.begun = true;
      for (const instance of [...record.instances.values()]) tools.decommission(record, instance);
    }
    return record.instances.size === 0;
  }
}
