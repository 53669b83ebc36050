// Servers that go idle while a tool is at work: what the session's own status says then.
import { assert, assertEquals } from "@std/assert";
import type { SessionEvent } from "../../../src/api/events.ts";
import type { EventMaker } from "../../helpers/events.ts";
import { setUp } from "./waiter_support.ts";

for (const atMs of [100, 1_000, 4_000, 14_000]) {
  Deno.test(`wait() tells what a deaf stream hid after an early end, ${atMs} ms on`, async () => {
    const t = setUp();
    const call = t.e.tool("bash");
    t.session.status = "running";
    t.session.emit(t.e.user("q"), t.e.running(), call, t.e.endTurn());
    const waiting = t.wait();
    await t.clock.advance(atMs);
    t.session.record(t.e.toolResult(call.id ?? ""));
    t.session.record(t.e.text("DONE"));
    t.session.record(t.e.endTurn());
    t.session.status = "idle";
    const result = await t.clock.runUntil(waiting);
    assertEquals([result.status, result.reply], ["idle", "DONE"]);
    await t.assertClean();
  });
}
