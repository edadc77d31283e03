import { parseIpv4, Refusal } from '@portolan/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { VIP_RANGE } from '../src/vips/address.ts';
import type { TaskBackend } from '../src/vips/backends.ts';
import { formatIp, type IpAddress, parseIp } from '../src/vips/ip.ts';
import { parseVipKey } from '../src/vips/key.ts';
import { L4lb } from '../src/vips/l4lb.ts';
import type { VipOperation } from '../src/vips/vip-operation.ts';
import type { VipView } from '../src/vips/vip-view.ts';

interface Shape {
  readonly vip: string;
  readonly protocol: 6 | 17;
  readonly address: string;
  readonly port: number;
  readonly weight: number;
}

function backendOf(agent: number, { vip, protocol, address, port, weight }: Shape): TaskBackend {
  const key = parseVipKey(vip, protocol, 'marathon');
  return {
    key,
    backend: { agent, address: parseIp(address) as IpAddress, port, weight, cause: vip, task: `${address}:${port}` },
  };
}

// Three of the names clean to one, so they collide; 11.249.78.219 is their hashed address, so a fixed VIP may coincide.
const shape: fc.Arbitrary<Shape> = fc.record({
  vip: fc.constantFrom(
    '/httpi:80',
    'httpi:80',
    '//httpi:443',
    '/b:80',
    '/z:80',
    '10.1.2.3:80',
    '11.249.78.219:80',
    'fd01:c::9:80',
  ),
  protocol: fc.constantFrom(6 as const, 17 as const),
  address: fc.constantFrom('9.0.1.130', '9.0.1.131', '9.0.2.130', '9.0.2.131', 'fd01:b::1'),
  port: fc.integer({ min: 1, max: 3 }),
  weight: fc.constantFrom(0, 1),
});
const publication = fc.record({ agent: fc.integer({ min: 1, max: 4 }), shapes: fc.array(shape, { maxLength: 6 }) });

/** What a kernel has after some writes, kept as simply as can be. */
class Kernel {
  readonly routes = new Set<string>();
  readonly members = new Set<string>();
  readonly services = new Map<string, Map<string, number>>();

  write(operations: readonly VipOperation[]): this {
    for (const op of operations) {
      if (op.kind === 'add-route') this.routes.add(formatIp(op.address));
      else if (op.kind === 'remove-route') this.routes.delete(formatIp(op.address));
      else this.writeService(op);
    }
    return this;
  }

  private writeService(op: Exclude<VipOperation, { kind: 'add-route' | 'remove-route' }>): void {
    const service = `${op.protocol} ${formatIp(op.address)} ${op.port}`;
    if (op.kind === 'add-member') this.members.add(service);
    else if (op.kind === 'remove-member') this.members.delete(service);
    else if (op.kind === 'add-service') this.services.set(service, this.services.get(service) ?? new Map());
    else if (op.kind === 'delete-service') this.services.delete(service);
    else if (op.kind === 'remove-server') this.services.get(service)?.delete(`${formatIp(op.server.address)} ${op.server.port}`);
    else this.services.get(service)?.set(`${formatIp(op.server.address)} ${op.server.port}`, op.server.weight);
  }
}

function run(publications: readonly { agent: number; shapes: readonly Shape[] }[], each: (l4lb: L4lb) => void): L4lb {
  const l4lb = new L4lb();
  for (const { agent, shapes } of publications) {
    if (
      l4lb.publish(
        agent,
        shapes.map((item) => backendOf(agent, item)),
        0,
      )
    )
      each(l4lb);
  }
  return l4lb;
}

test('looking only at what changed writes what looking at everything writes, in the same order', () => {
  fc.assert(
    fc.property(fc.array(publication, { maxLength: 12 }), (publications) => {
      let views: readonly [VipView, VipView] | undefined;
      run(publications, (l4lb) => {
        views ??= [l4lb.ownView(0, {}), l4lb.ownView(0, {})];
        const [quick, whole] = views;
        whole.setReachable(undefined);
        quick.catchUp();
        whole.catchUp();
        expect(quick.operationsSince(0)).toEqual(whole.operationsSince(0));
        expect(quick.vips()).toEqual(whole.vips());
        expect(quick.dnsRecords()).toEqual(whole.dnsRecords());
      });
    }),
    { numRuns: 1500 },
  );
});

