/**
 * Replays what the overlay master's IPAM answered (`overlay/sequences.json`): one command a line, one answer each.
 * An abbreviated sequence (`... 1201 commands`) repeats the commands after its first up to that number, and of its
 * answers only a selection, in order, was kept.
 */
import {
  allocateSubnet,
  allocateSubnet6,
  allocateVtep,
  allocateVtep6,
  bridgesOf,
  bridgesOf6,
  formatCidr,
  formatCidr6,
  formatIpv4,
  formatMac,
  intervals,
  parseCidr,
  parseCidr6,
  printSpace,
  Refusal,
  releaseSubnet,
  releaseSubnet6,
  releaseVtep,
  releaseVtep6,
  reserveSubnet,
  reserveSubnet6,
  reserveVtep,
  reserveVtep6,
  type SubnetPool,
  subnetPool,
  type VtepPool,
  vtepMac,
  vtepPool,
} from '@portolan/core';
import { canonical, listOf, type ReplayResult, ReplayTally, recordOf } from './result.ts';

type Answer = Readonly<Record<string, unknown>>;

interface Pools {
  readonly vteps: VtepPool;
  readonly subnets: SubnetPool;
}

/** Replays one recorded file. */
export function replay(text: string, file: string): ReplayResult {
  const tally = new ReplayTally();
  for (const [index, sequence] of listOf(recordOf(JSON.parse(text)).sequences).entries()) {
    const { title, commands, results } = recordOf(sequence);
    replaySequence(tally, `${file} sequences[${index}] ${String(title)}`, listOf(commands).map(String), listOf(results));
  }
  return tally;
}

function replaySequence(tally: ReplayTally, name: string, commands: readonly string[], results: readonly unknown[]): void {
  const total = Number(/^\.\.\. (\d{1,6}) commands$/.exec(commands.at(-1) ?? '')?.[1] ?? Number.NaN);
  if (Number.isNaN(total)) {
    const answers = run(commands);
    for (const [i, command] of commands.entries()) {
      const where = `${name}[${i}] ${command}`;
      const answer = answers[i];
      if (answer === undefined) tally.skip(where, 'a command of this kind is unknown');
      else tally.compare(where, canonical(results[i]), canonical(answer));
    }
    return;
  }
  const [first = '', ...cycle] = commands.slice(0, -1);
  const all = [first];
  while (all.length < total && cycle.length > 0) all.push(...cycle);
  const answers = run(all.slice(0, total)).map(canonical);
  let from = 0;
  for (const [i, result] of results.entries()) {
    const expected = canonical(result);
    const found = answers.indexOf(expected, from);
    tally.compare(`${name} answer ${i}`, expected, found < 0 ? 'none of the answers that follow' : expected);
    if (found >= 0) from = found + 1;
  }
}

/** The answers to the commands; undefined for one that is unknown, and for all after it. */
function run(commands: readonly string[]): readonly (Answer | undefined)[] {
  let pools: Pools | undefined;
  let lost = false;
  return commands.map((command) => {
    const [op = '', ...words] = command.split(' ');
    try {
      const done = lost ? undefined : carryOut(pools, op, words);
      if (done === undefined) {
        lost = true;
        return undefined;
      }
      pools = done.pools;
      return { op, ...done.answer };
    } catch (refusal) {
      if (!(refusal instanceof Refusal)) throw refusal;
      const named = words[0] === undefined || op === 'new' ? {} : { [op.startsWith('v') ? 'ip' : 'subnet']: words[0] };
      return { op, ...named, error: refusal.message };
    }
  });
}

function carryOut(pools: Pools | undefined, op: string, words: readonly string[]): Done | undefined {
  if (op === 'new') return create(words);
  return pools && OPERATIONS.get(op)?.(pools, words[0] ?? '');
}

interface Done {
  readonly pools: Pools;
  readonly answer: Answer;
}

