import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { fc } from "../../helpers/fuzz.ts";
import { cursorIds, MAX_CURSOR_CHARS, repeatedCursor } from "../../../src/session/cursor.ts";

Deno.test("a cursor counts while its event stays the same", () => {
  assertEquals(repeatedCursor("sevt_01AB", "sevt_01AB"), "sevt_01ABw1");
  assertEquals(repeatedCursor("sevt_01ABw1", "sevt_01AB"), "sevt_01ABw2");
  assertEquals(repeatedCursor("sevt_01ABw9", "sevt_01AB"), "sevt_01ABw10");
});

Deno.test("an id that ends like a suffix is an id", () => {
  assertEquals(repeatedCursor("sevt_01w7", "sevt_01w7"), "sevt_01w7w1");
  assertEquals(cursorIds("sevt_01w7")[0], "sevt_01w7");
});

Deno.test("without any event a cursor stands for the beginning", () => {
  assertEquals(repeatedCursor(undefined), "startw1");
  assertEquals(repeatedCursor("startw1"), "startw2");
  assertEquals(cursorIds("startw2"), []);
});

Deno.test("a chain of calls never repeats a cursor, and always names its event", () => {
  const idChar = fc.constantFrom(..."ABZabwWz0129_-:.");
  const id = fc.string({ unit: idChar, minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(id, fc.array(fc.boolean(), { maxLength: 30 }), (id, knows) => {
      // What looks like two suffixes from the start is left out: no server makes such ids.
      fc.pre(!/w[0-9]+w[0-9]+$/.test(id) && !id.startsWith("start"));
      let cursor = id;
      const seen = new Set([cursor]);
      for (const known of knows) {
        const before = cursor;
        cursor = repeatedCursor(cursor, known ? id : undefined);
        assertNotEquals(cursor, before);
        assert(!seen.has(cursor), `${cursor} again`);
        seen.add(cursor);
        assert(cursor.length <= MAX_CURSOR_CHARS);
        assertMatch(cursor.slice(id.length), /^[A-Za-z0-9]+$/);
      }
      assert(cursorIds(cursor).includes(id), `${cursor} does not name ${id}`);
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("an id too long for a suffix stays what it is", () => {
  const id = "e".repeat(MAX_CURSOR_CHARS);
  assertEquals(repeatedCursor(id, id), id);
});
