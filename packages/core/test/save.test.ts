import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Refusal } from '../src/base/refusal.ts';
import { parseRule } from '../src/kernel/netfilter/arguments.ts';
import { parseSave } from '../src/kernel/netfilter/restore.ts';
import type { Rule } from '../src/kernel/netfilter/rule.ts';
import { ruleArguments } from '../src/kernel/netfilter/rule-text.ts';
import { printSave } from '../src/kernel/netfilter/save.ts';
import { arbitraryRule } from './rules.ts';

const RECORDED = new URL('../../conformance/recorded/', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, RECORDED), 'utf8');
const words = (text: string) =>
  [...text.matchAll(/"((?:\\.|[^"\\])*)"|(\S+)/g)].map((m) => m[1]?.replace(/\\(.)/g, '$1') ?? m[2] ?? '');

test('every rule that Docker made in the recorded runs is read and printed back as it was', () => {
  let rules = 0;
  for (const file of readdirSync(new URL('docker/', RECORDED))) {
    for (const line of read(`docker/${file}`).split('\n')) {
      const rule = /^(?:\[\d+:\d+\] )?-A \S+ (.*)$/.exec(line)?.[1];
      if (rule === undefined) continue;
      expect(ruleArguments(parseRule(words(rule))), file).toBe(rule);
      rules++;
    }
  }
  expect(rules).toBeGreaterThan(300);
});

test('so are the rules of three builds of iptables and of DC/OS agents', () => {
  let rules = 0;
  const texts = ['formats/iptables-1.8.7-legacy.txt', 'formats/iptables-1.8.9-legacy.txt', 'formats/iptables-1.8.9-nft.txt'].map(
    (f) => read(`kernel/${f}`),
  );
  for (const f of ['native/listings.json', 'uml/listings.json', 'uml/trace.json'])
    collectStrings(JSON.parse(read(`kernel/${f}`)), texts);
  for (const text of texts) {
    for (const line of text.split('\n')) {
      const rule = /^(?:\[\d+:\d+\] )?-A \S+ (.*)$/
        .exec(line)?.[1]
        ?.replace(/-c \d+ \d+ ?/, '')
        .trim();
      if (rule === undefined) continue;
      rules++;
      expect(ruleArguments(parseRule(words(rule)))).toBe(rule);
    }
  }
  expect(rules).toBeGreaterThan(400);
});

test('the rules of DC/OS', () => {
  const rules = [
    '-m set --match-set dcos-l4lb dst,dst -j RETURN',
    '-m ipvs --vdir ORIGINAL --vmethod MASQ -m comment --comment Minuteman-IPVS-IPTables-masquerade-rule -j MASQUERADE',
    '-s 9.0.0.0/8 -m set --match-set overlay dst -j MASQUERADE',
    '! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER',
    '-p tcp -m tcp --sport 1024:65535 --dport 22 -m comment --comment "ssh access" -j REJECT --reject-with tcp-reset',
    '-m mark --mark 0x1/0xff -j MARK --set-xmark 0x7/0xffffffff',
  ];
  for (const rule of rules) expect(ruleArguments(parseRule(words(rule)))).toBe(rule);
  expect(ruleArguments(parseRule(words('-m ipvs --ipvs --vdir ORIGINAL --vmethod MASQ -j MASQUERADE')))).toBe(
    '-m ipvs --vdir ORIGINAL --vmethod MASQ -j MASQUERADE',
  );
});

test('what is typed in other ways is printed in the canonical one', () => {
  const cases = [
    ['-j ACCEPT -ptcp --destination-port http --src 10.1.2.3/8', '-s 10.0.0.0/8 -p tcp -m tcp --dport 80 -j ACCEPT'],
    ['-d 172.17.0.2 -s 10.0.0.0/255.255.0.0 -j DROP', '-s 10.0.0.0/16 -d 172.17.0.2/32 -j DROP'],
    ['--protocol 17 -m udp --dport=:1023', '-p udp -m udp --dport 0:1023'],
    ['-s 0.0.0.0/0 -i + -p all', ''],
    ['-m state --state established,related -g DOCKER', '-m state --state RELATED,ESTABLISHED -g DOCKER'],
    ['-p icmp --icmp-type echo-request', '-p icmp -m icmp --icmp-type 8'],
    ['! -o docker0 -p tcp -m tcp ! --sport 5', '! -o docker0 -p tcp -m tcp ! --sport 5'],
    ['-j MARK --set-mark 0x10/0xf0', '-j MARK --set-xmark 0x10/0xf0'],
    ['-j MARK --or-mark 4', '-j MARK --set-xmark 0x4/0x4'],
    ['-j MARK --and-mark 0xff', '-j MARK --set-xmark 0x0/0xffffff00'],
    ['-p tcp -j REDIRECT --to-port 8181', '-p tcp -j REDIRECT --to-ports 8181'],
    ['-p tcp -j DNAT --to-destination :80-90', '-p tcp -j DNAT --to-destination :80-90'],
    ['-j REJECT', '-j REJECT --reject-with icmp-port-unreachable'],
  ] as const;
  for (const [typed, printed] of cases) expect(ruleArguments(parseRule(words(typed))), typed).toBe(printed);
});

