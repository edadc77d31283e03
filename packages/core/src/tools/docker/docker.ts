/**
 * `docker`: containers and networks shown.
 * Follows docker/cli 18.09 and 20.10. Modelled: ps (container ls), port, inspect, network ls, network inspect; the commands
 * that change anything are refused by name, since on an agent Mesos runs them.
 */
import type { DockerNetwork, DockerState } from '../../agent/docker/state.ts';
import { type OptionTable, readOptions } from '../options.ts';
import { failed, lines, notModelled, ok, shorten } from '../result.ts';
import type { Host, Tool, ToolResult } from '../tool.ts';
import { alignColumns, goText, lookUp, parseTemplate } from './go-template.ts';
import { containerJson, networkJson, standardNetworkJson } from './json.ts';
import { portLines } from './port.ts';
import { type DockerVersion, listContainers, minimumWidth } from './ps.ts';
import { type StandardNetwork, standardNetworks } from './standard-networks.ts';

const USAGE = `
Usage:	docker COMMAND

Commands:
  inspect          Return low-level information on Docker objects
  network inspect  Display detailed information on one or more networks
  network ls       List networks
  port             List port mappings of a container
  ps               List containers
`;
const UNMODELLED = (
  'attach build builder checkpoint commit config context cp create deploy diff engine events exec export history image images import info kill load login ' +
  'logout logs manifest node pause plugin pull push rename restart rm rmi run save search secret service stack start stats stop swarm system tag top ' +
  'trust unpause update version volume wait'
).split(' ');
const UNMODELLED_OPTIONS = [
  'H',
  'host',
  'c',
  'context',
  'D',
  'debug',
  'l',
  'log-level',
  'tls',
  'tlscacert',
  'tlscert',
  'tlskey',
  'tlsverify',
  'config',
  'v',
  'version',
];
const PS: OptionTable = {
  flags: [['a', 'all'], ['q', 'quiet'], ['no-trunc'], ['help']],
  values: [['format']],
  unmodelled: ['f', 'filter', 'n', 'last', 'l', 'latest', 's', 'size'],
};
const INSPECT: OptionTable = { flags: [['help']], values: [['f', 'format']], unmodelled: ['s', 'size', 'type', 'v', 'verbose'] };
const NETWORK_LS: OptionTable = { flags: [['q', 'quiet'], ['no-trunc'], ['help']], unmodelled: ['f', 'filter', 'format'] };

/** Makes the tool in the layout of one release. */
export function docker(version: DockerVersion = '18.09'): Tool {
  return {
    name: 'docker',
    summary: 'show containers and networks',
    run: (args, host) => run(args, host, version),
  };
}

function run(args: readonly string[], host: Host, version: DockerVersion): ToolResult {
  const table: OptionTable = { flags: [['help', 'h']], unmodelled: UNMODELLED_OPTIONS, stopEarly: true };
  const options = readOptions('docker', table, args, (option) => `docker: unknown flag: ${option}`);
  const [command, ...rest] = options.words;
  if (command === undefined || command === 'help') return ok(USAGE);
  const [sub, ...further] = rest;
  if (command === 'ps') return ps(rest, host, version, 'ps');
  if (command === 'inspect') return inspect(rest, host, version, 'inspect', ['container', 'network']);
  if (command === 'port') return port(rest, host, version, 'port');
  if (command === 'container') return container(sub, further, host, version);
  if (command === 'network') return network(sub, further, host, version);
  if (UNMODELLED.includes(command)) throw notModelled('docker', `the command ${command}`);
  return failed(1, `docker: '${shorten(command)}' is not a docker command.\nSee 'docker --help'`);
}

function container(sub: string | undefined, args: readonly string[], host: Host, version: DockerVersion): ToolResult {
  if (sub === 'ls' || sub === 'ps' || sub === 'list') return ps(args, host, version, `container ${sub}`);
  if (sub === 'inspect') return inspect(args, host, version, 'container inspect', ['container']);
  if (sub === 'port') return port(args, host, version, 'container port');
  throw notModelled('docker', `the command container ${shorten(sub ?? '')}`);
}

function network(sub: string | undefined, args: readonly string[], host: Host, version: DockerVersion): ToolResult {
  if (sub === 'ls' || sub === 'list') return networkList(args, host.config.docker, version);
  if (sub === 'inspect') return inspect(args, host, version, 'network inspect', ['network']);
  throw notModelled('docker', `the command network ${shorten(sub ?? '')}`);
}

function read(command: string, table: OptionTable, args: readonly string[]) {
  return readOptions('docker', table, args, (option) =>
    option.startsWith('--')
      ? `docker ${command}: unknown flag: ${option}`
      : `docker ${command}: unknown shorthand flag: '${option.slice(1)}' in ${option}`,
  );
}

function ps(args: readonly string[], host: Host, version: DockerVersion, command: string): ToolResult {
  const options = read(command, PS, args);
  if (options.has('help')) return ok(`\nUsage:	docker ${command} [OPTIONS]\n\nOptions: -a, -q, --no-trunc, --format string\n`);
  if (options.words.length > 0) return failed(1, `"docker ${command}" accepts no arguments.\nSee 'docker ${command} --help'.`);
  return listContainers(host.config.docker, host, {
    all: options.has('a'),
    quiet: options.has('q'),
    noTruncate: options.has('no-trunc'),
    format: options.value('format'),
    version,
  });
}

