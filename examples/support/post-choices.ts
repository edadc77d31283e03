/**
 * The choices the post's cluster made: addresses, ports and agents, where the post tells them and does not contradict
 * itself. They replace chance; everything else is computed as always.
 */
import type { DcosOptions, PortChooser } from 'portolan';

/** Host ports by agent, in the order in which they are given out; for the overlay, how many tasks each agent gets. */
const PORTS: { readonly [mode: string]: { readonly [agent: string]: readonly number[] } } = {
  host: { '172.16.15.168': [16327] },
  'container/bridge': { '172.16.15.168': [9896, 26186], '172.16.17.198': [8584], '172.16.40.67': [7143, 14666] },
  container: { '172.16.15.168': [0], '172.16.17.198': [0, 0, 0], '172.16.40.67': [0] },
};

/** A cluster as the post's: one master, one public agent, three private ones. */
export function postChoices(): DcosOptions {
  return {
    seed: 2019,
    masters: ['172.16.9.84'],
    publicAgents: ['172.16.9.85'],
    agents: ['172.16.15.168', '172.16.17.198', '172.16.40.67'],
    publicAddress: '93.186.40.121',
    portChooser: chooser(),
  };
}

function chooser(): PortChooser {
  // Counted anew for each version of the app.
  const given = new Map<string, number>();
  return ({ app, offer, ranges, count }) => {
    if (app.id !== '/httpi')
      return ranges.flatMap(({ begin, end }) => Array.from({ length: end - begin + 1 }, (_, i) => begin + i)).slice(0, count);
    const pins = PORTS[app.networks[0]?.mode ?? 'host']?.[offer.hostname] ?? [];
    const key = `${app.version} ${offer.hostname}`;
    const done = given.get(key) ?? 0;
    const port = pins[done];
    if (port === undefined) return undefined;
    given.set(key, done + 1);
    return count === 0 ? [] : [port];
  };
}
