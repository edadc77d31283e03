/** SHA-512 (FIPS 180-4), of which CNI's plugins make the names of their chains. */

/** A word has 64 bits: 64-bit integers are slow, and fast enough for a name a container. */
type Word = bigint;

const PRIMES = firstPrimes(80);

/** Fractional parts of the primes' cube roots: one constant a round. */
const ROUNDS: readonly Word[] = PRIMES.map((prime) => rootFraction(prime, 3n));

/** Fractional parts of the first eight primes' square roots: the state before the first block. */
const START: readonly Word[] = PRIMES.slice(0, 8).map((prime) => rootFraction(prime, 2n));

/** The digest of some bytes, as 128 hexadecimal digits. */
export function sha512Hex(bytes: Uint8Array): string {
  const blocks = padded(bytes);
  let state = START;
  for (let block = 0; block < blocks.byteLength; block += 128) state = compress(state, scheduleOf(blocks, block));
  return state.map((word) => word.toString(16).padStart(16, '0')).join('');
}

function scheduleOf(blocks: DataView, block: number): readonly Word[] {
  const schedule = Array.from({ length: 16 }, (_, t) => blocks.getBigUint64(block + 8 * t));
  for (let t = 16; t < 80; t++) {
    const [a = 0n, b = 0n, c = 0n, d = 0n] = [schedule[t - 16], schedule[t - 15], schedule[t - 7], schedule[t - 2]];
    const first = rotate(b, 1n) ^ rotate(b, 8n) ^ (b >> 7n);
    const second = rotate(d, 19n) ^ rotate(d, 61n) ^ (d >> 6n);
    schedule.push(word(a + first + c + second));
  }
  return schedule;
}

function compress(state: readonly Word[], schedule: readonly Word[]): readonly Word[] {
  let [a = 0n, b = 0n, c = 0n, d = 0n, e = 0n, f = 0n, g = 0n, h = 0n] = state;
  for (const [t, scheduled] of schedule.entries()) {
    const choice = (e & f) ^ (~e & g);
    const majority = (a & b) ^ (a & c) ^ (b & c);
    const first = h + (rotate(e, 14n) ^ rotate(e, 18n) ^ rotate(e, 41n)) + choice + (ROUNDS[t] ?? 0n) + scheduled;
    const second = (rotate(a, 28n) ^ rotate(a, 34n) ^ rotate(a, 39n)) + majority;
    [h, g, f, e, d, c, b, a] = [g, f, e, word(d + first), c, b, a, word(first + second)];
  }
  return [a, b, c, d, e, f, g, h].map((value, i) => word(value + (state[i] ?? 0n)));
}

function padded(bytes: Uint8Array): DataView {
  const view = new DataView(new ArrayBuffer(Math.ceil((bytes.length + 17) / 128) * 128));
  new Uint8Array(view.buffer).set(bytes);
  view.setUint8(bytes.length, 0x80);
  view.setBigUint64(view.byteLength - 8, BigInt(bytes.length) * 8n);
  return view;
}

function word(value: bigint): Word {
  return BigInt.asUintN(64, value);
}

function rotate(value: Word, bits: bigint): Word {
  return (value >> bits) | word(value << (64n - bits));
}

function firstPrimes(count: number): number[] {
  const primes: number[] = [];
  for (let n = 2; primes.length < count; n++) if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  return primes;
}

/** The first 64 bits after the point of a root, in whole numbers: floor(root(n * 2^(64 * degree))) modulo 2^64. */
function rootFraction(n: number, degree: bigint): Word {
  const target = BigInt(n) << (64n * degree);
  let root = 0n;
  for (let bit = 1n << 72n; bit > 0n; bit >>= 1n) if ((root + bit) ** degree <= target) root += bit;
  return word(root);
}