function create([vtep = '', vtep6 = '-', network = '', prefix = '', network6 = '-', prefix6 = '0']: readonly string[]): Done {
  const optional = (text: string) => (text === '-' ? undefined : parseCidr6(text));
  return {
    pools: {
      vteps: vtepPool(parseCidr(vtep), optional(vtep6)),
      subnets: subnetPool({
        name: 'dcos',
        network: network === '-' ? undefined : parseCidr(network),
        prefix: Number(prefix),
        network6: optional(network6),
        prefix6: Number(prefix6),
      }),
    },
    answer: {},
  };
}

const OPERATIONS: ReadonlyMap<string, (pools: Pools, word: string) => Done> = new Map([
  [
    'vtep',
    (pools: Pools) => {
      const { pool, vtep } = allocateVtep(pools.vteps);
      return { pools: { ...pools, vteps: pool }, answer: { ip: formatCidr(vtep), mac: formatMac(vtepMac(pool, vtep)) } };
    },
  ],
  [
    'vtep6',
    (pools: Pools) => {
      const { pool, vtep } = allocateVtep6(pools.vteps);
      return { pools: { ...pools, vteps: pool }, answer: { ip: formatCidr6(vtep) } };
    },
  ],
  [
    'alloc',
    (pools: Pools) => {
      const { pool, subnet } = allocateSubnet(pools.subnets);
      const { mesosBridge, dockerBridge } = bridgesOf(subnet);
      const answer = {
        subnet: formatCidr(subnet),
        mesos_bridge: formatCidr(mesosBridge),
        docker_bridge: formatCidr(dockerBridge),
      };
      return { pools: { ...pools, subnets: pool }, answer };
    },
  ],
  [
    'alloc6',
    (pools: Pools) => {
      const { pool, subnet } = allocateSubnet6(pools.subnets);
      const { mesosBridge, dockerBridge } = bridgesOf6(subnet);
      const answer = {
        subnet: formatCidr6(subnet),
        mesos_bridge: formatCidr6(mesosBridge),
        docker_bridge: formatCidr6(dockerBridge),
      };
      return { pools: { ...pools, subnets: pool }, answer };
    },
  ],
  ['free', onSubnets((pool, word) => releaseSubnet(pool, parseCidr(word)))],
  ['free6', onSubnets((pool, word) => releaseSubnet6(pool, parseCidr6(word)))],
  ['reserve', onSubnets((pool, word) => reserveSubnet(pool, parseCidr(word)))],
  ['reserve6', onSubnets((pool, word) => reserveSubnet6(pool, parseCidr6(word)))],
  ['vfree', onVteps((pool, word) => releaseVtep(pool, parseCidr(word)))],
  ['vfree6', onVteps((pool, word) => releaseVtep6(pool, parseCidr6(word)))],
  ['vreserve', onVteps((pool, word) => reserveVtep(pool, parseCidr(word)))],
  ['vreserve6', onVteps((pool, word) => reserveVtep6(pool, parseCidr6(word)))],
  [
    'show',
    (pools: Pools) => {
      const { subnets, vteps } = pools;
      const print = (address: number) => formatCidr({ address, prefix: subnets.info.prefix });
      return {
        pools,
        answer: {
          intervals: printSpace(subnets.free, print),
          n: intervals(subnets.free).length,
          vtep: printSpace(vteps.free, formatIpv4),
        },
      };
    },
  ],
]);

function onSubnets(change: (pool: SubnetPool, word: string) => SubnetPool): (pools: Pools, word: string) => Done {
  return (pools, word) => ({ pools: { ...pools, subnets: change(pools.subnets, word) }, answer: { subnet: word } });
}

function onVteps(change: (pool: VtepPool, word: string) => VtepPool): (pools: Pools, word: string) => Done {
  return (pools, word) => ({ pools: { ...pools, vteps: change(pools.vteps, word) }, answer: { ip: word } });
}
