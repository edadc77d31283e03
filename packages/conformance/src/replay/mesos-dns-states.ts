/**
 * The Mesos states the recorded Mesos-DNS servers were shown in their live runs: the recordings of answers do not hold them.
 * Five tasks of one app on three agents, as in the post, and small variants.
 */
import { parseIpv4 } from '@portolan/core';
import { type MesosState, type MesosTask, parseIp } from '@portolan/dcos';

const CLUSTER = '602c0829-41e6-4910-91e5-16a38fa82c0a';
const MASTER = '172.16.9.84';

interface TaskPlan {
  readonly id: string;
  readonly agent: string;
  readonly port: number;
  readonly name?: string;
  /** Host port unless it is a container's. */
  readonly container?: readonly string[];
}

const POST_BRIDGE: readonly TaskPlan[] = [
  { id: '1e44c87b-4c24-479b-a3ce-70bb33ddfc25', agent: 'S2', port: 9896 },
  { id: '881e3841-b58f-49dc-b20c-31253aa2cafb', agent: 'S2', port: 26186 },
  { id: 'c2e5a5a4-e3e3-45a2-ae15-3eb696d5b122', agent: 'S3', port: 8584 },
  { id: '4d89f563-28ee-4bf8-ba1b-7690503cdb8c', agent: 'S4', port: 7143 },
  { id: '0a0b0c0d-1111-4222-8333-444455556666', agent: 'S4', port: 14666 },
].map((task) => ({ ...task, id: `httpi.instance-${task.id}._app.1` }));

/** The post's app, bridged, on three agents. */
export const BRIDGE_STATE: MesosState = stateOf(POST_BRIDGE);

/** A container with an address of each family on the overlay. */
export const DUAL_STACK_STATE: MesosState = stateOf([
  {
    id: 'httpi.instance-a144c87b-4c24-479b-a3ce-70bb33ddfc25._app.1',
    agent: 'S2',
    port: 3141,
    container: ['9.0.2.130', 'fd01:b::2:8000:2'],
  },
]);

/** An app in groups. */
export const GROUP_STATE: MesosState = stateOf([{ id: 'group_sub_httpi.x', agent: 'S2', port: 1025, name: 'httpi.sub.group' }]);

/** A state with one task of a name. */
export function namedState(name: string): MesosState {
  return stateOf([{ id: 'x.1', agent: 'S2', port: 1025, name }]);
}

/** So many tasks of one app, on the three agents in turn. */
export function manyTasksState(count: number): MesosState {
  const plans = Array.from({ length: count }, (_, i) => {
    const id = `httpi.instance-${String(i).padStart(8, '0')}-0000-0000-0000-000000000000._app.1`;
    return { id, agent: `S${2 + (i % 3)}`, port: 1024 + i };
  });
  return stateOf(plans);
}

function stateOf(tasks: readonly TaskPlan[]): MesosState {
  const agents = [
    ['S2', '172.16.15.168'],
    ['S3', '172.16.17.198'],
    ['S4', '172.16.40.67'],
  ] as const;
  return {
    leader: `master@${MASTER}:5050`,
    masters: [`${MASTER}:5050`],
    frameworks: [{ name: 'marathon', address: parseIpv4(MASTER), port: 15101 }],
    agents: agents.map(([id, address]) => ({ id: `${CLUSTER}-${id}`, address: parseIpv4(address), port: 5051 })),
    tasks: tasks.map(taskOf),
  };
}

function taskOf({ id, agent, port, name = 'httpi', container }: TaskPlan): MesosTask {
  const addresses = (container ?? ['172.17.0.2']).flatMap((text) => parseIp(text) ?? []);
  return {
    id,
    name,
    frameworkName: 'marathon',
    agentId: `${CLUSTER}-${agent}`,
    agentAddress: 0,
    state: 'TASK_RUNNING',
    statuses: [{ state: 'TASK_RUNNING', timestamp: 1563811200.5, networks: [{ addresses }] }],
    resourcePorts: container === undefined ? [{ begin: port, end: port }] : [],
    discovery: { name, ports: [{ number: port, name: 'http', protocol: 'tcp' }] },
  };
}
