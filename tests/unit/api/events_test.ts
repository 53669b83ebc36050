import { assertEquals, assertStrictEquals } from "@std/assert";
import {
  answeredToolUse,
  attachmentsIn,
  attachmentTypes,
  contentText,
  decodeEvent,
  errorOf,
  messageText,
  stopReasonOf,
} from "../../../src/api/events.ts";
import { fc, fuzzRuns } from "../../helpers/fuzz.ts";
import { json, setup } from "./support.ts";

Deno.test("decodeEvent() passes a fitting event through as it is", () => {
  const events = [
    { type: "agent.message", id: "sevt_1", processed_at: "2026-11-23T09:00:00Z", content: [] },
    { type: "agent.message", id: "evt:01.AB", processed_at: "2026-11-23T09:00:00+01:00" },
    { type: "user.message", id: "sevt_2", processed_at: null },
    { type: "never.seen.before", extra: { deep: [1] } },
    { type: "agent.message", id: null },
  ];
  for (const event of events) assertStrictEquals(decodeEvent(event), event);
});

Deno.test("decodeEvent() reads a time in whatever form it comes, and only null as queued", () => {
  const read = (processed_at: unknown) => decodeEvent({ type: "a", processed_at })?.processed_at;
  const iso = "2026-11-23T09:00:00.000Z";
  const ms = Date.parse(iso);
  for (const time of [ms / 1_000, ms, ms * 1e3, ms * 1e6, String(ms / 1_000)]) {
    assertEquals(read(time), iso);
  }
  assertEquals(read("2026-11-23 09:00:00"), iso);
  assertEquals(read(null), null);
  for (
    const nothing of [
      ...[undefined, "", "yesterday", [], {}, true, 7, 0, -1, 1e300, NaN],
      ...["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "9".repeat(500)],
    ]
  ) {
    assertEquals(read(nothing), undefined, String(nothing));
  }
});

Deno.test("decodeEvent() gives every event an id that can be handed out and taken back", () => {
  const read = (id: unknown) => decodeEvent({ type: "a", id })?.id;
  assertEquals(read("evt:01.AB"), "evt:01.AB");
  assertEquals(read(7), "7");
  for (const odd of ["two words", "x".repeat(129), "x".repeat(1_000_000), "line\nbreak", "‮"]) {
    assertEquals(/^~[a-z0-9_]{1,20}$/.test(read(odd) ?? ""), true, odd.slice(0, 20));
    assertEquals(read(odd), read(odd));
  }
  assertEquals(read("a b") === read("a c"), false);
  for (const nothing of [undefined, null, "", " ", [], {}, true, 1.5]) {
    assertEquals(read(nothing) ?? undefined, undefined);
  }
});

Deno.test("decodeEvent() falls back to the frame's name for the type", () => {
  assertEquals(decodeEvent({ id: "e" }, "session.status_idle")?.type, "session.status_idle");
  assertEquals(decodeEvent({ id: "e", type: "" }, "agent.message")?.type, "agent.message");
  assertEquals(decodeEvent({ id: "e", type: 7 }, "agent.message")?.type, "agent.message");
  assertEquals(decodeEvent({ type: "a.b" }, "c.d")?.type, "a.b");
});

Deno.test("decodeEvent() refuses what is no event", () => {
  for (
    const value of [undefined, null, 1, "agent.message", [], [{ type: "a" }], {}, { type: "" }]
  ) {
    assertEquals(decodeEvent(value), undefined);
  }
});

Deno.test("decodeEvent() of any value gives an event with fields of the right types, or none", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.jsonValue(),
        fc.record({ type: fc.jsonValue(), id: fc.jsonValue(), processed_at: fc.jsonValue() }, {
          requiredKeys: [],
        }),
      ),
      fc.option(fc.string({ minLength: 1 }), { nil: undefined }),
      (value, fallback) => {
        const event = decodeEvent(value, fallback);
        if (!event) return;
        const { type, id, processed_at: time } = event;
        assertEquals(typeof type === "string" && type !== "", true);
        assertEquals(id == null || /^[^\s\p{C}]{1,128}$/u.test(id), true);
        assertEquals(time == null || typeof time === "string", true);
      },
    ),
    fuzzRuns(1_000),
  );
});

