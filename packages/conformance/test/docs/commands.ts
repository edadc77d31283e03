/** Commands of the documents: whether what they name is there, and what they print. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Block, ROOT } from './blocks.ts';

/** npm's own commands, which need no script. */
const OF_NPM = ['ci'];

const exists = (path: string) => existsSync(new URL(path, ROOT));

/** The scripts of the root's package.json. */
export function scripts(): ReadonlySet<string> {
  const manifest: unknown = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8'));
  const listed = typeof manifest === 'object' && manifest !== null && 'scripts' in manifest ? manifest.scripts : {};
  return new Set(Object.keys(listed ?? {}));
}

/** What a block of commands names that is not there, each with file and line. */
export function missing(block: Block, known: ReadonlySet<string> = scripts()): readonly string[] {
  return block.text.split('\n').flatMap((line, i) =>
    line
      .replace(/(^|\s)#.*$/, '')
      .split('&&')
      .map((command) => command.trim())
      .filter((command) => command !== '')
      .flatMap((command) => faultsOf(command, known))
      .map((fault) => `${block.file}:${block.line + 1 + i}: ${fault}`),
  );
}

function faultsOf(command: string, known: ReadonlySet<string>): readonly string[] {
  const words = command.split(/\s+/);
  while (/^[A-Z_]+=\S*$/.test(words[0] ?? '')) words.shift();
  const [program, ...rest] = words;
  const lost = rest.filter((word) => /^[\w.-]+\/[\w./-]*[*]?/.test(word) && !word.startsWith('-') && !exists(plainPart(word)));
  const paths = lost.map((word) => `there is no ${word}`);
  if (program === 'npm') {
    const [verb = '', script = ''] = rest.filter((word) => word !== '--silent');
    const name = verb === 'run' ? script : verb;
    return OF_NPM.includes(name) || known.has(name) ? paths : [`there is no script '${name}'`, ...paths];
  }
  if (program === 'npx') {
    const tool = rest[0] ?? '';
    return exists(`node_modules/.bin/${tool}`) ? paths : [`npx would have to fetch '${tool}'`, ...paths];
  }
  return [`'${program}': commands of the documents are npm's and npx's`];
}

/** A path up to its first pattern. */
function plainPart(path: string): string {
  return path.includes('*') ? path.slice(0, path.slice(0, path.indexOf('*')).lastIndexOf('/') + 1) : path;
}

/** Runs a block of commands at the root; what it printed on both outputs. */
export function runCommands(block: Block): string {
  const { stdout, stderr, error } = spawnSync('bash', ['-c', block.text], { cwd: fileURLToPath(ROOT), encoding: 'utf8' });
  if (error !== undefined) throw error;
  return stdout + stderr;
}
