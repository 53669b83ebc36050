import { assertEquals } from "@std/assert";
import { createMessageStream } from "../../../src/http/message_stream.ts";
import { ManualClock } from "../../helpers/manual_clock.ts";

Deno.test("a streamed message is one line also for readers that split at U+2028", async () => {
  const stream = createMessageStream(new ManualClock(), 10_000, () => {});
  const response = stream.open();
  const text = "a\u2028b\u2029c\u0085d";
  stream.close({ id: 1, result: { text } });
  const body = await response.text();
  assertEquals(/[\u0085\u2028\u2029]/.test(body), false);
  const data = body.split("\n").find((line) => line.startsWith("data: ")) ?? "";
  assertEquals(JSON.parse(data.slice(6)).result, { text });
});
