/**
 * Replays a recorded listing of IPVS: the text the product prints of its tables at that moment, by `ipvsadm` or as the
 * kernel's own files. What is the boot's own is made the recording's: the order of services and of connections, and the
 * second in which the recorder happened to look. Listings were recorded one scenario after the other on one machine,
 * so connections to other scenarios' services are left out of them.
 */
import { type Ipvs, procConnections, procServices, procStatistics, runIpvsadm } from '@portolan/core';

type Line = Readonly<Record<string, unknown>>;

/** Timer ticks in a second of the recording kernel. */
const TICKS = 100;

/** The listing of a recorded line, as fields to compare with the recorded ones; undefined if it is not of IPVS's tables. */
export function showListing(ipvs: Ipvs, now: number, line: Line, own: (virtual: string) => boolean): Line | undefined {
  const recorded = String(line.text ?? line.stdout ?? '');
  switch (line.what ?? line.cmd) {
    case 'proc':
      return { text: sameParts(procServices(ipvs.services(), TICKS), recorded, /^(?=(?:TCP|UDP|FWM) )/m) };
    case 'procconn':
      return { text: sameConnections(procConnections(ipvs.connections(), now), recorded, own) };
    case 'procstats':
      return { text: procStatistics(ipvs.total) };
    case 'cat /proc/net/ip_vs_conn':
      return { stdout: sameConnections(procConnections(ipvs.connections(), now), recorded, own) };
  }
  const [tool, ...args] = String(line.cmd).split(' ');
  // The release is the installed tool's.
  if (tool !== 'ipvsadm' || args.includes('--version')) return undefined;
  const { stdout, stderr, code } = runIpvsadm(args, ipvs, now);
  if (stderr !== '') return { stderr, rc: code };
  if (args.includes('--nosort')) return { text: sameParts(stdout, recorded, /^(?=(?:TCP|UDP|FWM) )/m), rc: code };
  if (args.includes('-Lnc')) return { text: sameConnections(stdout, recorded, own), rc: code };
  return { text: stdout, rc: code };
}

/** The recorded text if it has the same parts in whatever order, else the printed one. */
function sameParts(printed: string, recorded: string, border: RegExp): string {
  const parts = (text: string) => text.split(border).sort().join('');
  return parts(printed) === parts(recorded) ? recorded : printed;
}

/**
 * The recorded text if it has the same lines in any order, each expiry within the second in which the recorder happened
 * to read it (a listing is printed up to two tenths of a second after the time noted for it).
 */
function sameConnections(printed: string, recorded: string, own: (virtual: string) => boolean): string {
  const ours = rows(printed);
  const theirs = rows(recorded).filter(({ virtual }) => virtual === undefined || own(virtual));
  if (ours.length !== theirs.length) return printed;
  const left = [...theirs];
  for (const row of ours) {
    const found = left.findIndex(({ bare, seconds }) => bare === row.bare && Math.abs(seconds - row.seconds) <= 1);
    if (found < 0) return printed;
    left.splice(found, 1);
  }
  return recorded;
}

interface Row {
  /** Without its expiry. */
  readonly bare: string;
  readonly seconds: number;
  /** Its virtual address, as written; undefined for what is not a connection. */
  readonly virtual: string | undefined;
}

function rows(text: string): readonly Row[] {
  return text.split('\n').map((row) => {
    const listed = /^(\S+ +)(\d\d):(\d\d)( +\S+ +\S+ +(\d[\d.]*):.*)$/.exec(row);
    if (listed !== null) {
      const [, head = '', minutes, seconds, tail = '', virtual] = listed;
      return { bare: head + tail, seconds: Number(minutes) * 60 + Number(seconds), virtual };
    }
    const kept = /^(\S+ +\S{8} \S{4} (\S{8}) \S{4} \S{8} \S{4} \S+) +(\d+)$/.exec(row);
    if (kept === null) return { bare: row, seconds: 0, virtual: undefined };
    const [, bare = '', virtual = '', seconds] = kept;
    const bytes = [0, 2, 4, 6].map((at) => Number.parseInt(virtual.slice(at, at + 2), 16));
    return { bare, seconds: Number(seconds), virtual: bytes.join('.') };
  });
}
