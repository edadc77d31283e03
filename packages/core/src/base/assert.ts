/** A mistake of this library's, never of its user's. */
export class Bug extends Error {
  constructor(message: string) {
    super(`bug in Portolan: ${message}; please report it with the seed and the steps`);
    this.name = 'Bug';
  }
}

/**
 * States what must hold at this point of the code; where it is stated often, its message is made only if it does not.
 * @throws Bug if it does not.
 */
export function assert(condition: unknown, message: string | (() => string)): asserts condition {
  if (!condition) throw new Bug(typeof message === 'string' ? message : message());
}
