import { assertEquals, assertRejects } from "@std/assert";
import type { Principal } from "../../../src/access/principal.ts";
import { ToolError } from "../../../src/core/errors.ts";
import {
  type ListPlace,
  openCursor,
  readStretch,
  sealCursor,
} from "../../../src/tools/session_pages.ts";
import { harness, pageOf } from "./support.ts";

const entries = (...ids: string[]) => ids.map((id) => ({ id }));
const PLACE: ListPlace = { page: "p_2", size: 2, passed: 1, after: "b", text: "c@30" };
const LIST = { tool: "list_threads", session_id: "sesn_1", status: undefined };
const mia = { principal: { id: "mia" } };

Deno.test("readStretch() reads on from the place that it returned, to the end of the list", async () => {
  const { call } = harness({});
  const all = entries("a", "b", "c", "d", "e");
  const seen: string[] = [];
  let place: ListPlace = { size: 2 };
  for (let more = true; more;) {
    const stretch = await readStretch(
      (params) => Promise.resolve(pageOf(all, params)),
      place,
      2,
      call(),
    );
    // A result may have room for one only.
    const [first] = stretch.entries;
    seen.push(String(first?.id));
    place = stretch.placeAfter(1);
    more = stretch.hasMoreAfter(1);
  }
  assertEquals(seen, ["a", "b", "c", "d", "e"]);
});

Deno.test("readStretch() takes no more entries than asked for, and finds its place when some were added", async () => {
  const { call } = harness({});
  let data = entries("a", "b", "c", "d");
  const read = () => Promise.resolve({ data, next_page: null });
  const first = await readStretch(read, { size: 2 }, 2, call());
  assertEquals([first.entries, first.hasMoreAfter(2)], [entries("a", "b"), true]);
  data = entries("new", "a", "b", "c", "d");
  const second = await readStretch(read, first.placeAfter(2), 2, call());
  assertEquals([second.entries, second.hasMoreAfter(2)], [entries("c", "d"), false]);
  data = [...data, ...entries("e")];
  const third = await readStretch(read, second.placeAfter(2), 2, call());
  assertEquals(third.entries, entries("e"));
  data = entries("x");
  const gone = await readStretch(read, third.placeAfter(1), 2, call());
  assertEquals([gone.entries, gone.hasMoreAfter(0)], [[], false]);
});

Deno.test("readStretch() passes pages without entries, a bounded number and within the rate", async () => {
  const { call } = harness({});
  const reading = async (principal?: Principal) => {
    let pages = 0;
    const { entries, hasMoreAfter } = await readStretch(
      () => Promise.resolve({ data: [], next_page: `p_${++pages}` }),
      { size: 2 },
      2,
      call({ ...(principal && { principal }) }),
    );
    return [pages, entries, hasMoreAfter(0)];
  };
  assertEquals(await reading(), [5, [], true]);
  assertEquals(await reading({ id: "mia", charge: () => 1_000 }), [1, [], true]);
});

Deno.test("a cursor opens for its caller and its list alone", async () => {
  const { call } = harness({});
  const cursor = await sealCursor(PLACE, LIST, call(mia));
  assertEquals(await openCursor(cursor, LIST, call(mia)), PLACE);
  for (
    const [text, list, caller] of [
      [cursor, LIST, { principal: { id: "noah" } }],
      [cursor, LIST, {}],
      [cursor, { ...LIST, session_id: "sesn_2" }, mia],
      [cursor, { ...LIST, status: "idle" }, mia],
      ["p_2", LIST, mia],
      [cursor.repeat(100), LIST, mia],
    ] as const
  ) {
    const error = await assertRejects(() => openCursor(text, list, call(caller)), ToolError);
    assertEquals([error.code, error.message.slice(0, 26)], [
      "invalid_argument",
      "cursor must be the next_cu",
    ]);
  }
});
