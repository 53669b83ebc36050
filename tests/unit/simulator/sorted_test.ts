import { assertEquals } from "@std/assert";
import { fc } from "../../helpers/fuzz.ts";
import { type Place, SortedList } from "../../../src/simulator/sorted.ts";

function listOf(...ranks: number[]): SortedList<Place> {
  const list = new SortedList<Place>();
  ranks.forEach((rank, seq) => list.insert({ rank, seq }));
  return list;
}

const ranks = (items: readonly Place[]) => items.map((item) => item.rank);

Deno.test("SortedList keeps items in order of rank, and of seq where ranks are equal", () => {
  const list = listOf(5, 1, 3, 3, 9, 0);
  assertEquals(ranks(list.items), [0, 1, 3, 3, 5, 9]);
  assertEquals(list.items.filter((item) => item.rank === 3).map((item) => item.seq), [2, 3]);
});

for (
  const { order, limit, after, minRank, expected, more } of [
    { order: "asc", limit: 2, expected: [10, 20], more: true },
    { order: "asc", limit: 4, expected: [10, 20, 30, 40], more: false },
    { order: "asc", limit: 9, after: { rank: 20, seq: 1 }, expected: [30, 40], more: false },
    { order: "asc", limit: 9, after: { rank: 25, seq: 0 }, expected: [30, 40], more: false },
    { order: "asc", limit: 9, after: { rank: 40, seq: 3 }, expected: [], more: false },
    { order: "asc", limit: 1, minRank: 20, expected: [20], more: true },
    {
      order: "asc",
      limit: 9,
      minRank: 20,
      after: { rank: 30, seq: 2 },
      expected: [40],
      more: false,
    },
    { order: "desc", limit: 2, expected: [40, 30], more: true },
    { order: "desc", limit: 9, after: { rank: 20, seq: 1 }, expected: [10], more: false },
    { order: "desc", limit: 9, after: { rank: 25, seq: 0 }, expected: [20, 10], more: false },
    { order: "desc", limit: 9, minRank: 25, expected: [40, 30], more: false },
    { order: "desc", limit: 9, after: { rank: 10, seq: 0 }, expected: [], more: false },
  ] as const
) {
  const label = JSON.stringify({ order, limit, after, minRank });
  Deno.test(`SortedList reads ${label} as ${JSON.stringify(expected)}`, () => {
    const page = listOf(10, 20, 30, 40).read({ order, limit, after, minRank });
    assertEquals(ranks(page.items), [...expected]);
    assertEquals(page.more, more);
  });
}

Deno.test("SortedList says that there is no more when only filtered items are left", () => {
  const list = listOf(1, 2, 3, 4, 5);
  const even = (item: Place) => item.rank % 2 === 0;
  assertEquals(list.read({ order: "asc", limit: 2, filter: even }).more, false);
  assertEquals(list.read({ order: "asc", limit: 1, filter: even }).more, true);
});

Deno.test("SortedList removes the item it is given and no other", () => {
  const list = new SortedList<Place>();
  const items = [1, 1, 1].map((rank, seq) => ({ rank, seq }));
  for (const item of items) list.insert(item);
  const [, middle] = items;
  if (middle) list.remove(middle);
  list.remove({ rank: 1, seq: 0 });
  assertEquals(list.items.map((item) => item.seq), [0, 2]);
});

Deno.test("SortedList read page by page gives every item once, in either direction", () => {
  fc.assert(fc.property(
    fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 60 }),
    fc.integer({ min: 1, max: 7 }),
    fc.constantFrom("asc" as const, "desc" as const),
    (values, limit, order) => {
      const list = listOf(...values);
      const found: Place[] = [];
      let page = list.read({ order, limit });
      while (page.more) {
        found.push(...page.items);
        page = list.read({ order, limit, after: page.items.at(-1) });
      }
      found.push(...page.items);
      const expected = order === "asc" ? [...list.items] : [...list.items].reverse();
      assertEquals(found, expected);
    },
  ));
});
