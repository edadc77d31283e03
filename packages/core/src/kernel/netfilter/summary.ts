/** A rule in a few words, for traces; `iptables -S` prints the whole (see arguments.ts). */
import { formatCidr } from '../../base/address.ts';
import type { Rule, Target } from './rule.ts';
import { formatTo } from './target/nat.ts';

/** `DNAT to 172.17.0.2:16106`. */
export function ruleSummary(rule: Rule): string {
  return targetText(rule.target);
}

function targetText(target: Target): string {
  switch (target.name) {
    case 'JUMP':
      return `jump ${target.chain}`;
    case 'GOTO':
      return `goto ${target.chain}`;
    case 'DNAT':
    case 'SNAT':
      return `${target.name} to ${formatTo(target)}`;
    case 'NETMAP':
      return `NETMAP to ${formatCidr(target.network)}`;
    case 'REJECT':
      return `REJECT with ${target.with}`;
    case 'MARK':
      return `MARK 0x${target.value.toString(16)}`;
    case 'CONNMARK':
      return target.mode === 'set' ? `CONNMARK 0x${target.value.toString(16)}` : `CONNMARK ${target.mode}`;
    case 'UNMODELLED':
      return target.target;
    case 'NONE':
      return 'counted';
    default:
      return target.name;
  }
}
