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
    t.session.emit(t.e.user("q"), t.e.running(), t.e.text("PART"), call, t.e.endTurn());
    const waiting = t.wait();
    await t.clock.advance(atMs);
    t.session.record(t.e.toolResult(call.id ?? ""));
    t.session.record(t.e.text("DONE"));
    t.session.record(t.e.endTurn());
    t.session.status = "idle";
    const result = await t.clock.runUntil(waiting);
    assertEquals([result.status, result.reply], ["idle", "PART\n\nDONE"]);
    assertEquals(result.tool_activity, [{ name: "bash", status: "done" }]);
    await t.assertClean();
  });
}

const CALLS: Readonly<Record<string, (e: EventMaker) => SessionEvent[]>> = {
  "a call": (e) => [e.tool("bash")],
  "a call and words after it": (e) => [e.tool("bash"), e.text("working on it")],
  "a call of an unknown type": (e) => [e.make("agent.server_tool_use", { name: "fetch" })],
  "a call of an unknown type and words after it": (e) => [
    e.make("agent.server_tool_use", { name: "fetch" }),
    e.text("working on it"),
  ],
  "two calls and one result": (e) => {
    const call = e.tool("bash");
    return [call, e.tool("bash"), e.text("working on it"), e.toolResult(call.id ?? "")];
  },
};

for (const [name, calls] of Object.entries(CALLS)) {
  Deno.test(`wait() polls a session that goes idle with ${name}, and waits while it runs`, async () => {
    const t = setUp();
    t.session.status = "running";
    t.session.emit(t.e.user("q"), t.e.running(), ...calls(t.e), t.e.endTurn());
    const waiting = t.wait();
    await t.clock.advance(12_000);
    assertEquals(t.progress.at(-1)?.includes("finishing"), false);
    t.session.status = "idle";
    t.session.emit(t.e.text("DONE"), t.e.endTurn());
    const result = await t.clock.runUntil(waiting);
    assertEquals([result.status, result.reply.split("\n\n").at(-1)], ["idle", "DONE"]);
    await t.assertClean();
  });

  Deno.test(`wait() ends soon when a session rests after ${name} without a result`, async () => {
    const t = setUp();
    t.session.emit(t.e.user("q"), t.e.running(), ...calls(t.e), t.e.endTurn());
    const result = await t.clock.runUntil(t.wait());
    assertEquals(result.status, "idle");
    assert(result.elapsed_sec < 1, `${result.elapsed_sec} s`);
    await t.assertClean();
  });

  Deno.test(`wait() shows ${name} as at work while the session runs`, async () => {
    const t = setUp();
    t.session.status = "running";
    t.session.emit(t.e.user("q"), t.e.running(), ...calls(t.e), t.e.endTurn());
    const result = await t.clock.runUntil(t.wait());
    assertEquals([result.status, result.tool_activity.at(-1)?.status], ["timeout", "running"]);
    await t.assertClean();
  });
}

for (const type of ["agent.server_tool_result", "agent.tool_result", "agent.web_fetch_result"]) {
  Deno.test(`wait() ends at once where ${type} answers a call of an unknown type`, async () => {
    const t = setUp();
    const call = t.e.make("agent.server_tool_use", { name: "fetch" });
    t.session.status = "running";
    t.session.emit(t.e.user("q"), t.e.running(), call);
    t.session.emit(t.e.make(type, { tool_use_id: call.id }), t.e.text("DONE"), t.e.endTurn());
    const result = await t.clock.runUntil(t.wait());
    assertEquals([result.status, result.reply, result.elapsed_sec], ["idle", "DONE", 0]);
    assertEquals(result.tool_activity, [{ name: "fetch", status: "done" }]);
    await t.assertClean();
  });
}
