/** What ipvsadm refuses, in its words: those of ipvsadm.c for arguments, those of libipvs.c for the kernel's answers. */
import { Refusal } from '../../base/refusal.ts';
import type { ServerSpec, ServiceKey } from './service.ts';

const MESSAGES = {
  'service-exists': 'Service already exists',
  'no-such-service': 'No such service',
  'service-not-defined': 'Service not defined',
  'no-scheduler': 'Scheduler or persistence engine not found',
  'server-exists': 'Destination already exists',
  'no-such-server': 'No such destination',
  'bad-service': 'illegal virtual server address[:port] specified',
  'zero-port': 'Zero port specified for non-persistent service',
  'bad-server': 'illegal real server address[:port] specified',
  'bad-weight': 'illegal weight specified',
  'bad-upper-threshold': 'illegal u_threshold specified',
  'bad-lower-threshold': 'illegal l_threshold specified',
  'thresholds-crossed': 'Numerical result out of range',
  'bad-timeout': 'illegal timeout values specified',
} as const;

const MODELLED_ELSEWHERE: readonly string[] = ['sh', 'dh', 'mh', 'lblc', 'lblcr', 'fo', 'ovf'];
const MAX_INT = 0x7fffffff;

/** A refusal of ipvsadm's. */
export function ipvsRefusal(code: keyof typeof MESSAGES): Refusal {
  return new Refusal({ component: 'ipvsadm', code, message: MESSAGES[code] });
}

/** The refusal of a scheduler by name: one that exists but is not modelled is told from one that does not exist. */
export function schedulerRefusal(name: string): Refusal {
  if (!MODELLED_ELSEWHERE.includes(name)) return ipvsRefusal('no-scheduler');
  return new Refusal({ component: 'ipvsadm', code: 'not-modelled', message: `the scheduler ${name} is not modelled` });
}

/** Refuses a service that no command line could name. */
export function checkService({ protocol, address, port }: ServiceKey): void {
  if ((protocol !== 6 && protocol !== 17) || !isAddress(address)) throw ipvsRefusal('bad-service');
  if (port === 0) throw ipvsRefusal('zero-port');
  if (!isPort(port)) throw ipvsRefusal('bad-service');
}

/** Refuses a server that no command line could name. */
export function checkServer({ address, port, weight, upperThreshold = 0, lowerThreshold = 0 }: ServerSpec): void {
  if (!isAddress(address) || !isPort(port)) throw ipvsRefusal('bad-server');
  if (!isWithin(weight, 0, MAX_INT)) throw ipvsRefusal('bad-weight');
  if (!isWithin(upperThreshold, 0, MAX_INT)) throw ipvsRefusal('bad-upper-threshold');
  if (!isWithin(lowerThreshold, 0, MAX_INT)) throw ipvsRefusal('bad-lower-threshold');
  if (lowerThreshold > upperThreshold) throw ipvsRefusal('thresholds-crossed');
}

/** Refuses a timeout that is no whole number of seconds. */
export function checkTimeout(seconds: number): void {
  if (!isWithin(seconds, 0, MAX_INT / 1000)) throw ipvsRefusal('bad-timeout');
}

function isAddress(value: number): boolean {
  return isWithin(value, 0, 0xffffffff);
}

function isPort(value: number): boolean {
  return isWithin(value, 1, 0xffff);
}

function isWithin(value: number, low: number, high: number): boolean {
  return Number.isInteger(value) && value >= low && value <= high;
}
