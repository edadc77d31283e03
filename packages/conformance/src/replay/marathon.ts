/**
 * Replays what Marathon's own tests say of it, restated as rows (`marathon/cases.json`), and golden vectors of its random choice:
 * each row through the product's functions, by its area.
 */
import { DEFINITION_JUDGES } from './marathon/definitions.ts';
import { API_JUDGES } from './marathon/http-api.ts';
import { ID_JUDGES } from './marathon/ids.ts';
import { LAUNCH_JUDGES } from './marathon/launch.ts';
import { LIFECYCLE_JUDGES } from './marathon/lifecycle.ts';
import { MATCH_JUDGES } from './marathon/match.ts';
import { POD_JUDGES, podDiscoveryChecks } from './marathon/pods.ts';
import { PORT_JUDGES } from './marathon/ports.ts';
import { fields, type Judge, list, type Row, UnknownShape, unknownFields } from './marathon/row.ts';
import { EXAMPLE_JUDGES } from './marathon/worked-example.ts';
import type { Report } from './report.ts';
import { canonical, ReplayTally } from './result.ts';

const JUDGES: ReadonlyMap<string, Judge> = new Map([
  ...PORT_JUDGES,
  ...LAUNCH_JUDGES,
  ...MATCH_JUDGES,
  ...LIFECYCLE_JUDGES,
  ...DEFINITION_JUDGES,
  ...ID_JUDGES,
  ...API_JUDGES,
  ...EXAMPLE_JUDGES,
  ...POD_JUDGES,
]);

/** Discovery of pods is told in the same area as that of apps. */
const POD_DISCOVERY: Judge = { input: ['pod'], run: podDiscoveryChecks };

/** Replays one recorded file. */
export function replay(text: string, file: string): Report {
  const tally = new ReplayTally();
  const others = new Map<string, Row>();
  const rows = list(JSON.parse(text)).map((item): Row => {
    const { id, area, source, input, ...rest } = fields(item);
    const row: Row = {
      ...rest,
      id: String(id),
      area: String(area),
      source: String(source),
      input: fields(input),
      expected: fields(item).expected,
      others,
    };
    others.set(row.id, row);
    return row;
  });
  for (const row of rows) judge(row, `${file} ${row.id}`, tally);
  return tally;
}

function judge(row: Row, name: string, tally: ReplayTally): void {
  const of = row.area === 'discovery' && row.input.pod !== undefined ? POD_DISCOVERY : JUDGES.get(row.area);
  if (of === undefined) return tally.skip(name, `no judge for the area ${row.area}`);
  const unknown = unknownFields(row, of);
  if (unknown.length > 0) return tally.skip(name, `${row.area}: the fields ${unknown.join(', ')} are unknown`);
  try {
    const checks = of.run(row);
    if (checks.length === 0) return tally.skip(name, `${row.area}: nothing to compare`);
    const wrong = checks.filter(([, expected, actual]) => canonical(expected) !== canonical(actual));
    const shown = wrong.length > 0 ? wrong : checks;
    tally.compare(
      name,
      shown.map(([what, expected]) => `${what}: ${canonical(expected)}`).join('; '),
      shown.map(([what, , actual]) => `${what}: ${canonical(actual)}`).join('; '),
    );
  } catch (error) {
    if (error instanceof UnknownShape) return tally.skip(name, `${row.area}: ${error.message} is not understood`);
    tally.compare(name, canonical(row.expected), `thrown: ${error instanceof Error ? error.message : String(error)}`);
  }
}
