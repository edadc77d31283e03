/** What a replay of one recorded file found: the common shape that every kind of replay hands to the command. */

/** A case in which the product answers otherwise than the real component did. */
export interface Disagreement {
  /** Where in the file: enough to find the case again. */
  readonly case: string;
  readonly expected: string;
  readonly actual: string;
}

/** A case that was not replayed. */
export interface NotCovered {
  readonly case: string;
  /** The same words for cases with the same cause: the command counts them. */
  readonly reason: string;
}

/** The outcome of one recorded file. */
export interface Report {
  readonly agree: number;
  readonly disagree: readonly Disagreement[];
  readonly notCovered: readonly NotCovered[];
}

/** Reads a file beside the one that is replayed, by its path from there; undefined if there is none. */
export type ReadBeside = (path: string) => string | undefined;

/** Replays one recorded file's text against the product; throws only if the text is not such a file. */
export type Replay = (text: string, name: string, beside: ReadBeside) => Report;
