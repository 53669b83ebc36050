import { assertEquals } from "@std/assert";
import { filesForWaits, openFilesProblem } from "../../../src/commands/open_files.ts";

Deno.test("openFilesProblem() names a number of waits for which the open files suffice", () => {
  for (const [waits, openable] of [[400, 863], [1_000, 500], [100_000, 1_000], [1, 3]] as const) {
    const found = openFilesProblem(waits, () => openable);
    const fits = Number(/--max-waits (\d+)$/.exec(found?.cure ?? "")?.[1]);
    assertEquals(fits === 1 || filesForWaits(fits) <= openable, true, found?.cure);
    const limit = Number(/ulimit -n (\d+)/.exec(found?.cure ?? "")?.[1]);
    assertEquals(limit > filesForWaits(waits), true, found?.cure);
  }
  assertEquals(openFilesProblem(400, (wanted) => wanted), undefined);
  assertEquals(openFilesProblem(400, () => undefined), undefined);
});

Deno.test("the default number of waits fits into 1,024 open files", () => {
  assertEquals(openFilesProblem(400, () => 1_000), undefined);
});
