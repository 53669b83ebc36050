import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { ClientEvent } from "../../../src/api/types.ts";
import { ApiError } from "../../../src/api/errors.ts";
import { ToolError } from "../../../src/core/errors.ts";
import { sendMessage } from "../../../src/tools/send_message.ts";
import { harness, httpError } from "./support.ts";

const MESSAGE = { session_id: "sesn_1", text: "Hello" };

/** An API that echoes what it is sent. */
function echoing() {
  const sent: [string, readonly ClientEvent[]][] = [];
  const opened = harness({
    events: {
      send: (sessionId, events) => {
        sent.push([sessionId, events]);
        const echo = events.map((event) => ({ ...event, id: "sevt_1", processed_at: null }));
        return Promise.resolve({ data: echo });
      },
    },
  });
  return { ...opened, sent };
}

Deno.test("send_message queues the text and tells the waiter to expect it", async () => {
  const { run, waiter, sent } = echoing();
  assertEquals(await run(sendMessage, MESSAGE), { queued: true, event_id: "sevt_1" });
  assertEquals(sent, [
    ["sesn_1", [{ type: "user.message", content: [{ type: "text", text: "Hello" }] }]],
  ]);
  assertEquals(waiter.rememberedSends, [["sesn_1", "sevt_1"]]);
});

Deno.test("send_message sends images and documents behind the text", async () => {
  const { run, sent } = echoing();
  await run(sendMessage, {
    ...MESSAGE,
    document_file_ids: ["file_2"],
    document_urls: ["https://example.com/b.pdf"],
    image_file_ids: ["file_1"],
    image_urls: ["https://example.com/a.png"],
  });
  const content = [
    { type: "text", text: "Hello" },
    { type: "image", source: { type: "url", url: "https://example.com/a.png" } },
    { type: "image", source: { type: "file", file_id: "file_1" } },
    { type: "document", source: { type: "url", url: "https://example.com/b.pdf" } },
    { type: "document", source: { type: "file", file_id: "file_2" } },
  ] as const;
  assertEquals(sent, [["sesn_1", [{ type: "user.message", content }]]]);
});

Deno.test("send_message sends several texts, each as a block of its own, in their order", async () => {
  const { run, sent } = echoing();
  await run(sendMessage, { ...MESSAGE, texts: ["One, and", "two."], image_file_ids: ["file_1"] });
  await run(sendMessage, { session_id: "sesn_1", texts: "Alone, with a comma." });
  const block = (text: string) => ({ type: "text", text }) as const;
  const image = { type: "image", source: { type: "file", file_id: "file_1" } } as const;
  const first = [block("Hello"), block("One, and"), block("two."), image];
  assertEquals(sent, [
    ["sesn_1", [{ type: "user.message", content: first }]],
    ["sesn_1", [{ type: "user.message", content: [block("Alone, with a comma.")] }]],
  ]);
});

Deno.test("send_message needs no text where there is an image", async () => {
  const { run, sent } = echoing();
  await run(sendMessage, { session_id: "sesn_1", text: "", image_file_ids: ["file_1"] });
  const content = [{ type: "image", source: { type: "file", file_id: "file_1" } }] as const;
  assertEquals(sent, [["sesn_1", [{ type: "user.message", content }]]]);
});

const REFUSED: readonly [string, Record<string, unknown>, string][] = [
  ["nothing", {}, "text is required: a text of 1 to 100000 characters, unless there are images"],
  ["an empty text", { text: "", image_urls: [] }, "text is required"],
  [
    "a text by another name",
    { message: "Hello" },
    'Unknown argument "message": did you mean text?',
  ],
  [
    "texts that are too long together",
    { text: "x".repeat(60_000), texts: ["y".repeat(40_000), "z"] },
    "text and texts must have at most 100000 characters together",
  ],
  ["many texts", { texts: Array(21).fill("x") }, "a list of at most 20"],
  ["an empty text of several", { texts: ["x", ""] }, "texts must be a list"],
  ["an http URL", { image_urls: ["http://example.com/a.png"] }, "each an https:// address"],
  ["many files", { document_file_ids: Array(11).fill("file_1") }, "a list of at most 10"],
];

for (const [what, args, words] of REFUSED) {
  Deno.test(`send_message refuses ${what}, and sends nothing`, async () => {
    const { run, sent } = echoing();
    const { code, message } = await assertRejects(
      () => run(sendMessage, { session_id: "sesn_1", ...args }),
      ToolError,
    );
    assertEquals(code, "invalid_argument");
    assertStringIncludes(message, words);
    assertEquals(sent, []);
  });
}

Deno.test("send_message passes on the error of an API that refuses the message", async () => {
  const error = httpError(409);
  const { run } = harness({ events: { send: () => Promise.reject(error) } });
  assertEquals(await assertRejects(() => run(sendMessage, MESSAGE), ApiError), error);
});
