/**
 * SipHash-1-3 of 32 bits on 64-bit machines, as the kernel's hsiphash has it: of one 32-bit number, with a key of two
 * equal 64-bit halves.
 * Follows linux lib/siphash.c (6.1); written after the paper "SipHash: a fast short-input PRF" by Aumasson and Bernstein.
 */

const CONSTANTS = [0x736f6d65, 0x70736575, 0x646f7261, 0x6e646f6d, 0x6c796765, 0x6e657261, 0x74656462, 0x79746573] as const;
const FINAL_ROUNDS = 3;

/**
 * The hash.
 * @param key both halves of the key, below 2^32
 */
export function hsiphash(value: number, key: number): number {
  const state = new Int32Array(8);
  // Words of 64 bits, high half first: v0, v1, v2, v3.
  for (let i = 0; i < 8; i++) state[i] = (CONSTANTS[i] as number) ^ (i % 2 === 0 ? 0 : key);
  // The only block: four bytes of value, their count in the highest byte.
  const [high, low] = [4 << 24, value | 0];
  state[6] = (state[6] as number) ^ high;
  state[7] = (state[7] as number) ^ low;
  round(state);
  state[0] = (state[0] as number) ^ high;
  state[1] = (state[1] as number) ^ low;
  state[5] = (state[5] as number) ^ 0xff;
  for (let i = 0; i < FINAL_ROUNDS; i++) round(state);
  return ((state[1] as number) ^ (state[3] as number) ^ (state[5] as number) ^ (state[7] as number)) >>> 0;
}

function round(v: Int32Array): void {
  add(v, 0, 1);
  rotate(v, 1, 13);
  mix(v, 1, 0);
  rotate(v, 0, 32);
  add(v, 2, 3);
  rotate(v, 3, 16);
  mix(v, 3, 2);
  add(v, 0, 3);
  rotate(v, 3, 21);
  mix(v, 3, 0);
  add(v, 2, 1);
  rotate(v, 1, 17);
  mix(v, 1, 2);
  rotate(v, 2, 32);
}

/** Word a += word b. */
function add(v: Int32Array, a: number, b: number): void {
  const low = ((v[2 * a + 1] as number) >>> 0) + ((v[2 * b + 1] as number) >>> 0);
  v[2 * a] = (v[2 * a] as number) + (v[2 * b] as number) + (low > 0xffffffff ? 1 : 0);
  v[2 * a + 1] = low;
}

/** Word a ^= word b. */
function mix(v: Int32Array, a: number, b: number): void {
  v[2 * a] = (v[2 * a] as number) ^ (v[2 * b] as number);
  v[2 * a + 1] = (v[2 * a + 1] as number) ^ (v[2 * b + 1] as number);
}

function rotate(v: Int32Array, a: number, bits: number): void {
  const high = v[2 * a] as number;
  const low = v[2 * a + 1] as number;
  if (bits === 32) {
    v[2 * a] = low;
    v[2 * a + 1] = high;
    return;
  }
  v[2 * a] = (high << bits) | (low >>> (32 - bits));
  v[2 * a + 1] = (low << bits) | (high >>> (32 - bits));
}
