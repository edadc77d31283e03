/**
 * What the overlay modules answer over HTTP: `/overlay-master/state` beside the Mesos master's pages, `/overlay-agent/overlay`
 * beside those of each Mesos process. Follows overlay.proto and the handlers of dcos-mesos-modules overlay/master.cpp and
 * overlay/agent.cpp, edc45dc: fields in the order of their names; overlays in that of the configuration, there in a hash's.
 */

import type { OverlayConfig, OverlayInfo } from '@portolan/core';
import {
  type AgentOverlay,
  type AgentPlace,
  bridgesOf6,
  formatCidr,
  formatCidr6,
  formatIpv4,
  formatMac,
  VTEP_OUI,
} from '@portolan/core';
import type { ModuleOverlay, ModuleState } from './agent-module.ts';
import { VTEP_DEVICE } from './directory.ts';

type Json = { readonly [name: string]: unknown };
type State = Pick<ModuleOverlay, 'status' | 'error'>;

const VNI = 1024;

/** A node as a master knows it, and its module's state if that has been reported to it. */
export interface KnownNode {
  readonly place: AgentPlace;
  readonly reported: ModuleState | undefined;
}

/** The answer of a master's module. */
export function overlayMasterState(config: OverlayConfig, nodes: readonly KnownNode[]): Json {
  const { vtepNetwork, vtepNetwork6, overlays } = config;
  const agents = nodes.map(({ place, reported }) => ({
    ip: formatIpv4(place.agent),
    overlays: place.overlays.map((part) => {
      const status = reported?.overlays.find((other) => other.part.name === part.name)?.status;
      return overlayJson(config, place, part, status && { status });
    }),
  }));
  const network = {
    overlays: overlays.map(infoJson),
    vtep_mac_oui: formatMac(VTEP_OUI),
    vtep_subnet: formatCidr(vtepNetwork),
    ...(vtepNetwork6 && { vtep_subnet6: formatCidr6(vtepNetwork6) }),
  };
  return { ...(agents.length > 0 && { agents }), network };
}

/** The answer of a node's own module. */
export function overlayAgentState(config: OverlayConfig, place: AgentPlace, { attempts, overlays }: ModuleState): Json {
  return {
    configuration_attempts: attempts,
    ip: formatIpv4(place.agent),
    overlays: overlays.map((overlay) => overlayJson(config, place, overlay.part, overlay)),
  };
}

function overlayJson(config: OverlayConfig, place: AgentPlace, part: AgentOverlay, state: State | undefined): Json {
  const { name, subnet, subnet6, mesosBridge, dockerBridge, vtep6 } = part;
  const info = config.overlays.find((overlay) => overlay.name === name);
  // An overlay of IPv6 alone does not say whether its node wanted bridges; its others do.
  const bridged = place.overlays.some((other) => other.mesosBridge !== undefined);
  const halves6 = subnet6 && bridged ? bridgesOf6(subnet6) : undefined;
  const bridge = (prefix: string, ip: AgentOverlay['subnet'], ip6: AgentOverlay['subnet6']): Json => ({
    ...(ip && { ip: formatCidr(ip) }),
    ...(ip6 && { ip6: formatCidr6(ip6) }),
    name: `${prefix}-${name}`,
  });
  const vxlan = {
    vni: VNI,
    vtep_ip: formatCidr(place.vtep),
    ...(vtep6 && { vtep_ip6: formatCidr6(vtep6) }),
    vtep_mac: formatMac(place.vtepMac),
    vtep_name: VTEP_DEVICE,
  };
  return {
    backend: { vxlan },
    ...(bridged && { docker_bridge: bridge('d', dockerBridge, halves6?.dockerBridge) }),
    info: info ? infoJson(info) : { name },
    ...(bridged && { mesos_bridge: bridge('m', mesosBridge, halves6?.mesosBridge) }),
    ...(state && { state: { ...(state.error !== undefined && { error: state.error }), status: state.status } }),
    ...(subnet && { subnet: formatCidr(subnet) }),
    ...(subnet6 && { subnet6: formatCidr6(subnet6) }),
  };
}

function infoJson({ name, network, prefix, network6, prefix6 }: OverlayInfo): Json {
  return {
    name,
    ...(network && { prefix }),
    ...(network6 && { prefix6 }),
    ...(network && { subnet: formatCidr(network) }),
    ...(network6 && { subnet6: formatCidr6(network6) }),
  };
}
