/** Selection by label: Marathon's own cases (LabelSelectorParsersTest, v1.8), and refusals worked by hand from its grammar. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { labelSelector } from '../src/marathon/label-selector.ts';

const meets = (query: string, labels: Readonly<Record<string, string>>) => labelSelector(query)(Object.entries(labels));

describe('what is selected', () => {
  test.each([
    ['existence', { existence: 'one' }, true],
    ['existence', { none: 'one' }, false],
    ['foo == one', { foo: 'one' }, true],
    ['foo==one', { foo: 'four' }, false],
    ['foo == one', { bla: 'one' }, false],
    ['foo != one', { foo: 'one' }, false],
    ['foo != one', { foo: 'four' }, true],
    ['foo != one', { bla: 'one' }, false],
    ['foo in (one, two, three\\ is\\ cool)', { foo: 'three is cool' }, true],
    ['foo in (one, two)', { foo: 'four' }, false],
    ['foo in ()', { foo: '' }, false],
    ['foo notin ()', { foo: '' }, true],
    ['bla notin (one, two, three)', { bla: 'one' }, false],
    ['bla notin (one, two, three)', { bla: 'four' }, true],
    ['bla notin (one, two, three)', { rest: 'one' }, false],
    ['foo==one, bla!=one, foo in (one, two), bla notin (one, two), existence', { foo: 'one', bla: 'four', existence: '' }, true],
    ['foo==one, bla!=one, foo in (one, two), bla notin (one, two), existence', { foo: 'one' }, false],
    ['\\{\\{ in (\\*\\*, \\&\\&), \\^ notin (\\-, \\!), \\#', { '{{': '&&', '^': '&', '#': '' }, true],
    ['\\{\\{ in (\\*\\*, \\&\\&), \\^ notin (\\-, \\!), \\#', { '{{': '&&', '^': '-', '#': '' }, false],
    ['', {}, true],
    [' \n ', {}, true],
    ['in in (in)', { in: 'in' }, true],
    ['__proto__', {}, false],
    ['constructor', {}, false],
  ] as const)('%j of %j: %j', (query, labels, expected) => {
    expect(meets(query, labels)).toBe(expected);
  });
});

describe('what is refused', () => {
  const TERM = "string matching regex '(\\\\.|[-A-Za-z0-9_.])+' expected but";
  test.each([
    ['foo some (one, two, three)', "',' expected but 's' found"],
    ['foo test', "',' expected but 't' found"],
    ['foo in one', "'(' expected but 'o' found"],
    ['foo in (one', "')' expected but end of source found"],
    ['foo in (one,)', `${TERM} ')' found`],
    ['foo ==', `${TERM} end of source found`],
    ['foo,', `${TERM} end of source found`],
    [', foo', `${TERM} ',' found`],
    ['foo = bar', "',' expected but '=' found"],
    ['!foo', `${TERM} '!' found`],
    ['foo\\', "',' expected but '\\' found"],
  ])('%j: %s', (query, reason) => {
    const message = `Can not parse label selector ${query}. Reason: ${reason}`;
    expect(() => labelSelector(query)).toThrow(expect.objectContaining({ status: 422, message, code: 'bad-label' }));
  });

  test('any text is read or refused, never more than that', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'ab\\,() !=in\n', 'notin', '\u2028') }), (query) => {
        try {
          labelSelector(query)([['a', 'b']]);
        } catch (error) {
          expect(error).toMatchObject({ code: 'bad-label', status: 422 });
        }
      }),
    );
  });

  test('a term escaped character by character is that term', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (key, value) => {
        const line = /[\n\r\u0085\u2028\u2029]/;
        fc.pre(!line.test(key) && !line.test(value));
        const escaped = (text: string) => [...Array(text.length).keys()].map((i) => `\\${text[i]}`).join('');
        expect(labelSelector(`${escaped(key)} == ${escaped(value)}`)([[key, value]])).toBe(true);
        expect(labelSelector(`${escaped(key)} != ${escaped(value)}`)([[key, value]])).toBe(false);
      }),
    );
  });
});
