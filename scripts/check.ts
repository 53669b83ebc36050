/**
 * `deno task check`: checks everything but the tests, and prints the project's sizes.
 *
 * @module
 */

import { exactFigures } from "./house/exact_figures.ts";
import { numberLines } from "./house/numbers.ts";
import { RULES } from "./house/rules.ts";
import { describeFinding, readTree } from "./house/tree.ts";
import { measureWays, wayLine } from "./ways.ts";

const ROOT = new URL("../", import.meta.url);
const CODE = ["src", "scripts", "std", "tests"];
const READMES = ["README.md", "src/simulator/README.md"];

/** What a check found wrong; empty when it passes. */
type Complaints = readonly string[];

const encoder = new TextEncoder();

function print(line: string): void {
  Deno.stdout.writeSync(encoder.encode(`${line}\n`));
}

/** Runs a command of Deno; when it fails, returns its output and `mend`, which says what to do. */
async function runDeno(args: readonly string[], mend: string): Promise<Complaints> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  return success ? [] : [decoder.decode(stdout) + decoder.decode(stderr), mend];
}

async function main(): Promise<boolean> {
  let failed = 0;
  let passed = 0;
  const report = (name: string, complaints: Complaints) => {
    if (complaints.length === 0) passed++;
    else failed++;
    print(`${complaints.length === 0 ? "ok    " : "FAILED"} ${name}`);
    for (const complaint of complaints) print(`       ${complaint}`);
  };
  const quiet = "--quiet";
  report("formatted", await runDeno(["fmt", "--check"], "Run 'deno task fix'."));
  report("lint", await runDeno(["lint", quiet], "Run 'deno task fix'; mend by hand what is left."));
  report("types", await runDeno(["check", quiet, ...CODE], "Mend the types at these places."));
  report(
    "README code",
    await runDeno(["check", quiet, "--doc-only", ...READMES], "Mend the example in the README."),
  );
  const files = await readTree(ROOT);
  for (const [name, rule] of Object.entries(RULES)) report(name, rule(files).map(describeFinding));
  report("requests, bytes and characters within their limits", await exactFigures());
  for (const line of await numberLines(files)) print(line);
  for (const way of await measureWays(files)) print(wayLine(way));
  print(`check: ${passed} passed, ${failed} failed`);
  return failed === 0;
}

if (import.meta.main) Deno.exit(await main() ? 0 : 1);
