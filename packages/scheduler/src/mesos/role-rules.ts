/**
 * What the operator has said of roles: weights and quotas. Follows apache/mesos 1.8 src/master/{weights,quota}_handler.cpp. A quota is
 * guarantee and limit in one, and is not checked against what the cluster has.
 */
import { Refusal } from '@portolan/core';
import { checkRole } from './framework.ts';
import { type Scalars, type ScalarUnits, thousandths } from './resources.ts';

/** The rules of all roles. */
export class RoleRules {
  private readonly weightOf = new Map<string, number>();
  private readonly quotaOf = new Map<string, Scalars>();

  /** By role; 1 for those that are not there. */
  get weights(): ReadonlyMap<string, number> {
    return this.weightOf;
  }

  /** Guarantees by role. */
  get quotas(): ReadonlyMap<string, Scalars> {
    return this.quotaOf;
  }

  /**
   * Sets a role's weight.
   * @throws Refusal `bad-weight`, `bad-framework`
   */
  setWeight(role: string, weight: number): void {
    checkRole(role);
    if (!Number.isFinite(weight) || weight <= 0) {
      throw refuse('bad-weight', 'weight', `Invalid weight '${weight}': a weight must be a positive number`);
    }
    this.weightOf.set(role, weight);
  }

  /**
   * Sets a role's quota, or takes it back.
   * @throws Refusal `bad-quota`, `bad-framework`
   */
  setQuota(role: string, guarantee: Partial<ScalarUnits> | undefined): void {
    checkRole(role);
    if (role === '*') throw refuse('bad-quota', 'role', "Setting quota for the default '*' role is not supported");
    if (guarantee === undefined) {
      this.quotaOf.delete(role);
      return;
    }
    const amounts = thousandths({ cpus: 0, mem: 0, disk: 0, ...guarantee });
    for (const name of ['cpus', 'mem', 'disk', 'gpus'] as const) {
      const sound = Number.isFinite(amounts[name]) && amounts[name] >= 0;
      if (!sound) throw refuse('bad-quota', name, `a quota is a number from 0 on, not ${guarantee[name]}`);
    }
    this.quotaOf.set(role, amounts);
  }
}

function refuse(code: string, path: string, message: string): Refusal {
  return new Refusal({ component: 'mesos', code, path, message });
}
