/**
 * Deployments: the steps that bring an app's instances to what its definition says, driven by counts that change.
 * Follows mesosphere/marathon v1.8 core/deployment/impl/{DeploymentActor,TaskStartActor,TaskReplaceActor}.scala for one app at a time.
 */
import type { AppRecord, Deployment, DeploymentTools } from './app-record.ts';
import { selectForEvenness } from './evenness.ts';
import type { Instance } from './instance.ts';
import { killOrder, launchableNow, type RestartStrategy, restartStrategy } from './restart.ts';
import { propose } from './scaling.ts';

/** Brings the number of instances to the definition's: first victims go and are waited for, then new ones come. */
export class ScaleDeployment implements Deployment {
  readonly action = 'ScaleApplication';
  private victims: readonly Instance[] | undefined;
  /** Whether it has started any: then it waits for health, else it ends with the victims. */
  private starts = false;

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
    this.starts ||= record.live < target;
    if (record.live < target) tools.start(record, target - record.live);
    return !this.starts || record.ready >= target;
  }
}

/** Which instances go when there are more than the definition wants; those that were named first. */
export function surplusOf({ app }: AppRecord, running: readonly Instance[], named: readonly string[] = []): readonly Instance[] {
  return propose(running, app.instances, named, app.killSelection, (candidates, count) =>
    selectForEvenness(app.constraints, candidates, count),
  ).decommission;
}

/** Replaces instances of earlier configurations by new ones, within the bounds of the upgrade strategy. */
export class RestartDeployment implements Deployment {
  readonly action = 'RestartApplication';
  private readonly strategy: RestartStrategy;
  private readonly victims: readonly Instance[];
  private next = 0;
  private killed = 0;

  constructor(
    readonly id: string,
    readonly appId: string,
    record: AppRecord,
  ) {
    const { app, version, live, ready } = record;
    const old = [...record.instances.values()].filter((instance) => instance.generation < record.generation);
    this.victims = version === '1.8' ? old : killOrder(old, (instance) => record.isReady(instance));
    const start = { existing: live, healthy: ready, resident: app.persistentDisk > 0 };
    this.strategy = restartStrategy(app.instances, app.upgradeStrategy, start, version);
  }

  step(record: AppRecord, tools: DeploymentTools): boolean {
    const target = record.app.instances;
    const launchable = launchableNow(target, this.strategy, record.old, record.liveCurrent);
    if (launchable > 0) tools.start(record, launchable);
    while (this.killed < this.strategy.killImmediately + record.readyCurrent) {
      const victim = this.victims[this.next++];
      if (victim === undefined) break;
      if (!record.instances.has(victim.id) || victim.goal === 'Decommissioned') continue;
      this.killed++;
      tools.decommission(record, victim);
    }
    return record.readyCurrent >= target && record.old === 0;
  }
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
