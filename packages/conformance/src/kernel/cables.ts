/** Cables between the devices of a lab, and the routes that most namespaces have. */
import type { LabLink, LabRoute } from './lab.ts';

/** One end of a cable. */
export interface End extends Partial<LabLink> {
  readonly ns: string;
  readonly name: string;
}

/** The links of a lab as they are made. */
export class Cables {
  private count = 0;
  private readonly links = new Map<string, LabLink[]>();

  /** The next MAC address. */
  mac(): string {
    return `02:00:00:00:00:${(++this.count).toString(16).padStart(2, '0')}`;
  }

  /** A device that is no cable. */
  add(ns: string, link: LabLink): void {
    this.links.set(ns, [...this.of(ns), link]);
  }

  /** A cable between two devices, each `namespace/device`. */
  join(near: End, far: End, mtu = 1500): void {
    this.add(near.ns, this.end(near, far, mtu));
    this.add(far.ns, this.end(far, near, mtu));
  }

  /** The links of a namespace. */
  of(ns: string): readonly LabLink[] {
    return this.links.get(ns) ?? [];
  }

  private end(own: End, other: End, mtu: number): LabLink {
    const { ns, name, ...rest } = own;
    return { name, type: 'veth', mac: this.mac(), mtu, peer: `${other.ns}/${other.name}`, ...rest };
  }
}

/** A default route. */
export function gateway(via: string, device = 'eth0'): readonly LabRoute[] {
  return [{ to: '0.0.0.0/0', via, device }];
}
