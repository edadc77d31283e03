/**
 * A DC/OS cluster: masters, agents, what runs on them, and the way between them. Put together of the machines of core,
 * the scheduler's Mesos and Marathon, and DC/OS's own daemons. Nodes stand ready when the cluster is made; gossip between
 * dcos-nets takes as long as the options say.
 */
import {
  type Clock,
  Cluster,
  DEFAULT_OVERLAY,
  formatIpv4,
  type Ipv4,
  type Machine,
  PRIVATE_AGENT_PORTS,
  PUBLIC_AGENT_PORTS,
  Refusal,
  type Tool,
} from '@portolan/core';
import { type AgentInfo, Marathon, MesosMaster } from '@portolan/scheduler';
import type { EventEmitter } from 'eventemitter3';
import { type DcosSnapshot, diffSnapshots, type SnapshotDiff } from './cluster-diff.ts';
import { type DcosEvents, joinEvents } from './cluster-events.ts';
import { type ClusterPlan, checkNewAgent, type DcosOptions, hostName, planCluster } from './cluster-options.ts';
import { type Convergence, convergenceOf } from './convergence.ts';
import { parseDuration } from './duration.ts';
import { LoadBalancerService, MARATHON_LB_APP, MARATHON_LB_IMAGE } from './marathon-lb/service.ts';
import { MesosDns } from './mesos-dns/mesos-dns.ts';
import { MesosFeed } from './mesos-feed.ts';
import { type DaemonWorld, startDaemons, startMesosDnsOn } from './node/daemons.ts';
import { DockerExecutor } from './node/executor.ts';
import { probeTask } from './node/health-probe.ts';
import { DcosNode } from './node/node.ts';
import { dcosNode } from './node/setup.ts';
import { VipKernel } from './node/vip-kernel.ts';
import { CLIENT_ADDRESS, clientConfig, GATEWAY, routerConfig, UNDERLAY } from './outside.ts';
import type { OverlayDirectory } from './overlay/directory.ts';
import { OverlayMaster } from './overlay/master.ts';
import { curl, httpie } from './tools/curl.ts';
import { dcosCli } from './tools/dcos.ts';
import { dig } from './tools/dig.ts';
import { snapshotVips } from './vip-snapshot.ts';
import { L4lb } from './vips/l4lb.ts';

/** Longest {@link DcosCluster.settle} runs: a waiting app does not keep it, a crashing one would. */
const SETTLE_LIMIT = 3_600_000;

/** A cluster. */
export class DcosCluster {
  readonly core: Cluster;
  /** All that happens, as it happens. */
  readonly events: EventEmitter<DcosEvents>;
  readonly mesos: MesosMaster;
  readonly marathon: Marathon;
  readonly l4lb: L4lb;
  readonly mesosDns: MesosDns;
  readonly overlay: OverlayDirectory;
  /** Files the command line can read, by name. */
  readonly files = new Map<string, string>();
  private readonly plan: ClusterPlan;
  private readonly executor: DockerExecutor;
  private readonly feed: MesosFeed;
  private readonly overlayMaster: OverlayMaster;
  private readonly masterNodes: DcosNode[] = [];
  private readonly agentNodes = new Map<string, DcosNode>();
  private readonly publicIds: string[] = [];
  private readonly vipKernels = new Map<string, VipKernel>();
  /** In how many milliseconds each node hears of a change of VIPs. */
  private readonly gossipDelays = new Map<string, number>();
  private nodeCount = 0;
  private readonly daemonWorld: DaemonWorld;
  private readonly client: DcosNode;
  private readonly loadBalancer: LoadBalancerService;
  private agentCount = 0;

