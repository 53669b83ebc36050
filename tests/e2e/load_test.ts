import { assert, assertEquals } from "@std/assert";
import { apiAt, startHttp } from "../helpers/http_program.ts";
import { runDeno } from "../helpers/run_deno.ts";

function runLoad(...args: string[]) {
  return runDeno(["run", "-q", "-P=load", "scripts/load.ts", ...args]);
}

Deno.test("deno task load plays whole sessions without an error, and measures every tool", async () => {
  const { code, stdout } = await runLoad("--clients=3", "--seconds=0.2", "--json");
  const figures = JSON.parse(stdout);
  assertEquals([code, figures.errors, figures.clients], [0, 0, 3]);
  assertEquals(Object.keys(figures.tools).length, 9);
  // Twelve calls and three turns make a session; every client plays at least one.
  const sessions = figures.tools.create_session.calls;
  assert(sessions >= 3);
  assertEquals([figures.calls, figures.turns], [sessions * 12, sessions * 3]);
  for (const { p50, p99, most } of Object.values<Record<string, number>>(figures.tools)) {
    assert(p50 !== undefined && p99 !== undefined && most !== undefined);
    assert(p50 > 0 && p50 <= p99 && p99 <= most);
  }
});

Deno.test("deno task load prints a table for people", async () => {
  const { code, stdout } = await runLoad("--clients=1", "--seconds=0.1");
  assertEquals(code, 0);
  assert(/^wait_for_idle +3 /m.test(stdout) && / 0 errors\n/.test(stdout), stdout);
});

Deno.test("startHttp() says why the program does not start", async () => {
  let said = "";
  await startHttp([], apiAt("no URL")).catch((error) => said = String(error));
  assert(said.includes("ANTHROPIC_BASE_URL"), said);
});
