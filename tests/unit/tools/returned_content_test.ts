import { assert, assertEquals, assertRejects } from "@std/assert";
import type { ListEventsParams } from "../../../src/api/types.ts";
import type { SessionEvent } from "../../../src/api/events.ts";
import { ApiError } from "../../../src/api/errors.ts";
import type { AttachmentView, WaitResult } from "../../../src/session/result.ts";
import { CONTENT, MAX_CONTENT_CHARS } from "../../../src/tools/content.ts";
import type { ToolCall } from "../../../src/tools/define.ts";
import { contentOf, withReturnedContent } from "../../../src/tools/returned_content.ts";
import { type Harness, harness } from "./support.ts";

const PNG = btoa("\x89PNG\r\n\x1a\n and the rest");
const SIGNATURES: readonly [mimeType: string, beginning: string][] = [
  ["image/png", "\x89PNG\r\n\x1a\n"],
  ["image/jpeg", "\xff\xd8\xff\xe0"],
  ["image/gif", "GIF89a"],
  ["image/webp", "RIFF\0\0\0\0WEBP"],
];

const SHOWS = "list_events with an attachment's after_id and limit 1 shows it.";

const RESULT: WaitResult = {
  session_id: "sesn_1",
  status: "idle",
  reply: "Done.",
  tool_activity: [],
  pending_actions: [],
  errors: [],
  elapsed_sec: 1,
};

/** The event number `at`, a tool's result that holds an image with these bytes. */
function event(at: number, data: string): SessionEvent {
  const source = { type: "base64", media_type: "image/png", data };
  return { id: `sevt_${at}`, type: "agent.mcp_tool_result", content: [{ type: "image", source }] };
}

/** How the result of a wait names that image. */
function named(at: number): AttachmentView {
  const after_id = `sevt_before_${at}`;
  return { type: "image", tool: "draw", event_id: `sevt_${at}`, shown: false, after_id };
}

interface World extends Harness {
  readonly requests: ListEventsParams[];
}

function world(list: () => Promise<SessionEvent[]>): World {
  const requests: ListEventsParams[] = [];
  return {
    requests,
    ...harness({
      events: {
        list: async (_sessionId, params) => {
          requests.push(params);
          return { data: await list(), next_page: null };
        },
      },
    }),
  };
}

/** Shows the images with these bytes, oldest first. */
async function show(texts: readonly string[], call: Partial<ToolCall> = {}, more = {}) {
  const events = texts.map((text, at) => event(at, text)).reverse();
  const made = world(() => Promise.resolve(events));
  const attachments = texts.map((_, at) => named(at));
  const result = { ...RESULT, ...more, attachments };
  const shown = await withReturnedContent(result, made.call(call));
  return {
    requests: made.requests,
    blocks: shown[CONTENT] ?? [],
    shown: shown.attachments?.map((one) => one.shown),
    left: shown.attachments?.flatMap(({ after_id }) => after_id ?? []),
    next: shown.next,
  };
}

for (const [mimeType, beginning] of SIGNATURES) {
  Deno.test(`withReturnedContent() shows ${mimeType}, whatever type it is said to have`, async () => {
    const data = btoa(`${beginning} and the rest`);
    const { blocks, shown } = await show([data]);
    assertEquals(blocks, [{ type: "image", data, mimeType }]);
    assertEquals(shown, [true]);
  });
}

Deno.test("withReturnedContent() shows a PDF document as a resource", async () => {
  const blob = btoa("%PDF-1.4 and the rest");
  const { blocks } = await show([blob]);
  const uri = "cma://sessions/sesn_1/events/sevt_0/attachments/0";
  assertEquals(blocks, [{
    type: "resource",
    resource: { uri, mimeType: "application/pdf", blob },
  }]);
});

Deno.test("withReturnedContent() shows nothing that is no image and no PDF, or no base64", async () => {
  const odd = [
    btoa("<svg onload=alert(1)>"),
    btoa("<!doctype html>"),
    btoa("MZ\x90\0"),
    `${PNG.slice(0, 8)}*${PNG.slice(9)}`,
    PNG.slice(0, -1),
    "A",
    "=",
  ];
  for (const text of odd) {
    const { blocks, shown, left, next } = await show([text]);
    assertEquals([text, blocks, shown, left, next], [text, [], [false], [], undefined]);
  }
});

Deno.test("withReturnedContent() shows the newest four, in their order", async () => {
  const texts = ["one", "two", "three", "four", "five"].map((word) =>
    btoa(`\x89PNG\r\n\x1a\n${word}`)
  );
  const { blocks, shown, requests, left, next } = await show(texts, {}, { next: "Go on." });
  assertEquals(blocks.map((block) => block.type === "image" && block.data), texts.slice(1));
  assertEquals([shown, requests.length], [[false, true, true, true, true], 1]);
  assertEquals(left, ["sevt_before_0"]);
  assertEquals(next, `Go on. ${SHOWS}`);
});

