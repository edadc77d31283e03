/**
 * Tables as `iptables-restore` reads them.
 * Follows iptables 1.8.9 (iptables/iptables-restore.c). The lines of a saved text are all that is read here: tables,
 * chains, and rules to append; whoever reads with commands of other kinds (`-I`, `-D`) lends the hand that does them.
 */
import { Refusal } from '../../base/refusal.ts';
import { parseCounter, parseRules } from './arguments.ts';
import { shorten } from './notation.ts';
import { BUILT_IN, type Chain, EMPTY_NETFILTER, emptyTable, type Netfilter, type Rule, type TableName } from './rule.ts';
import { loops } from './rule-check.ts';
import { TABLES } from './save.ts';
import type { Counter } from './table.ts';

/** How a text is read. */
export interface RestoreOptions {
  /** `-c`: counters of chains and before rules are taken. */
  readonly counters?: boolean;
  /** `-n`: what a table has beside the chains that are named stays. */
  readonly noflush?: boolean;
  /** `-T`: the only table that is read. */
  readonly table?: TableName;
  /**
   * Does a command other than `-A`.
   * @throws Refusal of component `iptables`
   */
  readonly otherwise?: (table: TableName, chains: readonly Chain[], words: readonly string[]) => readonly Chain[];
}

/** The tables after a text, and what their rules and policies shall have counted already. */
export interface Restored {
  readonly netfilter: Netfilter;
  readonly counters: readonly {
    readonly table: TableName;
    readonly chain: string;
    readonly place: number | 'policy';
    readonly counter: Readonly<Counter>;
  }[];
}

/**
 * Reads a saved text. Tables it names are replaced, the others stay as in `base`. Counters are dropped: they are left
 * behind by traffic and not configured.
 * @throws Refusal of component `iptables-restore`, its path the line: `line 3`
 */
export function parseSave(text: string, base: Netfilter = EMPTY_NETFILTER): Netfilter {
  return restore(text, base).netfilter;
}

/**
 * As {@link parseSave}, with counters, and with what else `iptables-restore` can do.
 * @throws Refusal of component `iptables-restore`, its path the line: `line 3`
 */
export function restore(text: string, base: Netfilter, options: RestoreOptions = {}): Restored {
  const netfilter: { [table in TableName]: readonly Chain[] } = { ...base };
  const counters: Restored['counters'][number][] = [];
  let open: OpenTable | undefined;
  let number = 0;
  for (const raw of text.split('\n')) {
    number++;
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    if (line.startsWith('*')) {
      open = openTable(line.slice(1), number, netfilter, options);
    } else if (open === undefined) {
      throw refuse(number, `line ${number} failed`);
    } else if (line === 'COMMIT') {
      if (open.wanted) netfilter[open.table] = close(open, number);
      if (open.wanted) counters.push(...countersOf(open));
      open = undefined;
    } else if (open.wanted) {
      readLine(open, line, number, options);
    }
  }
  if (open !== undefined) throw refuse(number, `COMMIT expected at line ${number}`);
  return { netfilter, counters };
}

interface OpenChain {
  policy: 'ACCEPT' | 'DROP' | undefined;
  rules: Rule[];
}

interface OpenTable {
  readonly table: TableName;
  /** False if another table alone is asked for. */
  readonly wanted: boolean;
  readonly chains: Map<string, OpenChain>;
  readonly policies: Map<string, Readonly<Counter>>;
  readonly ruleCounters: Map<Rule, Readonly<Counter>>;
}

function openTable(name: string, line: number, netfilter: Netfilter, { noflush, table: only }: RestoreOptions): OpenTable {
  const table = TABLES.find((known) => known === name);
  if (table === undefined) throw refuse(line, `unable to initialize table '${shorten(name)}'`);
  const chains = noflush === true ? netfilter[table] : emptyTable(table);
  return {
    table,
    wanted: only === undefined || only === table,
    chains: opened(chains),
    policies: new Map(),
    ruleCounters: new Map(),
  };
}

function opened(chains: readonly Chain[]): Map<string, OpenChain> {
  return new Map(chains.map(({ name, policy, rules }) => [name, { policy, rules: [...rules] }]));
}

function readLine(open: OpenTable, line: string, number: number, options: RestoreOptions): void {
  if (line.startsWith(':')) {
    declareChain(open, line.slice(1), number, options);
    return;
  }
  const words = splitWords(line, number);
  const counted = /^\[([^\]:]*):([^\]:]*)\]$/.exec(words[0]?.text ?? '');
  const [command, ...args] = counted === null ? words : words.slice(1);
  const counter = counted === null || options.counters !== true ? undefined : counterOf(counted, number);
  if (command?.text === '-A' || command?.text === '--append') addRule(open, args, number, counter);
  else otherwise(open, [...(command === undefined ? [] : [command]), ...args], number, options);
}

function counterOf([, packets, bytes]: readonly string[], number: number): Readonly<Counter> {
  return inLine(number, () => parseCounter(packets, bytes));
}

