/**
 * One offer shared among the apps that want to launch: asked round robin in random order, one instance a round.
 * Follows mesosphere/marathon v1.8 core/matcher/manager/impl/OfferMatcherManagerActor.scala; without launch tokens and time limits.
 */
import { type Random, shuffle } from '@portolan/core';

/** MAX_INSTANCES_PER_OFFER on DC/OS. */
export const MAXIMUM_INSTANCES_PER_OFFER = 100;

/** Asks each matcher in turn until none gives an operation or the limit is reached; the operations in order of their making. */
export function askAll<M, O>(
  matchers: readonly M[],
  ask: (matcher: M) => O | undefined,
  random: Random,
  limit = MAXIMUM_INSTANCES_PER_OFFER,
): readonly O[] {
  const operations: O[] = [];
  let asking = shuffle(matchers, random);
  while (asking.length > 0 && operations.length < limit) {
    const again: M[] = [];
    for (const matcher of asking) {
      const operation = ask(matcher);
      if (operation === undefined) continue;
      operations.push(operation);
      if (operations.length === limit) return operations;
      again.push(matcher);
    }
    asking = again;
  }
  return operations;
}
