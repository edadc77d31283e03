import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Refusal } from '../src/base/refusal.ts';
import { parseSave } from '../src/kernel/netfilter/restore.ts';
import type { ChainCounters } from '../src/kernel/netfilter/save.ts';
import { iptables } from '../src/tools/iptables/iptables.ts';
import { iptablesSave } from '../src/tools/iptables/iptables-save.ts';
import { shortCount } from '../src/tools/iptables/list.ts';
import { fakeHost } from './fake-host.ts';

const RECORDED = new URL('../../conformance/recorded/', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, RECORDED), 'utf8');
const NEW = iptables('1.8.9');
const OLD = iptables();
const split = (line: string) => line.split(' ').filter((word) => word !== '');

/** A host as a recorded `iptables-save -c` describes it. */
function savedHost(text: string) {
  const counters = new Map<string, { policy: ChainCounters['policy']; rules: ChainCounters['policy'][] }>();
  let table = '';
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1);
    const chain = /^:(\S+) \S+ \[(\d+):(\d+)\]/.exec(line);
    if (chain) counters.set(`${table} ${chain[1]}`, { policy: count(chain[2], chain[3]), rules: [] });
    const rule = /^\[(\d+):(\d+)\] -A (\S+)/.exec(line);
    if (rule) counters.get(`${table} ${rule[3]}`)?.rules.push(count(rule[1], rule[2]));
  }
  return fakeHost({ netfilter: parseSave(text), counters });
}

