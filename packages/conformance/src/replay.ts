/** `npm run replay -- KIND FILE...`: the entry that gives the command its files, its output and its exit code. */
import { readFileSync } from 'node:fs';
import { replayCommand } from './replay/command.ts';

process.exitCode = replayCommand(process.argv.slice(2), {
  read: (file) => readFileSync(file, 'utf8'),
  print: (line) => console.log(line),
  complain: (line) => console.error(line),
});
