/** Replays a recorded `ipvsadm` listing: the text the product prints of its tables at that moment. */
import type { Ipvs } from '../../../core/src/kernel/ipvs/ipvs.ts';
import {
  type ListOptions,
  listConnections,
  listServices,
  listTimeouts,
  saveServices,
} from '../../../core/src/kernel/ipvs/list.ts';

type Line = Readonly<Record<string, unknown>>;

const LISTINGS: ReadonlyMap<string, ListOptions> = new Map<string, ListOptions>([
  ['ipvsadm -Ln', {}],
  ['ipvsadm -Ln --exact', {}],
  ['ipvsadm -Ln --thresholds', { view: 'thresholds' }],
  ['ipvsadm -Ln --persistent-conn', { view: 'persistent' }],
]);

/** The text of a listing, as a field to compare with the recorded one. */
export function showListing(ipvs: Ipvs, now: number, line: Line): Line | { readonly unknown: string } {
  const command = String(line.cmd ?? line.what);
  const options = LISTINGS.get(command);
  if (options !== undefined) return { text: listServices(ipvs.services(), options) };
  if (command === 'ipvsadm -Sn') return { text: saveServices(ipvs.services()) };
  if (command === 'ipvsadm -L --timeout') return { text: listTimeouts(ipvs.timeouts) };
  if (command === 'ipvsadm -Lnc') return { text: sameUpToChance(listConnections(ipvs.connections(), now), String(line.text)) };
  return { unknown: `the listing ${command} is not replayed here` };
}

/**
 * The recorded text if the printed one says the same: lines in any order, each expiry within the second in which the
 * recorder happened to read it (it prints up to two tenths of a second after the time it notes).
 */
function sameUpToChance(printed: string, recorded: string): string {
  const ours = printed.split('\n');
  const theirs = recorded.split('\n');
  const left = new Map<string, number[]>();
  for (const row of theirs) left.set(bare(row), [...(left.get(bare(row)) ?? []), secondsOf(row)]);
  const agree =
    ours.length === theirs.length &&
    ours.every((row) => {
      const times = left.get(bare(row)) ?? [];
      const found = times.findIndex((time) => Number.isNaN(time) || Math.abs(time - secondsOf(row)) <= 1);
      if (found >= 0) times.splice(found, 1);
      return found >= 0;
    });
  return agree ? recorded : printed;
}

function secondsOf(row: string): number {
  const time = /^\S{3} (\d\d):(\d\d) /.exec(row);
  return time === null ? Number.NaN : Number(time[1]) * 60 + Number(time[2]);
}

function bare(row: string): string {
  return row.replace(/^(\S{3}) \d\d:\d\d /, '$1 ');
}
