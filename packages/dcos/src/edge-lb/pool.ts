/**
 * A pool of Edge-LB: which load balancers, and what their HAProxy does, as its V2 JSON says it. Fields, defaults and complaints follow
 * mesosphere/dcos-edge-lb (apiserver/spec/v2/swagger.yml, apiserver/models/v2_check.go, of 2018); virtual networks, secrets, ports of
 * Mesos' choice and servers that speak TLS are not modelled.
 */
import { type Backend, readBackend } from './backend.ts';
import { type Fields, fieldsOf, integerOf, listOf, numberOf, refusePool, textOf, wordOf } from './fields.ts';
import { type Frontend, readFrontend } from './frontend.ts';

/** A pool, every default filled in. */
export interface Pool {
  readonly name: string;
  /** The folder of its service in DC/OS; '' for none. */
  readonly namespace: string;
  /** Whose agents run it: `slave_public`, or `*` for private ones. */
  readonly role: string;
  /** Load balancers. */
  readonly count: number;
  /** Of each load balancer, its helper's share among it. */
  readonly cpus: number;
  /** MiB. */
  readonly mem: number;
  /** MiB. */
  readonly disk: number;
  /** Whether two of them may share an agent. */
  readonly sharesAgents: boolean;
  /** Ports that each load balancer has of its agent. */
  readonly ports: readonly number[];
  readonly stats: { readonly address: string; readonly port: number };
  readonly frontends: readonly Frontend[];
  readonly backends: readonly Backend[];
}

const POOL_FIELDS = [
  ...['apiVersion', 'name', 'namespace', 'packageName', 'packageVersion', 'role', 'cpus', 'cpusAdminOverhead', 'mem'],
  ...['memAdminOverhead', 'disk', 'count', 'constraints', 'ports', 'autoCertificate', 'environmentVariables', 'haproxy'],
  // The helper's health checks always succeed here.
  ...['poolHealthcheckGracePeriod', 'poolHealthcheckInterval', 'poolHealthcheckMaxFail', 'poolHealthcheckTimeout'],
];
const UNMODELLED_FIELDS = ['secrets', 'virtualNetworks', 'principal', 'secretName'];
const NAME = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;
const NAME_WORDS = '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$';
const MOST_LOAD_BALANCERS = 1000;

/**
 * Reads a pool.
 * @throws Refusal `invalid-json`, `invalid-pool`, `not-modelled`
 */
export function readPool(definition: unknown): Pool {
  const fields = fieldsOf(
    typeof definition === 'string' ? parsed(definition) : definition,
    'pool',
    POOL_FIELDS,
    UNMODELLED_FIELDS,
  );
  if (wordOf(fields, 'apiVersion', ['V1', 'V2']) === 'V1')
    throw refusePool('pool.apiVersion', 'pool.apiVersion: pools of V1 are not modelled; write V2', 'not-modelled');
  const name = textOf(fields, 'name');
  if (name === '') throw refusePool('pool.name', 'pool.name cannot be empty or the empty string');
  if (!NAME.test(name)) throw refusePool('pool.name', `pool.name: ${name.slice(0, 100)} invalid: did not match ${NAME_WORDS}`);
  const haproxy = fieldsOf(fields.values.get('haproxy') ?? {}, 'pool.haproxy', ['stats', 'frontends', 'backends']);
  const stats = fieldsOf(haproxy.values.get('stats') ?? {}, 'pool.haproxy.stats', ['bindAddress', 'bindPort']);
  const pool = {
    name,
    namespace: namespaceOf(fields),
    role: textOf(fields, 'role') || 'slave_public',
    count: countOf(fields),
    cpus: numberOf(fields, 'cpus', 0.9) + numberOf(fields, 'cpusAdminOverhead', 0.1),
    mem: numberOf(fields, 'mem', 992) + numberOf(fields, 'memAdminOverhead', 32),
    disk: numberOf(fields, 'disk', 256),
    sharesAgents: sharesAgents(fields),
    stats: { address: textOf(stats, 'bindAddress') || '0.0.0.0', port: integerOf(stats, 'bindPort', 9090) },
    frontends: listOf(haproxy, 'frontends', readFrontend),
    backends: listOf(haproxy, 'backends', readBackend),
  };
  const inUse = [pool.stats.port, ...pool.frontends.map(({ port }) => port)];
  const wanted = listOf(fields, 'ports', (port, path) => integerOf({ path: 'pool', values: new Map([[path, port]]) }, path, -1));
  const ports = wanted.length > 0 ? wanted : inUse;
  checkPorts(ports);
  checkLinks(pool.frontends, pool.backends);
  return { ...pool, ports };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw refusePool('pool', 'the pool is not valid JSON');
  }
}

function namespaceOf(fields: Fields): string {
  const namespace = fields.values.has('namespace') ? textOf(fields, 'namespace') : 'dcos-edgelb/pools';
  if (namespace === '') return '';
  for (const part of namespace.split('/')) {
    if (!NAME.test(part))
      throw refusePool('pool.namespace', `pool.namespace: ${part.slice(0, 100)} invalid: did not match ${NAME_WORDS}`);
  }
  return namespace;
}

function countOf(fields: Fields): number {
  const count = integerOf(fields, 'count', 1);
  if (count >= 1 && count <= MOST_LOAD_BALANCERS) return count;
  throw refusePool('pool.count', `pool.count: from 1 to ${MOST_LOAD_BALANCERS}, not ${count}`);
}

function sharesAgents(fields: Fields): boolean {
  const constraints = fields.values.has('constraints') ? textOf(fields, 'constraints') : 'hostname:UNIQUE';
  if (constraints === '' || constraints === 'hostname:UNIQUE') return constraints === '';
  throw refusePool('pool.constraints', 'pool.constraints: hostname:UNIQUE or none, others are not modelled', 'not-modelled');
}

function checkPorts(ports: readonly number[]): void {
  ports.forEach((port, i) => {
    if (port === 0)
      throw refusePool('pool.haproxy', "bindPort 0, a port of Mesos' choice, is not modelled; give a number", 'not-modelled');
    if (port < 0 || port > 65535) throw refusePool('pool.haproxy', `invalid bindPort: ${port}`);
    if (ports.indexOf(port) < i) throw refusePool('pool.haproxy', `duplicate bindPort: ${port}`);
  });
}

/** Every backend is linked to, and every link leads to one. */
function checkLinks(frontends: readonly Frontend[], backends: readonly Backend[]): void {
  const twin = (names: readonly string[]) => names.find((name, i) => names.indexOf(name) < i);
  const frontend = twin(frontends.map(({ name }) => name));
  if (frontend !== undefined) throw refusePool('pool.haproxy.frontends', `duplicate frontend.name: ${frontend}`);
  const names = backends.map(({ name }) => name);
  const backend = twin(names);
  if (backend !== undefined) throw refusePool('pool.haproxy.backends', `duplicate backend.name: ${backend}`);
  const linked = frontends.flatMap(({ links, defaultBackend }) => [...links.map((link) => link.backend), defaultBackend]);
  const missing = [...new Set(linked.filter((name) => name !== '' && !names.includes(name)))];
  if (missing.length > 0)
    throw refusePool('pool.haproxy.frontends', `frontends refer to nonexistent backends: ${missing.join(', ')}`);
  const idle = names.filter((name) => !linked.includes(name));
  if (idle.length > 0) throw refusePool('pool.haproxy.backends', `frontends do not refer to these backends: ${idle.join(', ')}`);
}
