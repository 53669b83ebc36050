import { assert, assertEquals } from "@std/assert";
import { countWays, settingWay, wayLines } from "../../scripts/ways.ts";

Deno.test("countWays() finds the files that a call and an event pass in the whole program", async () => {
  const [stdio, http, event] = await countWays();
  assert(stdio && http && event);
  for (const { files } of [stdio, http]) {
    assert(files.has("tools/get_session.ts") && files.has("api/http.ts"));
    assert([...files.keys()].every((path) => !path.startsWith("simulator/")));
  }
  assert(stdio.files.has("stdio.ts") && stdio.files.has("runtime/deno.ts"));
  assert(!stdio.files.has("http/handler.ts") && http.files.has("http/handler.ts"));
  assert(http.files.has("runtime/deno_listener.ts"));
  assert(event.files.has("api/stream.ts") && event.files.has("session/turn.ts"));
  assert(!event.files.has("tools/wait_for_idle.ts"), "what a wait does once is no event's way");
});

Deno.test("wayLines() shows a table, and with --list the files", () => {
  const text = 'maxWaits: integer({ flag: "max-waits" })';
  const setting = settingWay([{ path: "src/config/settings.ts", text }, { path: "a.ts", text }]);
  assertEquals(setting.files, new Map([["config/settings.ts", 2]]));
  const way = { what: "a call", files: new Map([["api/http.ts", 3], ["mcp/server.ts", 4]]) };
  const lines = wayLines([way], setting, true);
  assert(lines.includes("a call      2          7"));
  assert(lines.includes("the setting --max-waits is named in 1 files of src, 2 times."));
  assert(lines.includes("api/http.ts    3"));
});
