/**
 * Marathon apps drawn at random, as Marathon-LB gets them: every mode of network, every label, sound values and such as HAProxy
 * refuses. Names of templates are left to the recordings.
 */
import type { Random } from '@portolan/core';
import { LOAD_BALANCER_DEFAULTS, type LoadBalancerOptions } from '@portolan/dcos';

/** A list of apps, as under `apps` of Marathon's answer. */
export function drawApps(random: Random): readonly unknown[] {
  return Array.from({ length: 1 + random.nextInt(4) }, (_, i) => drawApp(random, i));
}

/** How the Marathon-LB was started. */
export function drawOptions(random: Random): LoadBalancerOptions {
  return {
    ...LOAD_BALANCER_DEFAULTS,
    groups: pick(random, [['*'], ['external'], ['external', 'internal']]),
    strictMode: random.nextInt(6) === 0,
    healthCheck: random.nextInt(2) === 0,
    bindHttpHttps: random.nextInt(3) > 0,
    groupHttpsByVhost: random.nextInt(4) === 0,
  };
}

/** One of a list. */
export function pick<T>(random: Random, list: readonly [T, ...T[]]): T {
  return list[random.nextInt(list.length)] ?? list[0];
}

const VALUES: readonly [string, readonly [string, ...string[]]][] = [
  ['MODE', ['http', 'tcp', 'HTTP', 'weird']],
  ['PORT', ['4000', '10110', '0']],
  ['VHOST', ['a.example.com', 'b.example.com,C.example.com', 'x.y , z.w', '*.wild.org']],
  ['PATH', ['/api', '/', '/a/b', '/x.y']],
  ['BACKEND_WEIGHT', ['0', '5', '-3']],
  ['ENABLED', ['true', 'false', 'yes', 'x']],
  ['STICKY', ['true', 'false']],
  ['REDIRECT_TO_HTTPS', ['true', 'false']],
  ['USE_HSTS', ['true', 'false']],
  [
    'BALANCE',
    ['roundrobin', 'leastconn', 'source', 'static-rr', 'first', 'uri whole', 'hdr(X-User)', 'url_param user', 'nosuch'],
  ],
  ['BIND_ADDR', ['*', '0.0.0.0', '127.0.0.1', '::']],
  ['BIND_OPTIONS', ['accept-proxy', 'transparent', 'name x', '']],
  ['AUTH', ['realm:user:pw']],
  ['BACKEND_NETWORK_ALLOWED_ACL', ['10.0.0.0/8', '127.0.0.1/8 10.1.0.0/16', '10.0.0.1']],
  ['BACKEND_HEALTHCHECK_PORT_INDEX', ['0', '1', '9']],
  ['HTTP_BACKEND_PROXYPASS_PATH', ['/proxy', '/']],
  ['HTTP_BACKEND_REVPROXY_PATH', ['/rev']],
  ['HTTP_BACKEND_REDIR', ['/start']],
  ['GROUP', ['external', 'internal', '*']],
];

const CHECKS = ['HTTP', 'HTTPS', 'TCP', 'COMMAND', 'MESOS_HTTP', 'MESOS_TCP', 'MESOS_HTTPS'] as const;

function drawApp(random: Random, i: number): unknown {
  const id = pick(random, [`/app${i}`, `/group/app${i}`, `/g/h/my-app.${i}`]);
  const mode = pick(random, ['host', 'container/bridge', 'container']);
  const count = 1 + random.nextInt(3);
  const ports = Array.from({ length: count }, (_, k) => 10_100 + 10 * i + k);
  const labels: [string, string][] = [['HAPROXY_GROUP', pick(random, ['external', 'external,internal', 'internal'])]];
  for (let drawn = random.nextInt(8); drawn > 0; drawn--) {
    const [label, values] = pick(random, [...VALUES] as [(typeof VALUES)[number], ...(typeof VALUES)[number][]]);
    labels.push([`HAPROXY_${random.nextInt(count + 1)}_${label}`, pick(random, values)]);
  }
  const portMappings = ports.map((servicePort, k) => ({ containerPort: 8000 + k, servicePort, protocol: 'tcp' }));
  return {
    id,
    labels: Object.fromEntries(labels),
    networks: [{ mode }],
    ...(mode === 'host'
      ? { portDefinitions: ports.map((port) => ({ port, protocol: 'tcp' })) }
      : { container: { type: 'DOCKER', docker: { image: 'x' }, portMappings } }),
    healthChecks: random.nextInt(2) === 0 ? [] : [drawCheck(random, count)],
    tasks: Array.from({ length: random.nextInt(4) }, (_, k) => ({
      id: `app${i}.t${k}`,
      host: `172.16.0.${12 + random.nextInt(4)}`,
      ports: ports.map((_port, n) => 20_000 + 1000 * i + 10 * k + n),
      ipAddresses: [{ ipAddress: `9.0.${i}.${130 + k}`, protocol: 'IPv4' }],
      state: 'TASK_RUNNING',
      healthCheckResults: [{ alive: random.nextInt(4) > 0 }],
    })),
  };
}

function drawCheck(random: Random, ports: number): unknown {
  return {
    protocol: pick(random, CHECKS),
    path: pick(random, ['/', '/health', '/h?x=1']),
    gracePeriodSeconds: 10,
    intervalSeconds: pick(random, [1, 10, 60]),
    timeoutSeconds: pick(random, [1, 20]),
    maxConsecutiveFailures: random.nextInt(4),
    ...(random.nextInt(3) === 0 ? { port: 9000 } : { portIndex: random.nextInt(ports + 1) }),
  };
}
