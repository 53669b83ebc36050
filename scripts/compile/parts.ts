/**
 * Renames the files of a bundle. The bundler puts a hash into each name, which depends on where
 * this machine keeps packages, and an executable holds the names of its files: with the bundler's
 * names, the same source would give different bytes on another machine.
 *
 * @module
 */

/** Texts by file name. */
export type Parts = ReadonlyMap<string, string>;

/** An import of another part, as minified code writes it. */
const REFERENCE = /"\.\/([\w.-]+)"/g;

/**
 * Names the parts in the order in which they are first imported, from the entries on: `1.mjs`,
 * `2.mjs`, … for those that are no entry. Leaves out parts that nothing imports.
 *
 * @param parts as the bundler wrote them
 * @param entries the new names of the entries by the bundler's
 * @throws Error when there is no such part
 */
export function renameParts(parts: Parts, entries: ReadonlyMap<string, string>): Parts {
  const names = new Map(entries);
  // The loop also visits the entries that it adds: a map is walked in the order of insertion.
  for (const [from] of names) {
    for (const [, to = ""] of (parts.get(from) ?? "").matchAll(REFERENCE)) {
      if (parts.has(to) && !names.has(to)) {
        names.set(to, `${names.size - entries.size + 1}.mjs`);
      }
    }
  }
  return new Map([...names].map(([from, to]) => {
    const text = parts.get(from);
    if (text === undefined) throw new Error(`The bundler made no file ${from}`);
    const renamed = text.replace(REFERENCE, (whole, other: string) => {
      const now = names.get(other);
      return now === undefined ? whole : `"./${now}"`;
    });
    return [to, renamed];
  }));
}