const TEXTS: readonly [content: unknown, text: string][] = [
  ["end", "end"],
  [[{ type: "text", text: "a" }, { type: "text", text: "b" }], "ab"],
  [[{ type: "text", text: null }, { type: "text", text: "end" }], "end"],
  [[{ type: "text", text: { value: 1 } }, { type: "text", text: "end" }], "end"],
  [[null, 7, [], "en", { type: "text", text: "d" }], "end"],
  [[{ type: null, text: "end" }], "end"],
  [[{ text: "end" }], "end"],
  [{ type: "text", text: "end" }, "end"],
  [{ 0: { type: "text", text: "en" }, 1: { type: "text", text: "d" } }, "end"],
  [[{ type: "image", text: "no" }, { type: "redacted" }, { type: "text", text: "end" }], "end"],
  [null, ""],
  [undefined, ""],
  [[], ""],
  [{}, ""],
  [7, ""],
];

for (const [content, text] of TEXTS) {
  Deno.test(`contentText() of ${JSON.stringify(content)}`, () => {
    assertEquals(contentText(content), text);
  });
}

Deno.test("attachmentTypes() names blocks that are no text, and skips what is no block", () => {
  const content = [{ type: "image" }, null, { type: "text" }, { type: 7 }, { type: "document" }];
  assertEquals(attachmentTypes(content), ["image", "document"]);
  assertEquals(attachmentTypes("text"), []);
});

Deno.test("attachmentsIn() reads the address or the file of each, where there is one", () => {
  const content = [
    { type: "text", text: "a" },
    { type: "image", source: { type: "url", url: "https://a.example/b.png" } },
    { type: "document", source: { type: "file", file_id: "file_1" } },
    { type: "image", source: { type: "base64", data: "AA==" } },
    { type: "redacted", source: 7 },
  ];
  const none = { url: undefined, fileId: undefined };
  assertEquals(attachmentsIn(content), [
    { ...none, type: "image", url: "https://a.example/b.png" },
    { ...none, type: "document", fileId: "file_1" },
    { ...none, type: "image" },
    { ...none, type: "redacted" },
  ]);
});

const idle = (fields: Record<string, unknown>) => ({ type: "session.status_idle", ...fields });

Deno.test("stopReasonOf() reads each field by itself", () => {
  const waits = { type: "requires_action", event_ids: ["T"] };
  for (const odd of [[], null, {}, "", 7, "text", [1], { category: [], explanation: 7 }]) {
    const reason = stopReasonOf(idle({ stop_reason: waits, stop_details: odd }));
    assertEquals([reason?.type, reason?.eventIds], ["requires_action", ["T"]]);
  }
  const ids = (event_ids: unknown) =>
    stopReasonOf(idle({ stop_reason: { type: "requires_action", event_ids } }))?.eventIds;
  assertEquals(ids(["T", null, {}, "", 7, "U"]), ["T", "7", "U"]);
  assertEquals(ids({ 0: "T", 2: "U" }), ["T", "U"]);
  assertEquals(ids("T"), ["T"]);
  assertEquals(ids(null), undefined);
});

Deno.test("stopReasonOf() takes a session that names what it waits for as waiting", () => {
  for (const type of [null, undefined, [], {}, "", 7]) {
    const reason = stopReasonOf(idle({ stop_reason: { type, event_ids: ["T"] } }));
    assertEquals([reason?.type, reason?.eventIds], ["requires_action", ["T"]]);
  }
  assertEquals(stopReasonOf(idle({ stop_reason: "end_turn" }))?.type, "end_turn");
  for (const nothing of [null, undefined, [], {}, "", 7, { type: 5 }]) {
    assertEquals(stopReasonOf(idle({ stop_reason: nothing })), undefined);
  }
});

