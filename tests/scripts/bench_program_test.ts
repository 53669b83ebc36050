import { assertEquals, assertMatch } from "@std/assert";
import { recordText } from "../../scripts/bench/record.ts";

const ROOT = new URL("../../", import.meta.url);

async function runDeno(...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

/** Runs a bench whose `run` has this body. */
function runBench(body: string) {
  const program = new URL("tests/bench/program.ts", ROOT).href;
  const bench = `{ name: "sample", what: "a sample", async run() { ${body} } }`;
  return runDeno(
    "eval",
    "--no-check",
    `import { runAsProgram } from "${program}"; await runAsProgram(${bench});`,
  );
}

const figures = (bounds: string) =>
  `return { figures: [{ id: "sample.calls", what: "calls", unit: "calls", better: "less", ` +
  `median: 4, least: 4, most: 4, samples: 1, exact: true, ${bounds} }] };`;

Deno.test("a bench gives nothing and ends with 1 when a call failed", async () => {
  const { code, out, err } = await runBench(`throw new Error("call 7: status 500");`);
  assertEquals([code, out], [1, ""]);
  assertMatch(err, /sample FAILED, so there are no figures: Error: call 7: status 500/);
});

Deno.test("a bench ends with 1 when an exact figure is beyond its limit, and shows it", async () => {
  const { code, out, err } = await runBench(figures("limit: 3"));
  assertEquals(code, 1);
  assertMatch(out, /calls +4 calls +exact/);
  assertMatch(err, /BEYOND ITS LIMIT: sample\.calls: 4 calls, the limit is 3/);
});

Deno.test("a bench ends with 0 when all is well", async () => {
  const { code, err } = await runBench(figures("limit: 4"));
  assertEquals([code, err], [0, ""]);
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
    const { code, out, err } = await runDeno("run", "-q", "-P=bench", "scripts/bench.ts", ...args);
    assertEquals([code, out], [2, ""]);
    assertMatch(err, complaint);
    assertEquals(await recordText(), before);
  });
}

Deno.test("deno task bench -h shows the usage and runs nothing", async () => {
  const { code, out } = await runDeno("run", "-q", "-P=bench", "scripts/bench.ts", "-h");
  assertEquals(code, 0);
  assertMatch(out, /^deno task bench \[--quick\]/);
});
