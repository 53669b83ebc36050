import { assertEquals, assertThrows } from "@std/assert";
import { SimulatorError } from "../../../src/simulator/errors.ts";
import { readCursor, readListPage, writeCursor } from "../../../src/simulator/pages.ts";
import { RequestQuery } from "../../../src/simulator/query.ts";
import { type Place, SortedList } from "../../../src/simulator/sorted.ts";

const KNOWN = ["limit", "page", "order", "flag", "types[]", "created_at[gt]", "created_at[gte]"];

function query(text: string, refuse = true): RequestQuery {
  return new RequestQuery(new URLSearchParams(text), [...KNOWN, "created_at[lt]"], {
    unknownQuery: refuse ? "refused" : "ignored",
    listIgnores: [],
  });
}

Deno.test("a cursor leads back to its place", () => {
  const place = { rank: Number.MAX_SAFE_INTEGER, seq: 12 };
  const text = writeCursor("/v1/x", query("order=asc"), { place, back: false });
  const again = query(`order=asc&limit=7&page=${text}`);
  assertEquals(readCursor("/v1/x", again), { place, back: false });
  assertEquals(readCursor("/v1/x", query("")), undefined);
});

for (
  const [what, scope, text] of [
    ["another order", "/v1/x", "order=desc"],
    ["another filter", "/v1/x", "order=asc&types[]=a"],
    ["another list", "/v1/y", "order=asc"],
  ] as const
) {
  Deno.test(`a cursor is refused with ${what}`, () => {
    const cursor = { place: { rank: 1, seq: 1 }, back: false };
    const page = writeCursor("/v1/x", query("order=asc"), cursor);
    assertThrows(
      () => readCursor(scope, query(`${text}&page=${page}`)),
      SimulatorError,
      "another list, order or filter",
    );
  });
}

for (const page of ["nonsense", "page_", "page_e30", "page_W10", "%FF"]) {
  Deno.test(`the made-up cursor "${page}" is refused`, () => {
    assertThrows(() => readCursor("/v1/x", query(`page=${page}`)), SimulatorError, "cursor");
  });
}

Deno.test("readListPage() goes forth and back through a list, and says where it ends", () => {
  const list = new SortedList<Place>();
  for (let rank = 1; rank <= 7; rank++) list.insert({ rank, seq: 0 });
  const read = (page?: string | null) => {
    const answer = readListPage(list, {
      scope: "/v1/x",
      query: query(`limit=3${page ? `&page=${page}` : ""}`),
      order: "desc",
      defaultLimit: 20,
      maxLimit: 100,
    });
    return { ...answer, ranks: answer.items.map((item) => item.rank) };
  };
  const first = read();
  assertEquals([first.ranks, first.prev_page], [[7, 6, 5], null]);
  const second = read(first.next_page);
  assertEquals(second.ranks, [4, 3, 2]);
  const third = read(second.next_page);
  assertEquals([third.ranks, third.next_page], [[1], null]);
  const back = read(third.prev_page);
  assertEquals(back.ranks, [4, 3, 2]);
  const start = read(back.prev_page);
  assertEquals([start.ranks, start.prev_page], [[7, 6, 5], null]);
  assertEquals(read(start.next_page).ranks, [4, 3, 2]);
});

Deno.test("readListPage() uses the default limit and refuses one above the maximum", () => {
  const list = new SortedList<Place>();
  for (let rank = 0; rank < 30; rank++) list.insert({ rank, seq: 0 });
  const options = { scope: "/", order: "asc", defaultLimit: 20, maxLimit: 25 } as const;
  assertEquals(readListPage(list, { ...options, query: query("") }).items.length, 20);
  assertEquals(readListPage(list, { ...options, query: query("limit=25") }).items.length, 25);
  assertThrows(
    () => readListPage(list, { ...options, query: query("limit=26") }),
    SimulatorError,
    "from 1 to 25",
  );
});
