/** The sources of the house as syntax trees, for the test of style. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/** A source file. */
export interface SourceFile {
  /** From the root, with `/`. */
  readonly path: string;
  readonly text: string;
  readonly tree: ts.SourceFile;
}

/** Something at a line that should not be so. */
export interface Finding {
  readonly line: number;
  readonly what: string;
}

const ROOT = new URL('../../../../', import.meta.url);

/** All TypeScript files of packages, tests and examples, by path. */
export function sourceFiles(): readonly SourceFile[] {
  const roots = readdirSync(new URL('packages/', ROOT)).flatMap((name) => [`packages/${name}/src`, `packages/${name}/test`]);
  const top = readdirSync(ROOT).filter((name) => name.endsWith('.ts'));
  return [...top, ...[...roots, 'examples'].flatMap(filesUnder)]
    .toSorted()
    .map((path) => parse(path, readFileSync(new URL(path, ROOT), 'utf8')));
}

/** A file as if it stood at a path. */
export function parse(path: string, text: string): SourceFile {
  return { path, text, tree: ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true) };
}

function filesUnder(folder: string): readonly string[] {
  const url = new URL(`${folder}/`, ROOT);
  if (!existsSync(url)) return [];
  return readdirSync(url).flatMap((name) => {
    const path = `${folder}/${name}`;
    if (name === 'node_modules') return [];
    if (statSync(fileURLToPath(new URL(path, ROOT))).isDirectory()) return filesUnder(path);
    return name.endsWith('.ts') ? [path] : [];
  });
}

/** Findings at every node that is one. */
export function nodes(file: SourceFile, what: (node: ts.Node) => string | undefined): readonly Finding[] {
  const findings: Finding[] = [];
  const visit = (node: ts.Node): void => {
    const found = what(node);
    if (found !== undefined) findings.push({ line: lineOf(file, node.getStart(file.tree)), what: found });
    ts.forEachChild(node, visit);
  };
  visit(file.tree);
  return findings;
}

/** Findings at every place of the text, comments included, where a pattern matches. */
export function places(file: SourceFile, pattern: RegExp): readonly Finding[] {
  return [...file.text.matchAll(pattern)].map((match) => ({ line: lineOf(file, match.index), what: match[0].trim() }));
}

function lineOf(file: SourceFile, position: number): number {
  return file.tree.getLineAndCharacterOfPosition(position).line + 1;
}

/** What a file imports or exports from, as written. */
export function specifiers(file: SourceFile): readonly string[] {
  return file.tree.statements.flatMap((statement) => {
    if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) return [];
    return statement.moduleSpecifier !== undefined && ts.isStringLiteral(statement.moduleSpecifier)
      ? [statement.moduleSpecifier.text]
      : [];
  });
}

/** Exported declarations without a comment of their own. The file's header is one only if it stands right above. */
export function undocumented(file: SourceFile): readonly Finding[] {
  return file.tree.statements.flatMap((statement, index) => {
    if (!isExported(statement) || hasComment(file, statement, index === 0) || isOverload(file, statement, index)) return [];
    return [{ line: lineOf(file, statement.getStart(file.tree)), what: nameOf(statement) }];
  });
}

function hasComment(file: SourceFile, statement: ts.Statement, isFirst: boolean): boolean {
  const ranges = ts.getLeadingCommentRanges(file.text, statement.getFullStart()) ?? [];
  const comments = ranges.filter(({ pos }) => file.text.startsWith('/**', pos));
  const last = comments.at(-1);
  if (last === undefined) return false;
  return !isFirst || comments.length > 1 || !/\n\s*\n/.test(file.text.slice(last.end, statement.getStart(file.tree)));
}

function isExported(statement: ts.Statement): boolean {
  return (
    ts.canHaveModifiers(statement) &&
    (ts.getModifiers(statement) ?? []).some((modifier) => modifier.kind === ts.SyntaxKind.ExportKeyword)
  );
}

/** A second signature, or the body, of a function documented above. */
function isOverload(file: SourceFile, statement: ts.Statement, index: number): boolean {
  const before = file.tree.statements[index - 1];
  if (before === undefined || !ts.isFunctionDeclaration(statement) || !ts.isFunctionDeclaration(before)) return false;
  return before.body === undefined && before.name?.text === statement.name?.text;
}

function nameOf(statement: ts.Statement): string {
  if (ts.isVariableStatement(statement))
    return statement.declarationList.declarations.map((declaration) => declaration.name.getText()).join(', ');
  const { name } = statement as ts.Statement & { name?: ts.Node };
  return name?.getText() ?? 'a declaration';
}
