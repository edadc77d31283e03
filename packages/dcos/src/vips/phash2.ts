/**
 * `erlang:phash2/1,2` on binaries, by which dcos-net chooses a named VIP's IPv4 address: Bob Jenkins' lookup2 of 1996
 * with Erlang's golden ratio and seed (erlang/otp, erts/emulator/beam/utils.c, make_hash2, OTP 25). Other terms than
 * binaries are not modelled.
 */
import { assert } from '@portolan/core';

const GOLDEN = 0x9e3779b9;
/** 13 times the golden ratio: the tag Erlang starts a binary's hash with. */
const BINARY_SEED = 0x08d12e65;

/** @param range 1 to 2^32; the result lies below it */
export function phash2(bytes: Uint8Array, range = 0x8000000): number {
  assert(Number.isInteger(range) && range >= 1 && range <= 0x100000000, () => `phash2 range ${range}`);
  return hashOf(bytes) % range;
}

function hashOf(bytes: Uint8Array): number {
  if (bytes.length === 0) return BINARY_SEED;
  let a = GOLDEN;
  let b = GOLDEN;
  let c = BINARY_SEED;
  // The last block's low byte of c is the length's, so its bytes stand one place higher.
  const full = bytes.length - (bytes.length % 12);
  for (let at = 0; at <= full; at += 12) {
    a = (a + word(bytes, at)) | 0;
    b = (b + word(bytes, at + 4)) | 0;
    c = at < full ? (c + word(bytes, at + 8)) | 0 : (c + bytes.length + (word(bytes, at + 8) << 8)) | 0;
    a = (a - b - c) ^ (c >>> 13);
    b = (b - c - a) ^ (a << 8);
    c = (c - a - b) ^ (b >>> 13);
    a = (a - b - c) ^ (c >>> 12);
    b = (b - c - a) ^ (a << 16);
    c = (c - a - b) ^ (b >>> 5);
    a = (a - b - c) ^ (c >>> 3);
    b = (b - c - a) ^ (a << 10);
    c = (c - a - b) ^ (b >>> 15);
  }
  return c >>> 0;
}

/** Four bytes, lowest first; those beyond the end are 0. */
function word(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24);
}
