/**
 * What the programs of iproute2 (`ip`, `bridge`) have in common: words may be cut short (`ip a`, `bridge li`), and
 * devices are described in the same words.
 * Follows iproute2 6.1 (lib/utils.c, matches; ip/ipaddress.c, print_linkinfo).
 */
import { Refusal } from '../../base/refusal.ts';
import type { Link, NamespaceConfig } from '../../kernel/config.ts';
import { notModelled, shorten } from '../result.ts';
import type { Host } from '../tool.ts';

/** The first word of a list that begins with what was typed. */
export function matchWord(typed: string, words: readonly string[]): string | undefined {
  return typed === '' ? undefined : words.find((word) => word.startsWith(typed));
}

/** Words of a command line that are read one after the other. */
export class Words {
  private position = 0;
  constructor(
    readonly program: string,
    private readonly words: readonly string[],
  ) {}

  /** The next word, or undefined at the end. */
  next(): string | undefined {
    return this.words[this.position++];
  }

  /**
   * The value of a keyword.
   * @throws Refusal if the line ends there
   */
  value(): string {
    const word = this.next();
    if (word === undefined) throw refuse(this.program, 'incomplete', 'Command line is not complete. Try option "help"');
    return word;
  }

  /**
   * Takes options before the object: those in `flags` are told by their name, others refused.
   * @throws Refusal `unknown-option` or `not-modelled`
   */
  options(flags: readonly string[], unmodelled: readonly string[]): ReadonlySet<string> {
    const given = new Set<string>();
    for (let word = this.words[this.position]; word?.startsWith('-') === true; word = this.words[++this.position]) {
      const name = word.startsWith('--') ? word.slice(2) : word.slice(1);
      const known = flags.find((flag) => flag === name) ?? (name === '' ? undefined : matchWord(name, flags));
      if (known !== undefined) given.add(known);
      else if (matchWord(name, unmodelled) !== undefined) throw notModelled(this.program, `option ${shorten(word)}`);
      else throw refuse(this.program, 'unknown-option', `Option "${shorten(word)}" is unknown, try "${this.program} -help".`);
    }
    return given;
  }
}

/** A refusal in iproute2's words. */
export function refuse(program: string, code: string, message: string): Refusal {
  return new Refusal({ component: program, code, message });
}

/** Whether a device has its carrier: an empty or idle bridge has none. */
export function hasCarrier(link: Link, config: NamespaceConfig): boolean {
  if (link.kind.type !== 'bridge') return link.up;
  return link.up && config.links.some((other) => other.up && other.port?.master === link.name);
}

/** `UP`, `DOWN`, `UNKNOWN`: a device's operational state. */
export function operState(link: Link, config: NamespaceConfig): string {
  if (!link.up) return 'DOWN';
  const { type } = link.kind;
  if (type === 'loopback' || type === 'dummy' || type === 'vxlan') return 'UNKNOWN';
  return hasCarrier(link, config) ? 'UP' : 'DOWN';
}

/** `<BROADCAST,MULTICAST,UP,LOWER_UP>`. */
export function linkFlags(link: Link, config: NamespaceConfig): string {
  const { type } = link.kind;
  const carrier = hasCarrier(link, config);
  const flags: string[] = [];
  if (link.up && !carrier) flags.push('NO-CARRIER');
  if (type === 'loopback') flags.push('LOOPBACK');
  else flags.push('BROADCAST', type === 'dummy' ? 'NOARP' : 'MULTICAST');
  if (link.up) flags.push('UP');
  if (link.up && carrier) flags.push('LOWER_UP');
  return `<${flags.join(',')}>`;
}

/** `veth5fd7cbf@if4`: a device with the other end of its pair, by name if that is in the same namespace. */
export function linkName(link: Link, host: Host): string {
  if (link.kind.type !== 'veth') return link.name;
  const { namespace, index } = link.kind.peer;
  const own = namespace === host.config.name || namespace === host.name;
  const peer = own ? host.config.host.links.find((other) => other.index === index)?.name : undefined;
  return `${link.name}@${peer ?? `if${index}`}`;
}
