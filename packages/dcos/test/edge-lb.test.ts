import { parseIpv4, Refusal } from '@portolan/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DcosCluster } from '../src/cluster.ts';
import { base64 } from '../src/edge-lb/base64.ts';
import { poolConfig } from '../src/edge-lb/config.ts';
import { readPool } from '../src/edge-lb/pool.ts';
import { readHaproxyConfig } from '../src/haproxy/haproxy.ts';
import { rewrittenLocation, rewrittenTarget } from '../src/haproxy/rewrite.ts';
import { routeRequest } from '../src/haproxy/route.ts';
import type { MesosTask } from '../src/mesos-state.ts';

const service = { marathon: { serviceID: '/my-app' }, endpoint: { portName: 'web' } };

/** The documentation's simplest pool, with parts of it put otherwise. */
function pool(frontend: object = {}, backend: object = {}, rest: object = {}): object {
  return {
    apiVersion: 'V2',
    name: 'app-lb',
    count: 1,
    haproxy: {
      frontends: [{ bindPort: 80, protocol: 'HTTP', linkBackend: { defaultBackend: 'app-backend' }, ...frontend }],
      backends: [{ name: 'app-backend', protocol: 'HTTP', services: [service], ...backend }],
    },
    ...rest,
  };
}

function task(id: string, agent: string, port: number, more: Partial<MesosTask> = {}): MesosTask {
  return {
    id,
    name: 'my-app',
    frameworkName: 'marathon',
    agentId: 'S1',
    agentAddress: parseIpv4(agent),
    state: 'TASK_RUNNING',
    statuses: [{ state: 'TASK_RUNNING', timestamp: 1, networks: [{ addresses: [parseIpv4('9.0.1.130')] }] }],
    resourcePorts: [],
    discovery: { ports: [{ number: port, name: 'web', protocol: 'tcp' }] },
    ...more,
  };
}

const UUID = '7b3f702f-ac99-11e9-be2a-4a1f9c0d7e55';

function refusalOf(definition: unknown): Refusal {
  try {
    readPool(definition);
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error('the pool is accepted');
}

/** The lines of one section, after its title. */
function section(text: string, title: string): readonly string[] {
  const found = text.split('\n\n').find((part) => part.startsWith(`${title}\n`));
  return (found ?? '')
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => line.trim());
}

test("the documentation's simple pool, worked by hand from Edge-LB's template", () => {
  const tasks = [
    task(`my-app.instance-${UUID}._app.2`, '172.16.0.12', 2000),
    task(`my-app.instance-${UUID}._app.1`, '172.16.0.13', 3000),
  ];
  const text = poolConfig(readPool(pool()), tasks);
  expect(section(text, 'frontend frontend_0.0.0.0_80')).toEqual([
    'bind 0.0.0.0:80',
    'mode http',
    'option httplog',
    'default_backend app-backend',
  ]);
  expect(section(text, 'backend app-backend')).toEqual([
    'balance roundrobin',
    'mode http',
    'option forwardfor',
    'http-request set-header X-Forwarded-Port %[dst_port]',
    'http-request add-header X-Forwarded-Proto https if { ssl_fc }',
    'server agentip_172.16.0.13_3000 172.16.0.13:3000 check',
    'server agentip_172.16.0.12_2000 172.16.0.12:2000 check',
  ]);
  expect(section(text, 'listen stats')[0]).toBe('bind 0.0.0.0:9090');
});

test('servers by the type of their endpoint, their scope and their port', () => {
  const scoped = (value: string) => ({
    discovery: { ports: [{ number: 8080, name: 'web', labels: [{ key: 'network-scope', value }] }] },
  });
  const lines = (endpoint: object, more: Partial<MesosTask>) => {
    const made = readPool(pool({}, { services: [{ ...service, endpoint }] }));
    return section(poolConfig(made, [task(`my-app.${UUID}`, '172.16.0.12', 8080, more)]), 'backend app-backend').slice(5);
  };
  const agent = 'server agentip_172.16.0.12_8080 172.16.0.12:8080 check';
  const container = 'server containerip_9.0.1.130_8080 9.0.1.130:8080 check';
  expect(lines({ portName: 'web' }, scoped('host'))).toEqual([agent]);
  expect(lines({ portName: 'web' }, scoped('container'))).toEqual([container]);
  expect(lines({ portName: 'web', type: 'AGENT_IP' }, scoped('container'))).toEqual([agent]);
  expect(lines({ portName: 'web', type: 'CONTAINER_IP' }, {})).toEqual([container]);
  expect(lines({ allPorts: true }, {})).toEqual([agent]);
  expect(lines({ portName: 'other' }, {})).toEqual([]);
  expect(lines({ port: 8080 }, { discovery: {} })).toEqual([agent]);
  expect(lines({ portName: 'web' }, { state: 'TASK_KILLING' })).toEqual([]);
  expect(lines({ portName: 'web', check: { enabled: false }, miscStr: 'weight 20' }, {})).toEqual([
    'server agentip_172.16.0.12_8080 172.16.0.12:8080 weight 20',
  ]);
});

