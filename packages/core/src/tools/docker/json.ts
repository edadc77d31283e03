/**
 * What `docker inspect` and `docker network inspect` show, as JSON values in docker's order of keys.
 * Follows moby 18.09 (api/types), checked against 20.10. Only what the model knows is there: no image id, no paths, no
 * process id, no sandbox, no creation date of a network, no endpoint of a container on the host's network.
 */
import type { Container, DockerNetwork, DockerState, Endpoint, PublishedPort } from '../../agent/docker/state.ts';
import { formatCidr, formatIpv4, formatMac, networkOf } from '../../base/address.ts';
import { rfc3339 } from '../time.ts';
import { type DockerVersion, listenedOn } from './ps.ts';
import { type StandardNetwork, standardNetworks } from './standard-networks.ts';

/** A JSON object whose keys come from outside: without a prototype. */
type Json = { [key: string]: unknown };

/** What swarms alone change. */
const ORDINARY = { Attachable: false, Ingress: false, ConfigFrom: { Network: '' }, ConfigOnly: false };
const NEVER = '0001-01-01T00:00:00Z';

/** How a container is shown. */
export interface Shown {
  /** Unix milliseconds at virtual time 0. */
  readonly epoch: number;
  readonly version: DockerVersion;
}

/** A container as `docker inspect` shows it. */
export function containerJson(container: Container, docker: DockerState, { epoch, version }: Shown): Json {
  const { state } = container;
  return {
    Id: container.id,
    Created: rfc3339(epoch + container.createdAt),
    State: {
      Status: state,
      Running: state === 'running',
      Paused: false,
      Restarting: false,
      OOMKilled: false,
      Dead: false,
      StartedAt: state === 'created' ? NEVER : rfc3339(epoch + container.startedAt),
    },
    Name: `/${container.name}`,
    HostConfig: {
      NetworkMode: container.network,
      PortBindings: portBindings(container.ports, ['']),
    },
    Config: {
      Hostname: container.network === 'host' ? '' : container.id.slice(0, 12),
      ...(container.ports.length === 0 ? {} : { ExposedPorts: object(container.ports.map((port) => [portKey(port), {}])) }),
      Env: container.env.length === 0 ? null : container.env.map(([name, value]) => `${name}=${value}`),
      Image: container.image,
      Labels: object(container.labels),
    },
    NetworkSettings: networkSettings(container, docker, version),
  };
}

/** A network as `docker network inspect` shows it. */
export function networkJson(network: DockerNetwork, docker: DockerState): Json {
  const standard = network.name === 'bridge';
  const members = docker.containers.filter((container) => container.network === network.name && container.endpoint !== undefined);
  return {
    Name: network.name,
    Id: network.id,
    Scope: 'local',
    Driver: 'bridge',
    EnableIPv6: false,
    IPAM: { Driver: 'default', Options: standard ? null : {}, Config: [{ Subnet: formatCidr(networkOf(network.subnet)) }] },
    Internal: network.internal === true,
    ...ORDINARY,
    Containers: object(
      sortByKey(
        members.flatMap(({ id, name, endpoint }) =>
          endpoint === undefined ? [] : [[id, member(name, endpoint, network)] as const],
        ),
      ),
    ),
    Options: object(sortByKey(standard && network.options.length === 0 ? standardOptions(network) : network.options)),
    Labels: {},
  };
}

/** `host` or `none` as `docker network inspect` shows it. */
export function standardNetworkJson({ id, name, driver }: StandardNetwork, docker: DockerState): Json {
  const members = docker.containers.filter((container) => container.network === name && container.state === 'running');
  return {
    Name: name,
    Id: id,
    Scope: 'local',
    Driver: driver,
    EnableIPv6: false,
    IPAM: { Driver: 'default', Options: null, Config: [] },
    Internal: false,
    ...ORDINARY,
    Containers: object(
      sortByKey(
        members.map((one) => [one.id, { Name: one.name, EndpointID: '', MacAddress: '', IPv4Address: '', IPv6Address: '' }]),
      ),
    ),
    Options: {},
    Labels: {},
  };
}

