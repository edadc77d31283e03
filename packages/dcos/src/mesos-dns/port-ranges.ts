/**
 * The text of a task's port ranges in Mesos' `/state`, `[31111-31111, 31115-31117]`, as Mesos-DNS reads it
 * (mesosphere/mesos-dns@857ceb9, records/state/state.go `Ports`). What is no number counts as no range.
 */
import { type PortRange, Refusal } from '@portolan/core';

/**
 * The ranges, those that end before they begin left out.
 * @throws Refusal for a range without a dash, of which Mesos-DNS dies
 */
export function readPortRanges(text: string): readonly PortRange[] {
  if (text === '') return [];
  return text
    .replace(/^\[|\]$/g, '')
    .split(',')
    .flatMap((part): PortRange[] => {
      const [first = '', second] = part.split('-');
      if (second === undefined) throw died();
      const [begin, end] = [numberOf(first), numberOf(second)];
      return begin === undefined || end === undefined || begin > end ? [] : [{ begin, end }];
    });
}

function numberOf(text: string): number | undefined {
  const digits = text.trim();
  return /^[0-9]{1,5}$/.test(digits) && Number(digits) <= 65535 ? Number(digits) : undefined;
}

function died(): Refusal {
  const message = 'runtime error: index out of range [1] with length 1';
  return new Refusal({ component: 'mesos-dns', code: 'panic', path: 'resources.ports', message });
}
