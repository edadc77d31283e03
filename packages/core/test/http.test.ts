import fc from 'fast-check';
import { expect, test } from 'vitest';
import { headerValue, httpDate, parseRequest, parseResponse, requestText, responseText } from '../src/agent/http.ts';
import { civil } from '../src/base/civil.ts';
import { utf8Length } from '../src/base/text.ts';

const text = fc.string({ unit: 'binary', maxLength: 40 });
const token = fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,12}$/);
const value = fc.stringMatching(/^[!-~]([ -~]{0,20}[!-~])?$/);
const headers = fc
  .array(fc.tuple(token, value), { maxLength: 4 })
  .map((list) => list.filter(([name]) => name.toLowerCase() !== 'content-length'));

test('the size of a text is that of its UTF-8', () => {
  fc.assert(
    fc.property(text, (body) => {
      expect(utf8Length(body)).toBe(new TextEncoder().encode(body).length);
    }),
    { numRuns: 2000 },
  );
});

test('requests and answers are read as they were written, and not before they are complete', () => {
  fc.assert(
    fc.property(headers, text, fc.integer({ min: 100, max: 599 }), fc.nat({ max: 400 }), (list, body, status, cut) => {
      const withLength = [...list, ['Content-Length', String(utf8Length(body))] as const];
      const request = { method: 'POST', path: '/a?b=c', headers: withLength, body };
      const response = { status, reason: 'Not Quite', headers: withLength, body };
      const [requestLine, responseLine] = [requestText(request), responseText(response)];
      expect(parseRequest(requestLine)).toEqual(request);
      expect(parseResponse(responseLine)).toEqual(response);
      if (cut >= responseLine.length) return;
      expect(parseResponse(responseLine.slice(0, cut))).toBe(undefined);
    }),
    { numRuns: 1500 },
  );
});

test('as they look on the wire', () => {
  const request = { method: 'GET', path: '/', headers: [['Host', 'httpi:3141']], body: '' } as const;
  expect(requestText(request)).toBe('GET / HTTP/1.1\r\nHost: httpi:3141\r\n\r\n');
  expect(headerValue(request.headers, 'host')).toBe('httpi:3141');
  expect(headerValue(request.headers, 'cookie')).toBe(undefined);
});

test('dates are those of the calendar', () => {
  expect(httpDate(1563811209000)).toBe('Mon, 22 Jul 2019 16:00:09 GMT');
  fc.assert(
    fc.property(fc.integer({ min: -62_135_596_800, max: 253_402_300_799 }), (seconds) => {
      const date = new Date(seconds * 1000);
      // JavaScript writes years with four digits at least.
      if (date.getUTCFullYear() >= 1000) expect(httpDate(seconds * 1000)).toBe(date.toUTCString());
      const { year, month, day } = civil(Math.floor(seconds / 86_400));
      expect([year, month, day]).toEqual([date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()]);
    }),
    { numRuns: 3000 },
  );
});
