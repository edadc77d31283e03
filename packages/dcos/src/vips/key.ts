/**
 * What a VIP label asks for: dcos_l4lb_mesos_poller's `key/3` (dcos/dcos-net@7bd01ac). The protocol comes from the
 * port that carries the label, the framework's name from its task, both raw.
 */
import { memo, Refusal } from '@portolan/core';
import { compareText, printBinary } from './erlang.ts';
import { compareIp, familyOf, type IpAddress, parseIp } from './ip.ts';

/** IANA numbers of TCP and UDP, the protocols VIPs have. */
export type Protocol = 6 | 17;

/** A VIP known by label and framework; label and framework are raw, so /httpi and httpi are two. */
export interface NamedVipKey {
  readonly kind: 'named';
  readonly protocol: Protocol;
  readonly label: string;
  readonly framework: string;
  readonly port: number;
}

/** A VIP at an address of the user's choice. */
export interface FixedVipKey {
  readonly kind: 'fixed';
  readonly protocol: Protocol;
  readonly address: IpAddress;
  readonly port: number;
}

/** Which VIP a backend belongs to. */
export type VipKey = NamedVipKey | FixedVipKey;

/**
 * Reads a label's value, `<vip>:<port>`, split at its last colon. A port above 65535 passes, as it does there.
 * @throws Refusal `bad-vip-label`, with Erlang's error; dcos-net logs it and goes on with the task's other labels
 */
export function parseVipKey(value: string, protocol: Protocol, framework: string): VipKey {
  const colon = value.lastIndexOf(':');
  if (colon < 0) throw badLabel(`error:{badmatch,[${printBinary(value)}]}`);
  const digits = value.slice(colon + 1);
  if (!/^[+-]?[0-9]+$/.test(digits)) throw badLabel('error:badarg');
  const port = Number(digits);
  if (port <= 0) throw badLabel('error:{badmatch,false}');
  const text = value.slice(0, colon);
  const address = parseIp(text);
  if (address !== undefined) return { kind: 'fixed', protocol, address, port };
  return { kind: 'named', protocol, label: text, framework, port };
}

/** A text that is the same for equal keys and differs for others. */
export const vipKeyText: (key: VipKey) => string = memo((key: VipKey) => {
  if (key.kind === 'fixed') return `${key.protocol} ${key.port} ${key.address.toString(36)} ${familyOf(key.address)}`;
  return `${key.protocol} ${key.port} ${key.label.length} ${key.label}${key.framework}`;
});

/** Erlang's order of keys: tcp before udp, names before IPv4 before IPv6, then label, framework, port. */
export function compareVipKeys(a: VipKey, b: VipKey): number {
  if (a.protocol !== b.protocol) return a.protocol - b.protocol;
  if (a.kind !== b.kind) return a.kind === 'named' ? -1 : 1;
  if (a.kind === 'fixed' && b.kind === 'fixed') return compareIp(a.address, b.address) || a.port - b.port;
  if (a.kind === 'named' && b.kind === 'named') {
    return compareText(a.label, b.label) || compareText(a.framework, b.framework) || a.port - b.port;
  }
  return 0;
}

function badLabel(message: string): Refusal {
  return new Refusal({ component: 'dcos-net', code: 'bad-vip-label', message });
}
