/** Work spread over workers that wait much; its results come in the order of the items. */

/**
 * Lets every worker take the next item until none is left.
 * @param done is told of each result, in the order of the items
 */
export async function inOrder<T, W, R>(
  items: readonly T[],
  workers: readonly W[],
  work: (item: T, worker: W) => Promise<R>,
  done: (result: R, index: number) => void,
): Promise<void> {
  const early = new Map<number, R>();
  let taken = 0;
  let told = 0;
  const take = async (worker: W) => {
    while (taken < items.length) {
      const index = taken++;
      early.set(index, await work(items[index] as T, worker));
      for (let result = early.get(told); result !== undefined; result = early.get(told)) {
        early.delete(told);
        done(result, told++);
      }
    }
  };
  await Promise.all(workers.map(take));
}
