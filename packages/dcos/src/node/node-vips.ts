/**
 * The VIPs as one node sees them: as many others do, until a container of Mesos' own runs there with a port mapped. From then
 * on its dcos-net sends connections to that container directly (dcos_l4lb_mgr, dcos/dcos-net@7bd01ac), and its view is its own.
 */
import { type Ipv4, type RouteSource, TABLE } from '@portolan/core';
import type { LocalPortMapping } from '../vips/backends.ts';
import type { L4lb } from '../vips/l4lb.ts';
import type { VipView } from '../vips/vip-view.ts';
import { VipKernel } from './vip-kernel.ts';

/** One node's VIPs. */
export class NodeVips {
  private own: VipKernel | undefined;

  /** @param ownView a view of the same beginning and delay as the shared one, for this node alone */
  constructor(
    private readonly shared: VipKernel,
    private readonly ownView: () => VipView,
  ) {}

  /** The writes to its kernel. */
  get kernel(): VipKernel {
    return this.own ?? this.shared;
  }

  /** What its dcos-net makes of the gossip. */
  get view(): VipView {
    return this.kernel.view;
  }

  /** The kernel's routes, whichever kernel it is. */
  readonly routes: RouteSource = {
    table: TABLE.local,
    find: (destination) => this.kernel.routes.find(destination),
    list: () => this.kernel.routes.list(),
  };

  /** What the node's own poll found; the writes so far are the same in both views, so nothing has to be undone. */
  setPortMappings(mappings: readonly LocalPortMapping[]): void {
    if (this.own === undefined && mappings.length === 0) return;
    this.own ??= new VipKernel(this.ownView());
    this.own.view.setPortMappings(mappings);
  }
}

/** The VIPs of a cluster's nodes: those who start at the same place of the log and hear of changes equally late share one kernel. */
export class ClusterVips {
  private readonly kernels = new Map<string, VipKernel>();
  private readonly nodes = new Map<Ipv4, NodeVips>();

  constructor(private readonly l4lb: L4lb) {}

  /** Those of a node that starts now and hears of changes so many milliseconds late. */
  start(node: Ipv4, delay: number): NodeVips {
    const start = this.l4lb.heardAfter(delay);
    const vips = new NodeVips(this.kernel(start, delay), () => this.l4lb.ownView(start, { node, delay }));
    this.nodes.set(node, vips);
    return vips;
  }

  /** What a node's own poll found, if the node is still there. */
  setPortMappings(node: Ipv4, mappings: readonly LocalPortMapping[]): void {
    this.nodes.get(node)?.setPortMappings(mappings);
  }

  private kernel(start: number, delay: number): VipKernel {
    const key = `${start} ${delay}`;
    const known = this.kernels.get(key);
    if (known !== undefined) return known;
    const kernel = new VipKernel(this.l4lb.view(start, delay));
    this.kernels.set(key, kernel);
    return kernel;
  }
}
