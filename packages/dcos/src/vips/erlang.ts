/**
 * What of Erlang's terms shows outside: the order of binaries, which decides who gets an address first, and how
 * `~p` prints them in the errors that dcos-net logs.
 */
import { formatIpv4 } from '@portolan/core';
import type { IpAddress } from './ip.ts';

/** Bytes of a text as Erlang holds it: UTF-8. */
export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Erlang's order of binaries: by bytes, which for UTF-8 is the order of code points. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    // A surrogate stands for a code point above every other unit's.
    if (x !== y) return isSurrogate(x) === isSurrogate(y) ? x - y : isSurrogate(x) ? 1 : -1;
  }
  return a.length - b.length;
}

/** `<<"httpi">>`, or the bytes in decimal if one of them is no printable Latin-1 character. */
export function printBinary(text: string): string {
  if (text === '') return '<<>>';
  if (/^[ !#-[\]-~]*$/.test(text)) return `<<"${text}">>`;
  const bytes = bytesOf(text);
  if (!bytes.every(isPrintable)) return `<<${bytes.join(',')}>>`;
  let shown = '';
  for (const byte of bytes) shown += ESCAPES.get(byte) ?? String.fromCharCode(byte);
  return `<<"${shown}">>`;
}

/** `{11,0,0,4}`: an address as the tuple it is. */
export function printAddressTuple(address: IpAddress): string {
  if (typeof address === 'number') return `{${formatIpv4(address).replaceAll('.', ',')}}`;
  const groups: string[] = [];
  for (let shift = 112n; shift >= 0n; shift -= 16n) groups.push(String((address >> shift) & 0xffffn));
  return `{${groups.join(',')}}`;
}

const ESCAPES: ReadonlyMap<number, string> = new Map([
  [8, '\\b'],
  [9, '\\t'],
  [10, '\\n'],
  [11, '\\v'],
  [12, '\\f'],
  [13, '\\r'],
  [27, '\\e'],
  [34, '\\"'],
  [92, '\\\\'],
]);

function isPrintable(byte: number): boolean {
  return (byte >= 32 && byte <= 126) || byte >= 160 || (byte >= 8 && byte <= 13) || byte === 27;
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}
