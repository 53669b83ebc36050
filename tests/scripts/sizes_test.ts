import { assert, assertEquals } from "@std/assert";
import { SIZE_LIMITS } from "../../scripts/sizes/limits.ts";
import { sizeComplaints, type Sizes, sizeTable } from "../../scripts/sizes/report.ts";
import { exactFigure } from "../bench/figure.ts";
import { bench as modelCost } from "../bench/model_cost.ts";

const LIMITS = { a: 100, b: 1_000, c: 50, d: 1_000 };

function sizes(values: Readonly<Record<string, number>>, skipped: [string, string][] = []): Sizes {
  const figures = Object.entries(values).map(([id, value]) =>
    exactFigure({ id, what: `size ${id}`, unit: "KB", better: "less" }, value)
  );
  return { figures, skipped: new Map(skipped) };
}

Deno.test("sizeComplaints() names each size beyond its limit, and none at it", () => {
  assertEquals(sizeComplaints(sizes({ a: 100, b: 999, c: 1, d: 1 }), LIMITS), []);
  assertEquals(
    sizeComplaints(sizes({ a: 101, b: 1_000, c: 51, d: 1 }), LIMITS).map((line) =>
      line.slice(0, line.indexOf(": look at"))
    ),
    ["a: 101 KB, the limit is 100", "c: 51 KB, the limit is 50"],
  );
});

Deno.test("sizeComplaints() names limits of sizes that nothing measures", () => {
  const measured = sizes({ a: 1, b: 1 }, [["c", "it cannot be built here"]]);
  assertEquals(sizeComplaints(measured, LIMITS), [
    "d: nothing measures it; take it out of scripts/sizes/limits.ts",
  ]);
});

Deno.test("sizeComplaints() holds other figures to limits of their own", () => {
  const ratio = { id: "r", what: "r", unit: "x", better: "less", limit: 1 } as const;
  const figures = [exactFigure(ratio, 1.1)];
  const measured = { figures, skipped: new Map() };
  assertEquals(sizeComplaints(measured, {}).length, 1);
  assertEquals(sizeTable(measured, {}).at(-1), "r        1.1      1  x     -9.1 %  beyond");
});

Deno.test("sizeTable() shows the slack, and where it is tight or loose", () => {
  const lines = sizeTable(
    sizes({ a: 97, b: 995, c: 40, d: 800, other: 5 }, [["e", "no compiler"]]),
    LIMITS,
  );
  assertEquals(lines.slice(2), [
    "size a      97    100  KB     3.1 %",
    "size b     995  1,000  KB     0.5 %  tight",
    "size c      40     50  KB    25.0 %",
    "size d     800  1,000  KB    25.0 %  loose",
    "not measured: e: no compiler",
  ]);
});

Deno.test("what models pay for is within its limits", async () => {
  const { figures } = await modelCost.run({ quick: true });
  const shipped = Object.keys(SIZE_LIMITS).filter((id) => id.startsWith("sizes."));
  const skipped = new Map(shipped.map((id) => [id, "deno task sizes builds it"]));
  assert(shipped.length > 0);
  assertEquals(sizeComplaints({ figures, skipped }), []);
});
