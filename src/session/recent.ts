/**
 * Collections of a turn's state that keep what came last, so that a copy costs the same however
 * long a session is.
 *
 * @module
 */

/** More than anybody is shown, and than an agent has in flight or is blocked on at once. */
export const MAX_ENTRIES = 256;

/** A copy with one entry more, and without the oldest when there are too many. */
export function withEntry<V>(
  entries: ReadonlyMap<string, V>,
  key: string,
  value: V,
): ReadonlyMap<string, V> {
  const next = new Map(entries).set(key, value);
  return next.size > MAX_ENTRIES ? withoutOldest(next) : next;
}

/** A copy with one key more, and without the oldest when there are too many. */
export function withKey(keys: ReadonlySet<string>, key: string): ReadonlySet<string> {
  const next = new Set(keys).add(key);
  return next.size > MAX_ENTRIES ? withoutOldest(next) : next;
}

function withoutOldest<C extends { keys(): Iterator<string>; delete(key: string): boolean }>(
  entries: C,
): C {
  const { done, value } = entries.keys().next();
  if (!done) entries.delete(value);
  return entries;
}
