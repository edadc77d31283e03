/**
 * One offer shared among the apps that want to launch: asked round robin in random order, one instance a round.
 * Follows mesosphere/marathon v1.8 core/matcher/manager/impl/OfferMatcherManagerActor.scala; launch tokens are the caller's limit.
 */
import { type Random, shuffle } from '@portolan/core';

/** MAX_INSTANCES_PER_OFFER on DC/OS. */
export const MAXIMUM_INSTANCES_PER_OFFER = 100;

/** The order in which matchers are asked: those of apps whose volume is in the offer first, each part shuffled. */
export function matcherOrder<M>(matchers: readonly M[], random: Random, precedes?: (matcher: M) => boolean): M[] {
  if (precedes === undefined) return shuffle(matchers, random);
  const first = shuffle(matchers.filter(precedes), random);
  return [
    ...first,
    ...shuffle(
      matchers.filter((matcher) => !precedes(matcher)),
      random,
    ),
  ];
}

/** Asks each matcher in turn until none gives an operation or the limit is reached; the operations in order of their making. */
export function askAll<M, O>(
  matchers: readonly M[],
  ask: (matcher: M) => O | undefined,
  random: Random,
  limit = MAXIMUM_INSTANCES_PER_OFFER,
  precedes?: (matcher: M) => boolean,
): readonly O[] {
  const operations: O[] = [];
  let asking = matcherOrder(matchers, random, precedes);
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
