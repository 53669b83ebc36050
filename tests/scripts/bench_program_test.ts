import { assertEquals, assertMatch } from "@std/assert";
import { recordText } from "../../scripts/bench/record.ts";
import { runDeno } from "../helpers/run_deno.ts";

const BENCH = ["run", "-q", "-P=bench", "scripts/bench.ts"];

/** Runs a bench whose `run` has this body. */
function runBench(body: string) {
  const program = new URL("../bench/program.ts", import.meta.url).href;
  const bench = `{ name: "sample", what: "a sample", async run() { ${body} } }`;
  const code = `import { runAsProgram } from "${program}"; await runAsProgram(${bench});`;
  return runDeno(["eval", "--no-check", code]);
}

const figures = (bounds: string) =>
  `return { figures: [{ id: "sample.calls", what: "calls", unit: "calls", better: "less", ` +
  `median: 4, least: 4, most: 4, samples: 1, exact: true, ${bounds} }] };`;

Deno.test("a bench gives nothing and ends with 1 when a call failed", async () => {
  const { code, stdout, stderr } = await runBench(`throw new Error("call 7: status 500");`);
  assertEquals([code, stdout], [1, ""]);
  assertMatch(stderr, /sample FAILED, so there are no figures: Error: call 7: status 500/);
});

Deno.test("a bench ends with 1 when an exact figure is beyond its limit, and shows it", async () => {
  const { code, stdout, stderr } = await runBench(figures("limit: 3"));
  assertEquals(code, 1);
  assertMatch(stdout, /calls +4 calls +exact/);
  assertMatch(stderr, /BEYOND ITS LIMIT: sample\.calls: 4 calls, the limit is 3/);
});

Deno.test("a bench ends with 0 when all is well", async () => {
  const { code, stderr } = await runBench(figures("limit: 4"));
  assertEquals([code, stderr], [0, ""]);
});

const WRONG: readonly [string[], RegExp][] = [
  [["--qiuck"], /Unknown flag '--qiuck'/],
  [["--quick=banana"], /Unknown flag '--quick=banana'/],
  [["nonsense"], /Unknown bench 'nonsense'/],
  [["--json", "--compare"], /--json and --compare exclude each other/],
  [["--last"], /--last needs --compare/],
];
for (const [args, complaint] of WRONG) {
  Deno.test(`deno task bench ${args.join(" ")} runs nothing, records nothing, and says why`, async () => {
    const before = await recordText();
    const { code, stdout, stderr } = await runDeno([...BENCH, ...args]);
    assertEquals([code, stdout], [2, ""]);
    assertMatch(stderr, complaint);
    assertEquals(await recordText(), before);
  });
}

Deno.test("deno task bench -h shows the usage and runs nothing", async () => {
  const { code, stdout } = await runDeno([...BENCH, "-h"]);
  assertEquals(code, 0);
  assertMatch(stdout, /^deno task bench \[--quick\]/);
});
