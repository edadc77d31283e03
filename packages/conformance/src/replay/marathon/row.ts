/** A row of the recorded Marathon cases, and what a judge of one area gives back. */

/** One recorded case. */
export interface Row {
  readonly id: string;
  readonly area: string;
  readonly source: string;
  readonly input: Fields;
  readonly expected: unknown;
  /** Rows of the same file by id, for rows that refer to others. */
  readonly others: ReadonlyMap<string, Row>;
}

/** An object of a row, of unknown fields. */
export type Fields = Readonly<Record<string, unknown>>;

/** Thing compared, what was recorded, what the product gives. */
export type Check = readonly [what: string, expected: unknown, actual: unknown];

/** Judges one row. */
export interface Judge {
  /** Fields of `input` it understands. */
  readonly input: readonly string[];
  /** Fields of `expected` it compares, if that is an object. */
  readonly expected?: readonly string[];
  readonly run: (row: Row) => readonly Check[];
}

/** A row whose words the judge does not understand. */
export class UnknownShape extends Error {}

/** Fields that explain and are not judged. */
const REMARKS = ['note', 'rule', 'stage', 'rng', 'columns', 'legend'];

/** Fields of a row that its judge does not know. */
export function unknownFields(row: Row, judge: Judge): readonly string[] {
  const unknown = (value: unknown, known: readonly string[]): readonly string[] =>
    isFields(value) ? Object.keys(value).filter((key) => !known.includes(key) && !REMARKS.includes(key)) : [];
  return [...unknown(row.input, judge.input), ...(judge.expected === undefined ? [] : unknown(row.expected, judge.expected))];
}

/** Whether a value is an object. */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value as an object; anything else is `{}`. */
export function fields(value: unknown): Fields {
  return isFields(value) ? value : {};
}

/** The value as a list. */
export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The value as a list of texts. */
export function texts(value: unknown): readonly string[] {
  return list(value).map(String);
}

/** The value as a number, or a default. */
export function numberOr(value: unknown, other: number): number {
  return typeof value === 'number' ? value : other;
}

/** `[[1, 2]]` as port ranges. */
export function ranges(value: unknown): readonly { readonly begin: number; readonly end: number }[] {
  return list(value).map((pair) => {
    const numbers = list(pair).filter((part) => typeof part === 'number');
    return { begin: numbers[0] ?? 0, end: numbers[1] ?? 0 };
  });
}

/** `10s`, `5 min`, `1 d`, `1h` in milliseconds. */
export function duration(value: unknown): number {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|sec|min|m|h|d)$/.exec(String(value).trim());
  const units: Readonly<Record<string, number>> = {
    ms: 1,
    s: 1000,
    sec: 1000,
    min: 60_000,
    m: 60_000,
    h: 3_600_000,
    d: 86_400_000,
  };
  const unit = units[match?.[2] ?? ''];
  if (match === null || unit === undefined) throw new UnknownShape(`the duration ${String(value)}`);
  return Number(match[1]) * unit;
}

/** The version a row's answers are of: the tests restated are those of 1.11, unless the row says otherwise. */
export function versionOf(row: Row): '1.8' | '1.11' {
  const said = `${String(row.input.version ?? '')} ${row.source} ${row.area}`;
  return /1\.8/.test(said) && !/1\.11/.test(String(row.input.version ?? '')) ? '1.8' : '1.11';
}
