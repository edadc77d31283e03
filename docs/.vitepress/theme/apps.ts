/** The app definitions that the playground offers: one program in the three network modes. */

const size = { instances: 3, cpus: 0.1, mem: 32 };
const container = { type: 'DOCKER', docker: { image: 'dcoslabs/httpi' } };
const port = { name: 'http', labels: { VIP_0: '/httpi:3141' } };

/** Definitions as JSON, by what they show. */
export const APPS: ReadonlyMap<string, string> = new Map(
  (
    [
      [
        'bridge mode',
        { id: '/httpi', ...size, networks: [{ mode: 'container/bridge' }], container: { ...container, portMappings: [port] } },
      ],
      ['host mode', { id: '/httpi', ...size, networks: [{ mode: 'host' }], portDefinitions: [{ port: 0, ...port }], container }],
      [
        'container mode',
        {
          id: '/httpi',
          ...size,
          networks: [{ mode: 'container', name: 'dcos' }],
          container: { ...container, portMappings: [{ containerPort: 3141, ...port }] },
        },
      ],
    ] as const
  ).map(([name, app]) => [name, JSON.stringify(app, null, 2)]),
);
