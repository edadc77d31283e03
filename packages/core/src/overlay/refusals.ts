/** What the overlay master refuses, in its own words (blanks missing where it misses them). */
import { Refusal } from '../base/refusal.ts';

/** A refusal of the overlay master's. */
export function masterRefusal(
  code: 'bad-config' | 'disabled' | 'exhausted' | 'not-allocated' | 'unavailable' | 'wrong-prefix',
  message: string,
): Refusal {
  return new Refusal({ component: 'overlay-master', code, message });
}
