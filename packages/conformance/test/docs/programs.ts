/** Programs of the documents: whole TypeScript files that import `portolan`, compiled, run here, and their types checked. */
import { format } from 'node:util';
import { runInThisContext } from 'node:vm';
import * as portolan from 'portolan';
import ts from 'typescript';
import { type Block, ROOT } from './blocks.ts';

/**
 * Runs a program; what it printed by `console.log`, a line each.
 * @throws whatever it throws
 */
export function runProgram(block: Block): string {
  const { outputText } = ts.transpileModule(block.text, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.CommonJS },
  });
  const lines: string[] = [];
  const console = { log: (...values: unknown[]) => lines.push(format(...values)) };
  const load = (name: string): unknown => {
    if (name !== 'portolan') throw new Error(`a program of the documents imports portolan, not ${name}`);
    return portolan;
  };
  // Two line breaks less, so that line numbers of errors are those of the document.
  const program: unknown = runInThisContext(`(function (require, exports, console) {${outputText}\n})`, {
    filename: block.file,
    lineOffset: block.line,
  });
  if (typeof program === 'function') program(load, {}, console);
  return lines.join('\n');
}

/** What the compiler says about programs, with the house's own options; each with file and line. */
export function typeErrors(programs: readonly Block[]): readonly string[] {
  const root = new URL('.', ROOT).pathname;
  const { config } = ts.readConfigFile(`${root}tsconfig.json`, ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, root);
  const byName = new Map(programs.map((block) => [`${root}${block.file}.${block.line}.ts`, block]));
  const strict = { ...options, moduleDetection: ts.ModuleDetectionKind.Force, noEmit: true };
  const host = ts.createCompilerHost(strict);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (name) => byName.has(name) || fileExists(name);
  host.readFile = (name) => byName.get(name)?.text ?? readFile(name);
  host.getSourceFile = (name, languageOrOptions, ...rest) => {
    const block = byName.get(name);
    return block === undefined
      ? getSourceFile(name, languageOrOptions, ...rest)
      : ts.createSourceFile(name, block.text, languageOrOptions);
  };
  const program = ts.createProgram([...byName.keys()], strict, host);
  return [...byName].flatMap(([name, block]) => {
    const file = program.getSourceFile(name);
    const found = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)];
    return found.map(({ messageText, start = 0 }) => {
      const line = file === undefined ? 0 : file.getLineAndCharacterOfPosition(start).line;
      return `${block.file}:${block.line + 1 + line}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
    });
  });
}
