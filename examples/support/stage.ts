/** What every example has: a cluster, a terminal to type at, and an end that says whether it went well. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { DcosCluster, type DcosNode, type DcosOptions, Refusal } from 'portolan';
import { postChoices } from './post-choices.ts';

/** An app definition of the post. */
export function appFile(name: string): string {
  return readFileSync(join(__dirname, '..', 'apps', `${name}.json`), 'utf8');
}

/** A cluster and somebody who types. */
export class Stage {
  readonly cluster: DcosCluster;
  private readonly print: (text: string) => void;
  private place: DcosNode | undefined = undefined;

  constructor(cluster: DcosCluster, print: (text: string) => void) {
    this.cluster = cluster;
    this.print = print;
  }

  /** A heading. */
  title(text: string): void {
    this.print(`\n${text}\n${'='.repeat(text.length)}\n`);
  }

  /** A sentence or two. */
  tell(text: string): void {
    this.print(`\n${text}\n`);
  }

  /** Types a line at the operator's own terminal; its output. */
  operator(line: string): string {
    this.place = undefined;
    return this.type('$', this.cluster.outside, line);
  }

  /** Types a line on a node, after going there; its output. */
  on(node: DcosNode, line: string): string {
    this.goTo(node);
    return this.type(`[centos@${node.name} ~]$`, node, line);
  }

  /** From the operator's terminal to a node of the cluster, if that is not where one is. */
  private goTo(node: DcosNode): void {
    if (node === this.place || node === this.cluster.outside) return;
    this.place = node;
    const id = this.cluster.agents().find((agent) => agent.node === node)?.id;
    const which = id === undefined ? '--leader --user=centos' : `--user=centos --mesos-id=${id}`;
    this.type('$', this.cluster.outside, `dcos node ssh --master-proxy ${which}`);
  }

  /** Starts an app from a definition, after the one before is gone. */
  redeploy(file: string, definition: string): void {
    this.cluster.files.set(file, definition);
    for (const { id } of this.cluster.marathon.apps()) if (id === '/httpi') this.operator('dcos marathon app remove /httpi');
    this.cluster.settle();
    this.operator(`dcos marathon app add ${file}`);
    this.cluster.settle();
  }

  /** The names of a node's containers, newest first, as docker ps prints them. */
  containers(node: DcosNode): readonly string[] {
    return lines(node.shell('docker ps --format "{{.Names}}"').stdout);
  }

  /** The agents that run tasks of /httpi, by the end of their ids, without repetition. */
  busyAgents(): readonly string[] {
    return [
      ...new Set(this.cluster.marathon.tasks('/httpi').map(({ slaveId }) => slaveId.slice(slaveId.lastIndexOf('-') + 1))),
    ].sort();
  }

  private type(prompt: string, node: DcosNode, line: string): string {
    this.print(`${prompt} ${line}\n`);
    const result = node.shell(line);
    this.print(result.stdout);
    if (result.stdout !== '' && !result.stdout.endsWith('\n')) this.print('\n');
    if (result.code !== 0) {
      this.print(result.stderr);
      throw new Refusal({ component: 'example', code: 'command-failed', message: `'${line}' ended with code ${result.code}` });
    }
    return result.stdout;
  }
}

/** Text as lines, without the empty last one. */
export function lines(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '');
}

/** Runs a story: with the post's own choices or, with --seed N, with chance; or in a cluster of the story's own. */
export function perform(story: (stage: Stage) => void, own?: DcosOptions): void {
  // Whoever reads no further, such as `head`, has what they wanted.
  process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => process.exit(code === 'EPIPE' ? 0 : 1));
  try {
    story(new Stage(DcosCluster.create(own ?? optionsOf(process.argv.slice(2))), (text) => process.stdout.write(text)));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    process.stderr.write(`${error.component}: ${error.message}\n`);
    process.exitCode = 1;
  }
}

function optionsOf(args: readonly string[]): DcosOptions {
  const options = readArgs(args);
  if (options.help === true) {
    process.stdout.write('Usage: [--seed N]   without it, ports and agents are those of the post\n');
    process.exit(0);
  }
  if (options.seed === undefined) return postChoices();
  const seed = Number(options.seed);
  if (!Number.isSafeInteger(seed))
    throw new Refusal({
      component: 'example',
      code: 'usage',
      path: '--seed',
      message: `--seed takes an integer, not '${options.seed.slice(0, 40)}'`,
    });
  return { seed, agents: 3, publicAgents: 1 };
}

function readArgs(args: readonly string[]): { seed?: string | undefined; help?: boolean | undefined } {
  try {
    return parseArgs({ args: [...args], options: { seed: { type: 'string' }, help: { type: 'boolean', short: 'h' } } }).values;
  } catch (error) {
    throw new Refusal({
      component: 'example',
      code: 'usage',
      message: `${error instanceof Error ? error.message : error}; see --help`,
    });
  }
}
