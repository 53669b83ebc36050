import { assertEquals } from "@std/assert";
import { centsIn, wholeCents } from "../../../src/core/cents.ts";

Deno.test("centsIn() and wholeCents() round down by the digits of the number", () => {
  const cases: [number, string, number][] = [
    [0.01, "1", 0.01],
    [0.019, "1", 0.01],
    [0.29, "29", 0.29],
    [1, "100", 1],
    [1.999, "199", 1.99],
    [2.5, "250", 2.5],
    [1_000_000, "100000000", 1_000_000],
  ];
  for (const [dollars, cents, whole] of cases) {
    assertEquals([centsIn(dollars), wholeCents(dollars)], [cents, whole]);
  }
});
