import { DcosCluster } from '@portolan/dcos';
import { parseCidr, parseIpv4 } from '@portolan/core';
const at = DcosCluster.create({ seed: 1, agents: 1000, publicAgents: 0, vtepNetwork: parseCidr('44.0.0.0/8'), cpus: 64, mem: 262144 });
function app(id: string, instances: number) { return { id, instances, cpus: 0.1, mem: 32, networks: [{ mode: 'container/bridge' }], container: { type: 'DOCKER', docker: { image: 'dcoslabs/httpi' }, portMappings: [{ name: 'http', labels: { VIP_0: `${id}:3141` } }] } }; }
if (process.argv[2] === 'place') {
  for (let i = 0; i < 500; i++) at.marathon.add(app(`/app-${i}`, 20));
  at.settle();
} else {
  at.marathon.add(app('/httpi', 20)); at.settle();
  const client = at.master().machine.host;
  const request = 'GET / HTTP/1.1\r\nHost: httpi.marathon.l4lb.thisdcos.directory:3141\r\nUser-Agent: bench\r\n\r\n';
  for (let i = 0; i < 60000; i++) { client.sockets.connect({ address: parseIpv4('11.249.78.219'), port: 3141 }, { connected: (s) => s.write(request), received: (s) => s.close() }); at.core.run(); if (i % 2000 === 0) at.advance(300000); }
}
