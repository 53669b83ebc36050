/**
 * The files of a bundle, under names of our own. The bundler puts a hash into each name that depends
 * on where the packages lie on this machine, and an executable holds the names of its files: with
 * the bundler's, the same source would give other bytes elsewhere.
 *
 * @module
 */

/** Texts by file name. */
export type Parts = ReadonlyMap<string, string>;

/** How parts name each other; minified, there are no other quotes. */
const REFERENCE = /"\.\/([\w.-]+)"/g;

/**
 * Names the parts in the order in which they are first imported, from the entry on: `name` for that,
 * `1.mjs`, `2.mjs`, … for the others. Parts that nothing imports fall away.
 *
 * @param parts as the bundler wrote them
 * @param entry the bundler's name of the part that is run
 * @param name what that is called from now on
 * @throws Error when there is no such part
 */
export function renameParts(parts: Parts, entry: string, name: string): Parts {
  const names = new Map([[entry, name]]);
  // A map is walked in the order of its entries, and also over those that come while it is walked.
  for (const [from] of names) {
    for (const [, to = ""] of (parts.get(from) ?? "").matchAll(REFERENCE)) {
      if (parts.has(to) && !names.has(to)) names.set(to, `${names.size}.mjs`);
    }
  }
  return new Map([...names].map(([from, to]) => {
    const text = parts.get(from);
    if (text === undefined) throw new Error(`The bundler made no ${from}`);
    const renamed = text.replace(REFERENCE, (whole, other: string) => {
      const now = names.get(other);
      return now === undefined ? whole : `"./${now}"`;
    });
    return [to, renamed];
  }));
}
