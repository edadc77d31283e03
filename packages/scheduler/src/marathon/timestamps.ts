/** Virtual time as Marathon writes it: ISO 8601, UTC, milliseconds. The calendar is computed; nothing reads a wall clock. */
import { civil } from '@portolan/core';

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

function pad(value: number, width: number): string {
  return String(value).padStart(width, '0');
}