  private constructor(plan: ClusterPlan) {
    this.plan = plan;
    this.core = new Cluster({ seed: plan.seed, epoch: plan.epoch, images: { find: (image) => this.program(image) } });
    const { clock, random } = this.core;
    this.overlayMaster = new OverlayMaster({ vtepNetwork: plan.vtepNetwork, networks: plan.networks });
    this.overlay = this.overlayMaster.directory;
    const [overlay] = DEFAULT_OVERLAY.overlays;
    this.l4lb = new L4lb({ now: () => clock.now });
    this.executor = new DockerExecutor({
      clock,
      random: random.fork('executor'),
      machine: (agentId) => this.agentNodes.get(agentId)?.machine,
      program: (image) => this.program(image),
      report: (status) => this.mesos.statusUpdate(status),
    });
    this.mesos = new MesosMaster({
      clock,
      random: random.fork('mesos'),
      executor: this.executor,
      ...(plan.placementOrder === undefined ? {} : { placementOrder: plan.placementOrder }),
    });
    this.marathon = new Marathon({
      clock,
      random: random.fork('marathon'),
      master: this.mesos,
      defaultNetworkName: overlay.name,
      epoch: plan.epoch,
      probe: (probe) =>
        probeTask(
          {
            marathon: () => this.master().machine.host,
            task: (agentId, taskId) => this.agentNodes.get(agentId)?.machine.namespace(this.executor.containerOf(taskId) ?? ''),
            run: () => this.core.run(),
          },
          probe,
        ),
      ...(plan.marathon === undefined ? {} : { version: plan.marathon }),
      ...(plan.portChooser === undefined ? {} : { portChooser: plan.portChooser }),
    });
    this.events = joinEvents(this);
    const [leader] = plan.masters as readonly [Ipv4, ...Ipv4[]];
    this.mesosDns = new MesosDns({ listeners: [leader], random: random.fork('mesos-dns') });
    this.feed = new MesosFeed({
      clock,
      random: random.fork('polls'),
      master: this.mesos,
      l4lb: this.l4lb,
      gossipDelay: Math.max(...plan.gossipDelays),
      vipsChanged: (event) => this.events.emit('vips', event),
      mesosDns: this.mesosDns,
      version: plan.version,
      leader,
      leaderText: formatIpv4(leader),
      epoch: plan.epoch,
    });
    this.daemonWorld = {
      masters: plan.masters,
      overlay: this.overlay,
      tasks: this.feed.taskZone,
      mesosDns: this.mesosDns,
      nodes: () => this.nodes().map(({ address, name }) => ({ address, hostname: name })),
      now: () => plan.epoch + clock.now,
    };
    this.loadBalancer = new LoadBalancerService({ cluster: this.core, marathon: this.marathon });
    const publicAddresses = plan.publicAgents.slice(0, 1).map((inside) => ({ outside: plan.publicAddress, inside }));
    this.core.add(routerConfig(publicAddresses));
    this.client = this.handle(this.core.add(clientConfig()), CLIENT_ADDRESS);
    for (const address of plan.masters) this.masterNodes.push(this.addNode(address, false));
    for (const master of this.masterNodes) startMesosDnsOn(master.machine, this.daemonWorld);
    for (const address of plan.publicAgents) this.publicIds.push(this.join(address, 'slave_public'));
    for (const address of plan.agents) this.join(address, '*');
    this.followLoadBalancers();
  }

  /**
   * Makes a cluster, with its nodes up and registered.
   * @throws Refusal `bad-option`
   */
  static create(options: DcosOptions = {}): DcosCluster {
    return new DcosCluster(planCluster(options));
  }

  /** Virtual time. */
  get clock(): Clock {
    return this.core.clock;
  }

  /** A master, counted from 0; 0 is the leader. */
  master(index = 0): DcosNode {
    const node = this.masterNodes[index];
    if (node === undefined) throw noSuchNode(`master ${index}`);
    return node;
  }

  /** An agent by its Mesos id or the end of it: `S3`. */
  agent(id: string): DcosNode {
    const node = this.agentNodes.get(id) ?? this.agentNodes.get(`${this.mesos.id}-${id}`);
    if (node === undefined) throw noSuchNode(`agent ${id.slice(0, 60)}`);
    return node;
  }

