/**
 * Changes the files of a bundle before they are used: their names, and one import.
 *
 * The bundler puts a hash into each name, which depends on where
 * this machine keeps packages, and an executable holds the names of its files: with the bundler's
 * names, the same source would give different bytes on another machine.
 *
 * @module
 */

/** Texts by file name. */
export type Parts = ReadonlyMap<string, string>;

/** What the bundler puts into the part with its helpers where any CommonJS module needs `require`. */
const REQUIRE =
  /import\{createRequire as (\w+)\} ?from ?"node:module";var (\w+)=\1\(import\.meta\.url\);/;

/**
 * Moves the bundler's `require` into a part of its own, for the parts that call it. It stands among
 * helpers that nearly every part imports, and on Deno `node:module` takes as long as a fifth of a
 * start.
 */
export function requireApart(parts: Parts): Parts {
  const [helpers, text] = [...parts].find(([, code]) => REQUIRE.test(code)) ?? [];
  const [whole = "", , variable] = REQUIRE.exec(text ?? "") ?? [];
  if (helpers === undefined || text === undefined || variable === undefined) return parts;
  const exported = new RegExp(`\\b${variable} as (\\w+),?`).exec(text);
  // Only one part: it calls its `require` itself.
  if (!exported) return parts;
  const [item, name] = exported;
  const apart = `require-${helpers}`;
  const importsHelpers = new RegExp(`import\\{([^}]*)\\}from"\\./${RegExp.escape(helpers)}"`);
  const divided = [...parts].map(([part, code]): [string, string] => {
    const [statement = "", items = ""] = importsHelpers.exec(code) ?? [];
    const wanted = items.split(",").find((each) => each.split(" as ")[0] === name);
    if (wanted === undefined) return [part, code];
    const others = items.split(",").filter((each) => each !== wanted);
    const imports = [
      `import{${wanted}}from"./${apart}"`,
      ...(others.length > 0 ? [`import{${others}}from"./${helpers}"`] : []),
    ];
    return [part, code.replace(statement, imports.join(";"))];
  });
  return new Map([
    ...divided,
    [helpers, text.replace(whole, "").replace(item, "").replace(",}", "}")],
    [apart, `${whole}export{${variable} as ${name}};\n`],
  ]);
}

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
