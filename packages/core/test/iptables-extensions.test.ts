/** Rules of every extension, as the real iptables 1.8.9 prints them: from a recording, and from the tool itself where it is. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseSave } from '../src/kernel/netfilter/restore.ts';
import type { Netfilter, TableName } from '../src/kernel/netfilter/rule.ts';
import { printSave, TABLES } from '../src/kernel/netfilter/save.ts';
import { iptables } from '../src/tools/iptables/iptables.ts';
import { iptablesRestore } from '../src/tools/iptables/iptables-restore.ts';
import { iptablesSave } from '../src/tools/iptables/iptables-save.ts';
import { fakeHost } from './fake-host.ts';

const FORMATS = new URL('../../conformance/recorded/kernel/formats/', import.meta.url);
const read = (name: string) => readFileSync(new URL(name, FORMATS), 'utf8');
const NEW = iptables('1.8.9');

/** A saved text without its dates, tables in the order of our own listings: the kernel's is that of first use. */
function tablesOf(save: string): string {
  const parts = save
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n')
    .split(/(?<=^COMMIT\n)/m);
  return TABLES.flatMap((table) => parts.filter((part) => part.startsWith(`*${table}\n`))).join('');
}

function reprinted(save: string): string {
  const tables = TABLES.filter((table) => save.includes(`*${table}\n`));
  return printSave(parseSave(save), { tables });
}

test('what iptables-save printed of every extension is read and printed back byte for byte', () => {
  const save = tablesOf(read('iptables-save-1.8.9-extensions.txt'));
  expect(save.match(/^-A/gm)?.length).toBeGreaterThan(130);
  expect(reprinted(save)).toBe(save);
});

test('so is what it printed of a machine with the rules of Docker, Kubernetes, Calico, libvirt, ufw, firewalld and fail2ban', () => {
  const save = tablesOf(read('iptables-save-1.8.9-hosts.txt'));
  expect(save.match(/^-A/gm)?.length).toBeGreaterThan(110);
  expect(reprinted(save)).toBe(save);
});

test('listings of every modelled extension are those of iptables', () => {
  const netfilter = parseSave(tablesOf(read('iptables-save-1.8.9-extensions.txt')));
  let rows = 0;
  for (const [command = '', ...recorded] of read('iptables-list-1.8.9-extensions.txt')
    .split(/^== /m)
    .slice(1)
    .map((part) => part.split('\n'))) {
    const ours = NEW.run(command.split(' '), fakeHost({ netfilter }), '').stdout.split('\n');
    const unmodelled = unmodelledRows(netfilter, command.split(' ')[1] as TableName);
    expect(ours.length, command).toBe(recorded.length);
    ours.forEach((line, i) => {
      if (unmodelled.some((word) => recorded[i]?.includes(word))) return;
      // Names of users are the recorded machine's.
      if (/match (tty|daemon)/.test(recorded[i] ?? '')) return;
      // Counters are not configuration: the recorded machine had seen no packet.
      expect(line.trimEnd(), command).toBe(recorded[i]?.trimEnd());
      rows++;
    });
  }
  expect(rows).toBeGreaterThan(250);
});

/** Words by which rows of a table with an extension that is only kept are known: those are printed as they were written. */
function unmodelledRows(netfilter: Netfilter, table: TableName): readonly string[] {
  const kept = netfilter[table].flatMap(({ rules }) =>
    rules.filter(({ matches, target }) => [...matches, target].some(({ name }) => name.toLowerCase() === 'unmodelled')),
  );
  return kept.length === 0
    ? []
    : [
        'return-nomatch',
        'update-counters',
        'nflog',
        'STRING',
        'recent:',
        'htable-expire',
        'TIME',
        'quota',
        'CT ctevents',
        'TTL decrement',
        'DSCP',
        '1.1.1.1-1.1.1.9',
        'to:1.0.0.0/24',
      ];
}

