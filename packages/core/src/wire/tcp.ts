/** TCP's flags. Segments themselves are {@link Packet}s. */

/** Flag bits, as in the header's 14th byte. */
export const FLAG = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16 } as const;

/** `S`, `S.`, `.`, `P.`, `F.`, `R.`: as tcpdump writes them. */
export function printFlags(flags: number): string {
  let text = '';
  if (flags & FLAG.syn) text += 'S';
  if (flags & FLAG.fin) text += 'F';
  if (flags & FLAG.rst) text += 'R';
  if (flags & FLAG.psh) text += 'P';
  if (flags & FLAG.ack) text += '.';
  return text === '' ? 'none' : text;
}