/** The same with the counters of a recorded `-L -v`: packets were on their way between one recorded command and the next. */
function listedHost(save: string, listing: string, table: string) {
  const counters = new Map<string, { policy: ChainCounters['policy']; rules: ChainCounters['policy'][] }>();
  let current = '';
  for (const line of listing.split('\n')) {
    const chain = /^Chain (\S+) \((?:policy \S+ (\d+) packets, (\d+) bytes)?/.exec(line);
    if (chain) {
      current = `${table} ${chain[1]}`;
      counters.set(current, { policy: count(chain[2], chain[3]), rules: [] });
    }
    const rule = /^(?:\d+ )? *(\d+) +(\d+) /.exec(line);
    if (rule) counters.get(current)?.rules.push(count(rule[1], rule[2]));
  }
  return fakeHost({ netfilter: parseSave(save), counters });
}

function count(packets: string | undefined, bytes: string | undefined) {
  return { packets: Number(packets ?? 0), bytes: Number(bytes ?? 0) };
}

test('every recorded listing of a Docker host comes out byte for byte', () => {
  const commands: readonly (readonly [string, string])[] = [
    ['filter-Ln', '-L -n'],
    ['filter-Lnv', '-L -n -v'],
    ['filter-S', '-S'],
    ['nat-DOCKER-Ln', '-n -t nat -L DOCKER'],
    ['nat-L', '-t nat -L'],
    ['nat-Ln', '-t nat -L -n'],
    ['nat-Lnv', '-t nat -L -n -v'],
    ['nat-Lnx', '-t nat -L DOCKER -n -v -x --line-numbers'],
    ['nat-S', '-t nat -S'],
  ];
  let compared = 0;
  for (const file of readdirSync(new URL('docker/', RECORDED)).filter((name) => name.endsWith('-save.txt'))) {
    const step = file.slice(0, -'-save.txt'.length);
    const body = (name: string) => read(`docker/${step}-${name}.txt`).replace(/^\$.*\n/, '');
    const save = body('save');
    for (const [name, command] of commands) {
      const recorded = body(name);
      const host = listedHost(save, recorded, name.startsWith('nat') ? 'nat' : 'filter');
      expect(NEW.run(split(command), host, '').stdout, `${step} ${command}`).toBe(recorded);
      compared++;
    }
  }
  expect(compared).toBe(36);
});

test('the listings of DC/OS agents on two kernels come out byte for byte, before, between and after traffic', () => {
  let compared = 0;
  for (const kernel of ['native', 'uml']) {
    const { dumps } = JSON.parse(read(`kernel/${kernel}/listings.json`)).data as {
      dumps: { [state: string]: { [command: string]: string } };
    };
    for (const [state, texts] of Object.entries(dumps)) {
      for (const [command, text] of Object.entries(texts)) {
        if (!/^iptables -/.test(command)) continue;
        const host = listedHost(texts['iptables-save -c'] ?? '', text, command.includes('-t nat') ? 'nat' : 'filter');
        expect(NEW.run(split(command).slice(1), host, '').stdout.trim(), `${kernel} ${state} ${command}`).toBe(text.trim());
        compared++;
      }
    }
  }
  expect(compared).toBe(42);
});

test('1.8.7 and the post wrote protocols by name', () => {
  const sections = read('kernel/formats/iptables-1.8.7-legacy.txt').split(/^\$ /m);
  const rules = sections.find((text) => text.startsWith('iptables -t nat -S\n')) ?? '';
  const save = `*nat\n:DOCKER - [0:0]\n${rules
    .split('\n')
    .filter((line) => line.startsWith('-A') && !line.includes('172.17.0.2-'))
    .join('\n')}\nCOMMIT\n`;
  const host = fakeHost({ netfilter: parseSave(save) });
  for (const command of [
    'iptables -t nat -L -n',
    'iptables -n -t nat -L DOCKER',
    'iptables -t nat -L DOCKER -n --line-numbers',
  ]) {
    const text = sections.find((section) => section.startsWith(`${command}\n`))?.slice(command.length + 1) ?? '';
    const expected = text.split('\n').filter((line) => !line.includes('172.17.0.2-'));
    expect(OLD.run(split(command).slice(1), host, '').stdout.trimEnd().split('\n'), command).toEqual(
      expected.join('\n').trimEnd().split('\n'),
    );
  }
  const post = OLD.run(split('-n -t nat -L DOCKER'), host, '').stdout;
  expect(post).toContain('\nRETURN     all  --  0.0.0.0/0            0.0.0.0/0           \n');
  expect(post).toContain('\nDNAT       tcp  --  0.0.0.0/0            0.0.0.0/0            tcp dpt:16106 to:172.17.0.2:16106\n');
});

test('counters are shortened as xtables_print_num does', () => {
  const cases = [
    [99_999, '99999'],
    [100_000, '100K'],
    [9_999_499, '9999K'],
    [9_999_500, '10M'],
    [9_999_499_499, '9999M'],
    [10_000_000_000, '10G'],
    [10_000_000_000_000, '10T'],
  ] as const;
  for (const [count, text] of cases) expect(shortCount(count)).toBe(text);
});

test('rules are appended, inserted, replaced, deleted, and chains made and removed', () => {
  const host = fakeHost();
  const run = (line: string) => NEW.run(split(line), host, '');
  const rules = () => run('-S').stdout;
  for (const line of [
    '-N DOCKER-USER',
    '-A FORWARD -j DOCKER-USER',
    '-A DOCKER-USER -j RETURN',
    '-I DOCKER-USER -s 10.0.0.0/8 -p tcp --dport 22 -j DROP',
    '-I DOCKER-USER 2 -i eth0 -j ACCEPT',
    '-R DOCKER-USER 3 -m conntrack --ctstate NEW -j RETURN',
    '-w 5 -P FORWARD DROP',
    '-C DOCKER-USER -i eth0 -j ACCEPT',
  ])
    expect(run(line), line).toEqual({ stdout: '', stderr: '', code: 0 });
  expect(rules()).toBe(
    [
      '-P INPUT ACCEPT',
      '-P FORWARD DROP',
      '-P OUTPUT ACCEPT',
      '-N DOCKER-USER',
      '-A FORWARD -j DOCKER-USER',
      '-A DOCKER-USER -s 10.0.0.0/8 -p tcp -m tcp --dport 22 -j DROP',
      '-A DOCKER-USER -i eth0 -j ACCEPT',
      '-A DOCKER-USER -m conntrack --ctstate NEW -j RETURN',
      '',
    ].join('\n'),
  );
  expect(run('-S DOCKER-USER 2').stdout).toBe('-A DOCKER-USER -i eth0 -j ACCEPT\n');
  for (const line of ['-D DOCKER-USER -i eth0 -j ACCEPT', '-D DOCKER-USER 1', '-F DOCKER-USER', '-F', '-X'])
    expect(run(line).code, line).toBe(0);
  expect(rules()).toBe('-P INPUT ACCEPT\n-P FORWARD DROP\n-P OUTPUT ACCEPT\n');
});

test('what iptables answers when it cannot, with its exit codes, and nothing changes', () => {
  const host = fakeHost({ netfilter: parseSave('*filter\n:A - [0:0]\n:B - [0:0]\n-A A -j B\n-A FORWARD -j A\nCOMMIT\n') });
  const before = host.config;
  const usage = "\nTry `iptables -h' or 'iptables --help' for more information.\n";
  const cases = [
    ['-L NOWHERE', 1, 'iptables: No chain/target/match by that name.\n'],
    ['-Ln', 1, 'iptables: No chain/target/match by that name.\n'],
    ['-I DOCKER-ISOLATION -j RETURN', 1, 'iptables: No chain/target/match by that name.\n'],
    ['-D DOCKER-ISOLATION -j RETURN', 1, 'iptables: Bad rule (does a matching rule exist in that chain?).\n'],
    ['-C FORWARD -j ACCEPT', 1, 'iptables: Bad rule (does a matching rule exist in that chain?).\n'],
    ['-A FORWARD -j NOWHERE', 2, `iptables v1.4.21: Couldn't load target \`NOWHERE':No such file or directory\n${usage}`],
    ['-A FORWARD -j INPUT', 1, "iptables: Invalid argument. Run `dmesg' for more information.\n"],
    ['-I FORWARD 3 -j ACCEPT', 1, 'iptables: Index of insertion too big.\n'],
    ['-D FORWARD 2', 1, 'iptables: Index of deletion too big.\n'],
    ['-R FORWARD 2 -j ACCEPT', 1, 'iptables: Index of replacement too big.\n'],
    ['-A B -j A', 1, 'iptables: Too many levels of symbolic links.\n'],
    ['-A B -g B', 1, 'iptables: Too many levels of symbolic links.\n'],
    ['-N A', 1, 'iptables: Chain already exists.\n'],
    ['-X B', 1, 'iptables: Too many links.\n'],
    ['-X FORWARD', 1, "iptables: Can't delete built-in chain.\n"],
    ['-P A DROP', 1, 'iptables: Bad built-in chain name.\n'],
    ['-P FORWARD REJECT', 1, "iptables: Bad policy name. Run `dmesg' for more information.\n"],
    ['-A FORWARD -p tcp -j DNAT --to-destination 1.2.3.4', 1, "iptables: Invalid argument. Run `dmesg' for more information.\n"],
    ['-t nat -A POSTROUTING -j REDIRECT', 1, "iptables: Invalid argument. Run `dmesg' for more information.\n"],
    ['-n', 2, `iptables v1.4.21: no command specified${usage}`],
    ['-L -S', 2, `iptables v1.4.21: Cannot use -S with -L${usage}`],
    ['-A', 2, `iptables v1.4.21: option "-A" requires an argument${usage}`],
    ['-P FORWARD', 2, `iptables v1.4.21: -P requires a chain and a policy${usage}`],
    ['-D FORWARD 0', 2, `iptables v1.4.21: Invalid rule number \`0'${usage}`],
    ['-A FORWARD -p foo', 2, `iptables v1.4.21: unknown protocol "foo" specified${usage}`],
    ['-L -s 1.2.3.4', 2, `iptables v1.4.21: Illegal option \`-s' with this command${usage}`],
    [
      '-N name-longer-than-twenty-eight-characters',
      2,
      `iptables v1.4.21: chain name \`name-longer-than-twenty-eight-characters' too long (must be under 29 chars)${usage}`,
    ],
    [
      '-t foo -L',
      3,
      "iptables v1.4.21: can't initialize iptables table `foo': Table does not exist (do you need to insmod?)\nPerhaps iptables or your kernel needs to be upgraded.\n",
    ],
  ] as const;
  for (const [line, code, stderr] of cases)
    expect([line, OLD.run(split(line), host, '')]).toEqual([line, { stdout: '', stderr, code }]);
  expect(host.config).toBe(before);
});

test('an option that iptables or the model does not have is a Refusal that names it', () => {
  const cases = [
    ['--foo', 'unknown-option', 'iptables v1.4.21: unknown option "--foo"'],
    ['-L --foo', 'unknown-option', 'iptables v1.4.21: unknown option "--foo"'],
    ['-nQL', 'unknown-option', 'iptables v1.4.21: unknown option "-Q"'],
    ['-L --constructor', 'unknown-option', 'iptables v1.4.21: unknown option "--constructor"'],
    ['-A FORWARD --dport 80', 'unknown-option', 'iptables v1.4.21: unknown option "--dport"'],
    ['-M modprobe -L', 'not-modelled', 'iptables v1.4.21: option -M is not modelled'],
  ] as const;
  for (const [line, code, message] of cases)
    expect(() => OLD.run(split(line), fakeHost(), ''), line).toThrow(
      expect.objectContaining({ component: 'iptables', code, message }),
    );
});

test('help and version', () => {
  expect(OLD.run(['--help'], fakeHost(), '').stdout).toContain('Usage: iptables -[ACD] chain rule-specification');
  expect(NEW.run(['-V'], fakeHost(), '').stdout).toBe('iptables v1.8.9 (legacy)\n');
});

test('any words are an answer or a Refusal', () => {
  const word = fc.oneof(
    fc.constantFrom(
      '-L',
      '-S',
      '-n',
      '-v',
      '-x',
      '-t',
      'nat',
      '-A',
      '-D',
      '-I',
      '-F',
      '-X',
      '-P',
      '-N',
      'FORWARD',
      '1',
      '-j',
      'ACCEPT',
      '!',
      '-w',
      '-s',
      '1.2.3.4',
    ),
    fc.string({ maxLength: 8 }),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 7 }), (args) => {
      try {
        const result = OLD.run(args, fakeHost(), '');
        expect(result.code === 0).toBe(result.stderr === '');
      } catch (error) {
        expect(error).toBeInstanceOf(Refusal);
      }
    }),
    { numRuns: 2000 },
  );
});

test('iptables-save prints the recorded text, dated by virtual time', () => {
  const text = read('docker/a-3-used-save.txt').replace(/^\$.*\n/, '');
  const dateless = (save: string) => save.replace(/ on .*/g, '').replace('v1.4.21', 'v1.8.9');
  const printed = iptablesSave().run(['-c'], savedHost(text), '').stdout;
  expect(printed.startsWith('# Generated by iptables-save v1.4.21 on Mon Jul 22 15:58:00 2019\n*nat\n')).toBe(true);
  expect(dateless(printed).replaceAll('v1.4.21', 'v1.8.9')).toBe(dateless(text));
  expect(iptablesSave().run(['-t', 'nat'], savedHost(text), '').stdout).not.toContain('*filter');
  expect(iptablesSave().run(['-t', 'foo'], fakeHost(), '').code).toBe(1);
  expect(() => iptablesSave().run(['--foo'], fakeHost(), '')).toThrow("unrecognized option '--foo'");
});
