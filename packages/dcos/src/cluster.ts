/**
 * A DC/OS cluster: masters, agents, what runs on them, and the way between them. Put together of the machines of core,
 * the scheduler's Mesos and Marathon, and DC/OS's own daemons. Nodes stand ready when the cluster is made; gossip between
 * dcos-nets takes as long as the options say.
 */
import { type Clock, Cluster, DEFAULT_OVERLAY, formatIpv4, type Ipv4, type Machine, Refusal, type Tool } from '@portolan/core';
import { Marathon, MesosMaster } from '@portolan/scheduler';
import type { EventEmitter } from 'eventemitter3';
import { type DcosSnapshot, diffSnapshots, type SnapshotDiff } from './cluster-diff.ts';
import { type DcosEvents, joinEvents } from './cluster-events.ts';
import { agentInfo, type ClusterPlan, checkNewAgent, type DcosOptions, planCluster } from './cluster-options.ts';
import { type Convergence, convergenceOf } from './convergence.ts';
import { parseDuration } from './duration.ts';
import type { EdgeLb } from './edge-lb/edge-lb.ts';
import { LoadBalancers, loadBalancerProgram } from './load-balancers.ts';
import { Masters } from './masters.ts';
import { MesosDns } from './mesos-dns/mesos-dns.ts';
import { MesosFeed } from './mesos-feed.ts';
import { type DaemonWorld, startDaemons, startMesosDnsOn } from './node/daemons.ts';
import { TaskExecutor } from './node/executor.ts';
import { getFromTask, probeTask } from './node/health-probe.ts';
import { MesosServices } from './node/mesos-service.ts';
import { newNode } from './node/new-node.ts';
import { DcosNode } from './node/node.ts';
import { ClusterVips } from './node/node-vips.ts';
import { CLIENT_ADDRESS, clientConfig, routerConfig } from './outside.ts';
import type { ModuleState } from './overlay/agent-module.ts';
import type { OverlayDirectory } from './overlay/directory.ts';
import { type OverlayRegistration, registrationOf } from './overlay/registration.ts';
import { curl, httpie } from './tools/curl.ts';
import { dcosCli } from './tools/dcos.ts';
import { dig } from './tools/dig.ts';
import { snapshotVips } from './vip-snapshot.ts';
import { L4lb } from './vips/l4lb.ts';

