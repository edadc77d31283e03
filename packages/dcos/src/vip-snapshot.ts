/** The VIPs in force at one moment as text, and who asked for each of them: the part of a snapshot that no machine's configuration holds. */
import { formatIpv4 } from '@portolan/core';
import { formatIp } from './vips/ip.ts';
import type { VipView } from './vips/vip-view.ts';

/** VIPs at one moment. */
export interface VipSnapshot {
  /** `tcp 11.249.78.219:3141` with its servers as text, in gossip's order. */
  readonly vips: ReadonlyMap<string, readonly string[]>;
  /** The app and field that asked for a VIP, or for a server of one, by the lines {@link serverLine} makes of it. */
  readonly vipCauses: ReadonlyMap<string, string>;
}

/** The IPv4 VIPs of a view that has caught up. */
export function snapshotVips(view: VipView): VipSnapshot {
  const vips = new Map<string, readonly string[]>();
  const vipCauses = new Map<string, string>();
  for (const { protocol, address, port, servers, backends, name, cause } of view.vips()) {
    if (typeof address !== 'number') continue;
    const vip = `${protocol === 6 ? 'tcp' : 'udp'} ${formatIpv4(address)}:${port}${name === undefined ? '' : ` ${name}`}`;
    vips.set(
      vip,
      servers.map((server) => `${formatIp(server.address)}:${server.port}`),
    );
    vipCauses.set(vip, cause);
    for (const backend of backends) {
      const server = `${formatIp(backend.address)}:${backend.port}`;
      vipCauses.set(serverLine(server, vip), `${backend.cause}, task ${backend.task}`);
    }
  }
  return { vips, vipCauses };
}

/** A server of a VIP as a line. */
export function serverLine(server: string, vip: string): string {
  return `real server ${server} of ${vip}`;
}
