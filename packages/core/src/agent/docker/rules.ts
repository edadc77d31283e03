/**
 * The iptables rules Docker keeps: for its daemon, for each network.
 * Follows moby libnetwork drivers/bridge/setup_ip_tables.go and iptables/iptables.go (18.09 to 20.10).
 */
import type { Draft } from 'immer';
import { type Cidr, formatCidr, networkOf } from '../../base/address.ts';
import { remember } from '../../base/immutable.ts';
import {
  type Chain,
  EMPTY_NETFILTER,
  type Match,
  type Netfilter,
  type Rule,
  type TableName,
  type Target,
} from '../../kernel/netfilter/rule.ts';
import type { DockerNetwork } from './state.ts';

const TO_LOCAL: Match = { name: 'addrtype', destination: { types: ['LOCAL'] } };
const FROM_LOCAL: Match = { name: 'addrtype', source: { types: ['LOCAL'] } };
const ANSWERS: Match = { name: 'conntrack', states: ['RELATED', 'ESTABLISHED'] };
const LOOPBACK: Cidr = { address: 0x7f000000, prefix: 8 };
const CAUSE = 'dockerd';

function jump(chain: string): Target {
  return { name: 'JUMP', chain };
}

function rule(target: Target, parts: Partial<Omit<Rule, 'target'>> = {}): Rule {
  return { matches: [], cause: CAUSE, ...parts, target };
}

/** The rules of a daemon that has no network yet; one value for all daemons. */
export function daemonRules(userlandProxy: boolean): Netfilter {
  return userlandProxy ? WITH_PROXY : WITHOUT_PROXY;
}

const WITH_PROXY = makeDaemonRules(true);
const WITHOUT_PROXY = makeDaemonRules(false);

function makeDaemonRules(userlandProxy: boolean): Netfilter {
  return {
    ...EMPTY_NETFILTER,
    nat: [
      { name: 'PREROUTING', policy: 'ACCEPT', rules: [rule(jump('DOCKER'), { matches: [TO_LOCAL] })] },
      { name: 'INPUT', policy: 'ACCEPT', rules: [] },
      {
        name: 'OUTPUT',
        policy: 'ACCEPT',
        rules: [
          rule(jump('DOCKER'), {
            ...(userlandProxy ? { destination: { network: LOOPBACK, not: true } } : {}),
            matches: [TO_LOCAL],
          }),
        ],
      },
      { name: 'POSTROUTING', policy: 'ACCEPT', rules: [] },
      { name: 'DOCKER', rules: [] },
    ],
    filter: [
      { name: 'INPUT', policy: 'ACCEPT', rules: [] },
      // The daemon found ip_forward off, switched it on, and so closes what it did not open itself.
      { name: 'FORWARD', policy: 'DROP', rules: [rule(jump('DOCKER-USER')), rule(jump('DOCKER-ISOLATION-STAGE-1'))] },
      { name: 'OUTPUT', policy: 'ACCEPT', rules: [] },
      { name: 'DOCKER', rules: [] },
      { name: 'DOCKER-ISOLATION-STAGE-1', rules: [rule({ name: 'RETURN' })] },
      { name: 'DOCKER-ISOLATION-STAGE-2', rules: [rule({ name: 'RETURN' })] },
      { name: 'DOCKER-USER', rules: [rule({ name: 'RETURN' })] },
    ],
  };
}

/** The rules with those of one network more; the same value for the same rules and network, so that machines share it. */
export function withNetwork(rules: Netfilter, network: DockerNetwork, userlandProxy: boolean): Netfilter {
  const { name, bridge, icc, masquerade, internal, subnet } = network;
  const ofSubnet = masquerade || internal === true ? formatCidr(subnet) : '';
  const key = [name, bridge, icc, masquerade, internal === true, ofSubnet, userlandProxy].join(' ');
  return remember(rules, key, () => addNetwork(change(rules, 'filter', 'FORWARD', jumpsFirst), network, userlandProxy));
}

/** FORWARD with Docker's two jumps on top, where the daemon puts them again with each network, whatever came above them. */
function jumpsFirst(old: readonly Rule[]): readonly Rule[] {
  const jumps = ['DOCKER-USER', 'DOCKER-ISOLATION-STAGE-1'].map(
    (chain) => old.find((one) => isPlainJump(one, chain)) ?? rule(jump(chain)),
  );
  return [...jumps, ...old.filter((one) => !jumps.includes(one))];
}

