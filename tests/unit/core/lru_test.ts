import { assertEquals } from "@std/assert";
import { LruMap } from "../../../src/core/lru.ts";

Deno.test("LruMap forgets what was not used for longest", () => {
  const map = new LruMap<string, number>(2);
  map.set("a", 1);
  map.set("b", 2);
  assertEquals(map.get("a"), 1);
  map.set("c", 3);
  assertEquals([map.get("a"), map.get("b"), map.get("c"), map.size], [1, undefined, 3, 2]);
  map.set("a", 4);
  map.delete("c");
  assertEquals([map.get("a"), map.get("c"), map.size], [4, undefined, 1]);
});
