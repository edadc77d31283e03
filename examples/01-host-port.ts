/** Host mode: Marathon chooses a port of the agent, tells the program by $PORT_HTTP, and that is all there is to it. */
import { appFile, lines, perform, type Stage } from './support/stage.ts';

export function hostPort(stage: Stage): void {
  const { cluster } = stage;
  stage.title('1. Host mode networking');
  stage.tell('One instance on the network of its agent. Port 0: Marathon chooses one of those the agent offers.');
  stage.redeploy('httpi_host.json', appFile('httpi-1-host'));
  const [port = ''] = lines(stage.operator("dcos marathon app show /httpi | jq -r '.tasks[].ports[]'"));
  stage.operator("dcos marathon app show /httpi | jq -r '.tasks[].ipAddresses[]'");
  const [address = ''] = lines(cluster.outside.shell("dcos marathon app show /httpi | jq -r '.tasks[].host'").stdout);
  stage.tell('From the master:');
  stage.on(cluster.master(), `curl http://${address}:${port}`);
  const [agent = ''] = stage.busyAgents();
  const node = cluster.agent(agent);
  stage.tell(`What Marathon told the container, on agent ${agent}:`);
  const [name = ''] = stage.containers(node);
  stage.on(node, `sudo docker inspect ${name} | jq -r '.[].Config.Env[]'`);
  stage.on(node, `sudo docker inspect ${name} | jq -r '.[].HostConfig.NetworkMode'`);
}

if (require.main === module) perform(hostPort);
