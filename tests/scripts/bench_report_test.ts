import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { BENCH_NAMES } from "../../scripts/bench.ts";
import {
  parseRecord,
  recorded,
  type RecordedFigure,
  recordText,
  sameMachine,
} from "../../scripts/bench/record.ts";
import { changeOf, comparisonLines, figureLines, shortNumber } from "../../scripts/bench/report.ts";
import { exactFigure, exceeded, figure, type FigureSpec } from "../bench/figure.ts";

const SPEC: FigureSpec = { id: "a.b", what: "how long", unit: "ms", better: "less" };

function recordedFigure(least: number, median: number, most: number): RecordedFigure {
  return { least, median, most, unit: "ms", better: "less" };
}

const NUMBERS: readonly [number, string][] = [
  [0.126, "0.13"],
  [9.999, "10.00"],
  [12.34, "12.3"],
  [1_234.5, "1,235"],
  [100_000, "100,000"],
  [3, "3"],
];
for (const [value, expected] of NUMBERS) {
  Deno.test(`shortNumber(${value}) is ${expected}`, () => {
    assertEquals(shortNumber(value), expected);
  });
}

Deno.test("figureLines() shows spread, targets that were missed, and what was skipped", () => {
  const lines = figureLines({
    figures: [
      figure({ ...SPEC, target: 5 }, [1, 2, 9]),
      figure({ ...SPEC, what: "how much", unit: "x", better: "more", target: 0.5 }, [0.25]),
      exactFigure({ ...SPEC, what: "how many", unit: "requests" }, 4),
    ],
    skipped: ["the executable: nothing to compile with"],
  });
  assertMatch(lines[2] ?? "", /^how long +2 ms +1 – 9 +≤ 5 ms$/);
  assertMatch(lines[3] ?? "", /^how much +0\.25 × +0\.25 – 0\.25 +≥ 0\.50 × MISSED$/);
  assertMatch(lines[4] ?? "", /^how many +4 requests +exact$/);
  assertEquals(lines[5], "SKIPPED: the executable: nothing to compile with");
});

const CHANGES: readonly [string, RecordedFigure, RecordedFigure | undefined, string][] = [
  ["a figure that was not there", recordedFigure(1, 2, 3), undefined, "new"],
  ["the same", recordedFigure(2, 2, 2), recordedFigure(1, 2, 3), "same"],
  ["overlapping ranges", recordedFigure(2, 3, 4), recordedFigure(3.5, 5, 6), "within the spread"],
  ["a lower range", recordedFigure(1, 2, 3), recordedFigure(4, 5, 6), "better"],
  ["a higher range", recordedFigure(7, 8, 9), recordedFigure(4, 5, 6), "worse"],
];
for (const [name, now, before, expected] of CHANGES) {
  Deno.test(`changeOf() ${name} is '${expected}'`, () => {
    assertEquals(changeOf(now, before), expected);
  });
}

Deno.test("changeOf() a higher range is better where more is better", () => {
  const more = (figure: RecordedFigure): RecordedFigure => ({ ...figure, better: "more" });
  assertEquals(changeOf(more(recordedFigure(7, 8, 9)), more(recordedFigure(4, 5, 6))), "better");
});

Deno.test("comparisonLines() shows both runs, and last what only the earlier one had", () => {
  const lines = comparisonLines(
    { "a.x": recordedFigure(1, 2, 3), "a.new": recordedFigure(1, 1, 1) },
    { "a.gone": recordedFigure(5, 5, 5), "a.x": recordedFigure(4, 4, 4) },
  );
  assertMatch(lines[2] ?? "", /^a\.x +4 ms +2 ms +0\.50 +better$/);
  assertMatch(lines[3] ?? "", /^a\.new +1 ms +new$/);
  assertMatch(lines[4] ?? "", /^a\.gone +5 ms +not measured$/);
});

Deno.test("recorded() keeps figures by their ids, without their texts", () => {
  assertEquals(recorded([figure({ ...SPEC, target: 9 }, [1, 2, 3])]), {
    "a.b": { ...recordedFigure(1, 2, 3), target: 9 },
  });
});

Deno.test("parseRecord() names the line that is not JSON", () => {
  assertEquals(parseRecord("\n").length, 0);
  assertThrows(
    () => parseRecord('{}\n{"date"'),
    SyntaxError,
    "Line 2 of tests/bench/record.jsonl is not JSON",
  );
});

Deno.test("sameMachine() compares what figures depend on", () => {
  const machine = { os: "linux", arch: "x86_64", cpus: 2, memory_gb: 24 };
  assertEquals(sameMachine(machine, { ...machine }), true);
  assertEquals(sameMachine(machine, { ...machine, cpus: 8 }), false);
});

Deno.test("the record can be read, and its figures belong to the benches", async () => {
  for (const { figures, commit, machine } of parseRecord(await recordText())) {
    assertMatch(commit, /^[0-9a-f]{7,40}\+?$/);
    assertEquals(typeof machine.cpus, "number");
    for (const id of Object.keys(figures)) {
      assertEquals(BENCH_NAMES.includes(id.split(".")[0] ?? ""), true, id);
    }
  }
});

Deno.test("exceeded() names exact figures beyond their limits, and no others", () => {
  const over = exactFigure({ ...SPEC, unit: "requests", target: 3 }, 4);
  const within = exactFigure({ ...SPEC, unit: "requests", target: 4 }, 4);
  const timed = figure({ ...SPEC, target: 3 }, [4]);
  const spared = exactFigure({ ...SPEC, unit: "requests", target: 3, limit: 5 }, 4);
  const few = exactFigure({ ...SPEC, unit: "replies", better: "more", limit: 5 }, 4);
  assertEquals(exceeded([over, within, timed, spared, few]), [
    "a.b: 4 requests, the limit is 3",
    "a.b: 4 replies, the limit is 5",
  ]);
});
