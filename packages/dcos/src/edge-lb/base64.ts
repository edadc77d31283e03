/** Base64 with padding (RFC 4648, section 4), for texts of ASCII: the values of Edge-LB's cookies. */

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** A text in Base64. */
export function base64(text: string): string {
  let encoded = '';
  for (let i = 0; i < text.length; i += 3) {
    const bytes = [0, 1, 2].map((k) => text.charCodeAt(i + k) & 0xff);
    const [a = 0, b = 0, c = 0] = bytes;
    const group = (a << 16) | (b << 8) | c;
    const digits = [18, 12, 6, 0].map((shift) => DIGITS[(group >> shift) & 63] ?? '');
    const used = Math.min(3, text.length - i) + 1;
    encoded += digits.slice(0, used).join('').padEnd(4, '=');
  }
  return encoded;
}
