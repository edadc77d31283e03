/**
 * The match extensions (`-m`): their options, and their text in listings.
 * Follows iptables 1.8.9, extensions/libxt_{tcp,udp,conntrack,addrtype,mark,comment,set,ipvs}.c, libipt_icmp.c.
 */
import { type Extension, type ExtensionDescription, extension, type OptionDescription } from './extension.ts';
import { hex, notModelled, parameterProblem, parseMark, parsePortRange, quoteWord, serviceName, shorten } from './notation.ts';
import { type AddressType, type CtState, type Match, type PortMatch, PROTOCOL } from './rule.ts';

type Named<N extends Match['name']> = Extract<Match, { readonly name: N }>;
type PortsMatch = Extract<Match, { readonly name: 'tcp' | 'udp' }>;
type StatesMatch = Extract<Match, { readonly name: 'conntrack' | 'state' }>;

/** In the order in which iptables prints them. */
const STATES: readonly CtState[] = ['INVALID', 'NEW', 'RELATED', 'ESTABLISHED', 'UNTRACKED', 'SNAT', 'DNAT'];
const ADDRESS_TYPES: readonly AddressType[] = ['UNICAST', 'LOCAL', 'BROADCAST', 'MULTICAST'];
const OTHER_ADDRESS_TYPES = ['UNSPEC', 'ANYCAST', 'BLACKHOLE', 'UNREACHABLE', 'PROHIBIT', 'THROW', 'NAT', 'XRESOLVE'];
/** Name, type, code; without a code all codes. */
const ICMP_TYPES: readonly (readonly [string, number, number?])[] = [
  ['any', 255],
  ['echo-reply', 0],
  ['destination-unreachable', 3],
  ['network-unreachable', 3, 0],
  ['host-unreachable', 3, 1],
  ['protocol-unreachable', 3, 2],
  ['port-unreachable', 3, 3],
  ['fragmentation-needed', 3, 4],
  ['source-quench', 4],
  ['redirect', 5],
  ['echo-request', 8],
  ['time-exceeded', 11],
  ['ttl-zero-during-transit', 11, 0],
  ['parameter-problem', 12],
];

function ports(name: 'tcp' | 'udp', unmodelled: readonly string[]): ExtensionDescription<PortsMatch> {
  return {
    name,
    options: [
      portOption('sourcePort', ['--sport', '--source-port']),
      portOption('destinationPort', ['--dport', '--destination-port']),
    ],
    unmodelled,
    start: () => ({ name }),
    list: (match, numeric) =>
      [name, listPort('spt', match.sourcePort, numeric, name), listPort('dpt', match.destinationPort, numeric, name)]
        .filter((t) => t !== '')
        .join(' '),
  };
}

function portOption(field: 'sourcePort' | 'destinationPort', flags: [string, string]): OptionDescription<PortsMatch> {
  return {
    flags,
    negatable: true,
    read({ words: [text = ''], not }, into) {
      const span = parsePortRange(text);
      if (span.first > 0 || span.last < 65535 || not) into[field] = not ? { ...span, not } : span;
    },
    write: (from) => {
      const match = from[field];
      if (match === undefined) return undefined;
      const text = match.first === match.last ? String(match.first) : `${match.first}:${match.last}`;
      return { words: [text], not: match.not === true };
    },
  };
}

function listPort(name: string, match: PortMatch | undefined, numeric: boolean, protocol: 'tcp' | 'udp'): string {
  if (match === undefined) return '';
  const not = match.not === true ? '!' : '';
  const text = (port: number) => (numeric ? String(port) : serviceName(port, PROTOCOL[protocol]));
  if (match.first === match.last) return `${name}:${not}${text(match.first)}`;
  return `${name}s:${not}${text(match.first)}:${text(match.last)}`;
}

const icmp: ExtensionDescription<Named<'icmp'>> = {
  name: 'icmp',
  options: [
    {
      flags: ['--icmp-type'],
      negatable: true,
      read({ words: [text = ''], not }, into) {
        const [type, code] = parseIcmpType(text);
        into.type = type;
        if (code !== undefined) into.code = code;
        if (not) into.not = true;
      },
      write: (from) => {
        const text = from.type === 255 ? 'any' : from.code === undefined ? String(from.type) : `${from.type}/${from.code}`;
        return { words: [text], not: from.not === true };
      },
    },
  ],
  start: () => ({ name: 'icmp', type: 255 }),
  missing: (_, given) => (given === 0 ? 'icmp: option "--icmp-type" must be specified' : undefined),
  list(match, numeric) {
    if (!numeric) {
      const known = ICMP_TYPES.find(([, type, code]) => type === match.type && code === match.code);
      if (known !== undefined) return `icmp ${match.not === true ? '!' : ''}${known[0]}`;
    }
    return `icmp${match.not === true ? ' !' : ''}type ${match.type}${match.code === undefined ? '' : ` code ${match.code}`}`;
  },
};

