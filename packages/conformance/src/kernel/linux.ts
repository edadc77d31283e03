/** A lab built of real network namespaces: a prober process that needs root answers labs one after the other. */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import type { Answer, Lab } from './lab.ts';

const TOOLS = ['ip', 'bridge', 'iptables-legacy-restore', 'iptables-legacy-save', 'ipset', 'python3'];

/** Why labs cannot be built here; undefined if they can. */
export function obstacle(): string | undefined {
  if (process.platform !== 'linux') return 'this is not Linux';
  if (process.getuid?.() !== 0) return 'this is not root';
  const missing = TOOLS.filter((tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0);
  if (missing.length > 0) return `there is no ${missing.join(', ')}`;
  if (spawnSync('unshare', ['--net', 'true']).status !== 0) return 'network namespaces cannot be made';
  return undefined;
}

/** The running prober. Ending this process ends it, and with it its namespaces. */
export class Linux {
  private readonly process: ChildProcessWithoutNullStreams;
  private readonly lines: Interface;
  private waiting: ((line: string) => void)[] = [];

  constructor(prober: string) {
    this.process = spawn('python3', ['-B', '-u', prober]);
    this.process.stderr.pipe(process.stderr);
    this.lines = createInterface(this.process.stdout);
    this.lines.on('line', (line) => this.waiting.shift()?.(line));
    this.process.on('exit', () => {
      for (const waiting of this.waiting) waiting('{"error":"the prober has ended"}');
      this.waiting = [];
    });
  }

  /** What the kernel answers, or why the lab could not be built. */
  answer(lab: Lab): Promise<Answer | { readonly error: string }> {
    return new Promise((resolve) => {
      this.waiting.push((line) => resolve(JSON.parse(line) as Answer | { error: string }));
      this.process.stdin.write(`${JSON.stringify(lab)}\n`);
    });
  }

  /** Ends the prober. */
  close(): void {
    this.lines.close();
    this.process.stdin.end();
  }
}
