/**
 * Replays what Marathon-LB made of Marathon's apps (`marathon-lb/NN-*`): `input.json` to `output.cfg` and maps, byte for byte,
 * and whether two versions of HAProxy accept the file, as the `index.json` beside the case says. Where that says that the
 * order of servers hung on Python's hash seed, lines are compared as a set.
 */
import { isIpv4, Refusal } from '@portolan/core';
import { type HaproxyVersion, haproxyConfig, type LoadBalancerOptions, readHaproxyConfig } from '@portolan/dcos';
import type { ReadBeside, Report } from './report.ts';
import { canonical, listOf, ReplayTally, recordOf } from './result.ts';

type Row = Readonly<Record<string, unknown>>;

/** Replays one case: the text is its `input.json`. */
export function replay(text: string, file: string, beside: ReadBeside): Report {
  const tally = new ReplayTally();
  const input = recordOf(JSON.parse(text));
  const folder = file.replace(/\/?input\.json$/, '');
  const name = folder.slice(folder.lastIndexOf('/') + 1);
  const index = recordOf(JSON.parse(beside('../index.json') ?? '{}'));
  const entry = listOf(index.cases)
    .map(recordOf)
    .find((item) => item.case === name);
  const options = optionsOf(input, recordOf(entry?.args ?? input.args));
  const generated = outcome(() => haproxyConfig(listOf(input.apps), options));
  const expected = beside('output.cfg');
  if (expected === undefined) {
    const error = String(entry?.error ?? input.error ?? 'an error');
    tally.compare(
      `${name} refusal`,
      'refused',
      generated instanceof Refusal ? 'refused' : `a configuration in place of ${error}`,
    );
    return tally;
  }
  const ordered = entry?.hashSeedSensitive !== true;
  const shown = generated instanceof Refusal ? `refused: ${generated.message}` : generated.text;
  tally.compare(`${name} output.cfg`, inOrder(expected, ordered), inOrder(shown, ordered));
  for (const map of ['domain2backend', 'app2backend'] as const) {
    const recorded = beside(`${map}.map`);
    const written = generated instanceof Refusal ? undefined : generated.maps?.[map];
    if (recorded !== undefined || written !== undefined) tally.compare(`${name} ${map}.map`, String(recorded), String(written));
  }
  for (const [build, verdict] of Object.entries(recordOf(entry?.haproxyCheck)))
    replayCheck(tally, name, build, recordOf(verdict), expected);
  return tally;
}

function optionsOf(input: Row, args: Row): LoadBalancerOptions {
  const names = recordOf(input.dns);
  const addresses = new Map(Object.entries(names).map(([host, address]) => [host, String(address)]));
  return {
    groups: listOf(args.groups).map(String),
    strictMode: args.strict_mode === true,
    healthCheck: args.health_check === true,
    haproxyMap: args.haproxy_map === true,
    bindHttpHttps: args.bind_http_https !== false,
    sslCerts: String(args.ssl_certs ?? '/etc/ssl/cert.pem'),
    groupHttpsByVhost: args.group_https_by_vhost === true,
    minServicePort: Number(args.min_serv_port_ip_per_task ?? 10050),
    maxServicePort: Number(args.max_serv_port_ip_per_task ?? 10100),
    configFile: String(args.config_file ?? '/marathon-lb/haproxy.cfg'),
    environment: new Map(Object.entries(recordOf(input.env)).map(([key, value]) => [key, String(value)])),
    resolve: (host) => (isIpv4(host) ? host : (addresses.get(host) ?? '')),
    health: new Map(),
  };
}

function outcome<T>(run: () => T): T | Refusal {
  try {
    return run();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

function inOrder(text: string, ordered: boolean): string {
  return ordered ? text : text.split('\n').toSorted().join('\n');
}

/** What `haproxy -c` of one build said of the recorded file, and what the model says. */
function replayCheck(tally: ReplayTally, name: string, build: string, verdict: Row, text: string): void {
  const version: HaproxyVersion = build.startsWith('2.0') ? '2.0' : '2.6';
  const read = outcome(() => readHaproxyConfig(text, version));
  const title = `${name} haproxy -c ${build}`;
  if (read instanceof Refusal && read.code === 'not-modelled') return tally.skip(title, read.message);
  const [alert] = /(?:config )?: (.*?)\|/.exec(String(verdict.alert))?.slice(1) ?? [];
  // Files are named with their case's folder there, and with a line where the model has none.
  const bare = (words: string) => words.replace(/ \([^()]*\)/g, '').replace(/[^\s[]*\.cfg:(\d+)/g, '$1');
  const expected = verdict.rc === 0 ? 'valid' : bare(alert ?? '').replace(/^config : /, '');
  const actual = read instanceof Refusal ? bare(read.message) : 'valid';
  tally.compare(title, canonical(expected), canonical(actual));
}