function otherwise(open: OpenTable, words: readonly Word[], number: number, options: RestoreOptions): void {
  const [command] = words;
  if (options.otherwise === undefined || command === undefined)
    throw refuse(number, `the command ${shorten(command?.text ?? '')} is not modelled`, 'not-modelled');
  const before = [...open.chains].map(([name, { policy, rules }]) => chainOf(name, policy, rules));
  const texts = words.map(({ text }) => text);
  const after = inLine(number, () => options.otherwise?.(open.table, before, texts)) ?? before;
  open.chains.clear();
  for (const [name, chain] of opened(after)) open.chains.set(name, chain);
}

function chainOf(name: string, policy: 'ACCEPT' | 'DROP' | undefined, rules: readonly Rule[]): Chain {
  return policy === undefined ? { name, rules } : { name, policy, rules };
}

function declareChain(open: OpenTable, text: string, line: number, options: RestoreOptions): void {
  const [name = '', policy = '', counted = ''] = text.split(' ');
  if (name === '' || name.length > 28) throw refuse(line, `Invalid chain name \`${shorten(name)}' (28 chars max)`);
  if (!BUILT_IN[open.table].includes(name)) {
    if (policy !== '-')
      throw refuse(line, `Can't set policy \`${shorten(policy)}' on \`${name}' line ${line}: Bad built-in chain name`);
    open.chains.set(name, { policy: undefined, rules: [] });
    return;
  }
  if (policy !== 'ACCEPT' && policy !== 'DROP') {
    throw refuse(line, `Can't set policy \`${shorten(policy)}' on \`${name}' line ${line}: Bad policy name`);
  }
  open.chains.set(name, { policy, rules: options.noflush === true ? (open.chains.get(name)?.rules ?? []) : [] });
  const [, packets, bytes] = /^\[(\d{1,15}):(\d{1,15})\]$/.exec(counted) ?? [];
  if (options.counters === true && packets === undefined)
    throw refuse(line, `invalid policy counters for chain '${name}'`, 'parameter-problem');
  if (options.counters === true) open.policies.set(name, { packets: Number(packets), bytes: Number(bytes) });
}

function addRule(open: OpenTable, words: readonly Word[], number: number, before: Readonly<Counter> | undefined): void {
  const [name, ...args] = words;
  const chain = open.chains.get(name?.text ?? '');
  if (chain === undefined) throw refuse(number, `line ${number} failed`);
  const { rules, counter = before } = inLine(number, () =>
    parseRules(
      args.map(({ text }) => text),
      args.map(({ written }) => written),
    ),
  );
  for (const rule of rules) {
    const { target } = rule;
    // A word that is no chain so far must be an extension, and there is none of that name.
    if (target.name === 'JUMP' && !open.chains.has(target.chain))
      throw refuse(number, `Couldn't load target \`${target.chain}':No such file or directory\n`, 'parameter-problem');
    chain.rules.push(rule);
    if (counter !== undefined) open.ruleCounters.set(rule, counter);
  }
}

/** What an action says, its refusals told with the line's number. */
function inLine<T>(number: number, action: () => T): T {
  try {
    return action();
  } catch (error) {
    // The kernel's own no is told in a word.
    if (error instanceof Refusal)
      throw refuse(number, error.code === 'refused' ? `line ${number} failed` : error.message, error.code);
    throw error;
  }
}

function close(open: OpenTable, line: number): readonly Chain[] {
  for (const { rules } of open.chains.values()) {
    for (const { target } of rules) {
      if (target.name !== 'JUMP' && target.name !== 'GOTO') continue;
      const chain = open.chains.get(target.chain);
      if (chain === undefined || chain.policy !== undefined) throw refuse(line, `line ${line} failed`);
    }
  }
  const chains = [...open.chains].map(([name, { policy, rules }]) => chainOf(name, policy, rules));
  if (chains.some(({ name }) => loops(chains, name))) throw refuse(line, `line ${line} failed`);
  return chains;
}

function countersOf({ table, chains, policies, ruleCounters }: OpenTable): Restored['counters'] {
  const ofPolicies = [...policies].map(([chain, counter]) => ({ table, chain, place: 'policy' as const, counter }));
  const ofRules = [...chains].flatMap(([chain, { rules }]) =>
    rules.flatMap((rule, place) => {
      const counter = ruleCounters.get(rule);
      return counter === undefined ? [] : [{ table, chain, place, counter }];
    }),
  );
  return [...ofPolicies, ...ofRules];
}

/** A word, and how it was written. */
interface Word {
  readonly text: string;
  readonly written: string;
}

/** Words of a line, as iptables-restore splits it: at blanks outside double quotes; `\` keeps the next character. */
function splitWords(line: string, number: number): readonly Word[] {
  const words: Word[] = [];
  let word: string | undefined;
  let start = 0;
  let quoted = false;
  const end = (at: number) => {
    if (word !== undefined) words.push({ text: word, written: line.slice(start, at) });
    word = undefined;
  };
  for (let i = 0; i < line.length; i++) {
    const c = line.charAt(i);
    if (!quoted && (c === ' ' || c === '\t')) {
      end(i);
      continue;
    }
    if (word === undefined) start = i;
    word ??= '';
    if (c === '"') quoted = !quoted;
    else word += quoted && c === '\\' ? line.charAt(++i) : c;
  }
  if (quoted) throw refuse(number, `line ${number} failed`);
  end(line.length);
  return words;
}

function refuse(line: number, message: string, code = 'bad-line'): Refusal {
  return new Refusal({ component: 'iptables-restore', code, path: `line ${line}`, message });
}