function parseIcmpType(text: string): readonly [number, number?] {
  const known = ICMP_TYPES.find(([name]) => name === text);
  if (known !== undefined) return known[2] === undefined ? [known[1]] : [known[1], known[2]];
  const match = /^(\d{1,3})(?:\/(\d{1,3}))?$/.exec(text);
  if (match === null || Number(match[1]) > 255 || Number(match[2] ?? 0) > 255) {
    throw parameterProblem(`Invalid ICMP type \`${shorten(text)}'`, '--icmp-type');
  }
  return match[2] === undefined ? [Number(match[1])] : [Number(match[1]), Number(match[2])];
}

function states(name: 'conntrack' | 'state', flag: string, unmodelled: readonly string[]): ExtensionDescription<StatesMatch> {
  return {
    name,
    options: [
      {
        flags: [flag],
        negatable: true,
        read({ words: [text = ''], not }, into) {
          const given = text.split(',').map((word) => word.toUpperCase());
          const bad = given.find((word) => !STATES.some((state) => state === word));
          if (bad !== undefined) throw parameterProblem(`Bad ${flag.slice(2)} "${shorten(bad)}"`, flag);
          into.states = STATES.filter((state) => given.includes(state));
          if (not) into.not = true;
        },
        write: (from) => ({ words: [stateText(from)], not: from.not === true }),
      },
    ],
    unmodelled,
    start: () => ({ name, states: [] }),
    missing: (_, given) =>
      given > 0
        ? undefined
        : name === 'state'
          ? 'state: option "--state" must be specified'
          : 'conntrack: At least one option is required',
    list: (match) => `${match.not === true ? '! ' : ''}${flag.slice(2)} ${stateText(match)}`,
  };
}

function stateText(match: StatesMatch): string {
  return STATES.filter((state) => match.states.includes(state)).join(',');
}

const addrtype: ExtensionDescription<Named<'addrtype'>> = {
  name: 'addrtype',
  options: [
    {
      flags: ['--src-type'],
      negatable: true,
      read({ words: [text = ''], not }, into) {
        into.source = parseAddressType(text);
        if (not) into.notSource = true;
      },
      write: (from) => (from.source === undefined ? undefined : { words: [from.source], not: from.notSource === true }),
    },
    {
      flags: ['--dst-type'],
      negatable: true,
      read({ words: [text = ''], not }, into) {
        into.destination = parseAddressType(text);
        if (not) into.notDestination = true;
      },
      write: (from) =>
        from.destination === undefined ? undefined : { words: [from.destination], not: from.notDestination === true },
    },
  ],
  unmodelled: ['--limit-iface-in', '--limit-iface-out'],
  start: () => ({ name: 'addrtype' }),
  missing: (_, given) => (given === 0 ? 'addrtype: you must specify --src-type or --dst-type' : undefined),
  list(match) {
    const source = match.source === undefined ? '' : ` src-type ${match.notSource === true ? '!' : ''}${match.source}`;
    const destination =
      match.destination === undefined ? '' : ` dst-type ${match.notDestination === true ? '!' : ''}${match.destination}`;
    return `ADDRTYPE match${source}${destination}`;
  },
};

function parseAddressType(text: string): AddressType {
  const type = ADDRESS_TYPES.find((known) => known === text.toUpperCase());
  if (type !== undefined) return type;
  if (text.includes(',')) throw notModelled('a list of address types');
  if (OTHER_ADDRESS_TYPES.includes(text.toUpperCase())) throw notModelled(`the address type ${text.toUpperCase()}`);
  throw parameterProblem(`addrtype: bad type \`${shorten(text)}'`);
}

const mark: ExtensionDescription<Named<'mark'>> = {
  name: 'mark',
  options: [
    {
      flags: ['--mark'],
      negatable: true,
      read({ words: [text = ''], not }, into) {
        Object.assign(into, parseMark(text, '--mark'));
        if (not) into.not = true;
      },
      write: (from) => ({ words: [markText(from)], not: from.not === true }),
    },
  ],
  start: () => ({ name: 'mark', value: 0, mask: 0 }),
  missing: (_, given) => (given === 0 ? 'mark: option "--mark" must be specified' : undefined),
  list: (match) => `mark match ${match.not === true ? '! ' : ''}${markText(match)}`,
};

function markText(match: { readonly value: number; readonly mask: number }): string {
  return match.mask === 0xffffffff ? hex(match.value) : `${hex(match.value)}/${hex(match.mask)}`;
}

const comment: ExtensionDescription<Named<'comment'>> = {
  name: 'comment',
  options: [
    {
      flags: ['--comment'],
      read({ words: [text = ''] }, into) {
        if (text.length > 255) throw parameterProblem('Argument must have a maximum length of 255 characters', '--comment');
        if (text.includes('\n')) throw parameterProblem('Newlines not allowed in --comment', '--comment');
        into.text = text;
      },
      write: (from) => ({ words: [quoteWord(from.text)], not: false }),
    },
  ],
  start: () => ({ name: 'comment', text: '' }),
  missing: (_, given) => (given === 0 ? 'comment: option "--comment" must be specified' : undefined),
  list: (match) => `/* ${match.text} */`,
};

