/** The rows restated from Marathon's own tests and the golden vectors, and what the tests of each area share. */
import { readFileSync } from 'node:fs';
import type { PortRange } from '@portolan/core';
import { describe, test } from 'vitest';
import type { App } from '../src/app/app.ts';
import { prepareApp } from '../src/app/prepare.ts';
import { MarathonRefusal } from '../src/app/refusal.ts';

/** JSON with a shape of its own in every area. */
export type Recorded = ReturnType<typeof JSON.parse>;
export interface Row {
  readonly id: string;
  readonly area: string;
  readonly input: Recorded;
  readonly expected: Recorded;
}

const file = new URL('../../conformance/recorded/marathon/cases.json', import.meta.url);
export const rows: readonly Row[] = JSON.parse(readFileSync(file, 'utf8'));
export const OPTIONS = { defaultNetworkName: 'default-network0', frameworkRole: 'slave_public' };

/** Rows these tests' shorthand cannot put; the replay of conformance puts all rows. */
const ELSEWHERE = new Set([
  ...['TB-10', 'EN-14', 'EN-17', 'PD-02', 'PD-03', 'PD-04', 'IS-01', 'IS-02', 'IS-04', 'IS-05', 'TB-08', 'RM-07', 'RM-08'],
  ...['RM-22', 'RM-24', 'RM-29', 'RM-31', 'RM-34', 'RU-13', 'RU-16', 'QU-04', 'VA-25', 'VA-26', 'PI-04', 'PI-05', 'PI-06'],
]);

function putElsewhere({ id, area, input }: Row): boolean {
  const [field = '', operator = ''] = area === 'constraint' ? input.constraint : [];
  return operator === 'GROUP_BY' || field.startsWith('@region') || field.startsWith('@zone') || ELSEWHERE.has(id);
}

/** Runs the rows of an area. */
export function each(area: string, run: (row: Row) => void): void {
  describe(area, () => {
    for (const row of rows.filter((candidate) => candidate.area === area && !putElsewhere(candidate)))
      test(row.id, () => run(row));
  });
}

export const toRanges = (pairs: readonly [number, number][]): PortRange[] => pairs.map(([begin, end]) => ({ begin, end }));

/** What was refused, and nothing else. */
export function refusal(run: () => unknown): MarathonRefusal {
  try {
    run();
  } catch (error) {
    if (error instanceof MarathonRefusal) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

/** An app out of the shorthand the rows use. */
export function app(input: Recorded, more: Record<string, unknown> = {}): App {
  const mode: string = input.mode ?? 'host';
  const [kind, name] = mode.split(' ');
  const networks =
    typeof input.networks === 'number'
      ? Array.from({ length: input.networks }, (_, i) => ({ mode: 'container', name: `network-${i + 1}` }))
      : (input.networks?.map((network: string | { container?: string }) => {
          if (network === 'bridge') return { mode: 'container/bridge' };
          return { mode: 'container', name: typeof network === 'string' ? network : network.container };
        }) ?? [name === undefined ? { mode: kind } : { mode: kind, name }]);
  const mappings = input.portMappings ?? (input.portMapping ? [input.portMapping] : undefined);
  const definitions = input.portDefinitions?.map((port: number | object) => (typeof port === 'number' ? { port } : port));
  const docker = input.container === 'DOCKER' || input.docker === true || input.image !== undefined;
  const image = input.image ?? 'image';
  return prepareApp(
    {
      id: input.appId ?? '/product/frontend',
      networks,
      ...(definitions === undefined ? {} : { portDefinitions: definitions }),
      ...(docker
        ? { container: { type: 'DOCKER', docker: { image }, ...(mappings ? { portMappings: mappings } : {}) } }
        : mappings
          ? { container: { type: 'MESOS', portMappings: mappings } }
          : {}),
      ...(docker ? {} : { cmd: 'sleep' }),
      ...(input.userEnv ? { env: input.userEnv } : {}),
      ...(input.args ? { args: input.args, cmd: undefined } : {}),
      ...more,
    },
    OPTIONS,
  );
}
