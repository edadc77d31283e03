/** What ipvsadm refuses, in its words: those of ipvsadm.c for arguments, those of libipvs.c for the kernel's answers. */
import type { Ipv4 } from '../../base/address.ts';
import { Refusal } from '../../base/refusal.ts';
import { flagBit } from './schedulers/flags.ts';
import { schedulerOf } from './schedulers/registry.ts';
import type { Scheduler } from './schedulers/scheduler.ts';
import type { ServerSpec, ServiceKey, ServiceSpec } from './service.ts';

const MESSAGES = {
  'service-exists': 'Service already exists',
  'no-such-service': 'No such service',
  'service-not-defined': 'Service not defined',
  'no-scheduler': 'Scheduler or persistence engine not found',
  'server-exists': 'Destination already exists',
  'no-such-server': 'No such destination',
  'bad-service': 'illegal virtual server address[:port] specified',
  'zero-port': 'Zero port specified for non-persistent service',
  'bad-mark': 'invalid fwmark value specified',
  'bad-persistence': 'invalid timeout value specified',
  'bad-netmask': 'illegal virtual server persistent mask specified',
  'one-packet': 'One-Packet Scheduling is only for UDP virtual services',
  'bad-flag': 'invalid scheduler flag',
  'other-schedulers-flag': 'incompatible scheduler flag',
  'not-unicast': 'Invalid operation.  Possibly wrong module version, address not unicast, ...',
  'bad-server': 'illegal real server address[:port] specified',
  'bad-weight': 'illegal weight specified',
  'bad-upper-threshold': 'illegal u_threshold specified',
  'bad-lower-threshold': 'illegal l_threshold specified',
  'thresholds-crossed': 'Numerical result out of range',
  'bad-timeout': 'illegal timeout values specified',
} as const;

const MAX_INT = 0x7fffffff;
/** Seconds in 31 days: ipvsadm takes no longer timeout. */
const MAX_TIMEOUT = 31 * 86_400;

/** A refusal of ipvsadm's. */
export function ipvsRefusal(code: keyof typeof MESSAGES, word?: string): Refusal {
  return new Refusal({
    component: 'ipvsadm',
    code,
    message: word === undefined ? MESSAGES[code] : `${MESSAGES[code]} \`${word.slice(0, 60)}'`,
  });
}

/** Refuses a service that no command line could name. */
export function checkKey({ protocol, address, port, mark }: ServiceKey): void {
  if (mark !== undefined && !isWithin(mark, 0, 0xffffffff)) throw ipvsRefusal('bad-mark');
  if (mark !== undefined && mark !== 0) return;
  if ((protocol !== 6 && protocol !== 17) || !isAddress(address) || !isPort(port)) throw ipvsRefusal('bad-service');
}

/** Refuses a service's settings; gives what its flags are and its scheduler if there is one of that name. */
export function checkService(spec: ServiceSpec): { readonly flags: number; readonly scheduler: Scheduler | undefined } {
  checkKey(spec);
  const { protocol, port, mark = 0, persistentSeconds, netmask, onePacket = false } = spec;
  if (persistentSeconds !== undefined && !isWithin(persistentSeconds, 1, MAX_TIMEOUT)) throw ipvsRefusal('bad-persistence');
  if (netmask !== undefined && !isAddress(netmask)) throw ipvsRefusal('bad-netmask');
  if (mark === 0 && port === 0 && persistentSeconds === undefined) throw ipvsRefusal('zero-port');
  if (mark === 0 && onePacket && protocol !== 17) throw ipvsRefusal('one-packet');
  let flags = 0;
  for (const name of spec.flags ?? []) {
    const bit = flagBit(name, spec.scheduler);
    if (bit === undefined) throw ipvsRefusal('other-schedulers-flag', name);
    if (bit === 0) throw ipvsRefusal('bad-flag', name);
    flags |= bit;
  }
  return { flags, scheduler: schedulerOf(spec.scheduler) };
}

/** Refuses a server that no command line could name. */
export function checkServer({ address, port, weight, upperThreshold = 0, lowerThreshold = 0 }: ServerSpec): void {
  if (!isAddress(address) || !isPort(port)) throw ipvsRefusal('bad-server');
  if (!isWithin(weight, 0, MAX_INT)) throw ipvsRefusal('bad-weight');
  if (!isWithin(upperThreshold, 0, MAX_INT)) throw ipvsRefusal('bad-upper-threshold');
  if (!isWithin(lowerThreshold, 0, MAX_INT)) throw ipvsRefusal('bad-lower-threshold');
  if (lowerThreshold > upperThreshold) throw ipvsRefusal('thresholds-crossed');
}

/** Refuses a new server at an address that no machine has. */
export function checkUnicast(address: Ipv4): void {
  const first = address >>> 24;
  if (first === 0 || (first >= 224 && first < 240) || address === 0xffffffff) throw ipvsRefusal('not-unicast');
}

/** Refuses a timeout that is no whole number of seconds. */
export function checkTimeout(seconds: number): void {
  if (!isWithin(seconds, 0, MAX_TIMEOUT)) throw ipvsRefusal('bad-timeout');
}

function isAddress(value: number): boolean {
  return isWithin(value, 0, 0xffffffff);
}

function isPort(value: number): boolean {
  return isWithin(value, 0, 0xffff);
}

function isWithin(value: number, low: number, high: number): boolean {
  return Number.isInteger(value) && value >= low && value <= high;
}
