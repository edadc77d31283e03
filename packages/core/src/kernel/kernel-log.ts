/** A machine's kernel log, as `dmesg` reads it: the last lines, each with its time. */

/** One line. */
export interface LogLine {
  /** Virtual milliseconds. */
  readonly time: number;
  readonly text: string;
}

/** About what fits the kernel's ring buffer of 256 KiB. */
const MOST_LINES = 2048;

/** The log of one machine. Its containers' namespaces write nothing there (net.netfilter.nf_log_all_netns is 0). */
export class KernelLog {
  private readonly kept: LogLine[] = [];

  /** Writes a line; the oldest one goes when there is no room. */
  write(time: number, text: string): void {
    this.kept.push({ time, text });
    if (this.kept.length > MOST_LINES) this.kept.shift();
  }

  /** Oldest first. */
  get lines(): readonly LogLine[] {
    return this.kept;
  }
}
