/**
 * Pools of Edge-LB drawn at random, with the tasks they may choose: links by host and path, TCP and TLS, checks, sticky clients,
 * addresses; and such as HAProxy refuses.
 */
import { parseIpv4, type Random } from '@portolan/core';
import type { MesosTask } from '@portolan/dcos';
import { pick } from './drawn-apps.ts';

/** A pool's V2 JSON. */
export function drawPool(random: Random): unknown {
  const backends = Array.from({ length: 1 + random.nextInt(3) }, (_, i) => drawBackend(random, `backend-${i}`));
  const modes = [...new Set(backends.map(({ protocol }) => protocol))];
  // A backend is linked to by a frontend of its protocol; now and then by another one, which HAProxy may not like.
  const frontends = modes.map((protocol, i) => {
    const names = backends.filter((backend) => backend.protocol === protocol).map(({ name }) => name);
    const odd = random.nextInt(8) === 0;
    return drawFrontend(random, odd ? pick(random, ['HTTP', 'TCP']) : protocol, 8000 + i, names);
  });
  return {
    apiVersion: 'V2',
    name: 'drawn',
    haproxy: { frontends, backends, ...(random.nextInt(2) === 0 ? {} : { stats: { bindPort: 9999 } }) },
  };
}

/** Tasks of Marathon's and of another framework. */
export function drawTasks(random: Random): readonly MesosTask[] {
  return Array.from({ length: random.nextInt(6) }, (_, i): MesosTask => {
    const scope = pick(random, ['host', 'container']);
    const marathon = random.nextInt(3) > 0;
    return {
      id: marathon ? `app.instance-7b3f702f-ac99-11e9-be2a-4a1f9c0d7e5${i}._app.1` : `broker-${i}__1`,
      name: marathon ? 'app' : `broker-${i}`,
      frameworkName: marathon ? 'marathon' : 'kafka',
      agentId: `S${i}`,
      agentAddress: parseIpv4(`172.16.0.${10 + random.nextInt(3)}`),
      state: pick(random, ['TASK_RUNNING', 'TASK_RUNNING', 'TASK_KILLING']),
      statuses: [{ state: 'TASK_RUNNING', timestamp: 1, networks: [{ addresses: [parseIpv4(`9.0.1.${130 + i}`)] }] }],
      resourcePorts: [],
      discovery: { ports: [{ number: 1024 + random.nextInt(9), name: 'web', labels: [{ key: 'network-scope', value: scope }] }] },
    };
  });
}

function drawFrontend(random: Random, protocol: string, bindPort: number, names: readonly string[]): unknown {
  const [first = '', ...others] = names;
  const map = others.map((backend) => ({ backend, ...drawCondition(random) }));
  return {
    bindPort,
    protocol,
    ...(random.nextInt(4) === 0 ? { name: `in-${bindPort}` } : {}),
    ...(protocol === 'TLS' ? { certificates: ['$AUTOCERT'] } : {}),
    ...(protocol === 'HTTP' && random.nextInt(5) === 0 ? { redirectToHttps: { except: drawExceptions(random) } } : {}),
    ...(random.nextInt(6) === 0 ? { miscStrs: [pick(random, ['option http-keep-alive', 'option nosuch'])] } : {}),
    linkBackend:
      random.nextInt(2) === 0 ? { defaultBackend: first, map } : { map: [{ backend: first, ...drawCondition(random) }, ...map] },
  };
}

function drawCondition(random: Random): Readonly<Record<string, string>> {
  const all: readonly [string, readonly [string, ...string[]]][] = [
    ['hostEq', ['a.example.com', 'b.example.com']],
    ['hostReg', ['.*\\.example\\.com', '^(a|b)\\.org(:[0-9]+)?$']],
    ['pathBeg', ['/', '/api']],
    ['pathReg', ['^/v[0-9]+/', '/x{1,3}$']],
    ['pathEnd', ['.png', '/end']],
  ];
  const some = all.filter(() => random.nextInt(3) === 0);
  const chosen = some.length > 0 ? some : all.slice(0, 1);
  return Object.fromEntries(chosen.map(([name, values]) => [name, pick(random, values)]));
}

function drawExceptions(random: Random): unknown {
  return Array.from({ length: random.nextInt(3) }, () => ({
    host: pick(random, ['a.b', '']),
    pathBeg: pick(random, ['/open', '']),
  }));
}

interface DrawnBackend {
  readonly name: string;
  readonly protocol: string;
  readonly [field: string]: unknown;
}

function drawBackend(random: Random, name: string): DrawnBackend {
  const protocol = pick(random, ['HTTP', 'HTTP', 'TCP', 'TLS']);
  const services = Array.from({ length: 1 + random.nextInt(2) }, () => drawService(random));
  const sticky = pick<object>(random, [{}, { sticky: {} }, { sticky: { enabled: false } }]);
  const path = random.nextInt(8) === 0 ? { path: { fromPath: '/a', toPath: pick(random, ['', '/', '/b']) } } : {};
  const check = pick<object>(random, [
    {},
    { customCheck: { httpchk: true } },
    { customCheck: { httpchk: true, httpchkMiscStr: 'GET /health' } },
  ]);
  return {
    name,
    protocol,
    ...(random.nextInt(2) === 0 ? {} : { balance: pick(random, ['leastconn', 'source', 'uri', 'nosuch', 'static-rr']) }),
    rewriteHttp: { ...sticky, ...path, ...(random.nextInt(4) === 0 ? { host: 'inside.example' } : {}) },
    ...(protocol === 'HTTP' ? check : {}),
    services,
  };
}

function drawService(random: Random): unknown {
  const check = pick<object>(random, [{}, { check: { enabled: false } }, { check: { customStr: 'inter 5s fall 2' } }]);
  const more = pick<object>(random, [{}, {}, { miscStr: 'weight 20' }, { miscStr: 'weight 257' }]);
  if (random.nextInt(5) === 0) return { endpoint: { type: 'ADDRESS', address: '11.1.2.3', port: 555, ...check, ...more } };
  const type = pick(random, ['AUTO_IP', 'AGENT_IP', 'CONTAINER_IP']);
  const endpoint = {
    type,
    ...pick<object>(random, [{ portName: 'web' }, { allPorts: true }, { port: 1025 }]),
    ...check,
    ...more,
  };
  return random.nextInt(2) === 0
    ? { marathon: { serviceID: '/app' }, endpoint }
    : { mesos: { frameworkNamePattern: '.*', taskNamePattern: pick(random, ['^broker-', 'app|broker']) }, endpoint };
}
