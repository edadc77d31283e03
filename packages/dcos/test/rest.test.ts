import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { DcosCluster } from '../src/index.ts';

const cluster = DcosCluster.create({ seed: 7, agents: 3 });
cluster.marathon.add(
  JSON.parse(readFileSync(new URL('../../../examples/apps/httpi-2-bridge-vip.json', import.meta.url), 'utf8')),
);
cluster.settle();

const get = (path: string) => cluster.master().http(`http://127.0.0.1:62080${path}`);

test("dcos-net's REST interface lists VIPs with their backends, on every node the same", () => {
  const ends = cluster.marathon.tasks('/httpi').map(({ host, ports }) => ({ ip: host, port: ports[0] }));
  const vips = [{ vip: 'httpi.marathon.l4lb.thisdcos.directory:3141', protocol: 'tcp', backend: expect.arrayContaining(ends) }];
  expect(JSON.parse(get('/v1/vips').body)).toEqual(vips);
  const [agent] = cluster.agents();
  expect(JSON.parse(agent?.node.http('http://127.0.0.1:62080/v1/vips').body ?? '')).toEqual(vips);
  expect(JSON.parse(get('/v1/vips').body)[0].backend).toHaveLength(5);
});

test('hosts, services, nodes, records; config and enumerate are not implemented', () => {
  const name = 'httpi.marathon.l4lb.thisdcos.directory';
  expect(JSON.parse(get(`/v1/hosts/${name}`).body)).toEqual([{ host: name, ip: '11.249.78.219' }]);
  const services = JSON.parse(get('/v1/services/_httpi._tcp.marathon.mesos.thisdcos.directory').body);
  expect(services).toHaveLength(5);
  expect(services[0].ip).toMatch(/^172\.16\./);
  const nodes = JSON.parse(get('/v1/nodes').body);
  expect(nodes).toHaveLength(5);
  expect(nodes[0]).toMatchObject({ private_ip: '172.16.0.11', updated: expect.stringMatching(/^2019-07-22T/) });
  expect(JSON.parse(get('/v1/records').body)).toContainEqual({ name, host: '11.249.78.219', rtype: 'A' });
  expect(['/v1/config', '/v1/enumerate', '/v1/nope', '/'].map((path) => get(path).status)).toEqual([501, 501, 404, 404]);
  expect(cluster.master().http('http://127.0.0.1:62080/v1/vips', { method: 'DELETE' }).status).toBe(405);
  expect(
    cluster.agents()[0]?.node.http(`http://${cluster.master().name.slice(3).replaceAll('-', '.')}:62080/v1/vips`).failure,
  ).toBe('ECONNREFUSED');
});

test("Mesos-DNS' HTTP interface answers on a master from anywhere in the cluster", () => {
  const reply = cluster.agents()[0]?.node.http('http://leader.mesos:8123/v1/hosts/leader.mesos');
  expect(JSON.parse(reply?.body ?? '')).toEqual([{ host: 'leader.mesos.', ip: '172.16.0.11' }]);
});