function isPlainJump({ target, matches, ...parts }: Rule, chain: string): boolean {
  const { source, destination, in: entry, out, protocol, fragment } = parts;
  const limits = [source, destination, entry, out, protocol, fragment].some((part) => part !== undefined);
  return target.name === 'JUMP' && target.chain === chain && matches.length === 0 && !limits;
}

function addNetwork(rules: Netfilter, network: DockerNetwork, userlandProxy: boolean): Netfilter {
  const { bridge } = network;
  const here = { out: { name: bridge } };
  const cause = `docker network ${network.name}`;
  const own = (target: Target, parts: Partial<Rule> = {}): Rule => rule(target, { ...parts, cause });
  const forward = [
    own({ name: 'ACCEPT' }, { ...here, matches: [ANSWERS] }),
    own(jump('DOCKER'), here),
    own({ name: 'ACCEPT' }, { in: { name: bridge }, out: { name: bridge, not: true } }),
  ];
  // What is allowed comes before all other networks' rules, what is forbidden after all that is there.
  const among = own({ name: network.icc ? 'ACCEPT' : 'DROP' }, { in: { name: bridge }, out: { name: bridge } });
  if (network.internal === true) return closeNetwork(rules, network, among);
  const [above, below] = network.icc ? [[...forward, among], []] : [forward, [among]];
  let next = change(rules, 'filter', 'FORWARD', (old) => [...old.slice(0, 2), ...above, ...old.slice(2), ...below]);
  next = change(next, 'filter', 'DOCKER-ISOLATION-STAGE-1', (old) => [
    own(jump('DOCKER-ISOLATION-STAGE-2'), { in: { name: bridge }, out: { name: bridge, not: true } }),
    ...old,
  ]);
  next = change(next, 'filter', 'DOCKER-ISOLATION-STAGE-2', (old) => [own({ name: 'DROP' }, here), ...old]);
  if (network.masquerade)
    next = change(next, 'nat', 'POSTROUTING', (old) => [
      own({ name: 'MASQUERADE' }, { source: { network: network.subnet }, out: { name: bridge, not: true } }),
      ...old,
    ]);
  if (!userlandProxy)
    return change(next, 'nat', 'POSTROUTING', (old) => [own({ name: 'MASQUERADE' }, { ...here, matches: [FROM_LOCAL] }), ...old]);
  if (!network.masquerade) return next;
  return change(next, 'nat', 'DOCKER', (old) => [own({ name: 'RETURN' }, { in: { name: bridge } }), ...old]);
}

/** An internal network: what would leave it or come in is dropped before anything else, and nothing is translated. */
function closeNetwork(rules: Netfilter, { name, bridge, icc, subnet }: DockerNetwork, among: Rule): Netfilter {
  const elsewhere = { network: networkOf(subnet), not: true };
  const drop = (parts: Partial<Rule>): Rule => rule({ name: 'DROP' }, { ...parts, cause: `docker network ${name}` });
  const closed = change(rules, 'filter', 'DOCKER-ISOLATION-STAGE-1', (old) => [
    drop({ source: elsewhere, out: { name: bridge } }),
    drop({ destination: elsewhere, in: { name: bridge } }),
    ...old,
  ]);
  return change(closed, 'filter', 'FORWARD', (old) => (icc ? [...old.slice(0, 2), among, ...old.slice(2)] : [...old, among]));
}

/** Rules with one chain's rules changed. */
export function change(
  rules: Netfilter,
  table: TableName,
  chain: string,
  edit: (old: readonly Rule[]) => readonly Rule[],
): Netfilter {
  const chains = rules[table].map((c): Chain => (c.name === chain ? { ...c, rules: edit(c.rules) } : c));
  return { ...rules, [table]: chains };
}

/** Takes out of a chain of a draft what the predicate names. */
export function removeRules(netfilter: Draft<Netfilter>, table: TableName, chain: string, gone: (rule: Rule) => boolean): void {
  const found = netfilter[table].find((c) => c.name === chain);
  if (found?.rules.some((r) => gone(r as Rule))) found.rules = found.rules.filter((r) => !gone(r as Rule));
}
