import { Refusal } from '@portolan/core';
import { expect, test } from 'vitest';
import { DcosCluster, type Handler } from '../src/index.ts';

/** Echoes what it was asked, and sends clients on. */
const echo: Handler = ({ method, path, headers, body }) => {
  if (path === '/moved') return { status: 302, reason: 'Found', headers: [['Location', '/here']], body: '' };
  if (path === '/kept') return { status: 307, reason: 'Temporary Redirect', headers: [['Location', '/here']], body: '' };
  if (path === '/round') return { status: 301, reason: 'Moved Permanently', headers: [['Location', '/round']], body: '' };
  if (path === '/secure') return { status: 301, reason: 'Moved Permanently', headers: [['Location', 'https://x/']], body: '' };
  return `${method} ${path} ${headers.map(([name, value]) => `${name}=${value}`).join(';')} ${body}`;
};

function cluster(labels: Readonly<Record<string, string>> = {}, instances = 1): DcosCluster {
  const made = DcosCluster.create({ seed: 5, images: { echo } });
  made.marathon.add({
    id: '/echo',
    instances,
    cpus: 0.1,
    mem: 32,
    labels,
    networks: [{ mode: 'container/bridge' }],
    container: {
      type: 'DOCKER',
      docker: { image: 'echo' },
      portMappings: [{ containerPort: 0, name: 'http', servicePort: 10101, labels: { VIP_0: '/echo:80' } }],
    },
  });
  expect(made.settle()).toBe(true);
  return made;
}

const URL_BASE = 'http://echo.marathon.l4lb.thisdcos.directory';

test('method, headers and body arrive as they were sent; Host can be replaced', () => {
  const client = cluster().master();
  const reply = client.http(`${URL_BASE}/a?b=1`, {
    method: 'PUT',
    headers: [
      ['host', 'x.example'],
      ['X-A', '1'],
    ],
    body: 'é',
  });
  expect(reply.body).toBe('PUT /a?b=1 User-Agent=curl/7.29.0;Accept=*/*;Content-Length=2;host=x.example;X-A=1 é');
  expect(client.http(URL_BASE, { body: 'x' }).body).toMatch(/^POST \/ /);
});

test('redirects are followed if asked: a POST goes on as a GET after 302 and as it was after 307, a circle ends', () => {
  const client = cluster().master();
  expect(client.http(`${URL_BASE}/moved`).status).toBe(302);
  expect(client.http(`${URL_BASE}/moved`, { follow: true, body: 'x' }).body).toMatch(/^GET \/here .* $/);
  expect(client.http(`${URL_BASE}/kept`, { follow: true, body: 'x' }).body).toMatch(/^POST \/here .* x$/);
  expect(client.http(`${URL_BASE}/round`, { follow: true }).status).toBe(301);
  // https is not modelled: the redirect itself comes back.
  expect(client.http(`${URL_BASE}/secure`, { follow: true }).status).toBe(301);
  expect(client.shell(`curl -L -d x ${URL_BASE}/moved`).stdout).toMatch(/^GET \/here /);
  expect(client.shell(`curl -X DELETE -H 'X-A: 2' ${URL_BASE}/z`).stdout).toMatch(/^DELETE \/z .*X-A=2/);
});

test.each([
  [{ method: 'GET /x HTTP/1.1\r\n' }],
  [{ method: '' }],
  [{ headers: [['X', 'a\r\nY: b']] as const }],
  [{ headers: [['X Y', 'a']] as const }],
])('%j would break the message and is refused', (options) => {
  expect(() => cluster().master().http(URL_BASE, options)).toThrow(Refusal);
});

test('a kept connection stays with its server by way of a VIP, and serves several requests through HAProxy', () => {
  const made = cluster({ HAPROXY_GROUP: 'external', HAPROXY_0_PORT: '8000', HAPROXY_0_MODE: 'http' }, 3);
  made.install('marathon-lb');
  made.settle();
  const connections = () => made.master().shell('sudo ipvsadm -Lnc').stdout.split('\n').length;
  const session = made.master().connection(URL_BASE);
  session.http('/1');
  const before = connections();
  expect(session.http('/2').body).toMatch(/^GET \/2 /);
  expect(connections()).toBe(before);
  session.close();
  const outside = made.outside.connection('http://93.186.40.121:8000');
  for (const path of ['/a', '/b']) expect(outside.http(path).status).toBe(200);
});
