import { assertEquals, assertRejects } from "@std/assert";
import { ApiError } from "../../../src/api/errors.ts";
import { failure, setup, TestBody } from "./support.ts";

Deno.test("files.content() gives the bytes as they come, whatever they are", async () => {
  const body = new TestBody(Uint8Array.of(0, 255, 10), "text");
  const { api, requests, clock } = setup([body.respond()]);
  const content = await api.files.content("file_1");
  body.end();
  const chunks: number[] = [];
  for await (const chunk of content) chunks.push(...chunk);
  assertEquals(chunks, [0, 255, 10, ...new TextEncoder().encode("text")]);
  assertEquals(requests.map(({ url }) => new URL(url).pathname), ["/v1/files/file_1/content"]);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("files.content() rejects with the API's error", async () => {
  const { api, clock } = setup([failure(404, "not_found_error")]);
  const error = await assertRejects(() => api.files.content("file_1"), ApiError);
  assertEquals([error.status, clock.pendingTimers], [404, 0]);
});

Deno.test("files.content() tells that the connection broke in the middle", async () => {
  const body = new TestBody("some");
  const { api, clock } = setup([body.respond()]);
  const content = await api.files.content("file_1");
  const read = async () => {
    for await (const _ of content) body.break();
  };
  const error = await assertRejects(read, ApiError);
  assertEquals([error.kind, clock.pendingTimers], ["connection_lost", 0]);
});

Deno.test("files.content() gives up a file that brings no more bytes, but not a slow reader", async () => {
  const body = new TestBody("some");
  const { api, clock } = setup([body.respond()]);
  const content = await api.files.content("file_1");
  const read = async () => {
    for await (const _ of content) await clock.sleep(120_000);
  };
  const reading = assertRejects(read, ApiError, "No byte of the file came for 30 s");
  await clock.advance(120_000);
  await clock.advance(30_000);
  await reading;
  assertEquals([body.cancelled, clock.pendingTimers], [true, 0]);
});

Deno.test("files.content() ends with the signal, and when it is closed", async () => {
  for (const how of ["signal", "close"] as const) {
    const body = new TestBody("some");
    const { api, clock } = setup([body.respond()]);
    const controller = new AbortController();
    const content = await api.files.content("file_1", { signal: controller.signal });
    const read = async () => {
      for await (const _ of content) {
        if (how === "close") content.close();
        else controller.abort(new DOMException("Enough", "AbortError"));
      }
    };
    if (how === "close") await read();
    else await assertRejects(read, DOMException, "Enough");
    assertEquals([body.cancelled, clock.pendingTimers], [true, 0]);
  }
});
