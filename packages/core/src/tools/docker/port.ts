/**
 * `docker port`: what a container's ports are published on.
 * Follows docker/cli 20.10 (cli/command/container/port.go), which sorts its lines; 18.09 left them in the order of a map.
 */
import type { Container } from '../../agent/docker/state.ts';
import { formatIpv4 } from '../../base/address.ts';
import { failed, lines, ok, shorten } from '../result.ts';
import type { ToolResult } from '../tool.ts';
import { type DockerVersion, listenedOn } from './ps.ts';

/** All of a container's, or those of one of its ports: `80`, `80/udp`. */
export function portLines(
  { state, ports }: Container,
  { name, wanted }: { readonly name: string; readonly wanted: string | undefined },
  version: DockerVersion,
): ToolResult {
  const published = (state === 'running' ? ports : []).flatMap((port) => {
    const addresses = port.hostAddress === undefined ? listenedOn(version) : [formatIpv4(port.hostAddress)];
    const inside = `${port.containerPort}/${port.protocol}`;
    return addresses.map((address) => ({ port, inside, at: `${address}:${port.hostPort}` }));
  });
  if (wanted === undefined) {
    const sorted = published.sort(
      (a, b) => a.port.containerPort - b.port.containerPort || (a.inside < b.inside ? -1 : a.inside > b.inside ? 1 : 0),
    );
    return ok(lines(sorted.map(({ inside, at }) => `${inside} -> ${at}`)));
  }
  const key = wanted.includes('/') ? wanted : `${wanted}/tcp`;
  const found = published.filter(({ inside }) => inside === key);
  if (found.length > 0) return ok(lines(found.map(({ at }) => at)));
  return failed(1, `Error: No public port '${shorten(key)}' published for ${shorten(name)}`);
}
