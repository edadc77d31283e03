/** `npm run bench`: measures, and prints a table or, with --json, a line a figure. */
import { parseArgs } from 'node:util';
import { BENCHMARKS } from './bench/figures.ts';
import type { Figure } from './bench/measure.ts';
import { MESOS_SCALE, runScale } from './bench/scale.ts';

const USAGE = `Usage: npm run bench -- [--json | --scale] [NAME...]
Measures all figures, or those whose names begin with one of the given words: ${BENCHMARKS.map(({ name }) => name).join(', ')}.
--scale runs ${MESOS_SCALE.tasks} tasks at ${MESOS_SCALE.agents} agents instead, and tells how it goes: give Node 8 GB for it,
NODE_OPTIONS=--max-old-space-size=8000 npm run bench -- --scale
`;

function main(): number {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { json: { type: 'boolean' }, scale: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help === true) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (values.scale === true) {
    runScale(MESOS_SCALE, (line) => process.stdout.write(`${line}\n`));
    return 0;
  }
  const chosen = BENCHMARKS.filter(({ name }) => positionals.length === 0 || positionals.some((word) => name.startsWith(word)));
  if (chosen.length === 0) {
    process.stderr.write(`bench: no figure begins with ${positionals.join(' or ')}\n${USAGE}`);
    return 2;
  }
  const figures: Figure[] = [];
  for (const { name, run } of chosen) {
    if (values.json !== true) process.stderr.write(`measuring ${name} ...\n`);
    const figure = run();
    figures.push(figure);
    if (values.json === true)
      process.stdout.write(`${JSON.stringify({ name, value: rounded(figure.value), unit: figure.unit })}\n`);
  }
  if (values.json !== true) process.stdout.write(table(figures));
  return 0;
}

function table(figures: readonly Figure[]): string {
  const rows = figures.map(({ name, value, unit, includes }) => [name, grouped(rounded(value)), unit, includes]);
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map(
      ([name = '', value = '', unit = '', includes = '']) =>
        `${name.padEnd(widths[0] ?? 0)}  ${value.padStart(widths[1] ?? 0)} ${unit.padEnd(widths[2] ?? 0)}  ${includes}\n`,
    )
    .join('');
}

/** 5,941 for 5941. */
function grouped(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}

function rounded(value: number): number {
  return value < 100 ? Math.round(value * 1000) / 1000 : Math.round(value);
}

process.exitCode = main();
