import { assertEquals } from "@std/assert";
import { waitAttended } from "../../../src/session/attended_wait.ts";
import { createWaiter } from "../../../src/session/waiter.ts";
import { eventMaker } from "../../helpers/events.ts";
import { FakeEvents, harness } from "../tools/support.ts";

const e = eventMaker();

Deno.test("waitAttended() returns requires_action where nobody can be asked", async () => {
  const call = e.tool("bash", { evaluated_permission: "ask", input: {} });
  const list = new FakeEvents([e.user("q"), e.running(), call, e.asks(String(call.id))]);
  const { services, clock } = harness({ events: list.api });
  const result = await clock.runUntil(waitAttended({
    sessionId: "sesn_1",
    timeoutMs: 50_000,
    signal: new AbortController().signal,
    by: { mayAct: () => true },
  }, { waiter: createWaiter(services) }));
  assertEquals(result.status, "requires_action");
});
