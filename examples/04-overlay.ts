/** Container mode: every container has an address of its own on the overlay, and VXLAN carries it between agents. */
import type { HttpReply, Trace } from 'portolan';
import { appFile, lines, perform, type Stage } from './support/stage.ts';

export function overlay(stage: Stage): void {
  const { cluster } = stage;
  stage.title('4. Container mode networking: the overlay dcos');
  stage.redeploy('httpi_overlay.json', appFile('httpi-4-container-overlay'));
  stage.tell("Five addresses, out of the agents' own halves of their /24s:");
  const addresses = lines(stage.operator("dcos marathon app show /httpi | jq -r '.tasks[].ipAddresses[].ipAddress'"));
  const agents = stage.busyAgents();
  const agent = agents.length > 1 ? (agents[1] ?? '') : (agents[0] ?? '');
  const node = cluster.agent(agent);
  stage.tell(`A container on agent ${agent}: gateway, address, and the MAC address that is made of it.`);
  const names = stage.containers(node);
  const name = names[Math.floor(names.length / 2)] ?? '';
  stage.on(node, `sudo docker inspect ${name} | jq -r '.[].NetworkSettings.Networks.dcos'`);
  stage.tell('The way to the other agents leads through the tunnel:');
  stage.on(node, 'ip route');
  stage.on(node, 'bridge fdb show dev vtep1024');

  stage.tell('The VIP works as before, now with the containers themselves as real servers:');
  stage.on(cluster.master(), 'curl http://httpi.marathon.l4lb.thisdcos.directory:3141');
  stage.on(cluster.master(), 'sudo ipvsadm -Ln');

  const own = cluster.marathon.tasks('/httpi').find(({ slaveId }) => slaveId.endsWith(`-${agent}`));
  const ownSubnet = addresses.find((address) =>
    node.shell('ip route').stdout.includes(`${address.split('.').slice(0, 3).join('.')}.128/25`),
  );
  const far = addresses.find((address) => address.split('.')[2] !== ownSubnet?.split('.')[2]);
  if (own === undefined || far === undefined) {
    stage.tell('All containers came to one agent this time: nothing crosses the tunnel.');
    return;
  }
  stage.tell(`From that container to ${far}, which lives on another agent: the first packet, step by step.`);
  const reply = node.container(name).http(`http://${far}:3141`);
  stage.tell(firstPacket(reply));
  stage.tell(`It was answered: ${reply.body}`);
}

function firstPacket(reply: HttpReply): string {
  const end = delivery(reply.trace);
  const text = reply.trace.print().split('\n');
  const starts = text.flatMap((line, i) => (line.startsWith(' ') ? [] : [i]));
  return text.slice(0, starts[end + 1]).join('\n');
}

/** The hop in which a web server takes the first packet. */
function delivery(trace: Trace): number {
  return trace.hops.findIndex(({ packet, steps }) => packet.protocol === 6 && steps.some(({ action }) => action === 'delivered'));
}

if (require.main === module) perform(overlay);
