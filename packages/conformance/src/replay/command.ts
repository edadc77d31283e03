/** The command `npm run replay`: recorded files of one kind against the product, a report of each, one line of sums. */
import { replay as dcosNetTasks } from './dcos-net-tasks.ts';
import { replay as haproxyBalance } from './haproxy-balance.ts';
import { replay as ipvs } from './ipvs.ts';
import { replay as kernel } from './kernel.ts';
import { replay as l4lb } from './l4lb.ts';
import { replay as marathon } from './marathon.ts';
import { replay as marathonLb } from './marathon-lb.ts';
import { replay as mesosDns } from './mesos-dns.ts';
import { replay as overlay } from './overlay.ts';
import { replay as phash2 } from './phash2.ts';
import type { Replay, Report } from './report.ts';
import { replay as vip } from './vip.ts';

/** Kinds of recorded files, and what replays them. */
export const REPLAYS: ReadonlyMap<string, Replay> = new Map([
  ['vip', vip],
  ['phash2', phash2],
  ['overlay', overlay],
  ['ipvs', ipvs],
  ['l4lb', l4lb],
  ['kernel', kernel],
  ['dcos-net-tasks', dcosNetTasks],
  ['mesos-dns', mesosDns],
  ['marathon', marathon],
  ['haproxy-balance', haproxyBalance],
  ['marathon-lb', marathonLb],
]);

/** Kinds whose cases are folders, and the file in a folder that is its input. */
const FOLDERS: ReadonlyMap<string, string> = new Map([['marathon-lb', 'input.json']]);

/** What the command needs of the system it runs on. */
export interface CommandHost {
  /** The text of a file; throws if there is none. */
  readonly read: (file: string) => string;
  /** Writes a line to the standard output. */
  readonly print: (line: string) => void;
  /** Writes a line to the standard error output. */
  readonly complain: (line: string) => void;
}

/** Disagreements shown in full; the rest is counted. */
const SHOWN = 20;
/** Characters of an answer that are shown. */
const SHOWN_CHARACTERS = 2000;

const USAGE = `usage: npm run replay -- KIND FILE...

Runs recorded answers of the real components against this library.
KIND is one of: ${[...REPLAYS.keys()].join(', ')}.
Ends with the line "N agree, M disagree, K not covered".
Exit code: 0 if all agree, 1 if some disagree or are not covered, 2 if it cannot run.`;

/**
 * Runs the command.
 * @param args what follows the command's name
 * @returns the exit code
 */
export function replayCommand(args: readonly string[], host: CommandHost): 0 | 1 | 2 {
  const [kind, ...files] = args;
  if (args.includes('--help') || args.includes('-h')) {
    host.print(USAGE);
    return 0;
  }
  if (kind === undefined) return fail(host, `no KIND and no FILE; kinds: ${kinds()}`);
  const replay = REPLAYS.get(kind);
  if (replay === undefined) return fail(host, `unknown kind "${kind}"; kinds: ${kinds()}`);
  if (files.length === 0) return fail(host, `no FILE to replay as ${kind}`);

  const reports: Report[] = [];
  for (const file of files) {
    const report = replayFile(inputFile(kind, file), replay, host);
    if (typeof report === 'string') return fail(host, report);
    if (cases(report) === 0) return fail(host, `${file} holds no case of the kind ${kind}`);
    host.print(`${file}: ${summary([report])}`);
    reports.push(report);
  }
  printDisagreements(reports, host);
  printReasons(reports, host);
  host.print(summary(reports));
  return reports.every((report) => report.disagree.length === 0 && report.notCovered.length === 0) ? 0 : 1;
}

/** The file to read: of a kind with folders, the folder's input. */
function inputFile(kind: string, path: string): string {
  const name = FOLDERS.get(kind);
  return name === undefined || path.endsWith(`/${name}`) ? path : `${path.replace(/\/+$/, '')}/${name}`;
}

/** The report of one file, or why there is none. */
function replayFile(file: string, replay: Replay, host: CommandHost): Report | string {
  let text: string;
  try {
    text = host.read(file);
  } catch (error) {
    return `cannot read ${file}: ${firstLine(error)}`;
  }
  try {
    return replay(text, file, (path) => readBeside(file, path, host));
  } catch (error) {
    if (error instanceof SyntaxError) return `${file} is not readable JSON: ${firstLine(error)}`;
    throw error;
  }
}

function readBeside(file: string, path: string, host: CommandHost): string | undefined {
  const folder = file.slice(0, file.lastIndexOf('/') + 1);
  try {
    return host.read(path.startsWith('../') ? `${folder.replace(/[^/]*\/$/, '')}${path.slice(3)}` : `${folder}${path}`);
  } catch {
    return undefined;
  }
}

function cases(report: Report): number {
  return report.agree + report.disagree.length + report.notCovered.length;
}

function printDisagreements(reports: readonly Report[], host: CommandHost): void {
  const all = reports.flatMap((report) => report.disagree);
  for (const { case: name, expected, actual } of all.slice(0, SHOWN)) {
    host.print(`disagree: ${name}`);
    host.print(`  expected: ${shorten(expected)}`);
    host.print(`  actual:   ${shorten(actual)}`);
  }
  if (all.length > SHOWN) host.print(`... and ${all.length - SHOWN} more disagreements`);
}

function printReasons(reports: readonly Report[], host: CommandHost): void {
  const counts = new Map<string, number>();
  for (const report of reports) {
    for (const { reason } of report.notCovered) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  for (const [reason, count] of counts) host.print(`not covered, ${count} times: ${shorten(reason)}`);
}

function summary(reports: readonly Report[]): string {
  const count = (size: (report: Report) => number) => reports.reduce((sum, report) => sum + size(report), 0);
  const agree = count((report) => report.agree);
  const disagree = count((report) => report.disagree.length);
  return `${agree} agree, ${disagree} disagree, ${count((report) => report.notCovered.length)} not covered`;
}

function fail(host: CommandHost, message: string): 2 {
  host.complain(`replay: ${message} (--help tells more)`);
  return 2;
}

function kinds(): string {
  return [...REPLAYS.keys()].join(', ');
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n', 1)[0] ?? '';
}

function shorten(text: string): string {
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}... (${text.length} characters)` : text;
}
