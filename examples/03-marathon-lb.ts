/** Marathon-LB on a public agent: labels become HAProxy's configuration, and the outside world is answered. */
import { appFile, lines, perform, type Stage } from './support/stage.ts';

export function marathonLb(stage: Stage): void {
  const { cluster } = stage;
  stage.title('3. Load balancing with Marathon-LB');
  stage.operator('dcos package install marathon-lb --yes');
  cluster.settle();
  stage.tell('The definition has labels now: HAPROXY_GROUP, HAPROXY_0_MODE, HAPROXY_0_PORT.');
  stage.redeploy('httpi_lb.json', appFile('httpi-3-bridge-marathon-lb'));
  stage.tell("What Marathon-LB has made of them, in the public agent's haproxy.cfg:");
  stage.tell(sectionsOf(cluster.haproxyConfig ?? '', 'httpi_3141'));
  stage.tell('A client outside the cluster, at the public address:');
  stage.on(cluster.outside, 'http 93.186.40.121:3141');
}

function sectionsOf(config: string, name: string): string {
  return config
    .split('\n\n')
    .filter((section) => lines(section)[0]?.endsWith(` ${name}`))
    .join('\n\n')
    .trimEnd();
}

if (require.main === module) perform(marathonLb);
