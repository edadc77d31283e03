/**
 * The few things of Python that show in Marathon-LB's behaviour: how it reads numbers and truth values out of labels, and
 * how it fills templates (`str.format`, with plain field names only). Faults are refused in Python's words.
 */
import { Refusal } from '@portolan/core';

/** A label's value as a whole number: `int(text)`. */
export function pythonInt(text: string, path: string): number {
  const trimmed = text.trim();
  if (/^[+-]?[0-9]+(_[0-9]+)*$/.test(trimmed)) {
    const value = Number(trimmed.replaceAll('_', ''));
    if (Number.isSafeInteger(value)) return value;
  }
  throw refuse('invalid-label', path, `invalid literal for int() with base 10: '${text.slice(0, 100)}'`);
}

/** A label's value as a truth value. */
export function pythonTruth(text: string): boolean {
  return ['true', 't', 'yes', 'y'].includes(text.toLowerCase());
}

/** Values for a template; an absent one prints as Python's None. */
export type TemplateFields = Readonly<Record<string, string | number | undefined>>;

/** Fills a template: `{name}` is the field of that name, `{{` and `}}` are braces. */
export function fill(template: string, fields: TemplateFields, path: string): string {
  let filled = '';
  for (let i = 0; i < template.length; ) {
    const brace = nextBrace(template, i);
    filled += template.slice(i, brace);
    if (brace === template.length) break;
    const mark = template[brace];
    if (template[brace + 1] === mark) {
      filled += mark;
      i = brace + 2;
      continue;
    }
    if (mark === '}') throw refuse('invalid-template', path, "Single '}' encountered in format string");
    const end = template.indexOf('}', brace);
    if (end < 0) throw refuse('invalid-template', path, "expected '}' before end of string");
    const name = template.slice(brace + 1, end);
    if (!Object.hasOwn(fields, name)) throw refuse('invalid-template', path, `the template has no field '${name.slice(0, 100)}'`);
    filled += fields[name] ?? 'None';
    i = end + 1;
  }
  return filled;
}

function nextBrace(template: string, from: number): number {
  const brace = /[{}]/g;
  brace.lastIndex = from;
  return brace.exec(template)?.index ?? template.length;
}

/** What makes Marathon-LB give up a whole configuration. */
export function refuse(code: string, path: string, message: string): Refusal {
  return new Refusal({ component: 'marathon-lb', code, path, message });
}