const set: ExtensionDescription<Named<'set'>> = {
  name: 'set',
  options: [
    {
      flags: ['--match-set'],
      arity: 2,
      negatable: true,
      read({ words: [name = '', directions = ''], not }, into) {
        if (name.length > 31) throw parameterProblem(`setname \`${shorten(name)}' too long, max 31 characters.`, '--match-set');
        const given = directions.split(',');
        const bad = given.find((direction) => direction !== 'src' && direction !== 'dst');
        if (bad !== undefined || given.length > 6) {
          throw parameterProblem("You must spefify (the comma separated list of) 'src' or 'dst' direction", '--match-set');
        }
        into.set = name;
        into.directions = given.map((direction) => (direction === 'src' ? 'src' : 'dst'));
        if (not) into.not = true;
      },
      write: (from) => ({ words: [from.set, from.directions.join(',')], not: from.not === true }),
    },
  ],
  unmodelled: ['--return-nomatch', '--update-counters', '--update-subcounters', '--packets-eq', '--bytes-eq'],
  start: () => ({ name: 'set', set: '', directions: [] }),
  missing: (_, given) => (given === 0 ? "You must specify `--match-set' with proper arguments" : undefined),
  list: (match) => `${match.not === true ? '! ' : ''}match-set ${match.set} ${match.directions.join(',')}`,
};

const ipvs: ExtensionDescription<Named<'ipvs'>> = {
  name: 'ipvs',
  options: [
    {
      flags: ['--ipvs'],
      arity: 0,
      negatable: true,
      read({ not }, into) {
        if (not) into.not = true;
      },
      write: (from) => ((from.direction ?? from.method) === undefined ? { words: [], not: from.not === true } : undefined),
    },
    {
      flags: ['--vdir'],
      read({ words: [text = ''] }, into) {
        if (text !== 'ORIGINAL' && text !== 'REPLY') throw parameterProblem(`ipvs: bad --vdir \`${shorten(text)}'`, '--vdir');
        into.direction = text;
      },
      write: (from) => (from.direction === undefined ? undefined : { words: [from.direction], not: false }),
    },
    {
      flags: ['--vmethod'],
      read({ words: [text = ''] }, into) {
        if (text !== 'MASQ' && text !== 'GATE' && text !== 'IPIP')
          throw parameterProblem(`ipvs: bad --vmethod \`${shorten(text)}'`, '--vmethod');
        into.method = text;
      },
      write: (from) => (from.method === undefined ? undefined : { words: [from.method], not: false }),
    },
  ],
  unmodelled: ['--vproto', '--vaddr', '--vport', '--vportctl'],
  start: () => ({ name: 'ipvs' }),
  missing: (value, given) => {
    if (given === 0) return 'ipvs: At least one option is required';
    if (value.not === true && (value.direction ?? value.method) !== undefined)
      throw notModelled('! --ipvs with further ipvs options');
    return undefined;
  },
  list: (match) => {
    const words = [match.direction && `vdir ${match.direction}`, match.method && `vmethod ${match.method}`].filter(
      (word) => word !== undefined,
    );
    return words.length === 0 ? `${match.not === true ? '! ' : ''}ipvs` : words.join(' ');
  },
};

/** Every match extension, by name. */
export const MATCHES: ReadonlyMap<string, Extension<Match>> = new Map(
  [
    extension<Match, PortsMatch>(ports('tcp', ['--tcp-flags', '--syn', '--tcp-option'])),
    extension<Match, PortsMatch>(ports('udp', [])),
    extension<Match, Named<'icmp'>>(icmp),
    extension<Match, StatesMatch>(
      states('conntrack', '--ctstate', [
        '--ctproto',
        '--ctorigsrc',
        '--ctorigdst',
        '--ctreplsrc',
        '--ctrepldst',
        '--ctorigsrcport',
        '--ctorigdstport',
        '--ctreplsrcport',
        '--ctrepldstport',
        '--ctstatus',
        '--ctexpire',
        '--ctdir',
      ]),
    ),
    extension<Match, StatesMatch>(states('state', '--state', [])),
    extension<Match, Named<'addrtype'>>(addrtype),
    extension<Match, Named<'mark'>>(mark),
    extension<Match, Named<'comment'>>(comment),
    extension<Match, Named<'set'>>(set),
    extension<Match, Named<'ipvs'>>(ipvs),
  ].map((kind) => [kind.name, kind] as const),
);

/** Match extensions that iptables has and the model does not. */
export const UNMODELLED_MATCHES: ReadonlySet<string> = new Set(
  (
    'ah bpf cgroup cluster connbytes connlabel connlimit connmark cpu dccp devgroup dscp ecn esp hashlimit helper iprange length limit mac multiport ' +
    'nfacct osf owner physdev pkttype policy quota rateest realm recent rpfilter sctp socket statistic string tcpmss time tos ttl u32'
  ).split(' '),
);