Deno.test("withReturnedContent() names list_events only to those who have it", async () => {
  const texts = Array<string>(5).fill(PNG);
  const { left, next } = await show(texts, { has: () => false });
  assertEquals([left?.length, next], [1, undefined]);
});

Deno.test("withReturnedContent() keeps within the room for all blocks, newest first", async () => {
  const big = PNG + "AAAA".repeat(MAX_CONTENT_CHARS / 8);
  const { blocks, shown, left } = await show([PNG, big, big]);
  assertEquals([shown, left], [[true, false, true], ["sevt_before_1"]]);
  const chars = blocks.map((block) => block.type === "image" ? block.data.length : 0);
  assert(chars.reduce((sum, one) => sum + one, 0) <= MAX_CONTENT_CHARS);
});

Deno.test("withReturnedContent() asks nothing for a result without bytes to show", async () => {
  const { call } = harness({});
  const without = [RESULT, { ...RESULT, attachments: [] }, {
    ...RESULT,
    attachments: [
      { type: "image", url: "https://charts.example/" },
      { type: "document", file_id: "file_1", event_id: "sevt_1" },
      { type: "image", shown: false },
    ],
  }] satisfies WaitResult[];
  for (const result of without) {
    assertEquals(await withReturnedContent(result, call()), result);
  }
});

Deno.test("withReturnedContent() gives the result as it is where nothing can be read", async () => {
  const failure = new ApiError("No.", { kind: "http", status: 500 });
  const { call } = world(() => Promise.reject(failure));
  const result = { ...RESULT, attachments: [named(0)] };
  assertEquals(await withReturnedContent(result, call()), { ...result, next: SHOWS });
});

Deno.test("withReturnedContent() keeps the deadline, and asks nothing shortly before it", async () => {
  const { call, clock, requests } = world(() => new Promise(() => {}));
  const result = { ...RESULT, attachments: [named(0)] };
  const late = await withReturnedContent(result, call({ deadline: clock.now() + 499 }));
  assertEquals([late, requests.length], [{ ...result, next: SHOWS }, 0]);
});

Deno.test("withReturnedContent() reads after a person's decision, though the deadline has passed", async () => {
  const { requests, shown } = await show([PNG], { deadline: -1 }, { decisions: [] });
  assertEquals([requests.length, shown], [1, [true]]);
});

Deno.test("withReturnedContent() ends with a call that is cancelled", async () => {
  const controller = new AbortController();
  const { call } = world(() => {
    controller.abort(new Error("cancelled"));
    return Promise.reject(new Error("cancelled"));
  });
  const result = { ...RESULT, attachments: [named(0)] };
  await assertRejects(
    () => withReturnedContent(result, call({ signal: controller.signal })),
    Error,
    "cancelled",
  );
});

Deno.test("contentOf() gives the last four images of an event that find room", async () => {
  const { call } = harness({});
  const texts = ["one", "two", "three", "four", "five"].map((word) =>
    btoa(`\x89PNG\r\n\x1a\n${word}`)
  );
  const content = texts.flatMap((text) => [event(0, text).content]).flat();
  const shown = await contentOf("sesn_1", { ...event(0, "A"), content }, call());
  const blocks = shown[CONTENT] ?? [];
  assertEquals(blocks.map((block) => block.type === "image" && block.data), texts.slice(1));
  assertEquals(await contentOf("sesn_1", event(0, btoa("<svg>")), call()), {});
  const without = { type: "agent.message", content: "text" };
  assertEquals(await contentOf("sesn_1", without, call()), {});
});

Deno.test("contentOf() reads an event again of which a large page left out the bytes", async () => {
  const processed_at = "2026-11-23T09:00:00.000000Z";
  const { call, requests } = world(() => Promise.resolve([event(1, "AAAA"), event(0, PNG)]));
  const shown = await contentOf("sesn_1", { ...event(0, ""), processed_at }, call());
  assertEquals(shown[CONTENT], [{ type: "image", data: PNG, mimeType: "image/png" }]);
  assertEquals(requests, [{
    ...{ order: "asc", limit: 5, types: ["agent.mcp_tool_result"], createdAtGte: processed_at },
    maxTextChars: MAX_CONTENT_CHARS,
  }]);
  const failing = world(() => Promise.reject(new Error("No.")));
  assertEquals(
    await contentOf("sesn_1", { ...event(0, ""), processed_at }, failing.call()),
    {},
  );
});
