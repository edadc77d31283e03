/** Replays `erlang:phash2/1,2` of recorded binaries (`phash2/vectors.json`). */
import { phash2 } from '@portolan/dcos';
import type { Report } from './report.ts';
import { listOf, ReplayTally, recordOf } from './result.ts';

/** Replays one recorded file: its `rows` (with a range) and `default_rows` (without). */
export function replay(text: string, file: string): Report {
  const recorded = recordOf(JSON.parse(text));
  const tally = new ReplayTally();
  for (const [section, content] of Object.entries(recorded)) {
    if (section === 'meta') continue;
    for (const [index, item] of listOf(content).entries()) {
      const row = recordOf(item);
      const name = `${file} ${section}[${index}]`;
      const bytes = bytesOfRow(row);
      const range = row.range;
      if (bytes === undefined || typeof row.value !== 'number') tally.skip(name, 'no binary or no value in this row');
      else if (range !== undefined && typeof range !== 'number') tally.skip(name, 'the range is not a number');
      else tally.compare(name, String(row.value), String(range === undefined ? phash2(bytes) : phash2(bytes, range)));
    }
    if (!Array.isArray(content)) tally.skip(`${file} ${section}`, 'not a list of rows');
  }
  return tally;
}

function bytesOfRow(row: Readonly<Record<string, unknown>>): Uint8Array | undefined {
  if (typeof row.text === 'string') return new TextEncoder().encode(row.text);
  if (typeof row.hex !== 'string' || !/^([0-9a-f]{2})*$/i.test(row.hex)) return undefined;
  const bytes = new Uint8Array(row.hex.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(row.hex.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}
