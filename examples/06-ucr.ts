/**
 * The same web server twice on one agent, in Docker and in a container of Mesos' own (the Universal Container Runtime, UCR): which
 * rules and devices each has, and what becomes of a VIP on its backend's own agent, DC/OS issue 2459, which dcos-net mends for UCR
 * only. At last a pod: two containers in one network.
 */
import { perform, type Stage } from './support/stage.ts';

const RUNTIMES = ['DOCKER', 'MESOS'] as const;

/** A UCR app differs from a Docker one in a single word. */
function app(type: (typeof RUNTIMES)[number]) {
  return {
    id: `/httpi-${type.toLowerCase()}`,
    cpus: 0.1,
    mem: 32,
    networks: [{ mode: 'container/bridge' }],
    env: { PORT_HTTP: '3141' },
    container: {
      type,
      docker: { image: 'dcoslabs/httpi' },
      portMappings: [{ containerPort: 3141, hostPort: 0, name: 'http', labels: { VIP_0: `/httpi-${type.toLowerCase()}:3141` } }],
    },
  };
}

const POD = {
  id: '/shop',
  networks: [{ mode: 'container', name: 'dcos' }],
  containers: [
    {
      name: 'web',
      resources: { cpus: 0.1, mem: 32 },
      image: { kind: 'DOCKER', id: 'dcoslabs/httpi' },
      environment: { PORT_HTTP: '3141' },
      endpoints: [{ name: 'http', containerPort: 3141, hostPort: 0, protocol: ['tcp'], labels: { VIP_0: '/shop:80' } }],
    },
    { name: 'sidecar', resources: { cpus: 0.1, mem: 32 }, exec: { command: { shell: 'sleep 100000' } } },
  ],
};

function ucr(stage: Stage): void {
  const { cluster } = stage;
  const [agent] = cluster.agents();
  if (agent === undefined) return;
  const { node } = agent;
  stage.title('7. Docker and the Mesos containerizer');
  stage.tell('One agent. dockerd runs with --userland-proxy=false, so that nothing hides what the rules do.');
  for (const type of RUNTIMES) cluster.marathon.add(app(type));
  cluster.settle();
  stage.tell('Docker knows of one of the two containers:');
  stage.on(node, 'docker ps --format "{{.Image}} {{.Ports}}"');
  stage.tell('Each has a chain of its own, the one Docker’s, the other mesos-cni-port-mapper’s, and a bridge:');
  stage.on(node, 'sudo iptables -t nat -S DOCKER');
  stage.on(node, 'sudo iptables -t nat -S UCR-DEFAULT-BRIDGE');
  stage.on(node, 'ip address show ucr-br0');
  stage.tell(
    'In the table of their own agent the VIPs differ: Docker’s leads to the host port, Mesos’ straight into the container.',
  );
  stage.on(node, 'sudo ipvsadm -Ln');
  stage.tell(
    'A packet that IPVS has sent to a port of this very agent meets no DNAT rule any more; one to the container needs none.',
  );
  for (const { id } of cluster.marathon.apps()) {
    const { status, failure } = node.http(`http://${id.slice(1)}.marathon.l4lb.thisdcos.directory:3141`);
    stage.tell(`${id}: ${failure ?? status}`);
  }

  stage.title('A pod');
  stage.tell('Two containers, one network: the sidecar finds the web server at localhost.');
  cluster.marathon.addPod(POD);
  cluster.settle();
  const [web, sidecar] = cluster.marathon.tasks('/shop');
  const variables = (web?.info.env ?? []).filter(([name]) => /^E(NDPOINT|P)_/.test(name)).map((pair) => pair.join('='));
  stage.tell(variables.join('\n'));
  stage.tell(`localhost: ${node.container(sidecar?.id ?? '').http('http://127.0.0.1:3141').body}`);
  stage.on(node, 'sudo iptables -t nat -S M-DCOS');
  stage.on(node, 'curl -s http://shop.marathon.l4lb.thisdcos.directory');
}

if (require.main === module) {
  perform(ucr, { seed: 2019, agents: 1, publicAgents: 0, userlandProxy: false });
}
