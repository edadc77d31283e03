/** `npm run kernel`: labs in Portolan and in the kernel of this machine, and where the two disagree. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { judgeCommand } from './kernel/command.ts';

const USAGE = `Usage: npm run kernel -- [--labs N] [--seed S] [--jobs J] [--file LAB.json] [--keep FILE.jsonl] [--store FOLDER]
Builds N generated labs, or those of a file, in Portolan and in real network namespaces, sends the same probes in both
and compares. Needs root and the Debian packages iproute2, iptables, ipset, python3.
  --jobs   labs built at the same time: four for each core unless given, since a lab mostly waits
  --keep   appends what disagrees, shrunk, with the kernel's answer
  --store  writes every lab with the kernel's answer into FOLDER/NAME.jsonl, by the labs' names
Ends with the line "N probes agree, M disagree". Exit code: 0 if all agree, 1 if not, 2 if it cannot run.
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      labs: { type: 'string', default: '100' },
      seed: { type: 'string' },
      jobs: { type: 'string', default: `${availableParallelism() * 4}` },
      file: { type: 'string' },
      keep: { type: 'string' },
      store: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help === true) {
    process.stdout.write(USAGE);
    return 0;
  }
  return judgeCommand({
    labs: Number(values.labs),
    seed: values.seed === undefined ? Date.now() % 1_000_000_007 : Number(values.seed),
    jobs: Number(values.jobs),
    stored: values.file === undefined ? undefined : readFileSync(values.file, 'utf8'),
    store: values.store,
    keep: values.keep,
    prober: join(__dirname, 'kernel', 'prober', 'main.py'),
    print: (line) => process.stdout.write(`${line}\n`),
    complain: (line) => process.stderr.write(`${line}\n`),
  });
}

main().then((code) => {
  process.exitCode = code;
});