  /** A public agent, counted from 0. */
  publicAgent(index = 0): DcosNode {
    return this.agent(this.publicIds[index] ?? `public agent ${index}`);
  }

  /** All agents with their Mesos ids, in the order in which they registered. */
  agents(): readonly { readonly id: string; readonly node: DcosNode }[] {
    return [...this.agentNodes].map(([id, node]) => ({ id, node }));
  }

  /** What the overlay's master logged of nodes for which nothing was left. */
  get overlayFailures(): readonly string[] {
    return this.overlayMaster.failures;
  }

  /** Masters and agents. */
  nodes(): readonly DcosNode[] {
    return [...this.masterNodes, ...this.agentNodes.values()];
  }

  /** The machine outside the cluster. */
  get outside(): DcosNode {
    return this.client;
  }

  /**
   * Adds a private agent while the cluster runs; its Mesos id. One that comes back gets its part of the overlay again.
   * @throws Refusal `bad-option`
   */
  addAgent(address: Ipv4): string {
    checkNewAgent(
      address,
      this.nodes().map((node) => node.address),
    );
    return this.join(address, '*');
  }

  /**
   * An agent breaks down: its machine is gone. Others' VIPs lead to it until they next look at all; a VIP of which nothing else is
   * left goes too then, which real ones do not. Mesos knows it after five minutes of pings without answer, and Marathon from Mesos.
   */
  loseAgent(id: string): void {
    const node = this.agent(id);
    const full = [...this.agentNodes].find(([, other]) => other === node)?.[0] ?? id;
    this.executor.forget(this.mesos.tasksOn(full).map(({ info }) => info.taskId));
    this.agentNodes.delete(full);
    this.core.remove(node.name);
    this.gossipDelays.delete(node.name);
    this.mesos.partitionAgent(full);
    this.feed.forget(full);
  }

  /** How far the nodes are from agreeing on VIPs. */
  convergence(): Convergence {
    const nodes = [...this.gossipDelays].map(([name, delay]) => ({ name, delay }));
    return convergenceOf(this.l4lb, nodes, this.feed.lastPoll);
  }

  /** Installs a package; `marathon-lb` is the one there is. */
  install(name: string): void {
    if (name !== 'marathon-lb')
      throw new Refusal({
        component: 'dcos',
        code: 'no-such-package',
        path: name.slice(0, 60),
        message: `Package [${name.slice(0, 60)}] not found`,
      });
    this.marathon.add(MARATHON_LB_APP);
  }

  /** The haproxy.cfg in force on the load balancer; undefined while none runs. */
  get haproxyConfig(): string | undefined {
    return this.loadBalancer.configText;
  }

  /** Lets time pass until nothing but periodic work is left; says whether that came within an hour. */
  settle(): boolean {
    const end = this.clock.now + SETTLE_LIMIT;
    this.core.run();
    while (this.clock.busy && this.clock.nextAt <= end) this.step();
    return !this.clock.busy;
  }

  /** Lets a span pass: milliseconds, or text such as `15s`, `2min`. */
  advance(span: number | string): void {
    const end = this.clock.now + parseDuration(span);
    while (this.clock.nextAt <= end) this.step();
    this.clock.advance(end - this.clock.now);
  }

  /** Runs one event; false if there is none. */
  step(): boolean {
    const stepped = this.clock.step();
    this.core.run();
    return stepped;
  }

  /** The configurations of now: cheap, since they are immutable. */
  snapshot(): DcosSnapshot {
    const view = this.l4lb.view();
    view.catchUp();
    const tasks = [...this.feed.mesosTasks()]
      .filter(({ state }) => state === 'TASK_RUNNING')
      .map(({ id, name }) => [id, name] as const);
    return { ...this.core.snapshot(), ...snapshotVips(view), tasks: new Map(tasks) };
  }

