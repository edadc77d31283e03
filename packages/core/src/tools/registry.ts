/** The tools of every Linux machine with Docker; other packages add theirs (dig, curl, dcos) by the same interface. */

import { brctl } from './brctl.ts';
import { cat } from './cat.ts';
import { conntrack } from './conntrack.ts';
import { dmesg } from './dmesg.ts';
import { docker } from './docker/docker.ts';
import { bridge } from './iproute/bridge.ts';
import { ip } from './iproute/ip.ts';
import { ipset } from './ipset.ts';
import { iptables } from './iptables/iptables.ts';
import { iptablesRestore } from './iptables/iptables-restore.ts';
import { iptablesSave } from './iptables/iptables-save.ts';
import { ipvsadm } from './ipvsadm.ts';
import { jq } from './jq/jq.ts';
import type { ToolRegistry } from './shell.ts';
import { ss } from './ss.ts';
import type { Tool } from './tool.ts';

/** The tools of this package, in the releases of the post's machines. */
export const CORE_TOOLS: readonly Tool[] = [
  brctl,
  bridge(),
  cat,
  conntrack,
  dmesg,
  docker(),
  ip,
  ipset,
  iptables(),
  iptablesRestore(),
  iptablesSave(),
  ipvsadm,
  jq,
  ss,
];

/** A registry of tools; of two with one name the later counts. */
export function toolRegistry(...lists: readonly (readonly Tool[])[]): ToolRegistry {
  return new Map(lists.flat().map((tool) => [tool.name, tool]));
}
