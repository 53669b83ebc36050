import { assertEquals } from "@std/assert";
import { fc } from "../../helpers/fuzz.ts";
import { GrowingMap } from "../../../src/session/growing_map.ts";

const entriesOf = (map: GrowingMap<number>) => [...map.keys()].map((key) => [key, map.get(key)]);

Deno.test("GrowingMap keeps every version as it was", () => {
  const empty = GrowingMap.empty<number>();
  const one = empty.with("a", 1);
  const two = one.with("b", 2);
  assertEquals([entriesOf(empty), entriesOf(one)], [[], [["a", 1]]]);
  assertEquals(entriesOf(two), [["a", 1], ["b", 2]]);
  assertEquals([one.has("b"), one.get("b"), one.size], [false, undefined, 1]);
});

Deno.test("GrowingMap goes on from an older version without what others added", () => {
  const one = GrowingMap.empty<number>().with("a", 1);
  const left = one.with("b", 2);
  const right = one.with("b", 3).with("c", 4);
  assertEquals(entriesOf(left), [["a", 1], ["b", 2]]);
  assertEquals(entriesOf(right), [["a", 1], ["b", 3], ["c", 4]]);
});

Deno.test("GrowingMap keeps the first value of a key", () => {
  const one = GrowingMap.empty<number>().with("a", 1);
  assertEquals(one.with("a", 2) === one, true);
});

Deno.test("GrowingMap is a map, whichever versions are gone on from", () => {
  const step = fc.record({ from: fc.nat(), key: fc.constantFrom(..."abcdefgh"), value: fc.nat(9) });
  fc.assert(fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
    const versions = [{ map: GrowingMap.empty<number>(), model: new Map<string, number>() }];
    for (const { from, key, value } of steps) {
      const base = versions[from % versions.length];
      if (!base) continue;
      const model = new Map(base.model);
      if (!model.has(key)) model.set(key, value);
      versions.push({ map: base.map.with(key, value), model });
    }
    for (const { map, model } of versions) {
      assertEquals(entriesOf(map), [...model]);
      assertEquals(map.size, model.size);
    }
  }));
});
