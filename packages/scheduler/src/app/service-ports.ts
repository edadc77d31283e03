/**
 * Service ports: a cluster-wide number per port of an app, assigned where the definition says 0.
 * Follows mesosphere/marathon v1.8 core/group/impl/AssignDynamicServiceLogic.scala; only assigned numbers are kept
 * unique, explicit ones are never compared.
 */
import { MarathonRefusal } from './refusal.ts';

/** `--local_port_min` to `--local_port_max`, both included. */
export const SERVICE_PORT_RANGE = { begin: 10000, end: 20000 } as const;

/** Which service ports a tree of apps uses, and how often. */
export class ServicePorts {
  private readonly uses = new Map<number, number>();
  private lowest: number;

  constructor(private readonly range: { readonly begin: number; readonly end: number } = SERVICE_PORT_RANGE) {
    this.lowest = range.begin;
  }

  /** Counts an app's ports as used. */
  use(ports: readonly number[]): void {
    for (const port of ports) this.uses.set(port, (this.uses.get(port) ?? 0) + 1);
  }

  /** Takes an app's ports back. */
  release(ports: readonly number[]): void {
    for (const port of ports) {
      const left = (this.uses.get(port) ?? 0) - 1;
      if (left > 0) this.uses.set(port, left);
      else this.uses.delete(port);
      if (left <= 0 && port >= this.range.begin) this.lowest = Math.min(this.lowest, port);
    }
  }

  /**
   * The ports with every 0 replaced: first by what the app had before, in its old order, then by the lowest free numbers.
   * The app's old ports must still be counted as used.
   * @throws MarathonRefusal `ports-exhausted`
   */
  assign(requested: readonly number[], previous: readonly number[]): readonly number[] {
    const { begin, end } = this.range;
    const explicit = new Set(requested);
    const kept = previous.filter((port) => port >= begin && port <= end && port !== 0 && !explicit.has(port));
    const taken = new Set([...requested, ...previous]);
    let candidate = Math.max(begin, this.lowest);
    let nextKept = 0;
    let touched = false;
    const assigned = requested.map((port) => {
      if (port !== 0) return port;
      const old = kept[nextKept++];
      if (old !== undefined) return old;
      while (candidate <= end && (candidate === 0 || taken.has(candidate) || this.uses.has(candidate))) {
        if (!touched && this.uses.has(candidate)) this.lowest = candidate + 1;
        else touched = true;
        candidate++;
      }
      if (candidate > end) throw exhausted(begin, end);
      touched = true;
      return candidate++;
    });
    return assigned;
  }
}

function exhausted(begin: number, end: number): MarathonRefusal {
  return new MarathonRefusal('ports-exhausted', 500, [
    { path: '', message: `All ports in the range [${begin}-${end}) are already in use` },
  ]);
}
