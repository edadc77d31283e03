/**
 * How Mesos-DNS makes DNS names (mesosphere/mesos-dns@857ceb9, records/labels/labels.go and records/generator.go).
 * They differ from dcos-net's: here a dot inside a task's name becomes a dash.
 */
import { bytesOf } from '../vips/erlang.ts';
import { sha1 } from '../vips/sha1.ts';

/** Which rules a label follows; RFC 952's with `EnforceRFC952`. */
export type LabelSpec = 'rfc1123' | 'rfc952';

const ALPHABET = 'ybndrfg8ejkmcpqxot1uwisza345h769';

/**
 * One DNS label: lower case; `-`, `.` and `_` become dashes; anything else but letters and digits is dropped. What
 * trimming dashes at the cut frees is filled with the characters behind it.
 */
export function mesosLabel(text: string, spec: LabelSpec = 'rfc1123'): string {
  const [limit, left] = spec === 'rfc1123' ? [63, /^-+/] : [24, /^[-0-9]+/];
  const trimmed = mapped(text).replace(left, '');
  const size = Math.min(trimmed.length, limit);
  const head = withoutTrailingDashes(trimmed.slice(0, size));
  if (head.length === size) return head;
  const tail = trimmed.slice(size).replace(/^-+/, '');
  return head + tail.slice(0, size - head.length);
}

/** Labels between dots; those of which nothing remains go. */
export function mesosDomainFragment(text: string, spec: LabelSpec = 'rfc1123'): string {
  return text
    .split('.')
    .map((part) => mesosLabel(part, spec))
    .filter((part) => part !== '')
    .join('.');
}

/** Five characters that tell tasks of one name apart: the top 25 bits of the task id's SHA-1 in z-base-32. */
export function taskHash(taskId: string): string {
  const bits = sha1(bytesOf(taskId))[0] >>> 7;
  return [20, 15, 10, 5, 0].map((shift) => ALPHABET.charAt((bits >>> shift) & 31)).join('');
}

/** `s2` of an agent id that ends in `-S2`; agents registered with different masters can share it. */
export function agentTail(agentId: string): string {
  return agentId.slice(agentId.lastIndexOf('-') + 1).toLowerCase();
}

function mapped(text: string): string {
  let out = '';
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if ((unit >= 97 && unit <= 122) || (unit >= 48 && unit <= 57)) out += text.charAt(i);
    else if (unit >= 65 && unit <= 90) out += String.fromCharCode(unit + 32);
    else if (unit === 45 || unit === 46 || unit === 95) out += '-';
  }
  return out;
}

function withoutTrailingDashes(text: string): string {
  let end = text.length;
  while (end > 0 && text.charCodeAt(end - 1) === 45) end--;
  return text.slice(0, end);
}
