/**
 * Ids of instances and tasks: the app's path, a time-based UUID, and the number of the launch.
 * Follows mesosphere/marathon v1.8 core/instance/Instance.scala and core/task/Task.scala; the UUID is RFC 4122 version 1,
 * made from virtual time and a node id drawn once, so that all ids of one Marathon share their last twelve digits.
 */
import type { Random } from '@portolan/core';
import { safePath } from '../app/id.ts';

const TWO_28 = 0x10000000;
const TWO_32 = 0x100000000;
/** Units of 100 ns. */
const TICKS_PER_MS = 10_000;
/** Milliseconds from the start of the Gregorian calendar (15 October 1582) to that of Unix time. */
const GREGORIAN_TO_UNIX_MS = 12_219_292_800_000;

/** Makes version 1 UUIDs, each later than the one before. */
export class TimeUuids {
  private readonly suffix: string;
  private millisecond = -1;
  private tick = 0;
  /** The time's lower 32 bits at tick 0, in units of 100 ns. */
  private low = 0;
  /** The time's upper 28 bits, and all digits but those of the lower 32. */
  private high = 0;
  private rest = '';

  constructor(random: Random) {
    const clockSequence = (0x8000 | random.nextInt(0x4000)).toString(16);
    this.suffix = `${clockSequence}-${random.hex(12)}`;
  }

  /** The next UUID at that time, in milliseconds of Unix time. */
  next(unixMs: number): string {
    if (unixMs > this.millisecond) this.start(unixMs);
    else if (++this.tick === TICKS_PER_MS) this.start(this.millisecond + 1);
    const low = this.low + this.tick;
    const carried = low >= TWO_32;
    const rest = carried ? this.digitsAbove(this.high + 1) : this.rest;
    return (carried ? low - TWO_32 : low).toString(16).padStart(8, '0') + rest;
  }

  private digitsAbove(high: number): string {
    const middle = (high % 0x10000).toString(16).padStart(4, '0');
    const upper = Math.floor(high / 0x10000)
      .toString(16)
      .padStart(3, '0');
    return `-${middle}-1${upper}-${this.suffix}`;
  }

  private start(millisecond: number): void {
    this.millisecond = millisecond;
    this.tick = 0;
    const since = Math.floor(millisecond) + GREGORIAN_TO_UNIX_MS;
    const lower = (since % TWO_28) * TICKS_PER_MS;
    const upper = Math.floor(since / TWO_28) * TICKS_PER_MS + Math.floor(lower / TWO_28);
    this.low = (upper % 16) * TWO_28 + (lower % TWO_28);
    this.high = Math.floor(upper / 16);
    this.rest = this.digitsAbove(this.high);
  }
}

/** `httpi.instance-62d0f03f-79aa-11e6-a1a0-660c139c5e15`. */
export function instanceIdOf(appId: string, uuid: string): string {
  return `${safePath(appId)}.instance-${uuid}`;
}

/** Makes the ids of instances, at the Unix time in milliseconds that `now` gives. */
export function instanceIdMaker(random: Random, now: () => number): (appId: string) => string {
  const uuids = new TimeUuids(random);
  // Instances are made app by app: the path is written out once.
  let last = { appId: '', prefix: '' };
  return (appId) => {
    if (last.appId !== appId) last = { appId, prefix: instanceIdOf(appId, '') };
    return last.prefix + uuids.next(now());
  };
}

/** `<instance id>._app.1` for an instance's first launch, and so on. */
export function taskIdOf(instanceId: string, launch: number): string {
  return `${instanceId}._app.${launch}`;
}
