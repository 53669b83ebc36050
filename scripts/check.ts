/**
 * `deno task check`: everything that must hold besides the tests, and the project in numbers.
 *
 * @module
 */

import { exactFigures } from "./house/exact_figures.ts";
import { numberLines } from "./house/numbers.ts";
import { RULES } from "./house/rules.ts";
import { type Finding, readTree } from "./house/tree.ts";
import { measureWays, wayLine } from "./ways.ts";

const ROOT = new URL("../", import.meta.url);
const CODE = ["src", "scripts", "std", "tests"];
const READMES = ["README.md", "src/simulator/README.md"];

/** A step's complaints; none when it passes. */
type Complaints = readonly string[];

const encoder = new TextEncoder();

function print(line: string): void {
  Deno.stdout.writeSync(encoder.encode(`${line}\n`));
}

async function runDeno(...args: string[]): Promise<Complaints> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  return success ? [] : [decoder.decode(stdout) + decoder.decode(stderr)];
}

function describe({ path, line, message }: Finding): string {
  return `${path}${line === undefined ? "" : `:${line}`} ${message}`;
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
  report("formatted", await runDeno("fmt", "--check", "--quiet"));
  report("lint", await runDeno("lint", "--quiet"));
  report("types", await runDeno("check", "--quiet", ...CODE));
  report("README code", await runDeno("check", "--quiet", "--doc-only", ...READMES));
  const files = await readTree(ROOT);
  for (const [name, rule] of Object.entries(RULES)) report(name, rule(files).map(describe));
  report("requests, bytes and characters within their limits", await exactFigures());
  for (const line of await numberLines(files)) print(line);
  for (const way of await measureWays(files)) print(wayLine(way));
  print(`check: ${passed} passed, ${failed} failed`);
  return failed === 0;
}

if (import.meta.main) Deno.exit(await main() ? 0 : 1);
