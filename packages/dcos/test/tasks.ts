/** Mesos tasks for tests, by network mode, as Marathon launches them. */
import { parseIpv4 } from '@portolan/core';
import type { MesosTask } from '../src/mesos-state.ts';
import { parseIp } from '../src/vips/ip.ts';

export interface TaskShape {
  readonly mode: 'host' | 'bridge' | 'container';
  readonly agent: string;
  readonly address: string;
  readonly number: number;
  readonly hostPort?: number;
  readonly id?: string;
  readonly agentId?: string;
  readonly name?: string;
  readonly framework?: string;
  readonly vips?: readonly string[];
}

export function mesosTask(shape: TaskShape): MesosTask {
  const { mode, hostPort, number } = shape;
  const name = shape.name ?? 'httpi';
  const scope = mode === 'host' ? [] : [{ key: 'network-scope', value: mode === 'bridge' ? 'host' : 'container' }];
  const vips = (shape.vips ?? ['/httpi:3141']).map((value, index) => ({ key: `VIP_${index}`, value }));
  const address = parseIp(shape.address);
  return {
    id: shape.id ?? 'httpi.1',
    name,
    frameworkName: shape.framework ?? 'marathon',
    agentId: shape.agentId ?? '602c0829-41e6-4910-91e5-16a38fa82c0a-S2',
    agentAddress: parseIpv4(shape.agent),
    state: 'TASK_RUNNING',
    statuses: [{ state: 'TASK_RUNNING', timestamp: 1, networks: [{ addresses: address === undefined ? [] : [address] }] }],
    container: {
      type: 'DOCKER',
      ...(hostPort === undefined ? {} : { portMappings: [{ protocol: 'tcp', containerPort: 3141, hostPort }] }),
    },
    resourcePorts: mode === 'container' ? [] : [{ begin: hostPort ?? number, end: hostPort ?? number }],
    discovery: {
      name,
      ports: [{ number, name: 'http', protocol: 'tcp', labels: [...vips, ...scope], origin: 'container.portMappings(0)' }],
    },
    origin: `/${name}`,
  };
}
