/** The documents of the house cut into their fenced blocks, each with the place where it stands. */
import { readdirSync, readFileSync } from 'node:fs';

/** What a fenced block can be: a program, commands, what one of these prints, or data. */
export type Language = 'ts' | 'sh' | 'text' | 'json';

/** A fenced block. */
export interface Block {
  readonly file: string;
  /** Of the opening fence, from 1. */
  readonly line: number;
  /** Of the closing fence, from 1. */
  readonly end: number;
  readonly language: Language;
  readonly text: string;
  /** The output that stands right after it. */
  output: Block | undefined;
}

/** A document, and what is wrong with its blocks as such, each with file and line. */
export interface Document {
  readonly file: string;
  readonly text: string;
  readonly blocks: readonly Block[];
  readonly faults: readonly string[];
}

/** The root of the house. */
export const ROOT = new URL('../../../../', import.meta.url);

const LANGUAGES: readonly string[] = ['ts', 'sh', 'text', 'json'] satisfies Language[];
const isLanguage = (name: string): name is Language => LANGUAGES.includes(name);

/** Every document of the house, by path from the root. */
export function documents(): readonly Document[] {
  const top = readdirSync(ROOT).filter((name) => name.endsWith('.md'));
  const docs = readdirSync(new URL('docs/', ROOT), { recursive: true })
    .map(String)
    .filter((name) => name.endsWith('.md') && !name.includes('node_modules') && !name.startsWith('.vitepress'))
    .map((name) => `docs/${name}`);
  return [...top, ...docs].toSorted().map((file) => readDocument(file, readFileSync(new URL(file, ROOT), 'utf8')));
}

/** Cuts one document. An output belongs to the program above it if nothing but blank lines stands between. */
export function readDocument(file: string, text: string): Document {
  const lines = text.split('\n');
  const blocks: Block[] = [];
  const faults: string[] = [];
  for (let i = 0; i < lines.length; i++) {
    const fence = /^( *)(`{3,}|~{3,})(.*)$/.exec(lines[i] ?? '');
    if (fence === null) continue;
    const [, indent = '', mark = '', language = ''] = fence;
    const end = lines.findIndex((line, at) => at > i && line.trim() === mark);
    if (end < 0) {
      faults.push(`${file}:${i + 1}: a block without an end`);
      break;
    }
    const body = lines.slice(i + 1, end).map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line));
    const before = blocks.at(-1);
    const follows = before !== undefined && lines.slice(before.end, i).every((line) => line.trim() === '');
    if (!isLanguage(language)) faults.push(`${file}:${i + 1}: a block of '${language}'; there are ${LANGUAGES.join(', ')}`);
    else {
      const block: Block = { file, line: i + 1, end: end + 1, language, text: body.join('\n'), output: undefined };
      blocks.push(block);
      if (language === 'text') {
        if (follows && (before.language === 'ts' || before.language === 'sh')) before.output = block;
        else faults.push(`${file}:${i + 1}: an output without its program right above`);
      }
    }
    i = end;
  }
  return { file, text, blocks, faults };
}

/** Outputs are compared without blanks at the ends of lines, which editors take away. */
export function tidy(output: string): string {
  return output
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
    .trimEnd();
}

/** A document with other outputs; a program that had none gets a block below it. */
export function withOutputs(document: Document, outputs: ReadonlyMap<Block, string>): string {
  const lines = document.text.split('\n');
  for (const block of document.blocks.toReversed()) {
    const output = outputs.get(block);
    if (output === undefined || (block.output === undefined && output === '')) continue;
    const old = block.output;
    const fresh = tidy(output).split('\n');
    if (old !== undefined) lines.splice(old.line, old.end - old.line - 1, ...fresh);
    else lines.splice(block.end, 0, '', '```text', ...fresh, '```');
  }
  return lines.join('\n');
}

/** Links of a document to other files of the house, as written, with their lines; those inside blocks do not count. */
export function links(document: Document): readonly { readonly line: number; readonly target: string }[] {
  const inBlock = (line: number) => document.blocks.some((block) => block.line <= line && line <= block.end);
  return document.text
    .split('\n')
    .flatMap((text, i) =>
      inBlock(i + 1)
        ? []
        : [...text.matchAll(/\]\(([^)\s#]+)(?:#[^)\s]*)?\)/g)].map(([, target = '']) => ({ line: i + 1, target })),
    )
    .filter(({ target }) => !/^[a-z]+:/.test(target));
}
