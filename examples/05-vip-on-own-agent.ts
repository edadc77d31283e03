/**
 * A known trap of DC/OS (its issues 2459 and 2467): a VIP that reaches the backends on other agents, but not the one on
 * the agent where the client stands. IPVS chooses `agent:port` when a packet has left PREROUTING behind; a packet for
 * another agent meets PREROUTING there, and Docker's DNAT rule; one for this agent meets it nowhere.
 */
import { parseArgs } from 'node:util';
import { DcosCluster, type DcosNode, formatIpv4, type HttpReply } from 'portolan';

const APP = {
  id: '/httpi',
  instances: 3,
  cpus: 0.1,
  mem: 32,
  constraints: [['hostname', 'UNIQUE']],
  networks: [{ mode: 'container/bridge' }],
  container: {
    type: 'DOCKER',
    docker: { image: 'dcoslabs/httpi' },
    portMappings: [{ name: 'http', labels: { VIP_0: '/httpi:3141' } }],
  },
};
const VIP = '11.249.78.219:3141';
const URL = 'http://httpi.marathon.l4lb.thisdcos.directory:3141';

function main(): void {
  const { values } = parseArgs({ options: { seed: { type: 'string', default: '2019' } } });
  const seed = Number(values.seed);
  title('6. The VIP on the backend’s own agent');
  tell('Three instances, one on each agent, behind one virtual address. dockerd runs with --userland-proxy=false.');
  const cluster = start(seed, false);
  const [first] = cluster.agents();
  if (first === undefined) return;
  const { node } = first;
  on(node, 'sudo ipvsadm -Ln');
  tell('The same request three times, from this agent: wlc takes one server after the other.');
  const replies = [1, 2, 3].map(() => ask(node));
  tell('The first packet of the one that failed. IPVS has chosen this agent’s own port after nat PREROUTING and OUTPUT:');
  const refused = replies.find(({ failure }) => failure !== undefined);
  if (refused !== undefined) tell(firstPacket(refused));
  tell('The rule that would have led on to the container stands where nobody came by. It has counted nothing of this agent:');
  on(node, 'sudo iptables -t nat -nvL DOCKER');
  tell('On another agent the packet comes in from outside, meets PREROUTING and that agent’s DOCKER chain:');
  const answered = replies.find(({ failure }) => failure === undefined);
  if (answered !== undefined) tell(firstPacket(answered));

  tell('The remedy: in the table of its own agent a backend stands by its container’s address. By hand:');
  const own = ownBackend(node);
  const rules = node.shell('iptables -t nat -S DOCKER').stdout;
  const inside = /--to-destination (\S+)/.exec(rules)?.[1] ?? '';
  on(node, `sudo ipvsadm -d -t ${VIP} -r ${own}`);
  on(node, `sudo ipvsadm -a -t ${VIP} -r ${inside} -m`);
  for (let i = 0; i < 3; i++) ask(node);

  title('With docker-proxy');
  tell('Docker’s default hides the trap: a process listens on every published port and passes on what comes to it.');
  const other = start(seed, true);
  const [same] = other.agents();
  if (same === undefined) return;
  for (let i = 0; i < 3; i++) ask(same.node);
}

function start(seed: number, userlandProxy: boolean): DcosCluster {
  const cluster = DcosCluster.create({ seed, agents: 3, publicAgents: 0, userlandProxy });
  cluster.marathon.add(APP);
  cluster.settle();
  return cluster;
}

/** Asks the VIP; says which server IPVS chose and what came of it. */
function ask(node: DcosNode): HttpReply {
  const reply = node.http(URL);
  const choices = reply.trace.hops.flatMap(({ steps }) => steps.flatMap((step) => (step.action === 'ipvs' ? [step.text] : [])));
  const chosen = / goes to (\S+)/.exec(choices.find((text) => text.includes(' goes to ')) ?? '')?.[1] ?? 'none';
  process.stdout.write(`  ${chosen.padEnd(21)} ${reply.failure ?? reply.body.trim()}\n`);
  return reply;
}

/** The backend that is this agent's own, as its table has it. */
function ownBackend(node: DcosNode): string {
  const own = formatIpv4(node.address);
  const rows = node.shell('ipvsadm -Ln').stdout.split('\n');
  return rows.map((row) => row.trim().split(/ +/)[1] ?? '').find((end) => end.startsWith(`${own}:`)) ?? '';
}

/** The hops of the SYN, until a socket takes or refuses it. */
function firstPacket({ trace }: HttpReply): string {
  const ends = ['delivered', 'no-listener', 'rejected'];
  const start = trace.hops.findIndex(({ packet }) => packet.protocol === 6);
  const end = trace.hops.findIndex(({ steps }, i) => i >= start && steps.some(({ action }) => ends.includes(action)));
  const text = trace.print().split('\n');
  const starts = text.flatMap((line, i) => (line.startsWith(' ') ? [] : [i]));
  return text
    .slice(starts[start], starts[end + 1])
    .join('\n')
    .trimEnd();
}

function on(node: DcosNode, line: string): void {
  const { stdout, stderr } = node.shell(line);
  process.stdout.write(`[centos@${node.name} ~]$ ${line}\n${stdout}${stderr}`);
}

function title(text: string): void {
  process.stdout.write(`\n${text}\n${'='.repeat(text.length)}\n`);
}

function tell(text: string): void {
  process.stdout.write(`\n${text}\n`);
}

if (require.main === module) main();
