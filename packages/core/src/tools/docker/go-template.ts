/**
 * The part of Go's templates that `docker --format` is used with: text, field paths, `json` of a field, and `table`.
 * Follows docker/cli 18.09 (cli/command/formatter). Everything else of Go's templates is refused by name.
 */
import { notModelled, shorten } from '../result.ts';

/** A piece of a template. */
export type Piece = { readonly text: string } | { readonly path: readonly string[]; readonly json: boolean };

/** A template read: whether it makes a table with a header, and its pieces. */
export interface Template {
  readonly table: boolean;
  readonly pieces: readonly Piece[];
}

/**
 * Reads a `--format` value; `\t` and `\n` are a tab and a newline.
 * @throws Refusal for anything but field paths and `json`
 */
export function parseTemplate(format: string): Template {
  const table = format === 'table' || format.startsWith('table ');
  const body = (table ? format.slice(6) : format).replaceAll('\\t', '\t').replaceAll('\\n', '\n');
  const pieces: Piece[] = [];
  let rest = body;
  for (let open = rest.indexOf('{{'); open >= 0; open = rest.indexOf('{{')) {
    const close = rest.indexOf('}}', open);
    if (close < 0) throw notModelled('docker', `the template ${shorten(format)}: it has an unclosed action, which`);
    if (open > 0) pieces.push({ text: rest.slice(0, open) });
    pieces.push(parseAction(rest.slice(open + 2, close).trim()));
    rest = rest.slice(close + 2);
  }
  if (rest !== '') pieces.push({ text: rest });
  return { table, pieces };
}

function parseAction(action: string): Piece {
  const json = action.startsWith('json ');
  const path = (json ? action.slice(5) : action).trim();
  if (path === '.') return { path: [], json };
  if (!/^(\.\w+)+$/.test(path)) throw notModelled('docker', `the template action {{${shorten(action)}}}`);
  return { path: path.slice(1).split('.'), json };
}

/**
 * One field of a JSON value by its path.
 * @returns undefined if there is none; the path's first wrong name is then `path[depth]`
 */
export function lookUp(value: unknown, path: readonly string[]): { readonly found: unknown } | { readonly missing: string } {
  let at = value;
  for (const name of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return { missing: name };
    at = (at as { readonly [key: string]: unknown })[name];
  }
  return { found: at };
}

/** A field as Go prints it; maps and lists only as JSON. */
export function goText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (value === null || value === undefined) return '<no value>';
  throw notModelled('docker', 'a template that prints a map or a list without `json`');
}

/** Cells in columns, as Go's tabwriter aligns them: the last cell of a row is not padded. */
export function alignColumns(rows: readonly (readonly string[])[], minimum: number, padding: number): readonly string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.slice(0, -1).forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, minimum, [...cell].length + padding);
    });
  }
  return rows.map((row) =>
    row.map((cell, i) => (i === row.length - 1 ? cell : cell + ' '.repeat((widths[i] ?? 0) - [...cell].length))).join(''),
  );
}
