/** Bridge mode and a named VIP: from a DNS name through IPVS, DNAT, docker0 and a veth pair to a container. */
import type { HttpReply } from 'portolan';
import { appFile, lines, perform, type Stage } from './support/stage.ts';

export function bridgeAndVip(stage: Stage): void {
  const { cluster } = stage;
  const master = cluster.master();
  stage.title('2. Container/bridge mode and load balancing by dcos-net');
  stage.tell('Five instances behind one virtual address, asked for by the label VIP_0 = /httpi:3141.');
  stage.redeploy('httpi_bridge.json', appFile('httpi-2-bridge-vip'));
  stage.tell('Its name resolves to an address that no interface has; dcos-net computes it from the name.');
  stage.on(master, 'dig +short httpi.marathon.l4lb.thisdcos.directory');
  stage.on(master, 'curl http://httpi.marathon.l4lb.thisdcos.directory:3141');
  stage.tell('Every node has the same virtual service:');
  stage.on(master, 'sudo ipvsadm -Ln');
  stage.tell('Mesos-DNS lists the same ports:');
  stage.on(master, 'dig +short _httpi._tcp.marathon.mesos SRV');
  stage.operator("dcos marathon app show /httpi | jq -r '.tasks[].slaveId'");

  const agent = busiest(stage);
  const node = cluster.agent(agent);
  stage.tell(`On agent ${agent}, the containers, their ends of the bridge, and their addresses:`);
  stage.on(node, 'sudo docker ps --format "table {{.Names}}\\t{{.Status}}"');
  stage.on(node, 'sudo bridge li');
  const [name = ''] = stage.containers(node);
  const [network = ''] = lines(
    stage.on(node, `sudo docker inspect ${name} | jq -r '.[].NetworkSettings.Networks.bridge.NetworkID'`),
  );
  stage.on(node, `sudo docker network inspect ${network} | jq -r '.[].Containers'`);
  stage.tell("Docker's rules lead from the agent's ports to the containers':");
  stage.on(node, 'sudo iptables -n -t nat -L DOCKER');

  stage.tell('Where one request went, as far as its first packet: IPVS, the underlay, DNAT, docker0, the container.');
  stage.tell(firstPacket(master.http('http://httpi.marathon.l4lb.thisdcos.directory:3141')));
  stage.tell('Eight more requests: wlc takes the server with the fewest connections for its weight.');
  for (let i = 0; i < 8; i++) master.http('http://httpi.marathon.l4lb.thisdcos.directory:3141', { trace: false });
  stage.on(master, 'sudo ipvsadm -Ln');
}

/** The agent with most tasks; of equals the last. */
function busiest(stage: Stage): string {
  const counts = stage.busyAgents().map((id) => ({ id, tasks: stage.containers(stage.cluster.agent(id)).length }));
  return counts.reduce((best, next) => (next.tasks >= best.tasks ? next : best)).id;
}

/** The hops of the SYN, until a socket takes it. */
function firstPacket(reply: HttpReply): string {
  const { hops } = reply.trace;
  const start = hops.findIndex(({ packet }) => packet.protocol === 6);
  const end = hops.findIndex(({ steps }, i) => i > start && steps.some(({ action }) => action === 'delivered'));
  const text = reply.trace.print().split('\n');
  const starts = text.flatMap((line, i) => (line.startsWith(' ') ? [] : [i]));
  return text.slice(starts[start], starts[end + 1]).join('\n');
}

if (require.main === module) perform(bridgeAndVip);
