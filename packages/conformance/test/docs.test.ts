import { existsSync, writeFileSync } from 'node:fs';
import ts from 'typescript';
import { afterAll, expect, test } from 'vitest';
import { APPS } from '../../../docs/.vitepress/theme/apps.ts';
import { play, told } from '../../../docs/.vitepress/theme/play.ts';
import { type Block, documents, links, ROOT, readDocument, tidy, withOutputs } from './docs/blocks.ts';
import { missing, runCommands, scripts } from './docs/commands.ts';
import { runProgram, typeErrors } from './docs/programs.ts';
import { sourceFiles } from './house/source-files.ts';

const DOCUMENTS = documents();
const BLOCKS = DOCUMENTS.flatMap(({ blocks }) => blocks);
const of = (language: Block['language']) =>
  BLOCKS.filter((block) => block.language === language).map((block) => ({ where: `${block.file}:${block.line}`, block }));

/** `DOCS_UPDATE=1` writes what programs print into the documents. */
const UPDATE = process.env.DOCS_UPDATE === '1';
const outputs = new Map<Block, string>();

function compare(block: Block, output: string): void {
  outputs.set(block, output);
  if (UPDATE) return;
  const shown = block.output === undefined ? '' : tidy(block.output.text);
  expect(tidy(output), `${block.file}:${block.line}: the document shows another output; DOCS_UPDATE=1 would write it`).toBe(
    shown,
  );
}

afterAll(() => {
  if (!UPDATE) return;
  for (const document of DOCUMENTS) {
    const text = withOutputs(document, outputs);
    if (text !== document.text) writeFileSync(new URL(document.file, ROOT), text);
  }
});

test('there are documents, and every block is a program, commands, the output of one of these, or data', () => {
  expect(DOCUMENTS.length).toBeGreaterThan(10);
  expect(of('ts').length).toBeGreaterThan(10);
  expect(DOCUMENTS.flatMap(({ faults }) => faults)).toEqual([]);
});

test.each(of('ts'))('program $where prints what the document shows', ({ block }) => {
  compare(block, runProgram(block));
});

test('the compiler accepts all programs', () => {
  expect(typeErrors(of('ts').map(({ block }) => block))).toEqual([]);
});

