/** Virtual time as Marathon writes it: ISO 8601, UTC, milliseconds. The calendar is computed; nothing reads a wall clock. */

/** 2019-07-22T15:58:00.000Z, in milliseconds of Unix time. */
export const DEFAULT_EPOCH = 1_563_811_080_000;

const DAY = 86_400_000;

/** `2019-07-22T15:58:00.000Z` for milliseconds of Unix time, in the years 0 to 9999. */
export function formatTimestamp(unixMs: number): string {
  const whole = Math.floor(unixMs);
  const days = Math.floor(whole / DAY);
  const rest = whole - days * DAY;
  const { year, month, day } = civil(days);
  const time = [Math.floor(rest / 3_600_000), Math.floor(rest / 60_000) % 60, Math.floor(rest / 1000) % 60].map((n) => pad(n, 2));
  return `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}T${time.join(':')}.${pad(rest % 1000, 3)}Z`;
}

/** The date of a day counted from 1 January 1970, in years that begin in March so that the leap day comes last. */
function civil(days: number): { year: number; month: number; day: number } {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  return {
    year: era * 400 + yearOfEra + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1,
  };
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, '0');
}