test('what iptables refuses is refused in its words', () => {
  const cases = [
    ['--foo', 'unknown option "--foo"', 'unknown-option'],
    ['-Q', 'unknown option "-Q"', 'unknown-option'],
    ['--dport 80', 'unknown option "--dport"', 'unknown-option'],
    ['--__proto__ 1', 'unknown option "--__proto__"', 'unknown-option'],
    ['! -p tcp --dport 80', 'unknown option "--dport"', 'unknown-option'],
    ['foo', "Bad argument `foo'", 'parameter-problem'],
    ['-s 999.1.1.1', "host/network `999.1.1.1' not found", 'parameter-problem'],
    ['-s 10.0.0.0/33', "invalid mask `33' specified", 'parameter-problem'],
    ['-s 1.1.1.1 -s 2.2.2.2', 'multiple -s flags not allowed', 'parameter-problem'],
    ['-p foo', 'unknown protocol "foo" specified', 'parameter-problem'],
    ['! -p all', 'rule would never match protocol', 'parameter-problem'],
    ['-p tcp --dport 65536', "invalid port/service `65536' specified", 'parameter-problem'],
    ['-p tcp --dport NaN', "invalid port/service `NaN' specified", 'parameter-problem'],
    ['-p tcp --dport 2:1', 'invalid portrange (min > max)', 'parameter-problem'],
    ['-p tcp --dport', 'option "--dport" requires an argument', 'parameter-problem'],
    ['-p tcp --dport 1 --dport 2', 'tcp: option "--dport" can only be used once.', 'parameter-problem'],
    ['-i veth-name-too-long', "interface name `veth-name-too-long' must be shorter than IFNAMSIZ (15)", 'parameter-problem'],
    ['-m nonsense', "Couldn't load match `nonsense':No such file or directory\n", 'parameter-problem'],
    ['-j DNAT', 'DNAT: option "--to-destination" must be specified', 'parameter-problem'],
    ['-p tcp -j DNAT --to-destination 1.2.3', 'Bad IP address "1.2.3"', 'parameter-problem'],
    ['-p tcp -j DNAT --to-destination 1.2.3.4:0', "Port `0' not valid", 'parameter-problem'],
    ['-j DNAT --to-destination 1.2.3.4:80', 'Need TCP, UDP, SCTP or DCCP with port specification', 'parameter-problem'],
    ['! -j ACCEPT', 'unexpected ! flag before -j', 'parameter-problem'],
    ['-m conntrack --ctstate FOO', 'Bad ctstate "FOO"', 'parameter-problem'],
    ['-m tcp --dport 80', "Invalid argument. Run `dmesg' for more information.", 'invalid-argument'],
    ['-s 1.1.1.1,2.2.2.2', 'Replacement rule does not specify a unique address', 'parameter-problem'],
    ['! -s 1.1.1.1,2.2.2.2', '! not allowed with multiple source or destination IP addresses', 'parameter-problem'],
  ] as const;
  for (const [typed, message, code] of cases) {
    try {
      parseRule(words(typed));
      expect.fail(`${typed} was taken`);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      expect([typed, error.component, error.code, error.message]).toEqual([typed, 'iptables', code, message]);
    }
  }
});

test('a rule printed and read is the same rule', () => {
  fc.assert(
    fc.property(arbitraryRule, (rule) => {
      expect(parseRule(words(ruleArguments(rule)))).toEqual(rule);
    }),
    { numRuns: 3000 },
  );
});