/** Longest {@link DcosCluster.settle} runs: a waiting app does not keep it, a crashing one would. */
const SETTLE_LIMIT = 3_600_000;
/** Milliseconds until systemd starts an agent's Mesos process again (RestartSec of dcos-mesos-slave.service). */
const AGENT_RESTART_DELAY = 5000;

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
  private readonly executor: TaskExecutor;
  private readonly feed: MesosFeed;
  private readonly registration: OverlayRegistration;
  private readonly masters: Masters;
  private readonly masterNodes: DcosNode[] = [];
  private readonly agentNodes = new Map<string, DcosNode>();
  private readonly publicIds: string[] = [];
  private readonly vips: ClusterVips;
  /** In how many milliseconds each node hears of a change of VIPs. */
  private readonly gossipDelays = new Map<string, number>();
  private nodeCount = 0;
  private readonly daemonWorld: DaemonWorld;
  private readonly services: MesosServices;
  private readonly client: DcosNode;
  private readonly loadBalancers: LoadBalancers;
  private agentCount = 0;

  private constructor(plan: ClusterPlan) {
    this.plan = plan;
    this.core = new Cluster({ seed: plan.seed, epoch: plan.epoch, images: { find: (image) => this.program(image) } });
    const { clock, random } = this.core;
    this.registration = registrationOf(plan, {
      clock,
      random: random.fork('overlay'),
      gossipDelay: Math.max(...plan.gossipDelays),
      happened: (event) => this.events.emit('overlay', event),
    });
    this.overlay = this.registration.directory;
    this.masters = new Masters(plan.masters, {
      clock,
      lost: () => this.registration.masterLost(),
      elected: (leader) => {
        this.events.emit('leader', leader);
        this.registration.masterElected();
        this.feed.refresh();
      },
    });
    this.l4lb = new L4lb({ now: () => clock.now });
    this.vips = new ClusterVips(this.l4lb);
    this.executor = new TaskExecutor({
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
    const checks = {
      marathon: () => this.master().machine.host,
      task: (agentId: string, taskId: string) =>
        this.agentNodes.get(agentId)?.machine.namespace(this.executor.containerOf(taskId) ?? ''),
      run: () => this.core.run(),
    };
    this.marathon = new Marathon({
      clock,
      random: random.fork('marathon'),
      master: this.mesos,
      defaultNetworkName: DEFAULT_OVERLAY.overlays[0].name,
      epoch: plan.epoch,
      probe: (probe) => probeTask(checks, probe),
      get: (probe) => getFromTask(checks, probe),
      ...(plan.marathon === undefined ? {} : { version: plan.marathon }),
      ...(plan.portChooser === undefined ? {} : { portChooser: plan.portChooser }),
    });
    this.events = joinEvents(this);
    this.mesosDns = new MesosDns({ listeners: plan.masters.slice(0, 1), random: random.fork('mesos-dns') });
    this.feed = new MesosFeed({
      clock,
      random: random.fork('polls'),
      master: this.mesos,
      l4lb: this.l4lb,
      gossipDelay: Math.max(...plan.gossipDelays),
      vipsChanged: (event) => this.events.emit('vips', event),
      portMappings: (agent, mappings) => this.vips.setPortMappings(agent, mappings),
      mesosDns: this.mesosDns,
      version: plan.version,
      masters: () => this.masters.listed,
      epoch: plan.epoch,
    });
    this.daemonWorld = {
      masters: plan.masters,
      leader: () => this.masters.leader,
      tasks: this.feed.taskZone,
      mesosDns: this.mesosDns,
      nodes: () => this.nodes().map(({ address, name }) => ({ address, hostname: name })),
      now: () => plan.epoch + clock.now,
    };
    const { mesos, marathon, registration: overlay } = this;
    const { leader, now } = this.daemonWorld;
    this.services = new MesosServices({ mesos, marathon, overlay, leader, now, epoch: plan.epoch });
    this.loadBalancers = new LoadBalancers({
      cluster: this.core,
      marathon,
      mesos,
      random: random.fork('edge-lb'),
      tasks: () => this.feed.mesosTasks(),
      host: (agentId) => this.agentNodes.get(agentId)?.machine.host,
    });
    const publicAddresses = plan.publicAgents.slice(0, 1).map((inside) => ({ outside: plan.publicAddress, inside }));
    this.core.add(routerConfig(publicAddresses));
    this.client = this.handle(this.core.add(clientConfig()), CLIENT_ADDRESS);
    for (const address of plan.masters) this.masterNodes.push(this.addNode(address, false, true));
    for (const master of this.masterNodes) startMesosDnsOn(master.machine, this.daemonWorld);
    for (const master of this.masterNodes) this.services.serveMaster(master.machine, master.address);
    for (const address of plan.publicAgents) this.publicIds.push(this.join(address, 'slave_public', true));
    for (const address of plan.agents) this.join(address, '*', true);
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

  /** The master that leads, or led last: the first, until one is restarted. */
  get leader(): DcosNode {
    const { leader } = this.masters;
    return this.masterNodes.find(({ address }) => address === leader) ?? this.master();
  }

  /** A master, counted from 0. */
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

  /** What the overlay modules of masters logged of nodes for which something was not left. */
  get overlayFailures(): readonly string[] {
    return this.registration.failures;
  }

  /** What an agent's overlay module knows: its overlays, how far each is configured, and whether it is registered. */
  overlayModule(id: string): ModuleState | undefined {
    return this.registration.module(this.agent(id).address);
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
   * Adds a private agent while the cluster runs; its Mesos id. It registers for its part of the overlays, and one that
   * comes back gets what it had; its tunnel is up after dcos-net's next poll, half a minute later.
   * @throws Refusal `bad-option`
   */
  addAgent(address: Ipv4): string {
    checkNewAgent(
      address,
      this.nodes().map((node) => node.address),
    );
    return this.join(address, '*', false);
  }

  /**
   * A master's Mesos process ends, and is started again a quarter of a minute later. If it led, another one leads from then
   * on, if there is one; the new leader knows of the overlays what the replicated log holds, and all nodes register again.
   * Offers and tasks go on as if nothing had happened.
   */
  restartMaster(index = 0): void {
    this.masters.restart(this.master(index).address);
  }

  /** An agent's Mesos process is started again: its tasks run on, its overlay module registers again and gets what it had. */
  restartAgent(id: string): void {
    this.registration.restart(this.agent(id).address, AGENT_RESTART_DELAY);
  }

  /**
   * An agent breaks down: its machine is gone. Others' VIPs lead to it until they next look at all; those of which nothing else is
   * left go on leading there. Mesos knows it after five minutes of pings without answer, and Marathon from Mesos.
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
    this.registration.stop(node.address);
  }

  /** How far the nodes are from agreeing on VIPs. */
  convergence(): Convergence {
    const nodes = [...this.gossipDelays].map(([name, delay]) => ({ name, delay }));
    return convergenceOf(this.l4lb, nodes, this.feed.lastPoll);
  }

  /** Installs a package; `marathon-lb` is the one there is. */
  install(name: string): void {
    this.loadBalancers.install(name);
  }

  /** The haproxy.cfg in force on the load balancer; undefined while none runs. */
  get haproxyConfig(): string | undefined {
    return this.loadBalancers.marathonLb.configText;
  }

  /** Edge-LB, whose pools are load balancers by explicit configuration. */
  get edgeLb(): EdgeLb {
    return this.loadBalancers.edgeLb;
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
    return loadBalancerProgram(image) ?? this.plan.images.find(image);
  }

  private join(address: Ipv4, role: '*' | 'slave_public', settled: boolean): string {
    const node = this.addNode(address, true, settled);
    const former = this.mesos.agentAt(formatIpv4(address));
    if (former !== undefined) this.mesos.removeAgent(former, 'a new agent registered at the same address');
    const id = `${this.mesos.id}-S${this.agentCount++}`;
    this.agentNodes.set(id, node);
    this.services.serveAgent(node.machine, address, id);
    this.mesos.addAgent(agentInfo(this.plan, id, address, role));
    return id;
  }

  /** @param settled whether the node has been up for long: its part of the overlays is there */
  private addNode(address: Ipv4, agent: boolean, settled: boolean): DcosNode {
    const { core, registration } = this;
    const { machine, host } = newNode({ core, registration, address, agent, settled, userlandProxy: this.plan.userlandProxy });
    this.share(machine, address);
    if (!settled) registration.start(host);
    return this.handle(machine, address);
  }

  /** Connects a node with the state that its daemons keep for all. */
  private share(machine: Machine, address: Ipv4): void {
    const { gossipDelays } = this.plan;
    const delay = gossipDelays[this.nodeCount++ % gossipDelays.length] ?? 0;
    this.gossipDelays.set(machine.name, delay);
    startDaemons(machine, address, this.vips.start(address, delay), this.overlay.view(address, delay), this.daemonWorld);
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
          leader: () => this.leader,
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
}

function noSuchNode(what: string): Refusal {
  return new Refusal({ component: 'cluster', code: 'no-such-node', path: what, message: `there is no ${what}` });
}
