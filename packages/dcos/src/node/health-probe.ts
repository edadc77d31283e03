/**
 * Health and readiness checks of tasks, as packets: Marathon asks from the leading master, Mesos from inside the task's
 * own network at 127.0.0.1 (apache/mesos 1.8 src/checks/checker_process.cpp). A check takes no time, as all traffic here.
 * A COMMAND runs no program here and is taken to succeed.
 */
import { isIpv4, type Namespace, parseIpv4, parseResponse, requestText } from '@portolan/core';
import type { HealthProbe, ReadinessProbe, ReadinessResponse } from '@portolan/scheduler';

const LOCALHOST = '127.0.0.1';

/** Where checks are made from. */
export interface ProbeWorld {
  /** The leading master's namespace. */
  marathon(): Namespace;
  /** The namespace a task's program runs in; undefined once it is gone. */
  task(agentId: string, taskId: string): Namespace | undefined;
  /** Lets all packets under way arrive. */
  run(): void;
}

/** Makes one check; true if the task answers, over HTTP with a status of 200 to 399. */
export function probeTask(world: ProbeWorld, probe: HealthProbe): boolean {
  if (probe.protocol === 'COMMAND') return true;
  const inside = probe.from === 'agent';
  const ns = inside ? world.task(probe.agentId, probe.taskId) : world.marathon();
  if (ns === undefined) return false;
  const overHttp = probe.protocol.endsWith('HTTP') || probe.protocol.endsWith('HTTPS');
  const target = { address: inside ? LOCALHOST : probe.address, port: probe.port, path: overHttp ? probe.path : undefined };
  const { connected, received } = visit(world, ns, target);
  if (!overHttp) return connected;
  const status = parseResponse(received)?.status;
  return status !== undefined && status >= 200 && status < 400;
}

/** Asks a task from Marathon whether it is ready; undefined if no whole answer comes. */
export function getFromTask(world: ProbeWorld, probe: ReadinessProbe): ReadinessResponse | undefined {
  const response = parseResponse(visit(world, world.marathon(), probe).received);
  if (response === undefined) return undefined;
  const type = response.headers.find(([name]) => name.toLowerCase() === 'content-type')?.[1] ?? '';
  return { status: response.status, contentType: type, body: response.body };
}

/** Connects, asks for a path if there is one, and hangs up. */
function visit(
  world: ProbeWorld,
  ns: Namespace,
  { address, port, path }: { readonly address: string; readonly port: number; readonly path: string | undefined },
): { readonly connected: boolean; readonly received: string } {
  let connected = false;
  let received = '';
  if (!isIpv4(address)) return { connected, received };
  const socket = ns.sockets.connect(
    { address: parseIpv4(address), port },
    {
      connected: (s) => {
        connected = true;
        if (path !== undefined)
          s.write(requestText({ method: 'GET', path, headers: [['Host', `${address}:${port}`]], body: '' }));
      },
      received: (_, part) => {
        received += part;
      },
    },
  );
  world.run();
  socket?.reset();
  world.run();
  return { connected, received };
}
