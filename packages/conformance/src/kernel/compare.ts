/**
 * Two answers side by side: what chance decides (ports drawn at random, the seconds left of an entry) is put into
 * classes first, order is kept wherever the kernel keeps one.
 */
import type { Answer, Lab } from './lab.ts';

/** One thing the two sides say differently. */
export interface Difference {
  /** Index of the probe, or the namespace whose tables differ. */
  readonly where: string;
  readonly what: string;
  readonly linux: string;
  readonly portolan: string;
}

/** Everything that differs; empty if the two agree. */
export function differences(lab: Lab, linux: Answer, portolan: Answer): readonly Difference[] {
  const found: Difference[] = [];
  const left = comparable(lab, linux);
  const right = comparable(lab, portolan);
  for (const key of new Set([...left.keys(), ...right.keys()])) {
    const [where = '', ...what] = key.split(' ');
    const a = left.get(key) ?? '';
    const b = right.get(key) ?? '';
    if (a !== b) found.push({ where, what: what.join(' '), linux: a, portolan: b });
  }
  return found;
}

/** The answer as texts by name, with chance taken out. */
export function comparable(lab: Lab, answer: Answer): ReadonlyMap<string, string> {
  const known = knownPorts(lab);
  const proxied = lab.namespaces.some(({ listeners = [] }) => listeners.some(({ forward }) => forward !== undefined));
  const texts = new Map<string, string>();
  answer.probes.forEach(({ verdict, reply, seen, packets }, i) => {
    const from = lab.probes[i]?.from ?? '';
    const at = `probe${i}`;
    texts.set(`${at} verdict`, verdict);
    texts.set(`${at} reply`, classed(reply ?? 'none', known));
    texts.set(`${at} seen from ${from}`, sorted(seen.map((s) => classed(`${s.in}: ${s.peer} at ${s.local}`, known))));
    for (const [device, lines] of Object.entries(packets)) {
      const shown = byDirection(lines.map((line) => classed(line, known)).filter(isNew));
      texts.set(`${at} packets at ${device}`, (proxied ? byConversation(shown) : shown).join('\n'));
    }
  });
  for (const [name, tables] of Object.entries(answer.tables)) {
    texts.set(`${name} conntrack`, sorted(tables.conntrack.map((line) => classed(connectionLine(line), known))));
    texts.set(`${name} rules`, withoutIdle(tables.save));
    texts.set(`${name} fdb`, sorted(tables.fdb.map((line) => line.trim())));
    texts.set(
      `${name} neighbours`,
      sorted(
        tables.neighbours
          .filter((line) => !line.includes('PERMANENT'))
          .map((line) => line.replace(/ (router|extern_learn|proxy)\b/g, '').trim()),
      ),
    );
  }
  return texts;
}

/** What one fragment causes may pass before the next or after it, as time has it: each direction for itself, and ARP. */
function byDirection(lines: readonly string[]): readonly string[] {
  if (!lines.some((line) => line.includes(' frag '))) return lines;
  const place = (line: string) => (line.startsWith('in ') ? 0 : 2) + (line.includes('arp ') ? 1 : 0);
  return [0, 1, 2, 3].flatMap((wanted) => lines.filter((line) => place(line) === wanted));
}

/** Not an ARP request asked once more: how often depends on how fast the machine answers. */
function isNew(line: string, i: number, lines: readonly string[]): boolean {
  return !line.includes('who-has') || line !== lines[i - 1];
}

/** A proxy's two connections go their own ways: only within one is there an order that does not depend on the program's speed. */
function byConversation(lines: readonly string[]): readonly string[] {
  const conversation = (line: string) => (/(\S+) > (\S+)/.exec(line)?.slice(1) ?? []).sort().join(' ');
  const keyed = lines.map((line) => ({ line, key: conversation(line) }));
  return keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)).map(({ line }) => line);
}

function sorted(lines: readonly string[]): string {
  return [...lines].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)).join('\n');
}

/** All ports that the lab names, other than spans to draw from: others were drawn. */
function knownPorts(lab: Lab): ReadonlySet<string> {
  const rules = lab.namespaces.map(({ iptables = '' }) => iptables.replace(/\d+-\d+|\d+\.\d+\.\d+\.\d+(\/\d+)?|\[0:0\]/g, ''));
  return new Set([
    ...lab.probes.flatMap(({ port, sourcePort }) => [`${sourcePort}`, ...(port === undefined ? [] : [`${port}`])]),
    ...lab.namespaces.flatMap(({ listeners = [] }) =>
      listeners.flatMap(({ port, forward = '' }) => [`${port}`, forward.split(':')[1] ?? '']),
    ),
    ...lab.namespaces.flatMap(({ links }) => links.flatMap(({ port }) => (port === undefined ? [] : [`${port}`]))),
    // Smaller numbers are marks and types.
    ...rules.flatMap((text) => text.match(/\b\d{2,}\b/g) ?? []).filter((number) => Number(number) > 19),
  ]);
}

function classed(line: string, known: ReadonlySet<string>): string {
  return withoutShared(line).replace(/(\d\.\d+\.\d+\.\d+:|\b[sd]port=|\bid[ =])(\d+)/g, (all, head: string, port: string) =>
    known.has(port) ? all : `${head}${portClass(Number(port), head.startsWith('id'))}`,
  );
}

/** A capture shares the memory of later fragments, whose headers are written anew when their packet has been put together. */
function withoutShared(line: string): string {
  return line.includes(' frag ')
    ? line.replace(/[\d.]+ > [\d.]+ ttl \d+ (len \d+ frag [1-9]\d*\+?) \[[^\]]*\]/g, '$1 [~]')
    : line;
}

function portClass(port: number, identifier: boolean): string {
  if (identifier) return '~';
  return port < 512 ? '~low' : port < 1024 ? '~middle' : '~high';
}

const TIMEOUTS = [10, 30, 60, 120, 300, 600, 432000];
/** How long after its last packet an entry may be read. */
const SECONDS_LATER = 5;

/** An entry without what depends on when it is read. */
function connectionLine(line: string): string {
  return line
    .replace(/^ipv4 +2 /, '')
    .replace(/ (zone|use)=\d+/g, '')
    .replace(/^(\w+) +(\d+) (\d+)/, (_, name, number, seconds) => {
      const timeout = TIMEOUTS.find((one) => one >= Number(seconds) && one - Number(seconds) <= SECONDS_LATER);
      return `${name} ${number} ${timeout ?? seconds}`;
    })
    .replace(/ {2,}/g, ' ')
    .trim();
}

/** A saved text without comments, and without the policy counters of tables that have no rule: nobody reads them. */
function withoutIdle(save: string): string {
  const lines = save.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  let busy = false;
  const tables: string[] = [];
  let table: string[] = [];
  for (const line of lines) {
    if (line.startsWith('*')) {
      table = [];
      busy = false;
    }
    busy ||= line.includes('-A ');
    table.push(line);
    if (line === 'COMMIT') tables.push((busy ? table : table.map((l) => l.replace(/\[\d+:\d+\]/, '[0:0]'))).join('\n'));
  }
  // The kernel lists tables in the order in which they were first used.
  return sorted(tables);
}