describe('which tasks a service is', () => {
  const names = (chosen: object, tasks: readonly MesosTask[]) => {
    const made = readPool(pool({}, { services: [{ ...chosen, endpoint: { allPorts: true } }] }));
    const servers = section(poolConfig(made, tasks), 'backend app-backend').slice(5);
    return servers.map((line) => Number(line.split(' ')[1]?.split('_')[2]));
  };
  const tasks = [
    task(`group_my-app.instance-${UUID}._app.1`, '172.16.0.12', 1),
    task(`pod.instance-${UUID}.first`, '172.16.0.12', 2, { name: 'first' }),
    task(`pod.instance-${UUID}.second`, '172.16.0.12', 3, { name: 'second' }),
    task('broker-0__x', '172.16.0.12', 4, { name: 'broker-0', frameworkName: 'beta-kafka', frameworkId: 'f-1' }),
  ];

  test.each([
    [{ marathon: { serviceID: '/group/my-app' } }, [1]],
    [{ marathon: { serviceID: '/pod' } }, [2, 3]],
    [{ marathon: { serviceID: '/pod', containerName: 'second' } }, [3]],
    [{ marathon: { serviceIDPattern: '^/(group|pod)' } }, [1, 2, 3]],
    [{ mesos: { frameworkName: 'beta-kafka', taskNamePattern: '^broker-.*$' } }, [4]],
    [{ mesos: { frameworkID: 'f-1', taskName: 'broker-0' } }, [4]],
    [{ mesos: { frameworkName: 'marathon', taskIDPattern: '^pod' } }, [2, 3]],
    [{ mesos: { frameworkName: 'marathon', taskName: 'broker-0' } }, []],
  ])('%j', (chosen, expected) => expect(names(chosen, tasks).sort()).toEqual(expected));
});

test.each([
  ['/nginx', '', '/nginx', '/'],
  ['/nginx', '/', '/nginx', '/'],
  ['/nginx', '/', '/nginx/', '/'],
  ['/nginx', '/', '/nginx/index.html', '/index.html'],
  ['/nginx', '/', '/nginx/subpath/index.html', '/subpath/index.html'],
  ['/nginx/', '', '/nginx', '/nginx'],
  ['/nginx/', '', '/nginx/', '/'],
  ['/nginx', '/subpath', '/nginx', '/subpath'],
  ['/nginx', '/subpath', '/nginx/', '/subpath/'],
  ['/nginx', '/subpath', '/nginx/index.html', '/subpath/index.html'],
  ['/nginx', '/subpath/', '/nginx/index.html', '/subpath//index.html'],
  ['/nginx/', '/subpath/', '/nginx/index.html', '/subpath/index.html'],
])('the documentation rewrites by %s and %s: %s to %s', (fromPath, toPath, asked, expected) => {
  const made = readPool(pool({}, { rewriteHttp: { path: { fromPath, toPath } } }));
  const rewrites = readHaproxyConfig(poolConfig(made, [])).backends.get('app-backend')?.rewrites ?? [];
  expect(rewrites).toHaveLength(2);
  expect(rewrittenTarget(asked, rewrites)).toBe(expected);
});

test("a server's Location comes back below the frontend's path", () => {
  const made = readPool(pool({}, { rewriteHttp: { path: { fromPath: '/nginx', toPath: '/' } } }));
  const rewrites = readHaproxyConfig(poolConfig(made, [])).backends.get('app-backend')?.rewrites ?? [];
  expect(rewrittenLocation('/login', rewrites)).toBe('/nginx/login');
  expect(rewrittenLocation('http://inside:8080/login', rewrites)).toBe('/nginx/login');
  expect(rewrittenLocation('login', rewrites)).toBe('login');
});

