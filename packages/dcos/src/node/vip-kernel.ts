/**
 * dcos-net's writes as the kernels have them: VIP routes and set members, the same on all nodes that share a view, and
 * each node's IPVS tables, brought up to date when a packet or a reader meets them. IPv6 writes are passed over.
 */
import { type IpSet, type Ipv4, type Ipvs, type Route, type RouteSource, type SetIndex, TABLE } from '@portolan/core';
import type { VipOperation } from '../vips/vip-operation.ts';
import type { VipView } from '../vips/vip-view.ts';

/** Name of the set of VIPs. */
export const VIP_SET = 'dcos-l4lb';

/** VIP routes and set members of all nodes with one view. */
export class VipKernel {
  readonly view: VipView;
  private done = 0;
  private readonly addresses = new Map<Ipv4, Route>();
  private readonly members = new Map<number, { readonly address: Ipv4; readonly protocol: number; readonly port: number }>();

  constructor(view: VipView) {
    this.view = view;
  }

  /** `local 11.249.78.219 dev minuteman` for every VIP. */
  readonly routes: RouteSource = {
    table: TABLE.local,
    find: (destination) => {
      this.catchUp();
      return this.addresses.get(destination);
    },
    list: () => {
      this.catchUp();
      return [...this.addresses.values()];
    },
  };

  /** How many writes there have been: rises whenever routes or members change. */
  epoch(): number {
    this.catchUp();
    return this.done;
  }

  /** Looks a VIP's address and port up, as `--match-set dcos-l4lb dst,dst` does. */
  readonly set: SetIndex = {
    parts: 2,
    has: (address, protocol, port) => {
      this.catchUp();
      return this.members.size > 0 && this.members.has(memberKey(address, protocol, port));
    },
  };

  /** The set, for listing. */
  asSet(): IpSet {
    this.catchUp();
    const members = [...this.members.values()].map(({ address, protocol, port }) => ({
      network: { address, prefix: 32 },
      port: { protocol, number: port },
    }));
    // dcos-net asks for the first revision that has counters.
    return { name: VIP_SET, type: 'hash:ip,port', revision: 2, counters: true, members };
  }

  private catchUp(): void {
    this.view.catchUp();
    if (this.done === this.view.operationCount) return;
    for (const operation of this.view.operationsSince(this.done)) this.apply(operation);
    this.done = this.view.operationCount;
  }

  private apply(operation: VipOperation): void {
    const { address } = operation;
    if (typeof address !== 'number') return;
    switch (operation.kind) {
      case 'add-route':
        this.addresses.set(address, localRoute(address));
        return;
      case 'remove-route':
        this.addresses.delete(address);
        return;
      case 'add-member':
        this.members.set(memberKey(address, operation.protocol, operation.port), {
          address,
          protocol: operation.protocol,
          port: operation.port,
        });
        return;
      case 'remove-member':
        this.members.delete(memberKey(address, operation.protocol, operation.port));
    }
  }
}

/** Brings one node's IPVS tables up to date with its view of the moment. */
export function ipvsFeed(viewOf: () => VipView): (ipvs: Ipvs) => void {
  let done = 0;
  return (ipvs) => {
    const view = viewOf();
    view.catchUp();
    if (done === view.operationCount) return;
    // dcos-net ignores what IPVS answers; a write that IPVS would refuse changes nothing.
    const operations = view.operationsSince(done);
    done = view.operationCount;
    for (const operation of operations) applyToIpvs(ipvs, operation);
  };
}

function applyToIpvs(ipvs: Ipvs, operation: VipOperation): void {
  const { address } = operation;
  if (typeof address !== 'number' || !('port' in operation)) return;
  const service = { protocol: operation.protocol, address, port: operation.port };
  switch (operation.kind) {
    case 'add-service':
      ipvs.addService({ ...service, scheduler: 'wlc' });
      return;
    case 'delete-service':
      ipvs.deleteService(service);
      return;
    case 'add-server':
    case 'set-weight':
    case 'remove-server': {
      const { server } = operation;
      if (typeof server.address !== 'number') return;
      const end = { address: server.address, port: server.port, weight: server.weight };
      if (operation.kind === 'add-server') ipvs.addServer(service, end);
      else if (operation.kind === 'set-weight') ipvs.editServer(service, end);
      else ipvs.deleteServer(service, end);
    }
  }
}

function localRoute(address: Ipv4): Route {
  return {
    table: TABLE.local,
    type: 'local',
    destination: { address, prefix: 32 },
    device: 'minuteman',
    scope: 'host',
    protocol: 'boot',
    metric: 0,
  };
}

function memberKey(address: Ipv4, protocol: number, port: number): number {
  return (address * 0x10000 + port) * 2 + (protocol === 6 ? 1 : 0);
}
