/** What the playground does: one app on a small cluster, questions typed at its nodes, requests followed. */
import { DcosCluster, type DcosNode, formatIpv4, Refusal, Trace } from 'portolan';

/** A task as the playground lists it. */
export interface PlayedTask {
  readonly id: string;
  readonly agent: string;
  readonly host: string;
  readonly ports: string;
  readonly addresses: string;
}

/** A cluster on which the app of the page runs, or waits. */
export interface Play {
  readonly nodes: readonly string[];
  readonly tasks: readonly PlayedTask[];
  /** Why it waits, if it does. */
  readonly waits: readonly string[];
  /** Types a line at a node; what is printed, refusals included. */
  type(node: string, line: string): string;
  /** Makes a request from a node; its answer, and the way of its first TCP packet. */
  follow(node: string, url: string): { readonly answer: string; readonly way: string };
}

/**
 * Starts a cluster and the app.
 * @throws Refusal of Marathon's
 */
export function play(definition: string, seed: number): Play {
  const cluster = DcosCluster.create({ seed, masters: 1, agents: 3, publicAgents: 1 });
  cluster.marathon.add(definition);
  cluster.settle();
  const nodes = new Map<string, DcosNode>([
    ['master', cluster.master()],
    ...cluster.agents().map(({ id, node }) => [`agent ${id.slice(id.lastIndexOf('-') + 1)}`, node] as const),
    ['outside', cluster.outside],
  ]);
  const at = (name: string): DcosNode => nodes.get(name) ?? cluster.master();
  return {
    nodes: [...nodes.keys()],
    tasks: cluster.marathon.tasks().map(({ id, slaveId, host, ports, ipAddresses }) => ({
      id,
      agent: slaveId.slice(slaveId.lastIndexOf('-') + 1),
      host,
      ports: ports.join(', '),
      addresses: ipAddresses.map(formatIpv4).join(', '),
    })),
    waits: cluster.marathon.queue().flatMap(({ reasons }) => reasons),
    type: (node, line) =>
      told(() => {
        const { stdout, stderr } = at(node).shell(line);
        return stdout + stderr;
      }),
    follow: (node, url) => {
      let way = '';
      const answer = told(() => {
        const { failure, body, trace } = at(node).http(url);
        way = firstPacket(trace);
        return failure ?? body;
      });
      return { answer, way };
    },
  };
}

/** What an action says, or what refused it. */
export function told(action: () => string): string {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return `${error.component}${error.path === '' ? '' : ` at ${error.path}`}: ${error.message}`;
  }
}

/** The hops of the first TCP packet, until it ends somewhere. */
function firstPacket({ hops }: Trace): string {
  const tcp = hops.findIndex(({ packet }) => packet.protocol === 6);
  if (tcp < 0) return '';
  const answered = hops.findIndex(({ packet }, i) => i > tcp && packet.protocol === 6 && packet.acknowledgement !== 0);
  const way = new Trace();
  way.hops.push(...hops.slice(tcp, answered < 0 ? hops.length : answered));
  return way.print();
}
