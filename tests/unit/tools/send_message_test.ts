import { assertEquals, assertRejects } from "@std/assert";
import type { ClientEvent } from "../../../src/api/types.ts";
import { ApiError } from "../../../src/api/errors.ts";
import { sendMessage } from "../../../src/tools/send_message.ts";
import { harness, httpError } from "./support.ts";

const MESSAGE = { session_id: "sesn_1", text: "Hello" };

Deno.test("send_message queues the text and tells the waiter to expect it", async () => {
  const sent: [string, readonly ClientEvent[]][] = [];
  const { run, waiter } = harness({
    events: {
      send: (sessionId, events) => {
        sent.push([sessionId, events]);
        const echo = events.map((event) => ({ ...event, id: "sevt_1", processed_at: null }));
        return Promise.resolve({ data: echo });
      },
    },
  });
  assertEquals(await run(sendMessage, MESSAGE), { queued: true, event_id: "sevt_1" });
  assertEquals(sent, [
    ["sesn_1", [{ type: "user.message", content: [{ type: "text", text: "Hello" }] }]],
  ]);
  assertEquals(waiter.rememberedSends, [["sesn_1", "sevt_1"]]);
});

Deno.test("send_message passes on the error of an API that refuses the message", async () => {
  const error = httpError(409);
  const { run } = harness({ events: { send: () => Promise.reject(error) } });
  assertEquals(await assertRejects(() => run(sendMessage, MESSAGE), ApiError), error);
});