describe('links', () => {
  const backends = ['a', 'b', 'c', 'd'].map((name) => ({ name, protocol: 'HTTP', services: [service] }));
  const map = [
    { hostEq: 'nginx.example.com', pathBeg: '/x', backend: 'a' },
    { hostReg: '.*\\.httpd\\.example\\.com', backend: 'b' },
    { pathReg: '^/v[0-9]{1,2}/', pathEnd: '.png', backend: 'c' },
  ];
  const frontends = [{ bindPort: 80, protocol: 'HTTP', linkBackend: { defaultBackend: 'd', map } }];
  const config = readHaproxyConfig(poolConfig(readPool({ name: 'links', haproxy: { frontends, backends } }), []));

  test.each([
    ['nginx.example.com', '/x/y', 'a'],
    ['NGINX.example.com:80', '/x', 'a'],
    ['nginx.example.com', '/y', 'd'],
    ['www.httpd.example.com:8080', '/', 'b'],
    ['httpd.example.com', '/', 'd'],
    ['h', '/v12/cat.png', 'c'],
    ['h', '/v123/cat.png', 'd'],
    ['h', '/v1/cat.gif', 'd'],
  ])('%s%s goes to %s', (host, target, expected) => {
    const [, frontend] = config.frontends;
    if (frontend === undefined) throw new Error('no frontend');
    const request = { method: 'GET', target, headers: [['Host', host]] as const, source: 1 };
    const route = routeRequest(config, frontend, request, new Map());
    expect(route.kind === 'backend' ? route.backend.name : route.kind).toBe(expected);
  });
});

test('redirects to HTTPS spare what they shall spare', () => {
  const except = [{ host: 'a.b', pathBeg: '/open' }, { pathBeg: '/.well-known' }];
  const text = poolConfig(readPool(pool({ redirectToHttps: { except } })), []);
  const config = readHaproxyConfig(text);
  const [, frontend] = config.frontends;
  if (frontend === undefined) throw new Error('no frontend');
  const kind = (host: string, target: string) =>
    routeRequest(config, frontend, { method: 'GET', target, headers: [['Host', host]], source: 1 }, new Map());
  expect(kind('a.b', '/x')).toEqual({ kind: 'redirect', code: 307, location: 'https://a.b/x' });
  expect(kind('a.b:80', '/open/1').kind).toBe('backend');
  expect(kind('c.d', '/open/1').kind).toBe('redirect');
  expect(kind('c.d', '/.well-known/x').kind).toBe('backend');
});

describe('what Edge-LB refuses, in its words', () => {
  test.each([
    [pool({}, {}, { name: '' }), 'pool.name cannot be empty or the empty string', 'pool.name'],
    [pool({}, {}, { name: 'n.n' }), 'pool.name: n.n invalid: did not match ^[a-z0-9]([a-z0-9-]*[a-z0-9])?$', 'pool.name'],
    [pool({}, {}, { namespace: 'n/-n' }), 'pool.namespace: -n invalid: did not match', 'pool.namespace'],
    [pool({ bindPort: -3 }), 'invalid bindPort: -3', 'pool.haproxy'],
    [pool({ bindPort: 65536 }), 'invalid bindPort: 65536', 'pool.haproxy'],
    [pool({ bindPort: 9090 }), 'duplicate bindPort: 9090', 'pool.haproxy'],
    [pool({ bindAddress: '*' }), "frontend.bindAddress invalid character: '*'", 'pool.haproxy.frontends[0].bindAddress'],
    [pool({ protocol: '' }), 'frontend.protocol cannot be empty', 'pool.haproxy.frontends[0].protocol'],
    [
      pool({ protocol: 'HTTPS' }),
      'frontend.protocol HTTPS must have non-empty frontend.certificates',
      'pool.haproxy.frontends[0].certificates',
    ],
    [
      pool({ protocol: 'TCP', redirectToHttps: {} }),
      'frontend.redirectToHttps cannot be set with frontend.protocol TCP',
      'pool.haproxy.frontends[0].redirectToHttps',
    ],
    [
      pool({ linkBackend: { map: [{ backend: 'app-backend' }] } }),
      'at least one of the condition fields must be filled out',
      'pool.haproxy.frontends[0].linkBackend.map[0]',
    ],
    [pool({ linkBackend: { defaultBackend: 'x' } }), 'frontends refer to nonexistent backends: x', 'pool.haproxy.frontends'],
    [pool({ linkBackend: {} }), 'frontends do not refer to these backends: app-backend', 'pool.haproxy.backends'],
    [pool({}, { services: [] }), 'backend.services: must have at least 1', 'pool.haproxy.backends[0].services'],
    [
      pool({}, { services: [{ endpoint: { portName: 'web' } }] }),
      'server.marathon or server.mesos must be specified',
      'pool.haproxy.backends[0].services[0]',
    ],
    [
      pool({}, { services: [{ ...service, endpoint: {} }] }),
      'server.endpoint.type AUTO_IP must have valid port',
      'pool.haproxy.backends[0].services[0].endpoint.port',
    ],
    [
      pool({}, { services: [{ endpoint: { type: 'ADDRESS', port: 80 } }] }),
      'server.endpoint.address cannot be empty',
      'pool.haproxy.backends[0].services[0].endpoint.address',
    ],
    [pool({}, {}, { virtualNetworks: [{ name: 'dcos' }] }), 'pool.virtualNetworks is not modelled', 'pool.virtualNetworks'],
    [pool({}, { protocol: 'HTTPS' }), 'HTTPS to servers is not modelled', 'pool.haproxy.backends[0].protocol'],
    [pool({ bindPort: 0 }), "a port of Mesos' choice, is not modelled", 'pool.haproxy'],
    [pool({}, {}, { cpu: 1 }), "pool.cpu is not a field of Edge-LB's V2 pools", 'pool.cpu'],
    ['{', 'the pool is not valid JSON', 'pool'],
  ])('%j', (definition, message, path) => {
    const refusal = refusalOf(definition);
    expect(refusal.message).toContain(message);
    expect(refusal.path).toBe(path);
  });
});

