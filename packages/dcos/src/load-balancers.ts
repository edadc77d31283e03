/** The load balancers of a cluster: Marathon-LB, which is installed as a package, and Edge-LB's pools, and what their containers run. */
import { type Cluster, type Namespace, type Program, type Random, Refusal } from '@portolan/core';
import type { Marathon, MesosMaster } from '@portolan/scheduler';
import { EdgeLb } from './edge-lb/edge-lb.ts';
import { EDGE_LB_IMAGE } from './edge-lb/framework.ts';
import { LoadBalancerService, MARATHON_LB_APP, MARATHON_LB_IMAGE } from './marathon-lb/service.ts';
import type { MesosTask } from './mesos-state.ts';

/** What they need of the cluster. */
export interface LoadBalancerOptions {
  readonly cluster: Cluster;
  readonly marathon: Marathon;
  readonly mesos: MesosMaster;
  readonly random: Random;
  /** All tasks that are not over. */
  readonly tasks: () => Iterable<MesosTask>;
  /** An agent's own network. */
  readonly host: (agentId: string) => Namespace | undefined;
}

/** What a container of a load balancer's image runs. */
export function loadBalancerProgram(image: string): Program | undefined {
  if (image.startsWith(MARATHON_LB_IMAGE)) return LoadBalancerService.program;
  return image.startsWith(EDGE_LB_IMAGE) ? EdgeLb.program : undefined;
}

/** Both kinds. */
export class LoadBalancers {
  readonly edgeLb: EdgeLb;
  readonly marathonLb: LoadBalancerService;
  private readonly marathon: Marathon;

  constructor(options: LoadBalancerOptions) {
    this.marathon = options.marathon;
    this.marathonLb = new LoadBalancerService(options);
    this.marathonLb.follow(options.mesos, options.host);
    this.edgeLb = new EdgeLb(options);
  }

  /**
   * Installs a package of the catalogue; `marathon-lb` is the one there is.
   * @throws Refusal `no-such-package`, and what Marathon refuses
   */
  install(name: string): void {
    const path = name.slice(0, 60);
    if (name !== 'marathon-lb')
      throw new Refusal({ component: 'dcos', code: 'no-such-package', path, message: `Package [${path}] not found` });
    this.marathon.add(MARATHON_LB_APP);
  }
}
