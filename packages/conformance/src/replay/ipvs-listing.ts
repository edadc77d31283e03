/**
 * Replays a recorded `ipvsadm` listing: the text the product prints of its tables at that moment. Listings were recorded
 * one scenario after the other on one machine, so connections to other scenarios' services are left out of them.
 */
import { type Ipvs, type ListOptions, listConnections, listServices, listTimeouts, saveServices } from '@portolan/core';

type Line = Readonly<Record<string, unknown>>;

const LISTINGS: ReadonlyMap<string, ListOptions> = new Map<string, ListOptions>([
  ['ipvsadm -Ln', {}],
  ['ipvsadm -Ln --exact', {}],
  ['ipvsadm -Ln --nosort', { sort: false }],
  ['ipvsadm -Ln --thresholds', { view: 'thresholds' }],
  ['ipvsadm -Ln --persistent-conn', { view: 'persistent' }],
]);

/**
 * The text of a listing, as a field to compare with the recorded one.
 * @param own whether a virtual end (`11.1.1.1:80`) is of this recording
 */
export function showListing(
  ipvs: Ipvs,
  now: number,
  line: Line,
  own: (virtual: string) => boolean,
): Line | { readonly unknown: string } {
  const command = String(line.cmd ?? line.what);
  const recorded = String(line.text);
  const options = LISTINGS.get(command);
  if (options !== undefined) {
    const text = listServices(ipvs.services(), options);
    return { text: options.sort === false && sameBlocks(text, recorded) ? recorded : text };
  }
  if (command === 'ipvsadm -Sn') return { text: saveServices(ipvs.services()) };
  if (command === 'ipvsadm -L --timeout') return { text: listTimeouts(ipvs.timeouts) };
  if (command === 'ipvsadm -Lnc') {
    const text = listConnections(ipvs.connections(), now);
    return { text: sameConnections(text, recorded, own) ? recorded : text };
  }
  return { unknown: `the listing ${command} is not replayed` };
}

/** Whether the services with their servers are the same; the order of services is the boot's own. */
function sameBlocks(printed: string, recorded: string): boolean {
  const blocks = (text: string) =>
    text
      .split(/^(?=(?:TCP|UDP) )/m)
      .sort()
      .join('');
  return blocks(printed) === blocks(recorded);
}

/**
 * Whether the lines are the same in any order, each expiry within the second in which the recorder happened to read it
 * (a listing is printed up to two tenths of a second after the time noted for it).
 */
function sameConnections(printed: string, recorded: string, own: (virtual: string) => boolean): boolean {
  const ours = printed.split('\n');
  const theirs = recorded.split('\n').filter((row, i) => i < 2 || row === '' || own(row.split(/ +/)[4] ?? ''));
  const left = new Map<string, number[]>();
  for (const row of theirs) left.set(bare(row), [...(left.get(bare(row)) ?? []), secondsOf(row)]);
  if (ours.length !== theirs.length) return false;
  return ours.every((row) => {
    const times = left.get(bare(row)) ?? [];
    const found = times.findIndex((time) => Math.abs(time - secondsOf(row)) <= 1);
    if (found >= 0) times.splice(found, 1);
    return found >= 0;
  });
}

function secondsOf(row: string): number {
  const time = /^\S{3} (\d\d):(\d\d) /.exec(row);
  return time === null ? 0 : Number(time[1]) * 60 + Number(time[2]);
}

function bare(row: string): string {
  return row.replace(/^(\S{3}) \d\d:\d\d /, '$1 ');
}