test('whatever is read as a pool is a pool or a refusal', () => {
  const keys = [
    'name',
    'haproxy',
    'frontends',
    'backends',
    'bindPort',
    'count',
    '__proto__',
    'services',
    'endpoint',
    'stats',
    'protocol',
  ];
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom<unknown>(Number.NaN, 65536, -1, 'x', 'HTTP', '\n', null, true, 1e308),
      fc.array(tie('value'), { maxLength: 2 }),
      fc.dictionary(fc.constantFrom(...keys), tie('value'), { maxKeys: 5 }),
    ),
  }));
  fc.assert(
    fc.property(value, (definition) => {
      try {
        readPool(definition);
      } catch (error) {
        expect(error).toBeInstanceOf(Refusal);
      }
    }),
    { numRuns: 300 },
  );
});

test('Base64 as RFC 4648 has it', () => {
  const examples = ['', 'f', 'fo', 'foo', 'foob', 'fooba', 'foobar'];
  expect(examples.map(base64)).toEqual(['', 'Zg==', 'Zm8=', 'Zm9v', 'Zm9vYg==', 'Zm9vYmE=', 'Zm9vYmFy']);
});

describe('in a cluster', () => {
  const images = { 'my-app': ({ path }: { path: string }) => `my-app ${path}`, other: () => 'other' };
  const app = (id: string, instances: number) => ({
    id,
    instances,
    cpus: 0.1,
    mem: 32,
    networks: [{ mode: 'container/bridge' }],
    container: {
      type: 'DOCKER',
      docker: { image: id.slice(1) },
      portMappings: [{ name: 'web', labels: { VIP_0: `${id}:555` } }],
    },
  });
  const ask = (cluster: DcosCluster, path = '/') => cluster.outside.http(`http://93.186.40.121${path}`, { trace: false });

  test('a pool follows its tasks as they come and go, and ends', () => {
    const cluster = DcosCluster.create({ seed: 7, images });
    cluster.edgeLb.create(pool());
    cluster.settle();
    expect(cluster.edgeLb.status('app-lb').taskIds).toHaveLength(1);
    expect(ask(cluster).status).toBe(503);
    cluster.marathon.add(app('/my-app', 2));
    cluster.settle();
    expect(ask(cluster, '/x').body).toBe('my-app /x');
    const servers = () =>
      section(cluster.edgeLb.lbConfig('app-lb'), 'backend app-backend').filter((line) => line.startsWith('server'));
    const expected = cluster.marathon
      .tasks('/my-app')
      .map(({ host, ports }) => `server agentip_${host}_${ports[0]} ${host}:${ports[0]} check`);
    expect(servers().toSorted()).toEqual(expected.toSorted());
    cluster.marathon.scale('/my-app', 0);
    cluster.settle();
    expect(servers()).toEqual([]);
    expect(ask(cluster).status).toBe(503);
    cluster.edgeLb.delete('app-lb');
    cluster.settle();
    expect(ask(cluster).failure).toBe('ECONNREFUSED');
    expect(cluster.mesos.frameworks().map(({ name }) => name)).toEqual(['marathon']);
    expect(() => cluster.edgeLb.lbConfig('app-lb')).toThrow('pool app-lb not found');
  });

  test('a change reaches the load balancers five seconds later', () => {
    const cluster = DcosCluster.create({ seed: 7, images });
    cluster.edgeLb.create(pool());
    cluster.marathon.add(app('/my-app', 1));
    cluster.settle();
    cluster.edgeLb.update(pool({ bindPort: 8080 }));
    cluster.settle();
    expect(ask(cluster).failure).toBe('ECONNREFUSED');
    expect(ask(cluster, ':8080/').status).toBe(200);
    cluster.marathon.scale('/my-app', 0);
    cluster.advance('3s');
    const inForce = () => cluster.publicAgent().http('http://127.0.0.1:9090/_haproxy_getconfig', { trace: false }).body;
    expect(cluster.edgeLb.lbConfig('app-lb')).not.toContain('server agentip');
    expect(inForce()).toContain('server agentip');
    cluster.advance('3s');
    expect(inForce()).toBe(cluster.edgeLb.lbConfig('app-lb'));
    expect(() => cluster.edgeLb.create(pool())).toThrow('pool app-lb already exists');
  });

  test('a VIP by its name is found when it is there', () => {
    const cluster = DcosCluster.create({ seed: 7, images });
    const address = 'other.marathon.l4lb.thisdcos.directory';
    cluster.edgeLb.create(pool({}, { services: [{ endpoint: { type: 'ADDRESS', address, port: 555 } }] }));
    cluster.settle();
    expect(ask(cluster).status).toBe(503);
    cluster.marathon.add(app('/other', 1));
    cluster.settle();
    cluster.advance('5s');
    expect(ask(cluster).body).toBe('other');
  });

  test('load balancers of one pool stand on agents of its role, one to an agent, and are replaced', () => {
    const cluster = DcosCluster.create({ seed: 7, agents: 3, publicAgents: 1, images });
    const many = pool({ bindPort: 15000 }, {}, { role: '*', count: 3 });
    cluster.edgeLb.create(many);
    cluster.marathon.add(app('/my-app', 1));
    cluster.settle();
    const hosts = () => {
      const running = cluster
        .agents()
        .filter(({ id }) => cluster.mesos.tasksOn(id).some(({ info }) => info.name.startsWith('edgelb-pool-')));
      return running.map(({ node }) => node.name);
    };
    const agents = cluster.agents().map(({ node }) => node.name);
    expect(hosts()).toEqual(agents.slice(1));
    const [first] = cluster.edgeLb.status('app-lb').taskIds;
    for (const { node } of cluster.agents().slice(1))
      expect(cluster.master().http(`http://${node.name.slice(3).replaceAll('-', '.')}:15000/`, { trace: false }).body).toBe(
        'my-app /',
      );
    cluster.edgeLb.update(pool({ bindPort: 15000 }, {}, { role: '*', count: 3, mem: 500 }));
    cluster.settle();
    expect(hosts()).toEqual(agents.slice(1));
    expect(cluster.edgeLb.status('app-lb').taskIds).not.toContain(first);
    cluster.edgeLb.update(pool({ bindPort: 15000 }, {}, { role: '*', count: 1, mem: 500 }));
    cluster.settle();
    expect(hosts()).toHaveLength(1);
  });

  test('load balancers without an agent wait, and keep nobody else waiting', () => {
    const cluster = DcosCluster.create({ seed: 7, agents: 1, publicAgents: 1, images });
    cluster.edgeLb.create(pool({ bindPort: 15000 }, {}, { role: '*', count: 2 }));
    expect(cluster.settle()).toBe(true);
    expect(cluster.edgeLb.status('app-lb').taskIds).toHaveLength(1);
    cluster.addAgent(cluster.agent('S1').address + 1);
    cluster.settle();
    cluster.advance('10s');
    expect(cluster.edgeLb.status('app-lb').taskIds).toHaveLength(2);
  });

  test('what HAProxy refuses leaves the old configuration in force', () => {
    const cluster = DcosCluster.create({ seed: 7, images });
    cluster.edgeLb.create(pool());
    cluster.marathon.add(app('/my-app', 1));
    cluster.settle();
    cluster.edgeLb.update(pool({}, { balance: 'nosuch' }));
    cluster.settle();
    expect(cluster.edgeLb.status('app-lb').failure?.message).toContain("'balance' only supports");
    expect(ask(cluster).status).toBe(200);
    expect(() => cluster.edgeLb.update(pool({}, { balance: 'random' }))).toThrow('is not modelled');
    cluster.edgeLb.update(pool());
    cluster.settle();
    expect(cluster.edgeLb.status('app-lb').failure).toBeUndefined();
  });
});
