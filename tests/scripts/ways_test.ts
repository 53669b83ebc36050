import { assert, assertEquals } from "@std/assert";
import { measureWays, wayLine } from "../../scripts/ways.ts";

Deno.test("measureWays() names the files that a call, an event and a setting pass", async () => {
  const text = 'maxWaits: integer({ flag: "max-waits" })';
  const tree = [{ path: "src/config/settings.ts", text }, { path: "tests/a.ts", text }];
  const [direct, http, event, setting] = await measureWays(tree);
  assert(direct && http && event && setting);
  assert(direct.files.has("tools/get_session.ts"));
  assert(!direct.files.has("http/handler.ts") && http.files.has("http/handler.ts"));
  assert([...direct.files.keys()].every((path) => !/^(simulator|commands)\//.test(path)));
  assert(event.files.has("api/stream.ts") && event.files.has("session/turn.ts"));
  assert(!event.files.has("tools/wait_for_idle.ts"), "what a wait does once is no event's way");
  assertEquals(setting.files, new Map([["config/settings.ts", 2]]));
  const line = "a setting, --max-waits: 1 files, 2 mentions (0.1.0: 12 files, 26 mentions)";
  assertEquals(wayLine(setting), line);
});
