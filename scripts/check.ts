/**
 * `deno task check`: checks everything but the tests, and prints the project's sizes.
 *
 * @module
 */

import { type Ran, run } from "./compile/tools.ts";
import { approvalIsCurrent } from "./docs/approval.ts";
import { demoIsCurrent } from "./docs/demo.ts";
import { requestsBeyondLimits } from "./house/requests.ts";
import { numberLines } from "./house/numbers.ts";
import { RULES } from "./house/rules.ts";
import { describeFinding, readTree } from "./house/tree.ts";
import { printLines } from "./table.ts";
import { checkPage } from "./view.ts";

const ROOT = new URL("../", import.meta.url);
const DOCUMENTS = ["docs/library.md", "docs/simulator.md"];

/** What the runtime checks: arguments of Deno, and what mends what it complains of. */
const COMMANDS: readonly (readonly [name: string, args: readonly string[], mend: string])[] = [
  ["formatted", ["fmt", "--check"], "Run 'deno task fix'."],
  ["lint", ["lint", "--quiet"], "Run 'deno task fix'; mend by hand what is left."],
  [
    "types",
    ["check", "--quiet", "src", "scripts", "std", "tests"],
    "Mend the types at these places.",
  ],
  [
    "published library",
    ["publish", "--dry-run", "--allow-dirty"],
    "Give each exported name that it lists an explicit type.",
  ],
  [
    "code in documents",
    ["check", "--quiet", "--doc-only", ...DOCUMENTS],
    "Mend the example in the document.",
  ],
];

/** What a check found wrong; empty when it passes. */
type Complaints = readonly string[];

/** Runs a command of Deno; when it fails, returns its output and `mend`, which says what to do. */
async function runDeno(args: readonly string[], mend: string): Promise<Complaints> {
  const env = { ...Deno.env.toObject(), NO_COLOR: "1" };
  const { success, stdout, stderr } = await run(Deno.execPath(), args, { cwd: ROOT, env });
  return success ? [] : [stdout + stderr, mend];
}

/** Runs a script of this project with a set of permissions. */
async function runScript(path: string, permissions: string): Promise<Ran> {
  const args = ["run", "-q", `-P=${permissions}`, path];
  const env = { ...Deno.env.toObject(), NO_COLOR: "1" };
  return await run(Deno.execPath(), args, { cwd: ROOT, env });
}

/** Counts the ways of a call and an event. They are printed and gate nothing. */
async function wayLines(): Promise<string[]> {
  const { success, stdout, stderr } = await runScript("scripts/ways.ts", "ways");
  return success ? stdout.trimEnd().split("\n") : [`NOT COUNTED: deno task ways: ${stderr.trim()}`];
}

async function main(): Promise<boolean> {
  const failed: string[] = [];
  let passed = 0;
  const report = (name: string, complaints: Complaints) => {
    if (complaints.length === 0) passed++;
    else failed.push(name);
    printLines([
      `${complaints.length === 0 ? "ok    " : "FAILED"} ${name}`,
      ...complaints.map((complaint) => `       ${complaint}`),
    ]);
  };
  // They take longer than all that follows, which runs meanwhile.
  const commands = COMMANDS.map(([name, args, mend]) => [name, runDeno(args, mend)] as const);
  const measuring = runScript("scripts/sizes.ts", "compile");
  const files = await readTree(ROOT);
  for (const [name, rule] of Object.entries(RULES)) report(name, rule(files).map(describeFinding));
  report("the demo's picture is current", (await demoIsCurrent(files)).map(describeFinding));
  report("the form's picture is current", approvalIsCurrent(files).map(describeFinding));
  report("the session view's page is current", (await checkPage(files)).map(describeFinding));
  report("requests within their limits", await requestsBeyondLimits());
  for (const [name, running] of commands) report(name, await running);
  const sizes = await measuring;
  report("sizes within their limits", sizes.success ? [] : sizes.stderr.trimEnd().split("\n"));
  printLines([...numberLines(files), "", sizes.stdout, ...await wayLines(), ""]);
  // Their complaints stand above all the sizes.
  const names = failed.length > 0 ? `: ${failed.join(", ")}` : "";
  printLines([`check: ${passed} passed, ${failed.length} failed${names}`]);
  return failed.length === 0;
}

if (import.meta.main) Deno.exit(await main() ? 0 : 1);
