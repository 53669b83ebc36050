import { assertEquals } from "@std/assert";
import { settle } from "../../helpers/manual_clock.ts";
import { bench, dataOf, message } from "./helpers.ts";

Deno.test("a turn shows its message queued, then stamped under the same id, then runs to idle", async () => {
  const { clock, simulator, send, open, status } = bench();
  const id = simulator.createSession();
  const stream = await open(id);
  const sent = await send(id, message("hello"));
  assertEquals(dataOf(sent)[0]?.processed_at, null);
  assertEquals(await status(id), "idle");
  await clock.advance(2_000);
  assertEquals(stream.types, [
    "user.message",
    "user.message",
    "session.status_running",
    "session.thread_status_running",
    "span.model_request_start",
    "agent.message",
    "span.model_request_end",
    "session.thread_status_idle",
    "session.usage",
    "session.status_idle",
  ]);
  const [queued, stamped] = stream.events;
  assertEquals(queued?.id, stamped?.id);
  assertEquals(queued?.processed_at, null);
  assertEquals(typeof stamped?.processed_at, "string");
  simulator.close();
  await settle();
  assertEquals(stream.state, "ended");
  assertEquals(clock.pendingTimers, 0);
});
