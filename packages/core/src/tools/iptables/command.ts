/**
 * The words of an `iptables` command line sorted into command, flags and the rule's own arguments.
 * Follows iptables 1.8.9 (iptables/xshared.c, do_parse). An optional chain stands in the same word or in the next
 * (`-L DOCKER`), so that `-Ln` asks for the chain `n`, as it does there.
 */
import { ruleOptionArity } from '../../kernel/netfilter/arguments.ts';
import { letterOf, lettersFrom } from '../../kernel/netfilter/long-options.ts';
import { parameterProblem, shorten } from '../../kernel/netfilter/notation.ts';

/** A command letter of iptables. */
export type CommandLetter = 'A' | 'C' | 'D' | 'I' | 'R' | 'L' | 'S' | 'F' | 'Z' | 'N' | 'X' | 'E' | 'P';

/** What was asked. */
export interface Command {
  readonly letter: CommandLetter;
  readonly chain?: string;
  /** `-I CHAIN 2`, `-D CHAIN 2`, `-R CHAIN 2`, `-L CHAIN 2`. */
  readonly number?: number;
  /** `-P CHAIN POLICY`. */
  readonly policy?: string;
  /** `-E CHAIN NAME`. */
  readonly newName?: string;
  /** `-L -Z`: what is listed counts from 0 again. */
  readonly zero: boolean;
  readonly table: string;
  readonly numeric: boolean;
  readonly verbose: boolean;
  readonly exact: boolean;
  readonly lineNumbers: boolean;
  /** The rule's arguments, as typed. */
  readonly rule: readonly string[];
}

const COMMANDS: readonly CommandLetter[] = ['A', 'C', 'D', 'I', 'R', 'L', 'S', 'F', 'Z', 'N', 'X', 'E', 'P'];
/** Commands whose chain may be left out. */
const CHAIN_OPTIONAL: readonly CommandLetter[] = ['L', 'S', 'F', 'Z', 'X'];
const NUMBERED: readonly CommandLetter[] = ['I', 'D', 'R', 'L', 'S', 'Z'];

type Flag = 'numeric' | 'verbose' | 'exact' | 'lineNumbers' | 'ipv4' | 'help' | 'version';
const FLAGS: ReadonlyMap<string, Flag> = new Map<string, Flag>([
  ['-n', 'numeric'],
  ['-v', 'verbose'],
  ['-x', 'exact'],
  ['--line-numbers', 'lineNumbers'],
  ['-4', 'ipv4'],
  ['-h', 'help'],
  ['-V', 'version'],
]);
const UNMODELLED = ['-M', '-6'];
/** Letters that a rule's own reader completes, as it knows the extensions. */
const OF_RULES = ['-s', '-d', '-i', '-o', '-p', '-j', '-g', '-m', '-f', '-c'];

/** A long option by its letter, if it is one of the command's own. */
function commandOption(name: string): string {
  if (ruleOptionArity(name) !== undefined) return name;
  const [letter = name, another] = lettersFrom(name);
  const exact = letterOf(name);
  if (exact !== name || another !== undefined || OF_RULES.includes(letter)) return exact;
  return letter;
}

/**
 * Sorts the words.
 * @returns the command, or `help` or `version`
 * @throws Refusal in iptables' words
 */
export function parseCommand(args: readonly string[]): Command | 'help' | 'version' {
  const scan = new Scanner(args);
  while (!scan.done) scan.word();
  if (scan.flags.has('help')) return 'help';
  if (scan.flags.has('version')) return 'version';
  return scan.command();
}

class Scanner {
  readonly flags = new Set<Flag>();
  private readonly rule: string[] = [];
  private letter?: CommandLetter;
  private chain: string | undefined;
  private number: number | undefined;
  private policy: string | undefined;
  private newName: string | undefined;
  private zero = false;
  private table = 'filter';
  private position = 0;

  constructor(private readonly args: readonly string[]) {}

  get done(): boolean {
    return this.position >= this.args.length;
  }

  command(): Command {
    if (this.letter === undefined) {
      const strange = this.rule.find((word) => word.startsWith('--') && ruleOptionArity(word) === undefined);
      if (strange !== undefined) throw parameterProblem(`unknown option "${shorten(strange)}"`, strange, 'unknown-option');
      throw parameterProblem('no command specified');
    }
    const { letter, rule, table, flags } = this;
    return {
      letter,
      ...(this.chain === undefined ? {} : { chain: this.chain }),
      ...(this.number === undefined ? {} : { number: this.number }),
      ...(this.policy === undefined ? {} : { policy: this.policy }),
      ...(this.newName === undefined ? {} : { newName: this.newName }),
      zero: this.zero,
      table,
      numeric: flags.has('numeric'),
      verbose: flags.has('verbose'),
      exact: flags.has('exact'),
      lineNumbers: flags.has('lineNumbers'),
      rule,
    };
  }

