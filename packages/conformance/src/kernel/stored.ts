/** Labs in files: one as JSON, a list of them, or one a line, each bare or with what the kernel answered. */
import type { Answer, Lab } from './lab.ts';

/** A lab with what the kernel answered: one line of a file of stored labs. */
export interface StoredLab {
  readonly lab: Lab;
  readonly answer: Answer;
}

/** The labs of a file's text. */
export function readLabs(text: string): readonly Lab[] {
  const values = text.trimStart().startsWith('[') ? (JSON.parse(text) as unknown[]) : splitJson(text);
  return values.map((value) => (typeof value === 'object' && value !== null && 'lab' in value ? value.lab : value) as Lab);
}

/** The line of a stored lab. */
export function storedLine(stored: StoredLab): string {
  return `${JSON.stringify({ lab: stored.lab, answer: stored.answer })}\n`;
}

function splitJson(text: string): unknown[] {
  try {
    return [JSON.parse(text)];
  } catch {
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as unknown);
  }
}
