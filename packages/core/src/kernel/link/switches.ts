/**
 * What the switches net.ipv4.conf.all.* and net.ipv4.conf.NAME.* together mean for one device.
 * Follows linux include/linux/inetdevice.h (IN_DEV_FORWARD, IN_DEV_RPFILTER, IN_DEV_RX_REDIRECTS ...) and
 * net/ipv4/devinet.c (inet_forward_change: whoever forwards believes no redirects).
 */
import { memo } from '../../base/immutable.ts';
import type { Sysctl } from '../config.ts';

/** A device's switches, as packets meet them. */
export interface Switches {
  /** Packets that come in there are passed on. */
  readonly forwarding: boolean;
  readonly rpFilter: 0 | 1 | 2;
  /** 127.0.0.0/8 may come in and go out there. */
  readonly routeLocalnet: boolean;
  /** ARP is answered for whatever is routed by another device. */
  readonly proxyArp: boolean;
  readonly sendRedirects: boolean;
  readonly acceptRedirects: boolean;
  /** The look back at a packet's source counts its mark. */
  readonly sourceValidMark: boolean;
}

/** The switches of a device by name. */
export function switchesOf(sysctl: Sysctl, device: string): Switches {
  const isOrdinary = !sysctl.routeLocalnet.includes(device) && sysctl.devices?.some(({ name }) => name === device) !== true;
  return isOrdinary ? ordinary(sysctl) : combine(sysctl, device);
}

// Nearly all devices of a machine share one value.
const ordinary: (sysctl: Sysctl) => Switches = memo((sysctl) => combine(sysctl, ''));

function combine(sysctl: Sysctl, device: string): Switches {
  const own = sysctl.devices?.find(({ name }) => name === device);
  const forwarding = own?.forwarding ?? sysctl.ipForward;
  const strictest = Math.max(sysctl.rpFilter, own?.rpFilter ?? 0);
  return {
    forwarding,
    rpFilter: strictest === 1 ? 1 : strictest === 2 ? 2 : 0,
    routeLocalnet: sysctl.routeLocalnet.includes(device),
    proxyArp: own?.proxyArp === true,
    sendRedirects: sysctl.sendRedirects,
    acceptRedirects: !forwarding,
    sourceValidMark: sysctl.sourceValidMark === true,
  };
}
