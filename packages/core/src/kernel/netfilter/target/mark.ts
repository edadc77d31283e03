/**
 * MARK, CONNMARK: a packet's firewall mark and its connection's, set or carried from one to the other.
 * Follows linux net/netfilter/xt_{mark,connmark}.c and iptables 1.8.9, extensions/libxt_{MARK,CONNMARK}.c. Shifts
 * (`--left-shift-mark`) are not modelled.
 */

import type { OptionDescription } from '../extension.ts';
import { hex, parseMark } from '../notation.ts';
import { spelling } from '../option.ts';
import type { TargetDescription } from '../targets.ts';

/** The bits of `mask` are cleared, those of `value` then flipped. */
export interface MarkTarget {
  readonly name: 'MARK';
  readonly value: number;
  readonly mask: number;
}

/** `set`: as MARK, on the connection; `save`, `restore`: from packet to connection and back, under the masks. */
export interface ConnmarkTarget {
  readonly name: 'CONNMARK';
  readonly mode: 'set' | 'save' | 'restore';
  readonly value: number;
  /** Bits of the connection's mark. */
  readonly mask: number;
  /** Bits of the packet's mark. */
  readonly packetMask: number;
}

const ALL = 0xffffffff;

interface Setting {
  value: number;
  mask: number;
}

/** The ways to write a value and a mask that only `--set-xmark` prints. */
function spellings<T extends Setting>(): readonly OptionDescription<T>[] {
  const way = (flag: string, make: (value: number, mask: number) => Setting) =>
    spelling<T>(flag, 1, (text, into) => {
      const { value, mask } = parseMark(text, flag);
      Object.assign(into, make(value, mask));
    });
  return [
    way('--set-mark', (value, mask) => ({ value, mask: (value | mask) >>> 0 })),
    way('--or-mark', (value) => ({ value, mask: value })),
    way('--and-mark', (value) => ({ value: 0, mask: ~value >>> 0 })),
    way('--xor-mark', (value) => ({ value, mask: 0 })),
  ];
}

function listSetting(name: string, { value, mask }: Setting): string {
  if (value === 0) return `${name} and ${hex(~mask >>> 0)}`;
  if (value === mask) return `${name} or ${hex(value)}`;
  if (mask === 0) return `${name} xor ${hex(value)}`;
  return mask === ALL ? `${name} set ${hex(value)}` : `${name} xset ${hex(value)}/${hex(mask)}`;
}

function changed(old: number, value: number, mask: number): number {
  return ((old & ~mask) ^ value) >>> 0;
}

/** `-j MARK` */
export const mark: TargetDescription<MarkTarget> = {
  name: 'MARK',
  options: [
    {
      flags: ['--set-xmark'],
      read: ({ words: [text = ''] }, into) => void Object.assign(into, parseMark(text, '--set-xmark')),
      write: (from) => ({ words: [`${hex(from.value)}/${hex(from.mask)}`], not: false }),
    },
    ...spellings<MarkTarget>(),
  ],
  start: () => ({ name: 'MARK', value: 0, mask: 0 }),
  missing: (_, given) => (given === 1 ? undefined : 'MARK: One of the --set-xmark, --{and,or,xor,set}-mark options is required'),
  list: (target) => listSetting('MARK', target),
  act:
    ({ value, mask }) =>
    (_, skb) => {
      skb.mark = changed(skb.mark, value, mask);
    },
};

function modeOption(mode: 'save' | 'restore'): OptionDescription<ConnmarkTarget> {
  return {
    flags: [`--${mode}-mark`],
    arity: 0,
    read: (_, into) => {
      into.mode = mode;
    },
    write: (from) => (from.mode === mode ? { words: [], not: false } : undefined),
  };
}

function maskOption(flag: string, ...fields: readonly ('mask' | 'packetMask')[]): OptionDescription<ConnmarkTarget> {
  const [field] = fields;
  return {
    flags: [flag],
    read({ words: [text = ''] }, into) {
      const { value } = parseMark(text, flag);
      for (const one of fields) into[one] = value;
    },
    write: (from) =>
      from.mode === 'set' || fields.length > 1 || field === undefined ? undefined : { words: [hex(from[field])], not: false },
  };
}

/** `-j CONNMARK` */
export const connmark: TargetDescription<ConnmarkTarget> = {
  name: 'CONNMARK',
  tracks: true,
  options: [
    {
      flags: ['--set-xmark'],
      read: ({ words: [text = ''] }, into) => void Object.assign(into, parseMark(text, '--set-xmark')),
      write: (from) => (from.mode === 'set' ? { words: [`${hex(from.value)}/${hex(from.mask)}`], not: false } : undefined),
    },
    ...spellings<ConnmarkTarget>(),
    modeOption('save'),
    modeOption('restore'),
    maskOption('--nfmask', 'packetMask'),
    maskOption('--ctmask', 'mask'),
    maskOption('--mask', 'mask', 'packetMask'),
  ],
  unmodelled: [
    ['--left-shift-mark', 1],
    ['--right-shift-mark', 1],
  ],
  start: () => ({ name: 'CONNMARK', mode: 'set', value: 0, mask: ALL, packetMask: ALL }),
  missing: (_, given) => (given === 0 ? 'CONNMARK target: No operation specified' : undefined),
  list(target) {
    const { mode, mask, packetMask } = target;
    if (mode === 'set') return listSetting('CONNMARK', target);
    const head = `CONNMARK ${mode}`;
    if (mask === ALL && packetMask === ALL) return head;
    if (mask === packetMask) return `${head} mask ${hex(mask)}`;
    return mode === 'save'
      ? `${head} nfmask ${hex(packetMask)} ctmask ~${hex(mask)}`
      : `${head} ctmask ${hex(mask)} nfmask ~${hex(packetMask)}`;
  },
  act:
    ({ mode, value, mask, packetMask }) =>
    (_, skb) => {
      const { connection } = skb;
      if (connection === undefined) return;
      if (mode === 'set') connection.mark = changed(connection.mark, value, mask);
      else if (mode === 'save') connection.mark = changed(connection.mark, skb.mark & packetMask, mask);
      else skb.mark = changed(skb.mark, connection.mark & mask, packetMask);
    },
};