  /** What has changed since a snapshot, machine by machine. */
  diff(before: DcosSnapshot): SnapshotDiff {
    return diffSnapshots(before, this.snapshot());
  }

  private program(image: string) {
    return image.startsWith(MARATHON_LB_IMAGE) ? LoadBalancerService.program : this.plan.images.find(image);
  }

  private join(address: Ipv4, role: '*' | 'slave_public'): string {
    const node = this.addNode(address, true);
    const former = this.mesos.agents().find(({ hostname }) => hostname === formatIpv4(address));
    if (former !== undefined) this.mesos.removeAgent(former.id, 'a new agent registered at the same address');
    const id = `${this.mesos.id}-S${this.agentCount++}`;
    this.agentNodes.set(id, node);
    const { cpus = 8, mem = 16384, disk = 65536, ports = PRIVATE_AGENT_PORTS } = this.plan;
    const info: AgentInfo = {
      id,
      hostname: formatIpv4(address),
      cpus,
      mem,
      disk,
      ports: role === '*' ? ports : PUBLIC_AGENT_PORTS,
      role,
      attributes: role === '*' ? [] : [['public_ip', 'true']],
    };
    this.mesos.addAgent(info);
    return id;
  }

  private addNode(address: Ipv4, agent: boolean): DcosNode {
    const place = this.overlayMaster.register(address, agent);
    const name = hostName(address);
    const config = dcosNode(name, {
      address: { address, prefix: UNDERLAY.prefix },
      gateway: GATEWAY,
      place,
      docker: agent,
      userlandProxy: this.plan.userlandProxy,
      random: this.core.random.fork(`setup ${name}`),
    });
    const machine = this.core.add(config);
    this.share(machine, address);
    return this.handle(machine, address);
  }

  /** Connects a node with the state that its daemons keep for all. */
  private share(machine: Machine, address: Ipv4): void {
    const { gossipDelays } = this.plan;
    const delay = gossipDelays[this.nodeCount++ % gossipDelays.length] ?? 0;
    this.gossipDelays.set(machine.name, delay);
    startDaemons(machine, address, this.vipKernel(this.l4lb.heardAfter(delay), delay), this.daemonWorld);
  }

  private vipKernel(start: number, delay: number): VipKernel {
    const key = `${start} ${delay}`;
    let kernel = this.vipKernels.get(key);
    if (kernel === undefined) {
      kernel = new VipKernel(this.l4lb.view(start, delay));
      this.vipKernels.set(key, kernel);
    }
    return kernel;
  }

  private handle(machine: Machine, address: Ipv4): DcosNode {
    const tools = (node: DcosNode): readonly Tool[] => [
      curl(node),
      httpie(node),
      dig(node),
      dcosCli({
        marathon: this.marathon,
        files: this.files,
        install: (name) => this.install(name),
        nodes: {
          leader: () => this.master(),
          agent: (id) => this.agent(id),
          byAddress: (text) => this.nodes().find((other) => formatIpv4(other.address) === text),
        },
      }),
    ];
    return new DcosNode(machine, address, {
      cluster: this.core,
      random: this.core.random.fork(`person on ${machine.name}`),
      tools,
    });
  }

  private followLoadBalancers(): void {
    this.mesos.events.on('status', (_, { info, state }) => {
      if (info.container?.image?.startsWith(MARATHON_LB_IMAGE) !== true) return;
      const node = this.agentNodes.get(info.agentId);
      if (node === undefined) return;
      if (state === 'TASK_RUNNING') this.loadBalancer.start(info.taskId, node.machine.host);
      else if (state !== 'TASK_STARTING' && state !== 'TASK_STAGING') this.loadBalancer.stop(info.taskId);
    });
  }
}

function noSuchNode(what: string): Refusal {
  return new Refusal({ component: 'cluster', code: 'no-such-node', path: what, message: `there is no ${what}` });
}
