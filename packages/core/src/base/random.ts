/**
 * The one source of chance: java.util.Random's generator, because Marathon, whose port choice must come out
 * the same number by number, draws from it. Algorithm: the class's documentation in OpenJDK 17.
 */
import { assert } from './assert.ts';

const MULTIPLIER_LOW = 0xe66d;
const MULTIPLIER_MID = 0xdeec;
const MULTIPLIER_HIGH = 0x5;

/** A stream of numbers that its seed determines. */
export class Random {
  /** The seed it was made from, as a hint for whoever must repeat a run. */
  readonly seed: number;
  private low: number;
  private mid: number;
  private high: number;

  /** @param seed any integer; as many of its lower 48 bits count as java.util.Random takes. */
  constructor(seed: number) {
    assert(Number.isSafeInteger(seed), `seed ${seed} is not an integer`);
    this.seed = seed;
    const bits = BigInt.asUintN(48, BigInt(seed)) ^ 0x5deece66dn;
    this.low = Number(bits & 0xffffn);
    this.mid = Number((bits >> 16n) & 0xffffn);
    this.high = Number(bits >> 32n);
  }

  /** The next `count` (1 to 32) random bits, as a signed 32-bit integer. */
  next(count: number): number {
    const low = this.low * MULTIPLIER_LOW + 0xb;
    const mid = this.mid * MULTIPLIER_LOW + this.low * MULTIPLIER_MID + Math.floor(low / 0x10000);
    const high = this.high * MULTIPLIER_LOW + this.mid * MULTIPLIER_MID + this.low * MULTIPLIER_HIGH + Math.floor(mid / 0x10000);
    this.low = low & 0xffff;
    this.mid = mid % 0x10000;
    this.high = high % 0x10000;
    return (((this.high << 16) | this.mid) >>> (32 - count)) | 0;
  }

  /** A number from 0 to bound - 1, as java.util.Random.nextInt(bound). */
  nextInt(bound: number): number {
    assert(bound > 0 && bound <= 0x7fffffff, `bound ${bound}`);
    if ((bound & -bound) === bound) return Math.floor((bound * this.next(31)) / 0x80000000);
    for (;;) {
      const bits = this.next(31);
      const value = bits % bound;
      if (bits - value + (bound - 1) <= 0x7fffffff) return value;
    }
  }

  /** `digits` random hexadecimal digits, lower case. */
  hex(digits: number): string {
    let text = '';
    while (text.length < digits) text += (this.next(32) >>> 0).toString(16).padStart(8, '0');
    return text.slice(0, digits);
  }

  /** A random (version 4) UUID. */
  uuid(): string {
    const h = this.hex(32);
    const variant = '89ab'[this.nextInt(4)];
    return `${h.slice(0, 8)}-${h.slice(8, 12)}-4${h.slice(13, 16)}-${variant}${h.slice(17, 20)}-${h.slice(20)}`;
  }

  /** An independent stream, the same for the same label whatever was drawn here. */
  fork(label: string): Random {
    let hash = 0x811c9dc5;
    for (let i = 0; i < label.length; i++) hash = Math.imul(hash ^ label.charCodeAt(i), 0x01000193);
    return new Random(((this.seed % 0x100000000) * 31 + (hash >>> 0)) % 0x100000000);
  }
}

/** A copy in random order: Fisher-Yates from the top, as scala.util.Random.shuffle. */
export function shuffle<T>(items: readonly T[], random: Random): T[] {
  const copy = [...items];
  for (let n = copy.length; n >= 2; n--) {
    const k = random.nextInt(n);
    const last = copy[n - 1] as T;
    copy[n - 1] = copy[k] as T;
    copy[k] = last;
  }
  return copy;
}
