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
  const address = inside ? LOCALHOST : probe.address;
  if (ns === undefined || !isIpv4(address)) return false;
  const overHttp = probe.protocol.endsWith('HTTP') || probe.protocol.endsWith('HTTPS');
  let answered = false;
  let text = '';
  const host = `${address}:${probe.port}`;
  const socket = ns.sockets.connect(
    { address: parseIpv4(address), port: probe.port },
    {
      connected: (s) => {
        if (overHttp) s.write(requestText({ method: 'GET', path: probe.path, headers: [['Host', host]], body: '' }));
        else answered = true;
      },
      received: (_, part) => {
        text += part;
        const status = parseResponse(text)?.status;
        if (status !== undefined) answered = status >= 200 && status < 400;
      },
    },
  );
  world.run();
  socket?.reset();
  world.run();
  return answered;
}

/** Asks a task from Marathon whether it is ready; undefined if no whole answer comes. */
export function getFromTask(world: ProbeWorld, { address, port, path }: ReadinessProbe): ReadinessResponse | undefined {
  if (!isIpv4(address)) return undefined;
  let text = '';
  const headers = [['Host', `${address}:${port}`]] as const;
  const socket = world.marathon().sockets.connect(
    { address: parseIpv4(address), port },
    {
      connected: (s) => s.write(requestText({ method: 'GET', path, headers, body: '' })),
      received: (_, part) => {
        text += part;
      },
    },
  );
  world.run();
  socket?.reset();
  world.run();
  const response = parseResponse(text);
  if (response === undefined) return undefined;
  const type = response.headers.find(([name]) => name.toLowerCase() === 'content-type')?.[1] ?? '';
  return { status: response.status, contentType: type, body: response.body };
}