function member(name: string, endpoint: Endpoint, network: DockerNetwork): Json {
  return {
    Name: name,
    EndpointID: endpoint.id,
    MacAddress: formatMac(endpoint.mac),
    IPv4Address: formatCidr({ address: endpoint.address, prefix: network.subnet.prefix }),
    IPv6Address: '',
  };
}

/** What dockerd itself gives the network `bridge`. */
function standardOptions(network: DockerNetwork): readonly (readonly [string, string])[] {
  return [
    ['com.docker.network.bridge.default_bridge', 'true'],
    ['com.docker.network.bridge.enable_icc', String(network.icc)],
    ['com.docker.network.bridge.enable_ip_masquerade', String(network.masquerade)],
    ['com.docker.network.bridge.host_binding_ipv4', '0.0.0.0'],
    ['com.docker.network.bridge.name', network.bridge],
    ['com.docker.network.driver.mtu', String(network.mtu)],
  ];
}

function networkSettings(container: Container, docker: DockerState, version: DockerVersion): Json {
  const network = docker.networks.find((known) => known.name === container.network);
  const endpoint = attachment(container, network);
  const own = network?.name === 'bridge' ? endpoint : attachment(container, undefined);
  return {
    Bridge: '',
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    Ports: portBindings(container.state === 'running' ? container.ports : [], listenedOn(version)),
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: own.EndpointID,
    Gateway: own.Gateway,
    GlobalIPv6Address: '',
    GlobalIPv6PrefixLen: 0,
    IPAddress: own.IPAddress,
    IPPrefixLen: own.IPPrefixLen,
    IPv6Gateway: '',
    MacAddress: own.MacAddress,
    Networks: object([
      [
        container.network,
        {
          IPAMConfig: null,
          Links: null,
          Aliases: network === undefined || network.name === 'bridge' ? null : [container.id.slice(0, 12)],
          NetworkID: network?.id ?? standardNetworks(docker).find(({ name }) => name === container.network)?.id ?? '',
          ...endpoint,
          DriverOpts: null,
        },
      ],
    ]),
  };
}

function attachment({ endpoint }: Container, network: DockerNetwork | undefined) {
  const attached = network !== undefined && endpoint !== undefined;
  return {
    EndpointID: attached ? endpoint.id : '',
    Gateway: attached ? formatIpv4(network.gateway) : '',
    IPAddress: attached ? formatIpv4(endpoint.address) : '',
    IPPrefixLen: attached ? network.subnet.prefix : 0,
    IPv6Gateway: '',
    GlobalIPv6Address: '',
    GlobalIPv6PrefixLen: 0,
    MacAddress: attached ? formatMac(endpoint.mac) : '',
  };
}

function portBindings(ports: readonly PublishedPort[], addresses: readonly string[]): Json {
  const byKey = new Map<string, Json[]>();
  for (const port of ports) {
    const bindings = byKey.get(portKey(port)) ?? [];
    const own = port.hostAddress === undefined ? addresses : [formatIpv4(port.hostAddress)];
    bindings.push(...own.map((address) => ({ HostIp: address, HostPort: String(port.hostPort) })));
    byKey.set(portKey(port), bindings);
  }
  return object(sortByKey([...byKey]));
}

function portKey(port: PublishedPort): string {
  return `${port.containerPort}/${port.protocol}`;
}

/** As Go prints a map: by key. */
function sortByKey<V>(entries: readonly (readonly [string, V])[]): readonly (readonly [string, V])[] {
  return [...entries].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

function object(entries: readonly (readonly [string, unknown])[]): Json {
  const made: Json = Object.create(null);
  for (const [key, value] of entries) made[key] = value;
  return made;
}
