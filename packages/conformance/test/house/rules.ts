/** The rules of style as a table: what each looks at, what it finds, what to do about it, and a text it must find. */
import ts from 'typescript';
import { type Finding, nodes, places, type SourceFile, specifiers, undocumented } from './source-files.ts';

/** One rule of style. */
export interface StyleRule {
  readonly name: string;
  /** Said after what was found. */
  readonly remedy: string;
  /** Whether the rule looks at the file of this path. */
  readonly looksAt: (path: string) => boolean;
  readonly find: (file: SourceFile) => readonly Finding[];
  /** A file that breaks the rule: a rule that cannot fail is none. */
  readonly bad: { readonly path: string; readonly text: string };
}

const LONGEST = 400;

const isSource = (path: string) => /^packages\/[^/]+\/src\//.test(path);
const isBrowserFit = (path: string) => /^packages\/(core|scheduler|dcos|testing|portolan)\/src\//.test(path) && !isCommand(path);
const isCommand = (path: string) => /^(packages\/portolan\/src\/cli\/|packages\/conformance\/src\/[^/]+$|examples\/)/.test(path);
const isConfig = (path: string) => /^(vitest\.[a-z]+\.ts|docs\/\.vitepress\/)/.test(path);
const everywhere = () => true;

const SOMEWHERE = 'packages/core/src/base/bad.ts';
const HEADER = '/** A file. */\n';

/** A rule about a node of the syntax tree. */
function nodeRule(
  name: string,
  remedy: string,
  looksAt: (path: string) => boolean,
  what: (node: ts.Node) => boolean,
  bad: string,
): StyleRule {
  const find = (file: SourceFile) => nodes(file, (node) => (what(node) ? node.getText(file.tree).split('\n', 1)[0] : undefined));
  return { name, remedy, looksAt, find, bad: { path: SOMEWHERE, text: HEADER + bad } };
}

/** A rule about the text, comments and strings included. */
function textRule(name: string, remedy: string, looksAt: (path: string) => boolean, pattern: RegExp, bad: string): StyleRule {
  return { name, remedy, looksAt, find: (file) => places(file, pattern), bad: { path: SOMEWHERE, text: HEADER + bad } };
}

/** Whether a node is one of these names, used as a value or a type, not as a property or a member of something. */
function isFreeName(node: ts.Node, names: readonly string[]): boolean {
  if (!ts.isIdentifier(node) || !names.includes(node.text)) return false;
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  return !('name' in parent && parent.name === node) && !ts.isImportSpecifier(parent) && !ts.isExportSpecifier(parent);
}

const isMember = (node: ts.Node, owner: string, member: RegExp) =>
  ts.isPropertyAccessExpression(node) && node.expression.getText() === owner && member.test(node.name.text);

/** Joined, so that this file does not contain what it forbids. */
const MACHINE_PATHS = new RegExp(`(?<![\\w.])/(${['work', 'home', 'tmp', 'root'].join('|')})/`, 'g');
const STRANGERS = new RegExp(
  `\\b(${['cop:ilot', 'chat:gpt', 'open:ai', 'clau:de', 'anth:ropic'].join('|').replaceAll(':', '')})\\b`,
  'gi',
);
const UNFINISHED = new RegExp(`\\b(${['TO:DO', 'FIX:ME', 'XX:X', 'HA:CK'].join('|').replaceAll(':', '')})\\b`, 'g');
const SILENCED = new RegExp(`@ts-${['ignore', 'nocheck', 'expect-error'].join('|@ts-')}`, 'g');