test('any words are a rule or a Refusal, and a rule printed is a fixed point', () => {
  const word = fc.oneof(
    fc.constantFrom(
      '-s',
      '-d',
      '!',
      '-p',
      'tcp',
      'udp',
      'icmp',
      '-m',
      'set',
      '--dport',
      '80',
      '-j',
      'DNAT',
      '--to-destination',
      '1.2.3.4:5',
      'ACCEPT',
    ),
    fc.string({ maxLength: 12 }),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 8 }), (args) => {
      let rule: Rule;
      try {
        rule = parseRule(args);
      } catch (error) {
        expect(error).toBeInstanceOf(Refusal);
        return;
      }
      // iptables prints the names of chains without quotes, and cannot read such a one back either.
      if (/^""/.test(args[args.indexOf('-j') + 1] ?? '')) return;
      const text = ruleArguments(rule);
      expect(ruleArguments(parseRule(words(text)))).toBe(text);
    }),
    { numRuns: 3000 },
  );
});

test('the recorded iptables-save texts come back byte for byte', () => {
  for (const name of readdirSync(new URL('docker/', RECORDED)).filter((file) => file.endsWith('-save.txt'))) {
    const text = read(`docker/${name}`).slice(read(`docker/${name}`).indexOf('\n') + 1);
    const date = / on (.*)/.exec(text)?.[1] ?? '';
    const counters = recordedCounters(text);
    const printed = printSave(parseSave(text), {
      tables: ['nat', 'filter'],
      ruleCounters: true,
      generated: { program: 'iptables-save v1.8.9', date },
      counters: (table, chain) => counters.get(`${table} ${chain}`) ?? { policy: { packets: 0, bytes: 0 }, rules: [] },
    });
    expect(printed, name).toBe(text);
  }
});

test('a table that is in use is saved, and reading it again changes nothing', () => {
  const text =
    '*mangle\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING DROP [0:0]\n:Z - [0:0]\n-A PREROUTING -m comment --comment "a \\"b\\" \\\\" -j Z\n-A Z\nCOMMIT\n';
  expect(printSave(parseSave(text))).toBe(text);
  expect(parseSave(text).mangle[0]?.rules[0]?.matches).toEqual([{ name: 'comment', text: 'a "b" \\' }]);
  expect(printSave(parseSave(''))).toBe('');
});

test('a bad line is refused with its number, and nothing is taken', () => {
  const cases = [
    ['*foo', 'line 1', "unable to initialize table 'foo'"],
    ['*nat\n:POSTROUTING FOO [0:0]', 'line 2', "Can't set policy `FOO' on `POSTROUTING' line 2: Bad policy name"],
    ['*nat\n:DOCKER DROP [0:0]', 'line 2', "Can't set policy `DROP' on `DOCKER' line 2: Bad built-in chain name"],
    ['*nat\n-A POSTROUTING --foo', 'line 2', 'unknown option "--foo"'],
    ['*nat\n-A NOWHERE -j ACCEPT\nCOMMIT', 'line 2', 'line 2 failed'],
    ['*nat\n-A POSTROUTING -g NOWHERE\nCOMMIT', 'line 3', 'line 3 failed'],
    ['*nat\n-A POSTROUTING -j NOWHERE\nCOMMIT', 'line 2', "Couldn't load target `NOWHERE':No such file or directory\n"],
    ['*nat\n-A POSTROUTING -m comment --comment "x\nCOMMIT', 'line 2', 'line 2 failed'],
    ['*nat\n-D POSTROUTING 1\nCOMMIT', 'line 2', 'the command -D is not modelled'],
    ['*nat\n:__proto__ - [0:0]', 'line 2', 'COMMIT expected at line 2'],
    ['COMMIT', 'line 1', 'line 1 failed'],
  ] as const;
  for (const [text, path, message] of cases) {
    try {
      parseSave(text);
      expect.fail(`${text} was taken`);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      expect([error.component, error.path, error.message]).toEqual(['iptables-restore', path, message]);
    }
  }
});

function collectStrings(value: unknown, into: string[]): void {
  if (typeof value === 'string') into.push(value);
  else if (typeof value === 'object' && value !== null) for (const item of Object.values(value)) collectStrings(item, into);
}

function recordedCounters(text: string) {
  const counters = new Map<string, { policy: { packets: number; bytes: number }; rules: { packets: number; bytes: number }[] }>();
  let table = '';
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1);
    const chain = /^:(\S+) \S+ \[(\d+):(\d+)\]/.exec(line);
    if (chain)
      counters.set(`${table} ${chain[1]}`, { policy: { packets: Number(chain[2]), bytes: Number(chain[3]) }, rules: [] });
    const rule = /^\[(\d+):(\d+)\] -A (\S+)/.exec(line);
    if (rule) counters.get(`${table} ${rule[3]}`)?.rules.push({ packets: Number(rule[1]), bytes: Number(rule[2]) });
  }
  return counters;
}