test('iptables-restore takes what iptables-save printed, and names the line it cannot take', () => {
  const save = tablesOf(read('iptables-save-1.8.9-extensions.txt'));
  const host = fakeHost();
  const restore = iptablesRestore('1.8.9');
  expect(restore.run(['-t'], host, save)).toEqual({ stdout: '', stderr: '', code: 0 });
  expect(iptablesSave('1.8.9').run([], host, '').stdout).toBe('');
  expect(restore.run([], host, save)).toEqual({ stdout: '', stderr: '', code: 0 });
  expect(tablesOf(iptablesSave('1.8.9').run([], host, '').stdout)).toBe(save);
  const failures = [
    ['*filter\n-A NOWHERE -j DROP\nCOMMIT\n', 'line 2 failed'],
    ['*filter\n', 'COMMIT expected at line 2'],
    ['*filter\n:ONE - [0:0]\n:TWO - [0:0]\n-A ONE -j TWO\n-A TWO -j ONE\n-A INPUT -j ONE\nCOMMIT\n', 'line 7 failed'],
  ] as const;
  for (const [text, said] of failures)
    expect(restore.run([], host, text)).toEqual({ stdout: '', stderr: `iptables-restore: ${said}\n`, code: 1 });
  expect(restore.run([], host, '*filter\n-A INPUT -j NOWHERE\nCOMMIT\n')).toMatchObject({
    stderr:
      "iptables-restore v1.8.9 (legacy): Couldn't load target `NOWHERE':No such file or directory\n\nError occurred at line: 2\nTry `iptables-restore -h' or 'iptables-restore --help' for more information.\n",
    code: 2,
  });
  expect(restore.run([], host, '*filter\n-A INPUT -p tcp --dport 70000\nCOMMIT\n')).toMatchObject({
    stderr:
      "iptables-restore v1.8.9 (legacy): invalid port/service `70000' specified\nError occurred at line: 2\nTry `iptables-restore -h' or 'iptables-restore --help' for more information.\n",
    code: 2,
  });
  expect(tablesOf(iptablesSave('1.8.9').run([], host, '').stdout)).toBe(save);
});

const number = (low: number, high: number) => fc.integer({ min: low, max: high }).map(String);
const ipv4 = fc
  .integer({ min: 0x01000000, max: 0xdfffffff })
  .map((n) => [24, 16, 8, 0].map((shift) => (n >>> shift) & 255).join('.'));
const ports = fc.tuple(number(1, 30000), number(30001, 65535));
const span = (low: number, high: number) =>
  fc.oneof(
    number(low, high),
    fc.tuple(number(low, Math.floor(high / 2)), number(Math.ceil(high / 2), high)).map(([a, b]) => `${a}:${b}`),
  );
