import { assertEquals, assertStrictEquals } from "@std/assert";
import { decodeEvent, decodeEvents } from "../../../src/api/decode.ts";
import {
  messageSchema,
  sessionErrorSchema,
  sessionEventSchema,
  statusIdleSchema,
  toolResultSchema,
  toolUseSchema,
  usageEventSchema,
} from "../../../src/api/events.ts";
import { agentSchema, sessionSchema } from "../../../src/api/resources.ts";
import { fc } from "../../helpers/fuzz.ts";
import { json, recordingLogger, type Setup, setup } from "./support.ts";

Deno.test("decodeEvent() passes a fitting event through as it is", () => {
  const events = [
    { type: "agent.message", id: "sevt_1", processed_at: "2026-11-23T09:00:00Z", content: [] },
    { type: "user.message", id: "sevt_2", processed_at: null },
    { type: "never.seen.before", extra: { deep: [1] } },
    { type: "agent.message", id: null },
  ];
  for (const event of events) assertStrictEquals(decodeEvent(event), event);
});

Deno.test("decodeEvent() reads an id or time that is no string as absent", () => {
  assertEquals(decodeEvent({ type: "a", id: 5, processed_at: 1_700_000_000, more: true }), {
    type: "a",
    id: null,
    processed_at: null,
    more: true,
  });
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

Deno.test("decodeEvent() gives nothing that the event schema refuses", () => {
  fc.assert(fc.property(
    fc.oneof(
      fc.jsonValue(),
      fc.record({ type: fc.jsonValue(), id: fc.jsonValue(), processed_at: fc.jsonValue() }, {
        requiredKeys: [],
      }),
    ),
    fc.option(fc.string({ minLength: 1 }), { nil: undefined }),
    (value, fallback) => {
      const event = decodeEvent(value, fallback);
      if (event) assertEquals(sessionEventSchema.safeParse(event).success, true);
    },
  ));
});

Deno.test("decodeEvents() leaves out what is no event and logs how many", () => {
  const logs: Setup["logs"] = [];
  const events = decodeEvents(
    [{ type: "a" }, 7, { id: "x" }, { type: "b" }],
    recordingLogger(logs),
  );
  assertEquals(events.map(({ type }) => type), ["a", "b"]);
  assertEquals(logs.map(({ level, fields }) => [level, fields]), [["debug", { skipped: 2 }]]);
});

Deno.test("a bad event spoils neither the page of a list nor the echo of a send", async () => {
  const data = [{ type: "a", id: "1" }, null, { type: "b", id: 2 }];
  const { api } = setup([json({ data, next_page: "page_2" }), json({ data })]);
  const page = await api.events.list("sesn_1", {});
  assertEquals(page.data.map(({ type, id }) => [type, id]), [["a", "1"], ["b", null]]);
  assertEquals(page.next_page, "page_2");
  assertEquals((await api.events.send("sesn_1", [{ type: "user.interrupt" }])).data.length, 2);
});

Deno.test("lists of other implementations read as pages", async () => {
  const { api } = setup([
    json({ data: [{ type: "a" }], has_more: false, first_id: "1", last_id: "1" }),
    json({ data: null, next_page: null }),
    json({}),
  ]);
  for (const length of [1, 0, 0]) {
    const page = await api.events.list("sesn_1", {});
    assertEquals([page.data.length, page.next_page ?? null], [length, null]);
  }
});

Deno.test("the schemas take what looser implementations send", () => {
  const fits = [
    statusIdleSchema.safeParse({ type: "session.status_idle", content: null }),
    statusIdleSchema.safeParse({ stop_reason: { type: "brand_new", x: 1 }, stop_details: null }),
    messageSchema.safeParse({ content: null }),
    messageSchema.safeParse({ content: "text" }),
    messageSchema.safeParse({ content: [{ type: "redacted" }] }),
    toolUseSchema.safeParse({}),
    toolResultSchema.safeParse({ tool_use_id: "sevt_1" }),
    usageEventSchema.safeParse({}),
    sessionErrorSchema.safeParse({ error: "harness_turn_failed" }),
    sessionErrorSchema.safeParse({ error: { type: "brand_new_error" } }),
    agentSchema.safeParse({ id: "agent-1", model: "claude", description: "" }),
    sessionSchema.safeParse({ id: "sess-1", status: "failed" }),
    sessionSchema.safeParse({ id: "sess-1", status: "idle", agent: "agent-1" }),
    sessionSchema.safeParse({ id: "sess-1", status: "idle", agent: { id: "agent-1" } }),
  ];
  for (const [index, fit] of fits.entries()) {
    assertEquals(fit.error?.issues ?? [], [], `case ${index}`);
  }
});
