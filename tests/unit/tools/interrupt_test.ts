import { assertEquals } from "@std/assert";
import type { ClientEvent } from "../../../src/api/types.ts";
import { interrupt } from "../../../src/tools/interrupt.ts";
import { FakeEvents, harness } from "./support.ts";

/** An API that takes every event; it tells their ids only where it `echoes` them. */
function sending({ echoes }: { echoes: boolean }) {
  const sent: ClientEvent[] = [];
  const opened = harness({
    events: {
      ...new FakeEvents([]).api,
      send: (_sessionId, events) => {
        sent.push(...events);
        const echo = events.map((event) => ({ ...event, id: "sevt_1", processed_at: null }));
        return Promise.resolve({ data: echoes ? echo : [] });
      },
    },
  });
  return { sent, ...opened };
}

Deno.test("interrupt queues an interrupt and tells the waiter to expect it", async () => {
  const { run, sent, waiter } = sending({ echoes: true });
  assertEquals(await run(interrupt, { session_id: "sesn_1" }), {
    queued: true,
    event_id: "sevt_1",
  });
  assertEquals(sent, [{ type: "user.interrupt" }]);
  assertEquals(waiter.rememberedSends, [["sesn_1", "sevt_1"]]);
});

Deno.test("interrupt tells the waiter of no event where the API gives none an id", async () => {
  const { run, waiter } = sending({ echoes: false });
  assertEquals(await run(interrupt, { session_id: "sesn_1" }), { queued: true });
  assertEquals(waiter.rememberedSends, []);
});
