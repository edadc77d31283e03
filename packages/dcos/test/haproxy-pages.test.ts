import { readFileSync } from 'node:fs';
import { httpServer } from '@portolan/core';
import { expect, test } from 'vitest';
import { DcosCluster } from '../src/cluster.ts';
import { readHaproxyConfig } from '../src/haproxy/haproxy.ts';
import { Haproxy } from '../src/haproxy/process.ts';

const RECORDED = new URL('../../conformance/recorded/', import.meta.url);
const recorded = (path: string) => readFileSync(new URL(path, RECORDED), 'utf8');
const SERVERS = ['172.16.15.168', '172.16.17.198', '172.16.40.67'];

/** The post's configuration on the public agent, perhaps changed, and a server wherever the original says there is one. */
function post(change: (text: string) => string = (text) => text) {
  const cluster = DcosCluster.create({ agents: SERVERS });
  const original = recorded('marathon-lb/01-post-bridge/output.cfg');
  const text = change(original);
  const answer = { status: 200, reason: 'OK', headers: [['Content-Length', '2']] as const, body: 'pi' };
  for (const { address, port } of readHaproxyConfig(original).backends.get('httpi_3141')?.servers ?? []) {
    const node = cluster.agents().find((agent) => agent.node.address === address)?.node;
    node?.machine.host.sockets.listen({ address: 0, port, program: 'httpi' }, () => httpServer(() => answer));
  }
  const proxy = new Haproxy(cluster.publicAgent().machine.host, cluster.clock);
  proxy.load({ text, haproxy: readHaproxyConfig(text) });
  const get = (path: string, port = 9090) => cluster.outside.http(`http://93.186.40.121:${port}${path}`, { trace: false });
  return { cluster, text, get };
}

function columns(csv: string, names: readonly string[]): string {
  const [head = '', ...rows] = csv.trimEnd().split('\n');
  const known = head.replace('# ', '').split(',');
  const picked = rows.map((row) => names.map((name) => row.split(',')[known.indexOf(name)]).join(','));
  return picked.filter((row) => row.startsWith('httpi_3141,')).join('\n');
}

test.each(['2.0.0', '2.6.12'])("the post's twelve requests in the statistics, as HAProxy %s showed them", (version) => {
  const { get } = post();
  for (let i = 0; i < 12; i++) expect(get('/', 3141).status).toBe(200);
  const [head = '', ...rows] = recorded(`marathon-lb-live/post-stat-${version}.txt`).trim().split('\n');
  const names = head.replace('# ', '').split(',');
  expect(columns(get('/haproxy?stats;csv').body, names)).toBe(rows.join('\n'));
  expect(get('/haproxy?stats').body).toContain('<td>httpi_3141</td><td>BACKEND</td>');
});

test('a server that fails its checks is on its way down, then down, and so is its backend', () => {
  const gone = (text: string) =>
    text
      .replace(/^ {2}server (?!172_16_40_67_7143 ).*\n/gm, '')
      .replace('172.16.40.67:7143 id 1919', '172.16.40.67:7144 id 1919 check inter 10s fall 3');
  const { cluster, get } = post(gone);
  const status = () => columns(get('/haproxy?stats;csv').body, ['pxname', 'svname', 'status']).split('\n').slice(1);
  cluster.advance('1s');
  expect(status()).toEqual(['httpi_3141,172_16_40_67_7143,UP 2/3', 'httpi_3141,BACKEND,UP']);
  cluster.advance('30s');
  expect(status()).toEqual(['httpi_3141,172_16_40_67_7143,DOWN', 'httpi_3141,BACKEND,DOWN']);
  expect(get('/', 3141).status).toBe(503);
});

test("the scripts of Marathon-LB's and the health check answer, other paths do not", () => {
  const { text, get } = post();
  expect(get('/_haproxy_getconfig').body).toBe(text);
  expect(get('/_haproxy_getpids').body).toMatch(/^[1-9][0-9]*$/);
  expect(get('/_haproxy_getvhostmap').body).toBe('');
  expect(get('/_haproxy_health_check')).toMatchObject({ status: 200, body: expect.stringContaining('Service ready.') });
  expect(get('/_haproxy_health_check?x').status).toBe(503);
  expect(get('/').status).toBe(503);
});
