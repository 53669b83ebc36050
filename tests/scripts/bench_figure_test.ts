import { assertEquals, assertThrows } from "@std/assert";
import {
  exactFigure,
  figure,
  type FigureSpec,
  inTurns,
  onTarget,
  ratios,
} from "../bench/figure.ts";

const SPEC: FigureSpec = { id: "a.b", what: "how long", unit: "ms", better: "less" };

Deno.test("figure() is the middle of the values and their range, to four digits", () => {
  assertEquals(figure(SPEC, [3, 1.23456789, 2]), {
    ...SPEC,
    median: 2,
    least: 1.235,
    most: 3,
    samples: 3,
  });
});

for (const values of [[], [1, NaN], [Infinity]]) {
  Deno.test(`figure() refuses [${values}]: that was not measured`, () => {
    assertThrows(() => figure(SPEC, values), RangeError, "'a.b' was not measured");
  });
}

Deno.test("exactFigure() keeps the value as it is", () => {
  const { median, least, most, exact } = exactFigure(SPEC, 123_456);
  assertEquals({ median, least, most, exact }, {
    median: 123_456,
    least: 123_456,
    most: 123_456,
    exact: true,
  });
});

const TARGETS: readonly [FigureSpec["better"], number | undefined, boolean | undefined][] = [
  ["less", 9, false],
  ["less", 10, true],
  ["more", 10, true],
  ["more", 11, false],
  ["more", undefined, undefined],
];
for (const [better, target, expected] of TARGETS) {
  Deno.test(`onTarget() of 10 is ${expected} where ${better} than ${target} is wanted`, () => {
    assertEquals(onTarget(figure({ ...SPEC, better, target }, [10])), expected);
  });
}

Deno.test("inTurns() measures A B A B, and does not count the first round", async () => {
  const order: string[] = [];
  let count = 0;
  const side = (name: string) => () => {
    order.push(name);
    return Promise.resolve(++count);
  };
  const results = await inTurns(2, new Map([["a", side("a")], ["b", side("b")]]));
  assertEquals(order.join(""), "ababab");
  assertEquals([...results], [["a", [3, 5]], ["b", [4, 6]]]);
});

Deno.test("ratios() are taken pair by pair", () => {
  assertEquals(ratios([2, 9], [4, 3]), [0.5, 3]);
});
