import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Random } from '../src/base/random.ts';
import { parseRule } from '../src/kernel/netfilter/arguments.ts';
import { compileRules } from '../src/kernel/netfilter/compile.ts';
import type { RuleHost } from '../src/kernel/netfilter/rule-host.ts';
import { RuleIndex } from '../src/kernel/netfilter/rule-index.ts';
import { SkBuff } from '../src/kernel/skb.ts';

const HOST: RuleHost = {
  now: 0,
  random: new Random(1),
  addressType: () => 'UNICAST',
  setIndex: () => undefined,
  mtuTowards: () => undefined,
  log: () => {},
};

const rule = fc
  .tuple(
    fc.constantFrom('tcp', 'udp', 'icmp', ''),
    fc.constantFrom('--dport', '! --dport', '--sport', ''),
    fc.integer({ min: 79, max: 84 }),
    fc.boolean(),
  )
  .map(([protocol, option, port, span]) => {
    const ports =
      option === '' || protocol === '' || protocol === 'icmp'
        ? ''
        : ` -m ${protocol} ${option} ${port}${span ? `:${port + 2}` : ''}`;
    return `${protocol === '' ? '' : `-p ${protocol}`}${ports} -j ACCEPT`.trim();
  });

test('an index offers every rule that matches, in order, and skips only rules that do not', () => {
  fc.assert(
    fc.property(
      fc.array(rule, { minLength: 32, maxLength: 80 }),
      fc.constantFrom(1, 6, 17, 47),
      fc.integer({ min: 78, max: 87 }),
      (texts, protocol, port) => {
        const rules = texts.map((text) => parseRule(text.split(' ')));
        const skb = new SkBuff(protocol, 1, 80, 2, port, 60);
        const matching = compileRules(rules).flatMap((one, i) => (one.concerns(HOST, skb) && one.matches(HOST, skb) ? [i] : []));
        const candidates = RuleIndex.of(rules)?.candidates(skb) ?? [];
        expect(candidates).toEqual([...candidates].sort((a, b) => a - b));
        expect(candidates.filter((i) => matching.includes(i))).toEqual(matching);
      },
    ),
    { numRuns: 300 },
  );
});

test('of ten thousand rules for a port each, a packet meets one', () => {
  const rules = Array.from({ length: 10_000 }, (_, i) =>
    parseRule(`-p tcp -m tcp --dport ${i + 1} -j DNAT --to-destination 10.0.0.1`.split(' ')),
  );
  expect(RuleIndex.of(rules)?.candidates(new SkBuff(6, 1, 1, 2, 7000, 60))).toEqual([6999]);
});