test('the writes of all events leave the kernel with exactly the VIPs in force', () => {
  const apart = shape.filter(({ vip }) => !vip.startsWith('11.'));
  const publications = fc.array(fc.record({ agent: fc.integer({ min: 1, max: 4 }), shapes: fc.array(apart, { maxLength: 6 }) }), {
    maxLength: 12,
  });
  fc.assert(
    fc.property(publications, (published) => {
      // One weight per end, and no end of two agents: dcos-net would forget it when the first one goes.
      const even = published.map(({ agent, shapes }) => ({
        agent,
        shapes: shapes.map((item) => ({
          ...item,
          weight: 1,
          address: item.address.replace('9.0.', `9.${agent}.`).replace('::1', `::${agent}`),
        })),
      }));
      const l4lb = run(even, () => {});
      const view = l4lb.view();
      view.catchUp();
      const kernel = new Kernel().write(view.operationsSince(0));
      const vips = view.vips();
      const keys = new Set(vips.map((vip) => `${vip.protocol} ${formatIp(vip.address)} ${vip.port}`));
      expect(kernel.members).toEqual(keys);
      expect(new Set(kernel.services.keys())).toEqual(keys);
      expect(kernel.routes).toEqual(new Set(vips.map((vip) => formatIp(vip.address))));
      const all = [...l4lb.backends()];
      for (const vip of vips) {
        const service = kernel.services.get(`${vip.protocol} ${formatIp(vip.address)} ${vip.port}`);
        const ends = new Set(vip.backends.map((backend) => `${formatIp(backend.address)} ${backend.port}`));
        expect(view.hasAddress(vip.address)).toBe(true);
        expect(new Set(service?.keys())).toEqual(ends);
      }
      expect(vips.flatMap((vip) => vip.backends).length).toBe(all.length);
    }),
    { numRuns: 2000 },
  );
});

test('a node that starts later has the same VIPs in one step', () => {
  fc.assert(
    fc.property(fc.array(publication, { maxLength: 8 }), (publications) => {
      const l4lb = run(publications, () => {});
      const early = l4lb.view(0);
      const late = l4lb.view(l4lb.events.length);
      early.catchUp();
      late.catchUp();
      const show = (view: VipView) => view.vips().map(({ key, backends }) => ({ key, backends }));
      expect(show(late)).toEqual(show(early));
    }),
    { numRuns: 1000 },
  );
});

const A = parseIpv4('172.16.15.168');
const HTTPI: Shape = { vip: '/httpi:80', protocol: 6, address: '172.16.15.168', port: 9896, weight: 1 };

test('publishing the same again is no event; a new cause behind the same end is one without writes', () => {
  const l4lb = new L4lb();
  const item = backendOf(A, HTTPI);
  expect(l4lb.publish(A, [item], 1000)).toBe(true);
  expect(l4lb.publish(A, [item, item], 3000)).toBe(false);
  const view = l4lb.view();
  view.catchUp();
  const done = view.operationCount;
  expect(l4lb.publish(A, [{ ...item, backend: { ...item.backend, cause: 'another' } }], 5000)).toBe(true);
  view.catchUp();
  expect(view.operationsSince(done)).toEqual([]);
  expect(view.vips()[0]?.cause).toBe('another');
  expect(l4lb.events.map(({ at }) => at)).toEqual([1000, 5000]);
});

