/**
 * `docker ps`: its columns, `--format` and status words.
 * Follows docker/cli 18.09 (cli/command/formatter/container.go) and moby (container/state.go); published ports are
 * grouped as DisplayablePorts does. 20.10 has narrower columns and shows IPv6 bindings, too.
 */
import type { Container, DockerState } from '../../agent/docker/state.ts';
import { formatIpv4 } from '../../base/address.ts';
import { failed, lines, ok } from '../result.ts';
import { humanDuration, rfc3339 } from '../time.ts';
import type { Host, ToolResult } from '../tool.ts';
import { alignColumns, parseTemplate } from './go-template.ts';

/** Whose columns are printed. */
export type DockerVersion = '18.09' | '20.10';

/** What of `docker ps` was asked. */
export interface PsOptions {
  readonly all: boolean;
  readonly quiet: boolean;
  readonly noTruncate: boolean;
  readonly format: string | undefined;
  readonly version: DockerVersion;
}

interface View {
  readonly container: Container;
  readonly host: Host;
  readonly options: PsOptions;
}

interface Column {
  readonly field: string;
  readonly header: string;
  text(view: View): string;
}

const COLUMNS: readonly Column[] = [
  {
    field: 'ID',
    header: 'CONTAINER ID',
    text: ({ container, options }) => (options.noTruncate ? container.id : container.id.slice(0, 12)),
  },
  { field: 'Image', header: 'IMAGE', text: ({ container }) => container.image },
  {
    field: 'RunningFor',
    header: 'CREATED',
    text: ({ container, host }) => `${humanDuration(host.now - container.createdAt)} ago`,
  },
  { field: 'Status', header: 'STATUS', text: ({ container, host }) => statusText(container, host.now) },
  { field: 'Ports', header: 'PORTS', text: ({ container, options }) => portsText(container, options.version) },
  { field: 'Names', header: 'NAMES', text: ({ container }) => container.name },
];
const OTHER_COLUMNS: readonly Column[] = [
  { field: 'State', header: 'STATE', text: ({ container }) => container.state },
  { field: 'Networks', header: 'NETWORKS', text: ({ container }) => container.network },
  {
    field: 'Labels',
    header: 'LABELS',
    text: ({ container }) => container.labels.map(([key, value]) => `${key}=${value}`).join(','),
  },
  { field: 'CreatedAt', header: 'CREATED AT', text: ({ container, host }) => goDate(host.epoch + container.createdAt) },
];

/** The listing; newest container first. */
export function listContainers(docker: DockerState, host: Host, options: PsOptions): ToolResult {
  const shown = docker.containers.filter((container) => options.all || container.state === 'running').toReversed();
  const views = shown.map((container) => ({ container, host, options }));
  if (options.quiet) return ok(lines(views.map((view) => (COLUMNS[0] as Column).text(view))));
  if (options.format === undefined || options.format === 'table') return ok(lines(table(views, COLUMNS, options.version)));
  const template = parseTemplate(options.format);
  const known = [...COLUMNS, ...OTHER_COLUMNS];
  for (const piece of template.pieces) {
    if (!('path' in piece)) continue;
    const [field = '', ...deeper] = piece.path;
    if (piece.json || deeper.length > 0 || !known.some((column) => column.field === field)) {
      return failed(
        1,
        `Template parsing error: template: :1:2: executing "" at <.${piece.path.join('.')}>: can't evaluate field ${field} in type *formatter.containerContext`,
      );
    }
  }
  const line = (text: (column: Column) => string) =>
    template.pieces
      .map((piece) => ('text' in piece ? piece.text : text(known.find((column) => column.field === piece.path[0]) as Column)))
      .join('');
  const rows = views.map((view) => line((column) => column.text(view)));
  if (!template.table) return ok(lines(rows));
  const cells = [line((column) => column.header), ...rows].map((row) => row.split('\t'));
  return ok(lines(alignColumns(cells, minimumWidth(options.version), 3)));
}

function table(views: readonly View[], columns: readonly Column[], version: DockerVersion): readonly string[] {
  const rows = views.map((view) => columns.map((column) => column.text(view)));
  return alignColumns([columns.map((column) => column.header), ...rows], minimumWidth(version), 3);
}

/** Least width of a column, blanks after it included. */
export function minimumWidth(version: DockerVersion): number {
  return version === '18.09' ? 20 : 10;
}

/** `Up 32 minutes`, `Created`, `Exited`. */
export function statusText(container: Container, now: number): string {
  if (container.state === 'created') return 'Created';
  if (container.state === 'exited') return 'Exited';
  return `Up ${humanDuration(now - container.startedAt)}`;
}

/** The addresses a port is published on that was given none. */
export function listenedOn(version: DockerVersion): readonly string[] {
  return version === '18.09' ? ['0.0.0.0'] : ['0.0.0.0', '::'];
}

interface ShownPort {
  readonly address: string;
  readonly inside: number;
  readonly outside: number;
  readonly protocol: string;
}

function portsText(container: Container, version: DockerVersion): string {
  if (container.state !== 'running') return '';
  const addresses = listenedOn(version);
  const ports = container.ports.flatMap((port) =>
    (port.hostAddress === undefined ? addresses : [formatIpv4(port.hostAddress)]).map((address) => ({
      address,
      inside: port.containerPort,
      outside: port.hostPort,
      protocol: port.protocol,
    })),
  );
  ports.sort(
    (a, b) => a.inside - b.inside || compare(a.address, b.address) || a.outside - b.outside || compare(a.protocol, b.protocol),
  );
  return groupPorts(ports).join(', ');
}

/** Ports published under their own number are joined to ranges; the others follow one by one. */
function groupPorts(ports: readonly ShownPort[]): readonly string[] {
  const open = new Map<string, { port: ShownPort; last: number }>();
  const closed: string[] = [];
  const single: string[] = [];
  const text = ({ port, last }: { port: ShownPort; last: number }) => {
    const range = port.inside === last ? String(last) : `${port.inside}-${last}`;
    return `${port.address}:${range}->${range}/${port.protocol}`;
  };
  for (const port of ports) {
    if (port.outside !== port.inside) {
      single.push(`${port.address}:${port.outside}->${port.inside}/${port.protocol}`);
      continue;
    }
    const key = `${port.address}/${port.protocol}`;
    const group = open.get(key);
    if (group !== undefined && group.last + 1 === port.inside) {
      group.last = port.inside;
      continue;
    }
    if (group !== undefined) closed.push(text(group));
    open.set(key, { port, last: port.inside });
  }
  return [...closed, ...[...open.values()].map(text), ...single];
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** `2019-07-22 16:00:09 +0000 UTC`. */
function goDate(unixMilliseconds: number): string {
  return `${rfc3339(unixMilliseconds - (unixMilliseconds % 1000))
    .replace('T', ' ')
    .slice(0, -1)} +0000 UTC`;
}
