/**
 * The one source of chance: java.util.Random's generator, because Marathon, whose port choice must come out
 * the same number by number, draws from it. Algorithm: the class's documentation in OpenJDK 17.
 */
import { assert } from './assert.ts';

/** The multiplier 0x5deece66d in halves of 24 bits: products of halves are exact, and a half is a small integer. */
const MULTIPLIER_LOW = 0xece66d;
const MULTIPLIER_HIGH = 0x5de;
const INCREMENT = 0xb;
const HALF = 0x1000000;
const DIGITS = Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0));

/** Codes of a text's characters, written over each time it is made, and which of them are random digits. */
interface Form {
  readonly codes: number[];
  readonly places: readonly number[];
}

const UUID = formOf('xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx');
const hexForms = new Map<number, Form>();

function hexForm(digits: number): Form {
  const known = hexForms.get(digits) ?? formOf('x'.repeat(digits));
  hexForms.set(digits, known);
  return known;
}

function formOf(text: string): Form {
  const codes = Array.from(text, (character) => character.charCodeAt(0));
  return { codes, places: codes.flatMap((_, i) => (text[i] === 'x' ? [i] : [])) };
}

/** A stream of numbers that its seed determines. */
export class Random {
  /** The seed it was made from, as a hint for whoever must repeat a run. */
  readonly seed: number;
  /** The state's lower and upper 24 bits. */
  private low: number;
  private high: number;

  /** @param seed any integer; as many of its lower 48 bits count as java.util.Random takes. */
  constructor(seed: number) {
    assert(Number.isSafeInteger(seed), () => `seed ${seed} is not an integer`);
    this.seed = seed;
    const bits = BigInt.asUintN(48, BigInt(seed)) ^ 0x5deece66dn;
    this.low = Number(bits & 0xffffffn);
    this.high = Number(bits >> 24n);
  }

  /** The next `count` (1 to 32) random bits, as a signed 32-bit integer. */
  next(count: number): number {
    const { low, high } = this;
    const carry = Math.floor((low * MULTIPLIER_LOW + INCREMENT) / HALF);
    this.high = (Math.imul(low, MULTIPLIER_HIGH) + Math.imul(high, MULTIPLIER_LOW) + carry) & (HALF - 1);
    this.low = (Math.imul(low, MULTIPLIER_LOW) + INCREMENT) & (HALF - 1);
    return (((this.high << 8) | (this.low >>> 16)) >>> (32 - count)) | 0;
  }

  /** A number from 0 to bound - 1, as java.util.Random.nextInt(bound). */
  nextInt(bound: number): number {
    assert(bound > 0 && bound <= 0x7fffffff, () => `bound ${bound}`);
    if ((bound & -bound) === bound) return Math.floor((bound * this.next(31)) / 0x80000000);
    for (;;) {
      const bits = this.next(31);
      const value = bits % bound;
      if (bits - value + (bound - 1) <= 0x7fffffff) return value;
    }
  }

  /** `digits` random hexadecimal digits, lower case. */
  hex(digits: number): string {
    const form = hexForm(digits);
    this.fill(form);
    return String.fromCharCode(...form.codes);
  }

  /** A random (version 4) UUID. */
  uuid(): string {
    this.fill(UUID);
    UUID.codes[14] = DIGITS[4] as number;
    UUID.codes[19] = DIGITS[8 + this.nextInt(4)] as number;
    return String.fromCharCode(...UUID.codes);
  }

  /** Draws the digits, eight at a time. */
  private fill({ codes, places }: Form): void {
    for (let i = 0; i < places.length; ) {
      const bits = this.next(32);
      for (let shift = 28; shift >= 0 && i < places.length; shift -= 4)
        codes[places[i++] as number] = DIGITS[(bits >>> shift) & 15] as number;
    }
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