type Kind = 'container' | 'network';

function inspect(
  args: readonly string[],
  host: Host,
  version: DockerVersion,
  command: string,
  kinds: readonly Kind[],
): ToolResult {
  const options = read(command, INSPECT, args);
  const usage = `docker ${command} [OPTIONS] NAME|ID [NAME|ID...]`;
  if (options.has('help')) return ok(`\nUsage:	${usage}\n\nOptions: -f, --format string\n`);
  if (options.words.length === 0) {
    return failed(1, `"docker ${command}" requires at least 1 argument.\nSee 'docker ${command} --help'.\n\nUsage:  ${usage}`);
  }
  const format = options.value('f');
  const noun = kinds.length > 1 ? 'object' : kinds[0];
  const found: unknown[] = [];
  const errors: string[] = [];
  for (const name of options.words) {
    const value = find(name, host, version, kinds);
    if (value === undefined) errors.push(`Error: No such ${noun}: ${shorten(name)}`);
    else found.push(value);
  }
  if (format !== undefined) return formatted(found, format, errors);
  const stdout = `${JSON.stringify(found, undefined, 4)}\n`;
  return { stdout, stderr: lines(errors), code: errors.length > 0 ? 1 : 0 };
}

/** By name, or by the beginning of an id that no other has. */
function find(name: string, host: Host, version: DockerVersion, kinds: readonly Kind[]): unknown {
  const { docker } = host.config;
  const plain = name.startsWith('/') ? name.slice(1) : name;
  if (kinds.includes('container')) {
    const one = pick(docker.containers, plain);
    if (one !== undefined) return containerJson(one, docker, { epoch: host.epoch, version });
  }
  if (!kinds.includes('network')) return undefined;
  const one = pick<DockerNetwork | StandardNetwork>([...docker.networks, ...standardNetworks(docker)], name);
  if (one === undefined) return undefined;
  return 'driver' in one ? standardNetworkJson(one, docker) : networkJson(one, docker);
}

function port(args: readonly string[], host: Host, version: DockerVersion, command: string): ToolResult {
  const options = read(command, { flags: [['help']] }, args);
  const usage = `docker ${command} CONTAINER [PRIVATE_PORT[/PROTO]]`;
  if (options.has('help')) return ok(`\nUsage:	${usage}\n`);
  const [name, wanted, ...rest] = options.words;
  if (name === undefined || rest.length > 0)
    return failed(1, `"docker ${command}" requires at least 1 and at most 2 arguments.\nSee 'docker ${command} --help'.`);
  const container = pick(host.config.docker.containers, name.startsWith('/') ? name.slice(1) : name);
  if (container === undefined) return failed(1, `Error: No such container: ${shorten(name)}`);
  return portLines(container, { name, wanted }, version);
}

function pick<T extends { readonly id: string; readonly name: string }>(items: readonly T[], name: string): T | undefined {
  const exact = items.find((item) => item.name === name || item.id === name);
  if (exact !== undefined || name === '') return exact;
  const begin = items.filter((item) => item.id.startsWith(name));
  return begin.length === 1 ? begin[0] : undefined;
}

function formatted(values: readonly unknown[], format: string, errors: readonly string[]): ToolResult {
  const template = parseTemplate(format);
  const rows: string[] = [];
  for (const value of values) {
    let row = '';
    for (const piece of template.pieces) {
      if ('text' in piece) {
        row += piece.text;
        continue;
      }
      const at = lookUp(value, piece.path);
      if ('missing' in at) {
        const path = piece.path.join('.');
        return failed(
          1,
          `Template parsing error: template: :1:2: executing "" at <.${path}>: map has no entry for key "${at.missing}"`,
          lines(rows),
        );
      }
      row += piece.json ? JSON.stringify(at.found) : goText(at.found);
    }
    rows.push(row);
  }
  return { stdout: lines(rows), stderr: lines(errors), code: errors.length > 0 ? 1 : 0 };
}

function networkList(args: readonly string[], state: DockerState, version: DockerVersion): ToolResult {
  const options = read('network ls', NETWORK_LS, args);
  if (options.has('help')) return ok('\nUsage:	docker network ls [OPTIONS]\n\nOptions: -q, --no-trunc\n');
  const id = (text: string) => (options.has('no-trunc') ? text : text.slice(0, 12));
  const all = [...state.networks.map(({ id, name }) => ({ id, name, driver: 'bridge' })), ...standardNetworks(state)];
  const sorted = all.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  if (options.has('q')) return ok(lines(sorted.map((one) => id(one.id))));
  const rows = sorted.map((one) => [id(one.id), one.name, one.driver, 'local']);
  return ok(lines(alignColumns([['NETWORK ID', 'NAME', 'DRIVER', 'SCOPE'], ...rows], minimumWidth(version), 3)));
}
