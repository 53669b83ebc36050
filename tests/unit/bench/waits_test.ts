import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { readTurn, readUntil, replyIn } from "../../bench/waits/api_stream.ts";
import {
  holdWaits,
  isReply,
  messageIn,
  toolResult,
  wholeReply,
} from "../../bench/waits/http_waits.ts";
import { UpstreamProcess } from "../../helpers/upstream_process.ts";

const TIME = "1795417000000.25";

function answer(structuredContent: Record<string, unknown>, isError?: boolean) {
  return { jsonrpc: "2.0", id: 1, result: { isError, content: [], structuredContent } };
}

function chunks(...texts: string[]): ReadableStream<Uint8Array<ArrayBuffer>> {
  return ReadableStream.from(texts.map((text) => new TextEncoder().encode(text)));
}

Deno.test("wholeReply() takes the reply of a turn that ended well, and nothing else", () => {
  const whole = { session_id: "sesn_1", status: "idle", reply: TIME };
  assertEquals(wholeReply(answer(whole), "sesn_1"), TIME);
  const bad: readonly unknown[] = [
    answer({ ...whole, session_id: "sesn_2" }),
    answer({ ...whole, status: "timeout" }),
    answer({ ...whole, reply: "" }),
    answer({ ...whole, reply: TIME.slice(0, 9) }),
    answer(whole, true),
    { jsonrpc: "2.0", id: 1, error: { code: -32_000, message: "no" } },
  ];
  for (const message of bad) assertThrows(() => wholeReply(message, "sesn_1"));
});

Deno.test("toolResult() shows what a call that failed has answered", () => {
  assertThrows(() => toolResult(answer({}, true)), Error, '"isError":true');
});

Deno.test("messageIn() is the last message of an answer, past comments and progress", () => {
  const text = ': open\n\ndata: {"method":"progress"}\n\n: alive\n\ndata: {"id":1}\n\n';
  assertEquals([messageIn(text), messageIn('{"id":2}')], [{ id: 1 }, { id: 2 }]);
  assertThrows(() => messageIn(": open\n\n"), SyntaxError);
});

Deno.test("readUntil() waits for the end of the frame, across chunks, and reads no further", async () => {
  const body = chunks(": open\n\n", 'data: {"resu', 'lt":1}', "\n\n", "data: more\n\n");
  const { at, text } = await readUntil(body, '"result":');
  assertEquals(text, ': open\n\ndata: {"result":1}\n\n');
  assert(at <= performance.now());
});

Deno.test("readUntil() refuses a body that ends too soon", async () => {
  await assertRejects(() => readUntil(chunks('data: {"result":'), '"result":'), Error, "ended");
});

Deno.test("a turn is read from the stream with what was said in it", async () => {
  const said = JSON.stringify({ content: [{ type: "text", text: TIME }] });
  const { text } = await readTurn(chunks(
    `event: agent.message\ndata: ${said}\n\n`,
    "event: session.status_idle\ndata: {}\n\n",
  ));
  assertEquals(replyIn(text), TIME);
  assert(isReply(TIME) && !isReply("It is idle"));
});

Deno.test("holdWaits() fails when one of its waits did not return the reply", async () => {
  const upstream = await UpstreamProcess.start();
  // Answers at once, without having waited, and holds a stream so that the wait counts as open.
  const dropped: AbortController[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (call) => {
      const { params: { arguments: { session_id } } } = await call.json();
      const held = new AbortController();
      dropped.push(held);
      const { body } = await fetch(
        `${upstream.address.url}/v1/sessions/${session_id}/events/stream`,
        {
          headers: { "x-api-key": "k", "anthropic-beta": "managed-agents-2026-04-01" },
          signal: held.signal,
        },
      );
      body?.pipeTo(new WritableStream()).catch(() => {});
      const message = answer({ session_id, status: "timeout", reply: "" });
      return new Response(`data: ${JSON.stringify(message)}\n\n`);
    },
  );
  try {
    const url = `http://127.0.0.1:${server.addr.port}`;
    const held = await holdWaits({ url, token: "t" }, upstream, 2);
    await assertRejects(() => held.end(), Error, "returned");
  } finally {
    for (const each of dropped) each.abort();
    await server.shutdown();
    await upstream.close();
  }
});