const hex = fc.integer({ min: 0, max: 0xffffffff }).map((n) => `0x${n.toString(16)}`);
const not = fc.constantFrom('', '', '! ');
const words = fc.stringMatching(/^[a-z "'\\%$:,-]{1,20}$/).map((text) => `"${text.replace(/["\\]/g, '\\$&')}"`);
const pick = (...items: string[]) => fc.constantFrom(...items);

/** An option with its value, `!` before it now and then. */
function given(flag: string, value: fc.Arbitrary<string>, negatable = true): fc.Arbitrary<string> {
  return fc.tuple(negatable ? not : fc.constant(''), value).map(([no, text]) => `${no}${flag} ${text}`);
}

/** Some of the options of a match. */
function some(name: string, ...options: fc.Arbitrary<string>[]): fc.Arbitrary<string> {
  return fc
    .tuple(fc.subarray([...options.keys()], { minLength: 1 }), fc.tuple(...options))
    .map(([chosen, texts]) => `-m ${name} ${chosen.map((i) => texts[i]).join(' ')}`);
}

const MATCHES: readonly (readonly [chain: string, arbitrary: fc.Arbitrary<string>])[] = [
  [
    'FORWARD',
    some(
      'conntrack',
      given('--ctstate', pick('NEW', 'ESTABLISHED,RELATED', 'UNTRACKED,DNAT')),
      given('--ctproto', number(1, 255)),
      given('--ctorigsrc', ipv4),
      given(
        '--ctrepldst',
        ipv4.map((a) => `${a}/19`),
      ),
      given('--ctorigdstport', span(1, 65535)),
      given('--ctreplsrcport', span(1, 65535)),
      given('--ctstatus', pick('NONE', 'ASSURED,EXPECTED', 'CONFIRMED')),
      given('--ctexpire', span(1, 90000)),
      given('--ctdir', pick('ORIGINAL', 'REPLY'), false),
    ),
  ],
  [
    'FORWARD',
    some(
      'addrtype',
      given('--src-type', pick('LOCAL', 'THROW,UNICAST', 'LOCAL,BROADCAST')),
      given('--dst-type', pick('LOCAL', 'NAT')),
    ),
  ],
  [
    'FORWARD',
    some(
      'iprange',
      given('--src-range', ipv4),
      given(
        '--dst-range',
        ipv4.map((a) => `${a}-255.255.255.254`),
      ),
    ),
  ],
  ['FORWARD', some('length', given('--length', span(0, 65535)))],
  ['FORWARD', fc.oneof(given('-m ttl --ttl-eq', number(0, 255), false), given('-m ttl --ttl-gt', number(0, 255), false))],
  [
    'FORWARD',
    some(
      'mark',
      given(
        '--mark',
        fc.tuple(hex, hex).map(([a, b]) => `${a}/${b}`),
      ),
    ),
  ],
  ['FORWARD', some('connmark', given('--mark', hex))],
  ['FORWARD', some('mac', given('--mac-source', fc.constant('02:00:aB:00:00:1f')))],
  ['FORWARD', some('pkttype', given('--pkt-type', pick('unicast', 'broadcast', 'multicast')))],
  [
    'FORWARD',
    some(
      'physdev',
      given('--physdev-in', pick('veth+', 'eth0')),
      given('--physdev-out', pick('eth1')),
      pick('--physdev-is-in', '! --physdev-is-bridged', '--physdev-is-out'),
    ),
  ],
  [
    'FORWARD',
    fc
      .tuple(number(1, 10000), pick('sec', 'second', 'min', 'minute', 'hour', 'day', 's', 'h'), number(1, 2))
      .map(([n, unit, burst]) => `-m limit --limit ${n}/${unit} --limit-burst ${burst}`),
  ],
  [
    'FORWARD',
    fc
      .tuple(not, fc.integer({ min: 1, max: 99 }), fc.nat(98))
      .map(([no, every, packet]) => `-m statistic --mode nth ${no}--every ${every} --packet ${packet % every}`),
  ],
  [
    'FORWARD',
    given(
      '-m statistic --mode random --probability',
      fc.double({ min: 0.001, max: 1, noNaN: true }).map((p) => p.toFixed(9)),
      false,
    ),
  ],
  ['FORWARD', given('-m comment --comment', words, false)],
  [
    'FORWARD',
    fc
      .tuple(
        not,
        pick('--sports', '--dports', '--ports'),
        fc.array(
          fc.oneof(
            number(1, 65535),
            ports.map(([a, b]) => `${a}:${b}`),
          ),
          { minLength: 1, maxLength: 7 },
        ),
      )
      .map(([no, flag, list]) => `-p tcp -m multiport ${no}${flag} ${list.join(',')}`),
  ],
  [
    'FORWARD',
    fc
      .tuple(
        not,
        fc.subarray(['SYN', 'ACK', 'FIN', 'RST', 'URG', 'PSH'], { minLength: 1 }),
        fc.subarray(['SYN', 'ACK', 'FIN', 'RST']),
      )
      .map(([no, mask, set]) => `-p tcp ${no}--tcp-flags ${mask.join(',')} ${set.length === 0 ? 'NONE' : set.join(',')}`),
  ],
  ['FORWARD', given('-p tcp --tcp-option', number(1, 255), false)],
  [
    'FORWARD',
    fc.tuple(not, number(0, 254), number(0, 255)).map(([no, type, code]) => `-p icmp ${no}--icmp-type ${type}/${code}`),
  ],
  [
    'FORWARD',
    given('-p icmp --icmp-type', pick('ping', 'any', 'host-prohibited', 'TOS-host-redirect', 'ttl-exceeded', 'redirect'), false),
  ],
  [
    'OUTPUT',
    some(
      'owner',
      given('--uid-owner', pick('0', 'root', '5-90')),
      given('--gid-owner', number(0, 4294967294)),
      pick('--socket-exists', '! --socket-exists'),
    ),
  ],
  ['FORWARD', pick('-f', '! -f', '-s 1.2.3.4/255.0.255.0', '-d 0.0.0.1/0.0.0.255')],
  [
    'FORWARD',
    pick(
      '-m recent --set --name a --rsource',
      '-m u32 --u32 "0=1&&4=5"',
      '-m string --string "a b" --algo bm --to 99',
      '-m dscp --dscp 3 -m tos ! --tos 4',
      '-m hashlimit --hashlimit-upto 5/min --hashlimit-mode srcip --hashlimit-name x',
      '-m quota --quota 7',
      '-m policy --dir in --pol ipsec --mode tunnel --proto esp --strict',
    ),
  ],
];
const TARGETS = fc.oneof(
  fc
    .tuple(
      words.filter((w) => w.length < 25),
      number(0, 7),
      fc.subarray(['--log-uid', '--log-tcp-options', '--log-macdecode', '--log-ip-options', '--log-tcp-sequence']),
    )
    .map(([prefix, level, flags]) => `-j LOG --log-prefix ${prefix} --log-level ${level} ${flags.join(' ')}`),
  fc.tuple(pick('--set-xmark', '--set-mark'), hex, hex).map(([flag, a, b]) => `-j CONNMARK ${flag} ${a}/${b}`),
  fc
    .tuple(pick('CONNMARK', 'MARK'), pick('--or-mark', '--and-mark', '--xor-mark'), hex)
    .map(([name, flag, a]) => `-j ${name} ${flag} ${a}`),
  fc
    .tuple(pick('--save-mark', '--restore-mark'), pick('', '--nfmask 0xf', '--ctmask 0xf --nfmask 0x3', '--mask 0xff'))
    .map((words) => `-j CONNMARK ${words.join(' ')}`),
  pick(
    '',
    '-j ACCEPT',
    '-j RETURN',
    '-j NFLOG --nflog-group 3 --nflog-prefix "a b"',
    '-j TTL --ttl-dec 1',
    '-j DSCP --set-dscp 0x2e',
    '-j TOS --set-tos 3',
    '-j CLASSIFY --set-class 1:2',
  ),
);
const RULE = fc
  .tuple(fc.nat(MATCHES.length - 1), fc.tuple(...MATCHES.map(([, arbitrary]) => arbitrary)), TARGETS)
  .map(([i, texts, target]) => `-A ${MATCHES[i]?.[0]} ${texts[i]} ${target}`);

function realTool(text: string): string | undefined {
  const done = spawnSync('unshare', ['-n', 'sh', '-c', 'iptables-legacy-restore && iptables-legacy-save'], {
    input: text,
    encoding: 'utf8',
  });
  return done.status === 0 ? done.stdout : undefined;
}

test.skipIf(realTool('*filter\nCOMMIT\n') === undefined)(
  'rules restored and saved by the real iptables are printed by ours alike, and read back',
  () => {
    let compared = 0;
    fc.assert(
      fc.property(fc.array(RULE, { minLength: 1, maxLength: 12 }), (rules) => {
        const text = `*mangle\n${rules.join('\n')}\nCOMMIT\n`;
        const real = realTool(text);
        // What the kernel does not take is no rule set that anybody saved.
        if (real === undefined) return;
        compared += rules.length;
        expect(reprinted(tablesOf(real))).toBe(tablesOf(real));
        const kept = /-m (recent|u32|string|dscp|hashlimit|policy|quota)|-j (NFLOG|TTL|DSCP|TOS|CLASSIFY)/;
        const ours = reprinted(text).split('\n');
        tablesOf(real)
          .split('\n')
          .forEach((line, i) => {
            if (!kept.test(line)) expect(ours[i]).toBe(line);
          });
      }),
      { numRuns: 25 },
    );
    expect(compared).toBeGreaterThan(20);
  },
);
