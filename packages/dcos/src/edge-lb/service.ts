/**
 * Whom a backend's servers are: tasks chosen by Marathon's or Mesos' names, or an address (mesosphere/dcos-edge-lb,
 * apiserver/spec/v2/swagger.yml, V2Service). Patterns are searched for in the name, as the documentation says; the source of 2018 searches
 * for the name in the pattern.
 */
import { findPattern } from '@portolan/scheduler';
import { booleanOf, type Fields, fieldsOf, integerOf, refusePool, textOf, wordOf } from './fields.ts';
import { sectionName } from './frontend.ts';

/** Whether a name is one that is asked for. */
export type NameTest = (name: string) => boolean;

/** Which tasks: those for which all that is there holds. */
export interface TaskFilter {
  readonly serviceId?: NameTest;
  /** Of a pod. */
  readonly containerName?: NameTest;
  readonly frameworkName?: NameTest;
  readonly frameworkId?: NameTest;
  readonly taskName?: NameTest;
  readonly taskId?: NameTest;
}

/** Where a task, or somebody else, is reached. */
export interface Endpoint {
  readonly type: EndpointType;
  /** Of type ADDRESS. */
  readonly address: string;
  /** -1 if the task's discovery says it. */
  readonly port: number;
  readonly portName: string;
  readonly allPorts: boolean;
  /** Whether HAProxy checks the servers, and what is added to that. */
  readonly check: { readonly enabled: boolean; readonly options: string };
  /** Added to each server's line. */
  readonly options: string;
}

/** Which of a task's addresses counts. */
export type EndpointType = 'AUTO_IP' | 'AGENT_IP' | 'CONTAINER_IP' | 'ADDRESS';

/** A service. */
export interface EdgeLbService {
  readonly filter: TaskFilter;
  readonly endpoint: Endpoint;
}

const MARATHON_FIELDS = ['serviceID', 'serviceIDPattern', 'containerName', 'containerNamePattern'];
const MESOS_FIELDS = ['frameworkName', 'frameworkID', 'taskName', 'taskID'].flatMap((name) => [name, `${name}Pattern`]);
const ENDPOINT_FIELDS = ['type', 'miscStr', 'check', 'address', 'port', 'portName', 'allPorts'];
const TYPES = ['AUTO_IP', 'AGENT_IP', 'CONTAINER_IP', 'ADDRESS'] as const;

/** Reads an element of `services`. */
export function readService(value: unknown, path: string): EdgeLbService {
  const fields = fieldsOf(value, path, ['marathon', 'mesos', 'endpoint']);
  const part = (name: string, known: readonly string[]) => fieldsOf(fields.values.get(name) ?? {}, `${path}.${name}`, known);
  const endpoint = readEndpoint(part('endpoint', ENDPOINT_FIELDS));
  const [marathon, mesos] = [part('marathon', MARATHON_FIELDS), part('mesos', MESOS_FIELDS)];
  const filter = filterOf(marathon, mesos);
  if (endpoint.type !== 'ADDRESS') checkFilter(filter, path);
  return { filter, endpoint };
}

function filterOf(marathon: Fields, mesos: Fields): TaskFilter {
  const serviceId = nameTest(marathon, 'serviceID');
  const test = <K extends keyof TaskFilter>(key: K, wanted: NameTest | undefined) =>
    wanted === undefined ? {} : { [key]: wanted };
  return {
    ...test('serviceId', serviceId),
    ...test('containerName', nameTest(marathon, 'containerName')),
    // Services of Marathon are looked for in the framework of that name.
    ...test('frameworkName', serviceId === undefined ? nameTest(mesos, 'frameworkName') : (name) => name === 'marathon'),
    ...test('frameworkId', nameTest(mesos, 'frameworkID')),
    ...test('taskName', nameTest(mesos, 'taskName')),
    ...test('taskId', nameTest(mesos, 'taskID')),
  };
}

function checkFilter({ serviceId, frameworkName, frameworkId, taskName, taskId }: TaskFilter, path: string): void {
  if (serviceId !== undefined) return;
  const empty = 'cannot be empty or the empty string';
  const mesos =
    frameworkName === undefined && frameworkId === undefined
      ? `server.mesos.FrameworkName and server.mesos.FrameworkID ${empty}`
      : taskName === undefined && taskId === undefined
        ? `server.mesos.TaskName and server.mesos.TaskID ${empty}`
        : undefined;
  if (mesos === undefined) return;
  const marathon = `server.marathon.serviceID ${empty}`;
  throw refusePool(path, `server.marathon or server.mesos must be specified, ${marathon}, ${mesos}`);
}

/** A name or a pattern; the pattern counts if both are there. */
function nameTest(fields: Fields, name: string): NameTest | undefined {
  const [exact, pattern] = [textOf(fields, name), textOf(fields, `${name}Pattern`)];
  if (pattern === '') return exact === '' ? undefined : (text) => text === exact;
  const result = findPattern(pattern);
  if (!('refusedBy' in result)) return result.matches;
  const path = `${fields.path}.${name}Pattern`;
  throw refusePool(path, `${path}: ${result.why}`, result.refusedBy === 'engine' ? 'not-modelled' : 'invalid-pool');
}

function readEndpoint(fields: Fields): Endpoint {
  const check = fieldsOf(fields.values.get('check') ?? {}, `${fields.path}.check`, ['enabled', 'customStr']);
  const endpoint = {
    type: wordOf(fields, 'type', TYPES) ?? 'AUTO_IP',
    address: textOf(fields, 'address'),
    port: integerOf(fields, 'port', -1),
    portName: textOf(fields, 'portName'),
    allPorts: booleanOf(fields, 'allPorts', false),
    check: { enabled: booleanOf(check, 'enabled', true), options: textOf(check, 'customStr') },
    options: textOf(fields, 'miscStr'),
  };
  const { type, address, port, portName, allPorts } = endpoint;
  const path = `${fields.path}.port`;
  if (type === 'ADDRESS') {
    if (address === '') throw refusePool(`${fields.path}.address`, 'server.endpoint.address cannot be empty or the empty string');
    sectionName(address, `${fields.path}.address`);
  }
  const wrong = port > 65535 || (port < 0 && (type === 'ADDRESS' || (portName === '' && !allPorts)));
  const words = type === 'ADDRESS' ? 'valid server.port specified' : 'valid port, portName, portNamePattern, or true allPorts';
  if (wrong) throw refusePool(path, `server.endpoint.type ${type} must have ${words}`);
  return endpoint;
}
