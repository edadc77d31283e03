/** SHA-1 (FIPS 180-4), for the IPv6 addresses of named VIPs and the task hashes of Mesos-DNS. */

/** The five words of the digest, unsigned, first word first. */
export type Sha1 = readonly [number, number, number, number, number];

/** The digest of some bytes. */
export function sha1(bytes: Uint8Array): Sha1 {
  const blocks = padded(bytes);
  const schedule = new Int32Array(80);
  let h0 = 0x67452301;
  let h1 = 0xefcdab89 | 0;
  let h2 = 0x98badcfe | 0;
  let h3 = 0x10325476;
  let h4 = 0xc3d2e1f0 | 0;
  for (let block = 0; block < blocks.byteLength; block += 64) {
    for (let t = 0; t < 16; t++) schedule[t] = blocks.getInt32(block + 4 * t);
    for (let t = 16; t < 80; t++) {
      schedule[t] = rotate(at(schedule, t - 3) ^ at(schedule, t - 8) ^ at(schedule, t - 14) ^ at(schedule, t - 16), 1);
    }
    let [a, b, c, d, e] = [h0, h1, h2, h3, h4];
    for (let t = 0; t < 80; t++) {
      const next = (rotate(a, 5) + round(t, b, c, d) + e + at(schedule, t)) | 0;
      [e, d, c, b, a] = [d, c, rotate(b, 30), a, next];
    }
    h0 = (h0 + a) | 0;
    h1 = (h1 + b) | 0;
    h2 = (h2 + c) | 0;
    h3 = (h3 + d) | 0;
    h4 = (h4 + e) | 0;
  }
  return [h0 >>> 0, h1 >>> 0, h2 >>> 0, h3 >>> 0, h4 >>> 0];
}

function padded(bytes: Uint8Array): DataView {
  const view = new DataView(new ArrayBuffer(Math.ceil((bytes.length + 9) / 64) * 64));
  new Uint8Array(view.buffer).set(bytes);
  view.setUint8(bytes.length, 0x80);
  const end = view.byteLength;
  view.setUint32(end - 8, Math.floor(bytes.length / 0x20000000));
  view.setUint32(end - 4, (bytes.length * 8) >>> 0);
  return view;
}

/** The round's function of three words, and its constant. */
function round(t: number, b: number, c: number, d: number): number {
  if (t < 20) return ((b & c) | (~b & d)) + 0x5a827999;
  if (t < 40) return (b ^ c ^ d) + 0x6ed9eba1;
  if (t < 60) return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
  return (b ^ c ^ d) + 0xca62c1d6;
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

function at(words: Int32Array, index: number): number {
  return words[index] ?? 0;
}
