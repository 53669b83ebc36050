/**
 * A persistent list that grows at its end in constant time, so that a pure reducer can collect
 * thousands of entries without copying.
 *
 * @module
 */

/** The newest entry and the chain before it; `undefined` is the empty chain. */
export type Chain<T> =
  | { readonly last: T; readonly before: Chain<T>; readonly size: number }
  | undefined;

/** The chain with one more entry at its end. */
export function append<T>(chain: Chain<T>, last: T): Chain<T> {
  return { last, before: chain, size: (chain?.size ?? 0) + 1 };
}

/** Entries, newest first. */
export function* newestFirst<T>(chain: Chain<T>): Generator<T> {
  for (let link = chain; link; link = link.before) yield link.last;
}
