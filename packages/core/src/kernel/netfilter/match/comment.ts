/** `-m comment`: words for readers. Follows iptables 1.8.9, extensions/libxt_comment.c. */
import type { MatchDescription } from '../matches.ts';
import { parameterProblem, quoteWord } from '../notation.ts';

/** Matches every packet. */
export interface CommentMatch {
  readonly name: 'comment';
  readonly text: string;
}

/** `-m comment` */
export const comment: MatchDescription<CommentMatch> = {
  name: 'comment',
  options: [
    {
      flags: ['--comment'],
      read({ words: [text = ''] }, into) {
        if (text.length > 255) throw parameterProblem('Argument must have a maximum length of 255 characters', '--comment');
        if (text.includes('\n')) throw parameterProblem('Newlines not allowed in --comment', '--comment');
        into.text = text;
      },
      write: (from) => ({ words: [quoteWord(from.text)], not: false }),
    },
  ],
  start: () => ({ name: 'comment', text: '' }),
  missing: (_, given) => (given === 0 ? 'comment: option "--comment" must be specified' : undefined),
  list: (match) => `/* ${match.text} */`,
  tests: () => [],
};
