/**
 * A match or target of a rule while its options are read. One that the model does not have, or that turns out to use
 * something the model does not have, becomes the words it was written with.
 */
import { Refusal } from '../../base/refusal.ts';
import type { Argument, Builder, Extension } from './extension.ts';

/** A match or target under construction. */
export class Part<T extends { readonly name: string }> {
  readonly name: string;
  private readonly builder: Builder<T> | undefined;
  private readonly keep: (words: readonly string[]) => T;
  private readonly words: string[] = [];
  private modelled: boolean;

  /**
   * @param kind the extension; undefined if the model does not have it
   * @param keep makes the value of one that is only kept
   */
  constructor(name: string, kind: Extension<T> | undefined, keep: (words: readonly string[]) => T) {
    this.name = name;
    this.builder = kind?.begin();
    this.keep = keep;
    this.modelled = kind !== undefined;
  }

  /** How many words an option takes; undefined if it is not this one's, or nobody knows. */
  arity(flag: string): number | undefined {
    return this.builder?.arity(flag);
  }

  /** Its options that begin so; none if nobody knows them. */
  completions(start: string): readonly string[] {
    return this.builder?.completions(start) ?? [];
  }

  /** Takes an option; `words` is how it was written. */
  take(flag: string, argument: Argument, words: readonly string[]): void {
    this.words.push(...words);
    if (this.modelled) this.attempt(() => this.builder?.take(flag, argument));
  }

  /** Takes a word of something that the model does not have. */
  add(word: string): void {
    this.words.push(word);
  }

  /** The value. */
  finish(): T {
    const value = this.modelled ? this.attempt(() => this.builder?.finish()) : undefined;
    return value ?? this.keep(this.words);
  }

  private attempt<V>(action: () => V): V | undefined {
    try {
      return action();
    } catch (error) {
      if (!(error instanceof Refusal) || error.code !== 'not-modelled') throw error;
      this.modelled = false;
      return undefined;
    }
  }
}
