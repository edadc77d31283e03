/**
 * Dates and spans as the tools of a Linux machine print them, from numbers alone.
 * Spans as docker's go-units HumanDuration words them.
 */
import { civil } from '../base/civil.ts';

const DAY_NAMES = ['Thu', 'Fri', 'Sat', 'Sun', 'Mon', 'Tue', 'Wed'];
const MONTH_NAMES = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

interface CivilTime {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;
  readonly hours: number;
  readonly minutes: number;
  readonly seconds: number;
  readonly milliseconds: number;
  readonly weekday: string;
}

function civilTime(unixMilliseconds: number): CivilTime {
  const days = Math.floor(unixMilliseconds / 86_400_000);
  const rest = unixMilliseconds - days * 86_400_000;
  return {
    ...civil(days),
    hours: Math.floor(rest / 3_600_000),
    minutes: Math.floor(rest / 60_000) % 60,
    seconds: Math.floor(rest / 1000) % 60,
    milliseconds: Math.floor(rest % 1000),
    weekday: DAY_NAMES[((days % 7) + 7) % 7] ?? '',
  };
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

/** `2019-07-22T16:00:09.25Z`: RFC 3339 with as many decimals as Go's encoding leaves, in UTC. */
export function rfc3339(unixMilliseconds: number): string {
  const t = civilTime(unixMilliseconds);
  const fraction = t.milliseconds === 0 ? '' : `.${String(t.milliseconds).padStart(3, '0')}`.replace(/0+$/, '');
  return `${String(t.year).padStart(4, '0')}-${two(t.month)}-${two(t.day)}T${two(t.hours)}:${two(t.minutes)}:${two(t.seconds)}${fraction}Z`;
}

/** `Mon Jul 22 16:00:09 2019`: C's asctime, in UTC. */
export function asctime(unixMilliseconds: number): string {
  const t = civilTime(unixMilliseconds);
  const day = String(t.day).padStart(2);
  return `${t.weekday} ${MONTH_NAMES[t.month - 1]} ${day} ${two(t.hours)}:${two(t.minutes)}:${two(t.seconds)} ${t.year}`;
}

/** `Less than a second`, `32 minutes`, `About an hour`, `2 days`: a span in docker's words. */
export function humanDuration(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds < 1) return 'Less than a second';
  if (seconds === 1) return '1 second';
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.floor(seconds / 60);
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.floor(milliseconds / 3_600_000 + 0.5);
  if (hours === 1) return 'About an hour';
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.floor(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.floor(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`;
  return `${Math.floor(milliseconds / 3_600_000 / 24 / 365)} years`;
}
