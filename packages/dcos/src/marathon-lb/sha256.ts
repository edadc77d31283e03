/** SHA-256 (FIPS 180-4), from which Marathon-LB makes the numbers of HAProxy's servers. */

/** The eight words of the digest, unsigned, first word first. */
export type Sha256 = readonly number[];

const PRIMES = firstPrimes(64);

/** Fractional parts of the primes' cube roots: one constant a round. */
const ROUNDS = Int32Array.from(PRIMES, (prime) => rootFraction(prime, 3));

/** Fractional parts of the first eight primes' square roots: the state before the first block. */
const START = Int32Array.from(PRIMES.slice(0, 8), (prime) => rootFraction(prime, 2));

/** The digest of some bytes. */
export function sha256(bytes: Uint8Array): Sha256 {
  const blocks = padded(bytes);
  const schedule = new Int32Array(64);
  const state = Int32Array.from(START);
  for (let block = 0; block < blocks.byteLength; block += 64) {
    for (let t = 0; t < 16; t++) schedule[t] = blocks.getInt32(block + 4 * t);
    for (let t = 16; t < 64; t++) {
      schedule[t] =
        at(schedule, t - 16) +
        smallSigma(at(schedule, t - 15), 7, 18, 3) +
        at(schedule, t - 7) +
        smallSigma(at(schedule, t - 2), 17, 19, 10);
    }
    compress(state, schedule);
  }
  return Array.from(state, (word) => word >>> 0);
}

/** The digest as 64 hexadecimal digits. */
export function sha256Hex(digest: Sha256): string {
  return digest.map((word) => word.toString(16).padStart(8, '0')).join('');
}

function compress(state: Int32Array, schedule: Int32Array): void {
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state;
  for (let t = 0; t < 64; t++) {
    const choice = (e & f) ^ (~e & g);
    const majority = (a & b) ^ (a & c) ^ (b & c);
    const first = (h + bigSigma(e, 6, 11, 25) + choice + at(ROUNDS, t) + at(schedule, t)) | 0;
    const second = (bigSigma(a, 2, 13, 22) + majority) | 0;
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + first) | 0, c, b, a, (first + second) | 0];
  }
  for (const [i, word] of [a, b, c, d, e, f, g, h].entries()) state[i] = at(state, i) + word;
}

function padded(bytes: Uint8Array): DataView {
  const view = new DataView(new ArrayBuffer(Math.ceil((bytes.length + 9) / 64) * 64));
  new Uint8Array(view.buffer).set(bytes);
  view.setUint8(bytes.length, 0x80);
  view.setUint32(view.byteLength - 8, Math.floor(bytes.length / 0x20000000));
  view.setUint32(view.byteLength - 4, (bytes.length * 8) >>> 0);
  return view;
}

function bigSigma(word: number, x: number, y: number, z: number): number {
  return rotate(word, x) ^ rotate(word, y) ^ rotate(word, z);
}

function smallSigma(word: number, x: number, y: number, shift: number): number {
  return rotate(word, x) ^ rotate(word, y) ^ (word >>> shift);
}

function rotate(word: number, bits: number): number {
  return (word >>> bits) | (word << (32 - bits));
}

function at(words: Int32Array, index: number): number {
  return words[index] ?? 0;
}

function firstPrimes(count: number): number[] {
  const primes: number[] = [];
  for (let n = 2; primes.length < count; n++) if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  return primes;
}

/** The first 32 bits after the point of a root, in whole numbers: floor(root(n * 2^(32 * degree))) modulo 2^32. */
function rootFraction(n: number, degree: number): number {
  const target = BigInt(n) << BigInt(32 * degree);
  let root = 0n;
  for (let bit = 1n << 40n; bit > 0n; bit >>= 1n) {
    if ((root + bit) ** BigInt(degree) <= target) root += bit;
  }
  return Number(BigInt.asIntN(32, root));
}