const ERRORS: readonly [fields: Record<string, unknown>, type: string, message?: string][] = [
  [{ error: { type: "t", message: "m", retry_status: { type: "exhausted" } } }, "t", "m"],
  [{ error: { type: "t", message: {}, retry_status: { type: "exhausted" } } }, "t"],
  [{ error: { type: "t", message: "m", retry_status: "exhausted" } }, "t", "m"],
  [{ error: { type: 7, message: "m", retry_status: "exhausted" } }, "unknown_error", "m"],
  [{ error: "harness_turn_failed" }, "harness_turn_failed"],
  [{ error: "It broke" }, "unknown_error", "It broke"],
  [{ content: [{ type: "text", text: "It broke" }] }, "unknown_error", "It broke"],
  [{ message: "It broke" }, "unknown_error", "It broke"],
  [{ error: null }, "unknown_error"],
  [{}, "unknown_error"],
];

for (const [fields, type, message] of ERRORS) {
  Deno.test(`errorOf() of ${JSON.stringify(fields)}`, () => {
    const error = errorOf({ type: "session.error", ...fields });
    assertEquals([error.type, error.message], [type, message]);
    if (JSON.stringify(fields).includes("exhausted")) assertEquals(error.retryStatus, "exhausted");
  });
}

Deno.test("answeredToolUse() takes the first id that can be read", () => {
  const answer = (fields: Record<string, unknown>) => answeredToolUse({ type: "a", ...fields });
  assertEquals(answer({ tool_use_id: null, custom_tool_use_id: "T" }), "T");
  assertEquals(answer({ tool_use_id: {}, mcp_tool_use_id: "T" }), "T");
  assertEquals(answer({ tool_use_id: [] }), undefined);
});

Deno.test("a bad event is left out of a page and of an echo, and the others are kept", async () => {
  const data = [{ type: "a", id: "1" }, null, { type: "b", id: [] }];
  const { api, logs } = setup([json({ data, next_page: "page_2" }), json({ data })]);
  const page = await api.events.list("sesn_1", {});
  assertEquals(page.data.map(({ type, id }) => [type, id]), [["a", "1"], ["b", null]]);
  assertEquals(page.next_page, "page_2");
  assertEquals((await api.events.send("sesn_1", [{ type: "user.interrupt" }])).data.length, 2);
  assertEquals(logs.map(({ fields }) => fields), [{ skipped: 1 }, { skipped: 1 }]);
});

Deno.test("an echo that cannot be read is an accepted send all the same", async () => {
  for (const echo of [{ data: 7 }, { accepted: true }, [], "ok", null, 0, { data: [null] }]) {
    const { api } = setup([json(echo)]);
    assertEquals(await api.events.send("sesn_1", [{ type: "user.interrupt" }]), { data: [] });
  }
});

Deno.test("messageText() keeps a person's texts apart, and an agent's blocks together", () => {
  const content = [{ type: "text", text: "a" }, { type: "image" }, { type: "text", text: "b" }];
  assertEquals(messageText({ type: "user.message", content }), "a\n\nb");
  assertEquals(messageText({ type: "agent.message", content }), "ab");
  assertEquals(messageText({ type: "user.message", content: "a" }), "a");
});

const MORE_TEXTS: readonly [unknown, string][] = [
  [[{ type: "output_text", text: "a" }, { type: "text", text: "b" }], "ab"],
  [[[{ type: "text", text: "a" }, "b"], "c"], "abc"],
  [[[[[["a"]]]]], ""],
  [[{ type: "image", text: "a" }], ""],
];
for (const [content, text] of MORE_TEXTS) {
  Deno.test(`contentText() reads ${JSON.stringify(content)} is '${text}'`, () => {
    assertEquals(contentText(content), text);
  });
}