  word(): void {
    const word = this.args[this.position++] ?? '';
    if (word.startsWith('--')) {
      const equals = word.indexOf('=');
      if (equals < 0) this.option(commandOption(word), undefined);
      else this.option(commandOption(word.slice(0, equals)), word.slice(equals + 1));
    } else if (word.startsWith('-') && word.length > 1) {
      this.cluster(word);
    } else {
      this.rule.push(word);
    }
  }

  /** `-nvL`, `-tnat`, `-LDOCKER`: letters until one takes the rest of the word as its value. */
  private cluster(word: string): void {
    for (let i = 1; i < word.length; i++) {
      const flag = `-${word[i]}`;
      const rest = i + 1 < word.length ? word.slice(i + 1) : undefined;
      if (!this.option(flag, rest)) return;
    }
  }

  /** Takes one option; says whether the letters after it are further options. */
  private option(flag: string, attached: string | undefined): boolean {
    const plain = FLAGS.get(flag);
    if (plain !== undefined) {
      this.flags.add(plain);
      return true;
    }
    if (UNMODELLED.includes(flag)) throw parameterProblem(`option ${flag} is not modelled`, flag, 'not-modelled');
    const letter = COMMANDS.find((one) => flag === `-${one}`);
    if (letter !== undefined) this.setCommand(letter, flag, attached);
    else if (flag === '-t') this.table = this.value(flag, attached);
    else if (flag === '-w' || flag === '-W') this.wait(attached);
    else this.ruleOption(flag, attached);
    return false;
  }

  /** `-w [SECONDS]`: waiting for a lock that nobody else holds. */
  private wait(attached: string | undefined): void {
    const value = attached ?? (this.hasValue() ? this.args[this.position++] : undefined);
    if (value !== undefined && !/^\d{1,9}$/.test(value)) throw parameterProblem('wait seconds not numeric');
  }

  private setCommand(letter: CommandLetter, flag: string, attached: string | undefined): void {
    const lists = (one: CommandLetter | undefined) => one === 'L' || one === 'S';
    this.zero ||= (lists(this.letter) && letter === 'Z') || (this.letter === 'Z' && lists(letter));
    if (this.letter !== undefined && !this.zero) throw parameterProblem(`Cannot use -${letter} with -${this.letter}`, flag);
    if (!lists(this.letter)) this.letter = letter;
    if (CHAIN_OPTIONAL.includes(letter))
      this.chain = attached ?? (this.hasValue() ? this.args[this.position++] : undefined) ?? this.chain;
    else this.chain = this.value(flag, attached);
    if (letter === 'P') {
      if (!this.hasValue()) throw parameterProblem('-P requires a chain and a policy', flag);
      this.policy = this.args[this.position++];
    } else if (letter === 'E') {
      if (!this.hasValue()) throw parameterProblem('-E requires old-chain-name and new-chain-name', flag);
      this.newName = this.args[this.position++];
    } else if (NUMBERED.includes(letter) && this.hasValue()) {
      const text = this.args[this.position] ?? '';
      if (!/^\d{1,9}$/.test(text)) throw parameterProblem(`Invalid rule number \`${shorten(text)}'`, flag);
      this.number = Number(text);
      if (this.number === 0) throw parameterProblem(`Invalid rule number \`${text}'`, flag);
      this.position++;
    }
    this.checkChainName(flag);
  }

  private checkChainName(flag: string): void {
    const chain = this.newName ?? this.chain ?? '';
    if (chain.length > 28) throw parameterProblem(`chain name \`${shorten(chain)}' too long (must be under 29 chars)`, flag);
    if (this.letter === 'N' && /^[-!]/.test(chain))
      throw parameterProblem(`chain name not allowed to start with \`${chain[0]}'\n`, flag);
    if (this.letter === 'N' && (chain === '' || /\s/.test(chain))) throw parameterProblem(`Invalid chain name \`${chain}'`, flag);
  }

  private ruleOption(flag: string, attached: string | undefined): void {
    const arity = ruleOptionArity(flag);
    if (arity === undefined && flag.length === 2) throw parameterProblem(`unknown option "${flag}"`, flag, 'unknown-option');
    this.rule.push(flag);
    if (attached !== undefined) this.rule.push(attached);
    let wanted = (arity ?? 0) - (attached === undefined ? 0 : 1);
    for (; wanted > 0 && !this.done; wanted--) this.rule.push(this.args[this.position++] ?? '');
  }

  private value(flag: string, attached: string | undefined): string {
    const value = attached ?? this.args[this.position++];
    if (value === undefined) throw parameterProblem(`option "${flag}" requires an argument`, flag);
    return value;
  }

  private hasValue(): boolean {
    const next = this.args[this.position];
    return next !== undefined && !next.startsWith('-') && next !== '!';
  }
}