/** The rules. */
export const STYLE_RULES: readonly StyleRule[] = [
  {
    name: `a source has at most ${LONGEST} lines`,
    remedy: 'there are two concepts in it: give each its file',
    looksAt: isSource,
    find: ({ text }) => {
      const lines = text.split('\n').length - 1;
      return lines > LONGEST ? [{ line: LONGEST + 1, what: `${lines} lines` }] : [];
    },
    bad: { path: SOMEWHERE, text: '\n'.repeat(LONGEST + 1) },
  },
  {
    name: 'a source begins with a header comment',
    remedy: 'say in one to five sentences what it stands for, which real source it follows, where it differs',
    looksAt: isSource,
    find: ({ text }) => (/^(#![^\n]*\n)?\/\*\*/.test(text) ? [] : [{ line: 1, what: 'no header' }]),
    bad: { path: SOMEWHERE, text: 'const a = 1;\n' },
  },
  {
    name: 'every exported declaration has a docstring',
    remedy: 'one sentence first, then what the type cannot say',
    looksAt: isSource,
    find: undocumented,
    bad: { path: SOMEWHERE, text: `${HEADER}\nexport const a = 1;\n` },
  },
  nodeRule(
    'no Math.random',
    'take a Random as a parameter',
    everywhere,
    (node) => isMember(node, 'Math', /^random$/),
    'const a = Math.random();',
  ),
  nodeRule(
    'no wall clock',
    'take the time from the Clock',
    isBrowserFit,
    (node) => isFreeName(node, ['Date', 'performance']),
    'const a = Date.now();',
  ),
  nodeRule(
    'no any',
    'name the type, or unknown',
    everywhere,
    (node) => node.kind === ts.SyntaxKind.AnyKeyword,
    'const a: any = 1;',
  ),
  nodeRule('no non-null !', 'assert, or have the absence handled', isSource, ts.isNonNullExpression, 'const a = [1][0]!;'),
  nodeRule(
    'no console outside of commands',
    'return the text, or emit an event',
    (path) => isSource(path) && !isCommand(path),
    (node) => isFreeName(node, ['console']),
    'console.log(1);',
  ),
  nodeRule(
    'no locale',
    'compare with < and >: the order must not depend on the machine',
    everywhere,
    (node) => (ts.isIdentifier(node) && /^(localeCompare|toLocale\w+)$/.test(node.text)) || isFreeName(node, ['Intl']),
    "'a'.localeCompare('b');",
  ),
  nodeRule(
    'no default export',
    'export it by its name',
    (path) => !isConfig(path),
    (node) => ts.isExportAssignment(node) || (node.kind === ts.SyntaxKind.DefaultKeyword && !ts.isDefaultClause(node.parent)),
    'export default 1;',
  ),
  nodeRule(
    'no export *',
    'list the names in reading order',
    everywhere,
    (node) => ts.isExportDeclaration(node) && (node.exportClause === undefined || ts.isNamespaceExport(node.exportClause)),
    "export * from './a.ts';",
  ),
  nodeRule('no enum', 'use a union of texts', everywhere, ts.isEnumDeclaration, 'enum A { B }'),
  nodeRule('no namespace', 'use a module', everywhere, ts.isModuleDeclaration, 'namespace A { export const b = 1; }'),
  nodeRule(
    'no globals of Node in browser-fit packages',
    'use Uint8Array, TextEncoder, or a parameter',
    isBrowserFit,
    (node) =>
      isFreeName(node, [
        'Buffer',
        'process',
        'require',
        'global',
        '__dirname',
        '__filename',
        'setTimeout',
        'setInterval',
        'setImmediate',
      ]),
    'const a = Buffer.from([]);',
  ),
  {
    name: 'no modules of Node in browser-fit packages',
    remedy: 'they run in a browser: take what is needed as a parameter',
    looksAt: isBrowserFit,
    find: (file) =>
      specifiers(file)
        .filter((name) => name.startsWith('node:'))
        .map((what) => ({ line: 1, what })),
    bad: { path: SOMEWHERE, text: `${HEADER}import { readFileSync } from 'node:fs';` },
  },
  {
    name: 'relative imports are spelled with .ts',
    remedy: 'write ./name.ts',
    looksAt: everywhere,
    find: (file) =>
      specifiers(file)
        .filter((name) => name.startsWith('.') && !/\.(ts|json)$/.test(name))
        .map((what) => ({ line: 1, what })),
    bad: { path: SOMEWHERE, text: `${HEADER}import { a } from './a';` },
  },
  textRule('nothing unfinished', 'do it, or file an issue', everywhere, UNFINISHED, `// ${'TO'}${'DO'} later`),
  textRule('no silenced compiler', 'fix the type', everywhere, SILENCED, `// @ts-${'ignore'}`),
  textRule(
    'no paths of a machine',
    'name files from the root of the repository',
    everywhere,
    MACHINE_PATHS,
    `// see /${'home'}/x`,
  ),
  textRule('no names of tools that are not part of it', 'leave them out', everywhere, STRANGERS, `// by ${'Cop'}${'ilot'}`),
];

/** Sources that nothing reaches from a front door or from the entry of a command. */
export function unreached(files: readonly SourceFile[]): readonly string[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const entries = files.filter(
    ({ path }) => /^packages\/[^/]+\/src\/index\.ts$/.test(path) || (isSource(path) && isCommand(path)),
  );
  const reached = new Set<SourceFile>();
  const queue = [...entries];
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (reached.has(file)) continue;
    reached.add(file);
    for (const name of specifiers(file)) {
      const target = name.startsWith('.') ? byPath.get(new URL(name, `file:///${file.path}`).pathname.slice(1)) : undefined;
      if (target !== undefined) queue.push(target);
    }
  }
  return files.filter((file) => isSource(file.path) && !reached.has(file)).map(({ path }) => path);
}
