/**
 * `iptables`: rules listed and changed.
 * Follows iptables 1.4.21, the post's, in its layout, and 1.8.9, which was recorded.
 */
import type { Draft } from 'immer';
import { Refusal } from '../../base/refusal.ts';
import { parseRule } from '../../kernel/netfilter/arguments.ts';
import { parameterProblem, shorten } from '../../kernel/netfilter/notation.ts';
import type { Chain, TableName } from '../../kernel/netfilter/rule.ts';
import { ruleArguments } from '../../kernel/netfilter/rule-text.ts';
import { listedChains, TABLES } from '../../kernel/netfilter/save.ts';
import { failed, lines, ok } from '../result.ts';
import type { Host, Tool, ToolResult } from '../tool.ts';
import { type Command, parseCommand } from './command.ts';
import { applyCommand, kernelRefusal, type SetCounter, zeroed } from './edit.ts';
import { type IptablesVersion, listChain, referencesTo } from './list.ts';

const USAGE = `Usage: iptables -[ACD] chain rule-specification [options]
       iptables -I chain [rulenum] rule-specification [options]
       iptables -R chain rulenum rule-specification [options]
       iptables -D chain rulenum [options]
       iptables -[LS] [chain [rulenum]] [options]
       iptables -[FXZ] [chain] [options]
       iptables -E old-chain-name new-chain-name
       iptables -N chain
       iptables -P chain target [options]
       iptables -h (print this help information)

Options: -t table, -n, -v, -x, --line-numbers, -w [seconds]
`;

/** Makes the tool in the layout of one release. */
export function iptables(version: IptablesVersion = '1.4.21'): Tool {
  return {
    name: 'iptables',
    summary: 'list and change the rules of IPv4 packet filtering and NAT',
    run: (args, host) => run(args, host, version),
  };
}

/** How a release calls itself in messages: `iptables v1.8.9 (legacy)`. */
export function programName(version: IptablesVersion): string {
  return version === '1.4.21' ? 'iptables v1.4.21' : `iptables v${version} (legacy)`;
}

function run(args: readonly string[], host: Host, version: IptablesVersion): ToolResult {
  try {
    const command = parseCommand(args);
    if (command === 'help') return ok(`${programName(version)}\n\n${USAGE}`);
    if (command === 'version') return ok(`${programName(version)}\n`);
    const table = TABLES.find((name) => name === command.table);
    if (table === undefined) return noTable(command.table, version);
    const before = host.config.host.netfilter[table];
    const lists = command.letter === 'L' || command.letter === 'S';
    const listed = lists ? list(table, command, host, version) : '';
    const { chains, counters } = lists
      ? { chains: before, counters: command.zero ? zeroed(before, command) : [] }
      : applyCommand(before, command);
    const kept = command.letter === 'E' ? countersKept(table, command, host) : [];
    if (chains !== before) {
      host.configure((draft) => {
        draft.host.netfilter[table] = chains as Draft<Chain>[];
      });
    }
    for (const { chain, place, counter } of [...kept, ...counters]) host.setCounter(table, chain, place, counter);
    return ok(listed + zeroingLines(command, counters));
  } catch (error) {
    if (error instanceof Refusal && error.component === 'iptables') return explain(error, version);
    throw error;
  }
}

/** Rules that lead to a chain with a new name are new ones, but go on counting. */
function countersKept(table: TableName, { chain: old, newName }: Command, host: Host): readonly SetCounter[] {
  return host.config.host.netfilter[table].flatMap(({ name }) =>
    host.counters(table, name).rules.map((counter, place) => ({
      chain: name === old ? (newName ?? name) : name,
      place,
      counter: { ...counter },
    })),
  );
}

/** What `-Z -v` says of each chain. */
function zeroingLines({ verbose, zero, letter }: Command, counters: readonly SetCounter[]): string {
  const policies = counters.filter(({ place }) => place === 'policy');
  return verbose && (zero || letter === 'Z') ? lines(policies.map(({ chain }) => `Zeroing chain \`${chain}'`)) : '';
}

/** What iptables itself would have answered; an option it does not know, or the model does not, stays a Refusal. */
function explain(refusal: Refusal, version: IptablesVersion): ToolResult {
  switch (refusal.code) {
    case 'refused':
    case 'invalid-argument':
      return failed(1, `iptables: ${refusal.message}`);
    case 'parameter-problem':
      return failed(
        2,
        `${programName(version)}: ${refusal.message}\nTry \`iptables -h' or 'iptables --help' for more information.`,
      );
    default:
      throw new Refusal({
        component: 'iptables',
        code: refusal.code,
        path: refusal.path,
        message: `${programName(version)}: ${refusal.message}`,
      });
  }
}

function noTable(table: string, version: IptablesVersion): ToolResult {
  return failed(
    3,
    `${programName(version)}: can't initialize iptables table \`${shorten(table)}': Table does not exist (do you need to insmod?)\nPerhaps iptables or your kernel needs to be upgraded.`,
  );
}

function list(table: TableName, command: Command, host: Host, version: IptablesVersion): string {
  if (command.rule[0] !== undefined) {
    parseRule(command.rule);
    throw parameterProblem(`Illegal option \`${command.rule[0]}' with this command`, command.rule[0]);
  }
  const chains = host.config.host.netfilter[table];
  const chosen = listedChains(chains).filter((chain) => command.chain === undefined || chain.name === command.chain);
  if (chosen.length === 0) throw kernelRefusal('No chain/target/match by that name.', command.chain);
  if (command.letter === 'S') return listRules(table, chosen, command, host);
  const options = { ...command, version };
  if (command.number !== undefined) return chosen.map((chain) => oneRow(table, chain, command, host, version)).join('');
  return chosen
    .map((chain) => listChain(chain, referencesTo(chains, chain.name), host.counters(table, chain.name), options))
    .join('\n');
}

/** `-L CHAIN NUMBER`: that row alone, without its header. */
function oneRow(table: TableName, chain: Chain, command: Command, host: Host, version: IptablesVersion): string {
  const text = listChain(chain, 0, host.counters(table, chain.name), { ...command, version });
  const line = text.split('\n')[1 + (command.number ?? 0)];
  return line === undefined || line === '' ? '' : `${line}\n`;
}

function listRules(table: TableName, chains: readonly Chain[], command: Command, host: Host): string {
  const counters = chains.map((chain) => (command.verbose ? host.counters(table, chain.name) : undefined));
  const heads = chains.map((chain, i) => {
    const policy = counters[i]?.policy;
    if (chain.policy === undefined) return `-N ${chain.name}`;
    return `-P ${chain.name} ${chain.policy}${policy === undefined ? '' : ` -c ${policy.packets} ${policy.bytes}`}`;
  });
  const rules = chains.map((chain, i) =>
    chain.rules.map((rule, j) => ({
      number: j + 1,
      text: `-A ${chain.name} ${ruleArguments(rule, counters[i]?.rules[j])}`.trimEnd(),
    })),
  );
  const shown = rules.flat().filter(({ number }) => command.number === undefined || command.number === number);
  return [...(command.number === undefined ? heads : []), ...shown.map(({ text }) => text)].map((line) => `${line}\n`).join('');
}
