/** Judges of what Marathon's HTTP API answers. */
import { Clock, Random } from '@portolan/core';
import { answerApi, Marathon, MesosMaster } from '@portolan/scheduler';
import { like } from './definitions.ts';
import { type Check, type Fields, fields, isFields, type Judge, list, type Row, UnknownShape } from './row.ts';

function httpApi(row: Row): readonly Check[] {
  const { input } = row;
  const expected = fields(row.expected);
  const marathonWith = () => {
    const clock = new Clock();
    const random = new Random(1);
    const master = new MesosMaster({ clock, random, executor: { launch: () => undefined, kill: () => undefined } });
    const name = typeof input.defaultNetworkName === 'string' ? { defaultNetworkName: input.defaultNetworkName } : {};
    return new Marathon({ clock, random, master, ...name });
  };
  const both = input['PUT and PATCH'];
  if (both !== undefined) {
    const apps = (['PUT', 'PATCH'] as const).map((method) => {
      const marathon = marathonWith();
      marathon.add({
        id: '/app',
        container: { type: 'DOCKER', docker: { image: 'image' } },
        networks: [{ mode: 'host' }],
        portDefinitions: [{ port: 0 }],
      });
      const { status } = answerApi(marathon, { method, path: '/v2/apps//app?force=true', body: both });
      return { status, app: withoutTimes(marathon.show('/app')) };
    });
    const networks = apps.map(({ app }) => list(fields(app).portDefinitions).length);
    return [
      ['accepted', [200, 200], apps.map(({ status }) => status)],
      ['the same app', apps[0]?.app, apps[1]?.app],
      ['portDefinitions dropped', [0, 0], networks],
    ];
  }
  const marathon = marathonWith();
  const [asked = '', body] = Object.entries(input).find(([name]) => /^(POST|PUT|PATCH|GET|DELETE)\b/.test(name)) ?? [];
  const [word = '', ...what] = asked.split(' ');
  const method = word as 'POST' | 'PUT';
  if (what[0] === 'restart') {
    const existing = /existing/.test(String(body));
    if (existing) {
      const app = marathon.add({ id: '/app', cmd: 'sleep' });
      marathon.cancelDeployment(marathon.deploymentOf(app.id) ?? '', { force: true });
    }
    return responseChecks(expected, answerApi(marathon, { method, path: '/v2/apps//app/restart' }));
  }
  if (typeof body === 'string' && (word === 'GET' || word === 'DELETE')) {
    const path = body.startsWith('/v2/') ? body : `/v2/apps/${body.startsWith('/') ? body : '/missing'}`;
    return responseChecks(expected, answerApi(marathon, { method: word, path }));
  }
  if (!isFields(body)) throw new UnknownShape(`the request ${asked}`);
  const runs = body.container === undefined && body.id === undefined ? { cmd: 'cmd' } : {};
  const definition = { id: '/app', ...runs, ...body };
  const path = method === 'POST' ? '/v2/apps' : '/v2/apps//app';
  return responseChecks(expected, answerApi(marathon, { method, path, body: definition }));
}

function withoutTimes(app: unknown): unknown {
  const { version: _version, versionInfo: _info, deployments: _deployments, ...rest } = fields(app);
  return rest;
}

function responseChecks(expected: Fields, response: ReturnType<typeof answerApi>): readonly Check[] {
  const body = fields(response.body);
  const container = fields(body.container);
  return Object.entries(expected).flatMap(([field, value]): readonly Check[] => {
    switch (field) {
      case 'note':
        return [];
      case 'status':
        return [[field, value, response.status]];
      case 'bodyContains':
        return [[field, true, JSON.stringify(response.body).includes(String(value))]];
      case 'header':
        return [[field, true, response.headers.has(String(value))]];
      default: {
        const seen = field in body ? body[field] : container[field];
        return [[field, value, like(seen, value)]];
      }
    }
  });
}

/** Judges by area. */
export const API_JUDGES: readonly (readonly [string, Judge])[] = [
  [
    'http-api',
    {
      input: [
        'POST',
        'PUT',
        'PATCH',
        'GET',
        'DELETE',
        'PUT full replacement',
        'PUT and PATCH',
        'POST restart',
        'existing',
        'defaultNetworkName',
      ],
      run: httpApi,
    },
  ],
];
