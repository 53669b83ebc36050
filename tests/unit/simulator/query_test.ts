import { assertEquals, assertThrows } from "@std/assert";
import { SimulatorError } from "../../../src/simulator/envelope.ts";
import { decodeCursor, encodeCursor, readPage } from "../../../src/simulator/pages.ts";
import { Query } from "../../../src/simulator/query.ts";
import { type Place, SortedList } from "../../../src/simulator/sorted.ts";

const KNOWN = ["limit", "page", "order", "flag", "types[]", "created_at[gt]", "created_at[gte]"];

function query(text: string, refuse = true): Query {
  return new Query(new URLSearchParams(text), [...KNOWN, "created_at[lt]"], {
    unknownQuery: refuse ? "refused" : "ignored",
    listIgnores: [],
  });
}

Deno.test("Query refuses an unknown parameter and names the valid ones", () => {
  const error = assertThrows(() => query("after=sevt_1"), SimulatorError, '"after"');
  assertEquals(error.status, 400);
  for (const name of KNOWN) assertEquals(error.message.includes(name), true);
});

Deno.test("Query takes beta, which older clients send, and anything when told to", () => {
  query("beta=true");
  query("after=sevt_1", false);
});

Deno.test("Query reads an empty value as absent", () => {
  assertEquals(query("page=").text("page"), undefined);
  assertEquals(query("limit=").integer("limit", { min: 1, max: 9 }), undefined);
});

for (const text of ["0", "101", "-1", "1.5", "ten", "1e1"]) {
  Deno.test(`Query refuses limit=${text} where 1 to 100 is allowed`, () => {
    const read = () => query(`limit=${text}`).integer("limit", { min: 1, max: 100 });
    assertThrows(read, SimulatorError, "limit: must be an integer from 1 to 100");
  });
}

Deno.test("Query reads integers, flags, orders and repeated parameters", () => {
  const all = query("limit=100&flag=true&order=asc&types%5B%5D=a&types%5B%5D=b");
  assertEquals(all.integer("limit", { min: 1, max: 100 }), 100);
  assertEquals(all.flag("flag"), true);
  assertEquals(all.order("desc"), "asc");
  assertEquals(all.all("types[]"), ["a", "b"]);
  assertEquals(query("").order("desc"), "desc");
  assertEquals(query("flag=false").flag("flag"), false);
});

Deno.test("Query refuses values outside their vocabulary", () => {
  assertThrows(() => query("flag=yes").flag("flag"), SimulatorError, "flag");
  assertThrows(() => query("order=up").order("asc"), SimulatorError, "order");
  assertThrows(() => query("types[]=x").allOf("types[]", ["a", "b"]), SimulatorError, "a, b");
});

Deno.test("Query reads time bounds as an inclusive range of microseconds", () => {
  const base = Date.parse("2026-11-23T09:00:00Z") * 1000;
  const range = (text: string) => query(text).range("created_at");
  assertEquals(range(""), { min: undefined, max: undefined });
  assertEquals(range("created_at[gte]=2026-11-23T09:00:00Z").min, base);
  assertEquals(range("created_at[gt]=2026-11-23T09:00:00Z").min, base + 1);
  assertEquals(range("created_at[lt]=2026-11-23T09:00:00Z").max, base - 1);
  const both = "created_at[gt]=2026-11-23T09:00:00Z&created_at[gte]=2026-11-23T09:00:01Z";
  assertEquals(range(both).min, base + 1_000_000);
  assertThrows(() => range("created_at[gt]=today"), SimulatorError, "RFC 3339");
});

Deno.test("a cursor leads back to its place", () => {
  const place = { rank: Number.MAX_SAFE_INTEGER, seq: 12 };
  const text = encodeCursor("/v1/x", query("order=asc"), { place, back: false });
  const again = query(`order=asc&limit=7&page=${text}`);
  assertEquals(decodeCursor("/v1/x", again), { place, back: false });
  assertEquals(decodeCursor("/v1/x", query("")), undefined);
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
    const page = encodeCursor("/v1/x", query("order=asc"), cursor);
    assertThrows(
      () => decodeCursor(scope, query(`${text}&page=${page}`)),
      SimulatorError,
      "another list, order or filter",
    );
  });
}

for (const page of ["nonsense", "page_", "page_e30", "page_W10", "%FF"]) {
  Deno.test(`the made-up cursor "${page}" is refused`, () => {
    assertThrows(() => decodeCursor("/v1/x", query(`page=${page}`)), SimulatorError, "cursor");
  });
}

Deno.test("readPage() goes forth and back through a list, and says where it ends", () => {
  const list = new SortedList<Place>();
  for (let rank = 1; rank <= 7; rank++) list.insert({ rank, seq: 0 });
  const read = (page?: string | null) => {
    const answer = readPage(list, {
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

Deno.test("readPage() uses the default limit and refuses one above the maximum", () => {
  const list = new SortedList<Place>();
  for (let rank = 0; rank < 30; rank++) list.insert({ rank, seq: 0 });
  const options = { scope: "/", order: "asc", defaultLimit: 20, maxLimit: 25 } as const;
  assertEquals(readPage(list, { ...options, query: query("") }).items.length, 20);
  assertEquals(readPage(list, { ...options, query: query("limit=25") }).items.length, 25);
  assertThrows(
    () => readPage(list, { ...options, query: query("limit=26") }),
    SimulatorError,
    "from 1 to 25",
  );
});
