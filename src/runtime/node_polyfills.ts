/**
 * Gives Node 20 what the program uses of newer standards; Node 22 has all of it. Imported before
 * anything else, for its effect alone.
 *
 * @module
 */

/** Gives an object a method, unless it has one of that name. */
function supply(owner: object, name: string, method: unknown): void {
  if (name in owner) return;
  Object.defineProperty(owner, name, { value: method, configurable: true, writable: true });
}

supply(Promise, "withResolvers", () => {
  let resolve: unknown;
  let reject: unknown;
  const promise = new Promise((onValue, onReason) => {
    resolve = onValue;
    reject = onReason;
  });
  return { promise, resolve, reject };
});

supply(
  Map,
  "groupBy",
  (items: Iterable<unknown>, keyOf: (item: unknown, at: number) => unknown) => {
    const groups = new Map<unknown, unknown[]>();
    let at = 0;
    for (const item of items) {
      const key = keyOf(item, at++);
      const group = groups.get(key);
      if (group) group.push(item);
      else groups.set(key, [item]);
    }
    return groups;
  },
);

supply(
  URL,
  "parse",
  (url: string, base?: string) => URL.canParse(url, base) ? new URL(url, base) : null,
);

supply(Set.prototype, "isSubsetOf", function (this: Set<unknown>, other: ReadonlySet<unknown>) {
  return [...this].every((value) => other.has(value));
});

/**
 * `JSON.rawJSON` for strings, which is all that the program gives to it: `JSON.stringify` writes the
 * text behind a mark as a string, and then takes mark and quotes away.
 */
if (!("rawJSON" in JSON)) {
  const { stringify } = JSON;
  // Made on first use: the source of random bytes takes some milliseconds to load.
  let mark: string | undefined;
  let marked = /^/g;
  supply(JSON, "rawJSON", (json: string) => {
    if (mark === undefined) {
      mark = `raw:${crypto.randomUUID()}:`;
      marked = new RegExp(`"${mark}((?:[^"\\\\]|\\\\.)*)"`, "g");
    }
    return { toJSON: () => mark + json };
  });
  Object.assign(JSON, {
    stringify: (...args: Parameters<typeof stringify>) => {
      const text: string | undefined = stringify(...args);
      if (mark === undefined || !text?.includes(mark)) return text;
      return text.replace(marked, (_, inner: string) => JSON.parse(`"${inner}"`));
    },
  });
}