test('of two labels that clean to one name the larger is hashed first when both come at once', () => {
  const l4lb = new L4lb();
  l4lb.publish(A, [backendOf(A, HTTPI), backendOf(A, { ...HTTPI, vip: 'httpi:80' })], 0);
  const view = l4lb.view();
  expect(view.ready).toBe(false);
  view.catchUp();
  expect(view.ready).toBe(true);
  expect(view.lookup('httpi.marathon.l4lb.thisdcos.directory').map(formatIp)).toEqual(['11.249.78.219', '11.249.78.220']);
  const labels = view.vips().map(({ key, address }) => [key.kind === 'named' ? key.label : '', formatIp(address)]);
  expect(labels).toEqual([
    ['httpi', '11.249.78.219'],
    ['/httpi', '11.249.78.220'],
  ]);
  expect(view.lookup('httpi.marathon.l4lb.thisdcos.directory.')).toHaveLength(2);
  expect(view.lookup('httpi.marathon')).toEqual([]);
});

test('a fixed VIP at the address of a named one keeps that name alive', () => {
  const l4lb = new L4lb();
  const [b, c] = [A + 1, A + 2];
  l4lb.publish(A, [backendOf(A, HTTPI)], 0);
  l4lb.publish(b, [backendOf(b, { ...HTTPI, vip: '11.249.78.219:443' })], 0);
  l4lb.publish(A, [], 0);
  const view = l4lb.view();
  view.catchUp();
  expect(view.dnsRecords()).toEqual([{ name: 'httpi.marathon', address: parseIpv4('11.249.78.219') }]);
  l4lb.publish(b, [], 0);
  l4lb.publish(c, [], 0);
  view.catchUp();
  expect(view.dnsRecords()).toEqual([]);
  expect(view.vips()).toEqual([]);
});

test('when the range is full the listener crashes, and starts anew with the next event', () => {
  const l4lb = new L4lb({ range: { ...VIP_RANGE, min: 0x0b000000, max: 0x0b000002 } });
  const view = l4lb.view();
  const named = (vip: string) => backendOf(A, { ...HTTPI, vip });
  l4lb.publish(A, [named('/a:1'), named('/b:1'), named('/c:1')], 0);
  view.catchUp();
  expect(view.crash).toBeInstanceOf(Refusal);
  expect(view.operationCount).toBe(0);
  l4lb.publish(A, [named('/a:1'), named('/b:1')], 0);
  view.catchUp();
  expect(view.crash).toBeUndefined();
  expect(view.vips()).toHaveLength(2);
  expect(view.operationsSince(0).filter(({ kind }) => kind === 'add-service')).toHaveLength(2);
});

test("a node's own port mapping leads its VIPs to the container, those of others stay", () => {
  const l4lb = new L4lb();
  const [here, there] = [l4lb.ownView(0, { node: A }), l4lb.view()];
  here.setPortMappings([{ protocol: 6, hostPort: 9896, address: parseIpv4('172.31.254.3'), port: 3141 }]);
  l4lb.publish(A, [backendOf(A, HTTPI), backendOf(A, { ...HTTPI, protocol: 17 })], 0);
  here.catchUp();
  there.catchUp();
  const ends = (view: VipView) =>
    view.vips().map(({ protocol, servers }) => [protocol, ...servers.map((s) => `${formatIp(s.address)}:${s.port}`)]);
  expect(ends(here)).toEqual([
    [17, '172.16.15.168:9896'],
    [6, '172.31.254.3:3141'],
  ]);
  expect(ends(there)).toEqual([
    [17, '172.16.15.168:9896'],
    [6, '172.16.15.168:9896'],
  ]);
});

test('one more backend costs about the same among ten thousand as among ten, and is one write', () => {
  const l4lb = new L4lb();
  const view = l4lb.view();
  for (let agent = 1; agent <= 10_000; agent++)
    l4lb.publish(agent, [backendOf(agent, { ...HTTPI, address: '9.0.1.130', port: agent })], 0);
  view.catchUp();
  const done = view.operationCount;
  l4lb.publish(20_000, [backendOf(20_000, { ...HTTPI, address: '9.0.1.130', port: 20_000 })], 0);
  view.catchUp();
  expect(view.operationsSince(done)).toHaveLength(1);
  expect(done).toBe(10_000 + 3);
});
