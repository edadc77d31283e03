/** A disagreement as it is printed: the smallest lab that shows it, both sides' words, and Portolan's trace. */
import { Trace } from '@portolan/core';
import type { Difference } from './compare.ts';
import type { Lab } from './lab.ts';
import { answerOfPortolan } from './portolan.ts';

/** The lines of it. */
export function disagreementLines(lab: Lab, found: readonly Difference[]): readonly string[] {
  const trace = new Trace();
  answerOfPortolan(lab, trace);
  return [
    JSON.stringify(lab),
    ...found.flatMap(({ where, what, linux, portolan }) => [
      `  ${where} ${what}`,
      ...besides(linux, portolan).map((line) => `    linux:    ${line}`),
      ...besides(portolan, linux).map((line) => `    portolan: ${line}`),
    ]),
    ...trace
      .print()
      .split('\n')
      .map((line) => `    | ${line}`),
  ];
}

/** Lines of a text between what it has in common with another at its beginning and its end. */
function besides(text: string, other: string): readonly string[] {
  const [a, b] = [text.split('\n'), other.split('\n')];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end++;
  return a.slice(start, a.length - end);
}
