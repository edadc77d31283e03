/** CPU time and retained memory, as a benchmark needs them. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parseIpv4 } from '@portolan/core';

/** One measured number. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What the number includes. */
  readonly includes: string;
}

/** A figure, and how it is come by. */
export interface Benchmark {
  readonly name: string;
  readonly run: () => Figure;
}

/** The VIP that is measured. */
export const VIP = parseIpv4('11.249.78.219');
/** Of a client; from port 20 no connection is scheduled, it is FTP's for data. */
export const FIRST_PORT = 1024;

/** CPU seconds, user and system, of what is done. */
export function cpuSeconds(action: () => void): number {
  const before = process.cpuUsage();
  action();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

/** Repeats an action until it has taken so many CPU seconds; how often per CPU second it ran. */
export function ratePerSecond(action: () => void, seconds: number): number {
  for (let i = 0; i < 200; i++) action();
  let count = 0;
  let spent = 0;
  while (spent < seconds) {
    spent += cpuSeconds(() => {
      for (let i = 0; i < 500; i++) action();
    });
    count += 500;
  }
  return count / spent;
}

/** The median of several runs. */
export function median(runs: number, measure: () => number): number {
  const values = Array.from({ length: runs }, measure).sort((a, b) => a - b);
  return values[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** Bytes of heap in use after a full collection. */
export function heapBytes(): number {
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');