test('all that commands name is there', () => {
  expect(of('sh').flatMap(({ block }) => missing(block))).toEqual([]);
  const known = scripts();
  const named = DOCUMENTS.flatMap(({ file, text }) =>
    [...text.matchAll(/`npm run ([\w-]+)/g)].map(([, name = '']) => ({ file, name })),
  );
  expect(named.filter(({ name }) => !known.has(name))).toEqual([]);
});

test.each(of('sh').filter(({ block }) => block.output !== undefined))(
  'commands $where print what the document shows',
  ({ block }) => {
    compare(block, runCommands(block));
  },
);

test.each(of('json'))('data $where is JSON', ({ block }) => {
  JSON.parse(block.text);
});

test('the reference names every export of portolan', () => {
  const names = sourceFiles()
    .filter(({ path }) => path === 'packages/portolan/src/index.ts')
    .flatMap(({ tree }) => tree.statements)
    .flatMap((statement) => {
      const clause = ts.isExportDeclaration(statement) ? statement.exportClause : undefined;
      return clause !== undefined && ts.isNamedExports(clause) ? clause.elements.map(({ name }) => name.text) : [];
    });
  expect(names.length).toBeGreaterThan(20);
  const api = DOCUMENTS.find(({ file }) => file === 'docs/reference/api.md')?.text ?? '';
  expect(names.filter((name) => !api.split(/\W+/).includes(name))).toEqual([]);
});

test.each([...APPS])('the playground runs its app in %s, and answers', (_, definition) => {
  const { nodes, tasks, waits, type, follow } = play(definition, 7);
  expect(nodes).toEqual(['master', 'agent S0', 'agent S1', 'agent S2', 'agent S3', 'outside']);
  expect(tasks).toHaveLength(3);
  expect(waits).toEqual([]);
  expect(type('master', 'dig +short httpi.marathon.l4lb.thisdcos.directory')).toBe('11.249.78.219\n');
  expect(type('master', 'vi')).toBe('shell at vi: bash: vi: command not found');
  const { answer, way } = follow('master', 'http://httpi.marathon.l4lb.thisdcos.directory:3141');
  expect(answer).toBe('3.1415926536');
  expect(way).toMatch(/^\S+ local: \S+ > 11\.249\.78\.219:3141 tcp S /);
  expect(way).toMatch(/ delivered: dcoslabs\/httpi listens on \S+$/);
});

test('the playground says what Marathon refuses', () => {
  expect(told(() => String(play('{"id": "/x", "cmd": "true", "instances": -1}', 7)))).toBe('marathon at /instances: error.min');
});

test('links lead to files', () => {
  const lost = DOCUMENTS.flatMap((document) =>
    links(document)
      .filter(({ target }) => {
        const base = target.startsWith('/') ? new URL(`docs${target}`, ROOT) : new URL(target, new URL(document.file, ROOT));
        return !existsSync(base) && !existsSync(new URL(`${base.href}.md`));
      })
      .map(({ line, target }) => `${document.file}:${line}: there is no ${target}`),
  );
  expect(lost).toEqual([]);
});

test('faults are found', () => {
  const fault = (text: string) => readDocument('x.md', text).faults;
  expect(fault('a\n```yaml\na: 1\n```')).toEqual(["x.md:2: a block of 'yaml'; there are ts, sh, text, json"]);
  expect(fault('```text\n1\n```')).toEqual(['x.md:1: an output without its program right above']);
  expect(fault('```ts\n```\nand\n```text\n1\n```')).toEqual(['x.md:4: an output without its program right above']);
  expect(fault('```ts\n1')).toEqual(['x.md:1: a block without an end']);

  const commands = readDocument('x.md', '```sh\nnpm run nothing && npm ci\ncurl x\nnpx nothing packages/none/*.ts\n```');
  expect(commands.blocks.flatMap((block) => missing(block))).toEqual([
    "x.md:2: there is no script 'nothing'",
    "x.md:3: 'curl': commands of the documents are npm's and npx's",
    "x.md:4: npx would have to fetch 'nothing'",
    'x.md:4: there is no packages/none/*.ts',
  ]);

  const [program] = readDocument('x.md', '\n```ts\nimport { Nothing } from "portolan";\nconst n: string = 1;\n```').blocks;
  const errors = program === undefined ? [] : typeErrors([program]);
  expect(errors.filter((error) => error.includes('Nothing'))[0]).toMatch(/^x\.md:3: /);
  expect(errors.filter((error) => error.includes('not assignable'))[0]).toMatch(/^x\.md:4: /);
});

test('programs print, throw and import as they should', () => {
  const run = (text: string) => {
    const [block] = readDocument('x.md', `\`\`\`ts\n${text}\n\`\`\``).blocks;
    return block === undefined ? '' : runProgram(block);
  };
  expect(run("import { formatIpv4 } from 'portolan';\nconsole.log(formatIpv4(1), 2);\nconsole.log({ a: 1 });")).toBe(
    '0.0.0.1 2\n{ a: 1 }',
  );
  expect(() => run("import { readFileSync } from 'node:fs';\nconsole.log(readFileSync);")).toThrow(
    'imports portolan, not node:fs',
  );
  expect(() => run("throw new RangeError('so')")).toThrow(RangeError);
});

test('outputs are written where they belong, a missing one below its program', () => {
  const document = readDocument('x.md', 'A\n```ts\na\n```\n\n```text\nold\nlines\n```\nB\n```ts\nb\n```\nC');
  const [a, , b] = document.blocks;
  const fresh = new Map([a, b].flatMap((block, i) => (block === undefined ? [] : [[block, `new ${i}  \n`] as const])));
  expect(withOutputs(document, fresh)).toBe(
    'A\n```ts\na\n```\n\n```text\nnew 0\n```\nB\n```ts\nb\n```\n\n```text\nnew 1\n```\nC',
  );
});
