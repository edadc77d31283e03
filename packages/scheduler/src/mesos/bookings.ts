/** What tasks have of the cluster, and offers that frameworks hold: the books that shares and quotas are read from. */
import { takenWith } from '../launch/task-info.ts';
import type { Grant } from './hierarchical.ts';
import { NO_SCALARS, plus, type Scalars, thousandths } from './resources.ts';
import type { TaskRecord } from './task.ts';

/** What one framework has in one role. */
export interface Booking extends Pick<Grant, 'framework' | 'role'> {
  /** Of all resources, and of those that are reserved to nobody. */
  readonly scalars: Scalars;
  readonly unreserved: Scalars;
}

/** All that tasks and offers have, piece by piece. */
export function bookings(tasks: Iterable<TaskRecord>, grants: readonly Grant[]): readonly Booking[] {
  const ofTasks = Array.from(tasks, ({ framework, allocatedTo: role, info }) => {
    const taken = takenWith(info).flatMap((one) => one.allocations ?? [one]);
    const parts = taken.map((part) => ({ role: part.role, scalars: thousandths(part) }));
    return { framework, role, ...sums(parts) };
  });
  return [...ofTasks, ...grants.map(({ framework, role, parts }) => ({ framework, role, ...sums(parts) }))];
}

function sums(parts: readonly { readonly role: string; readonly scalars: Scalars }[]): Pick<Booking, 'scalars' | 'unreserved'> {
  const sum = (some: typeof parts) => some.map(({ scalars }) => scalars).reduce(plus, NO_SCALARS);
  return { scalars: sum(parts), unreserved: sum(parts.filter(({ role }) => role === '*')) };
}
