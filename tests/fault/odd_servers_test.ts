// Servers whose lists and streams hold more, less, or something else than documented.
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { SessionEvent } from "../../src/api/events.ts";
import { ApiError, faultOf } from "../../src/api/errors.ts";
import { listRig, turnsOf } from "./list_rig.ts";

let made = 0;
function event(type: string, fields: Record<string, unknown> = {}): SessionEvent {
  const processed_at = new Date(Date.parse("2026-11-24T09:00:00Z") + ++made * 1_000).toISOString();
  return { id: `n${made}`, type, processed_at, ...fields };
}

const says = (text: string, fields: Record<string, unknown> = {}) =>
  event("agent.message", { content: [{ type: "text", text }], ...fields });
const begun = () => [
  event("user.message", { content: [{ type: "text", text: "go" }] }),
  event("session.status_running"),
];
const idle = (fields: Record<string, unknown> = {}) =>
  event("session.status_idle", { stop_reason: { type: "end_turn" }, ...fields });

const textsOf = ({ events }: Record<string, unknown>) =>
  Array.isArray(events) ? events.flatMap(({ text }) => text ?? []) : [];

const FOREIGN = { session_id: "sesn_2" };

Deno.test("events of another session on the stream change neither reply, verdict nor cursor", async () => {
  await using rig = listRig(begun());
  rig.server.status = "running";
  const waiting = rig.wait();
  await rig.server.streaming();
  const list = [...rig.server.events];
  rig.server.emit(
    says("theirs", FOREIGN),
    idle(FOREIGN),
    event("session.status_terminated", FOREIGN),
    event("session.deleted", FOREIGN),
  );
  rig.server.events.splice(0, Infinity, ...list);
  rig.server.emit(says("ours", { session_id: "sesn_1" }));
  const last = idle({ session_id: "sesn_1" });
  rig.server.status = "idle";
  rig.server.emit(last);
  const result = await waiting;
  assertEquals([result.status, result.reply, result.last_event_id], ["idle", "ours", last.id]);
});

Deno.test("events of another session in the list are left out everywhere", async () => {
  const ours = [...begun(), says("ours"), idle()];
  const theirs = [...begun(), says("theirs"), event("session.deleted")]
    .map((other) => ({ ...other, ...FOREIGN }));
  for (const order of ["asked", "asc"] as const) {
    await using rig = listRig([...ours, ...theirs], { order });
    const result = await rig.wait();
    assertEquals([result.status, result.reply], ["idle", "ours"]);
    for (const args of [{}, { order: "desc" }, { after_id: ours[1]?.id }]) {
      assertEquals(textsOf(await rig.list(args)).filter((text) => text !== "go"), ["ours"]);
    }
    assertEquals((await rig.session()).status, "idle");
  }
});

Deno.test("results name a session by the id that was asked for, and events may name it without its prefix", async () => {
  const events = [...begun(), says("ours", { session_id: "1" }), idle({ session_id: "1" })];
  await using rig = listRig(events, { session: { id: "other" } });
  assertEquals((await rig.wait()).reply, "ours");
  assertEquals((await rig.session()).session_id, "sesn_1");
});

const STREAMS: readonly [string, () => Response][] = [
  ...[400, 401, 403, 404, 405, 406, 410, 501].map((status): [string, () => Response] => [
    `answered with ${status}`,
    () => Response.json({ error: "Not here" }, { status }),
  ]),
  ["answered with 204", () => new Response(null, { status: 204 })],
  ["JSON", () => Response.json({ data: [] })],
  ["a web page", () => new Response("<html>", { headers: { "content-type": "text/html" } })],
  ["empty", () => new Response("", { headers: { "content-type": "text/event-stream" } })],
];

for (const [name, stream] of STREAMS) {
  Deno.test(`a wait finds the end of the turn in the list when the stream is ${name}`, async () => {
    await using rig = listRig(begun(), { stream });
    rig.server.status = "running";
    const waiting = rig.wait({ timeout_sec: 20 });
    while (rig.server.streamsAsked < 2) await new Promise((resolve) => setTimeout(resolve, 10));
    rig.server.status = "idle";
    rig.server.events.push(says("done"), idle());
    const result = await waiting;
    assertEquals([result.status, result.reply, result.errors], ["idle", "done", []]);
    assert(rig.server.queries.length < 20, `${rig.server.queries.length} lists`);
  });
}

Deno.test("reads are complete on a server that filters after paging, down to the name of a call far back", async () => {
  const call = event("agent.custom_tool_use", { name: "ask", input: {} });
  const spans = () => Array.from({ length: 400 }, () => event("span.model_request_start"));
  const [before, after] = [says("first"), says("last")];
  const events = [
    ...begun(),
    before,
    ...spans(),
    after,
    call,
    ...spans(),
    idle({ stop_reason: { type: "requires_action", event_ids: [call.id] } }),
  ];
  await using rig = listRig(events, { types: "late", limit: 20 });
  const types = ["agent.message"];
  const seen: string[] = [];
  let afterId: unknown;
  for (let calls = 0; calls < 10; calls++) {
    const page = await rig.list({ types, ...(afterId !== undefined && { after_id: afterId }) });
    seen.push(...textsOf(page));
    if (page.has_more !== true) break;
    assert(afterId !== page.last_event_id, "no progress");
    afterId = page.last_event_id;
  }
  assertEquals(seen, ["first", "last"]);
  const { pending_actions } = await rig.session();
  const answer = "the program that provides the tool";
  assertEquals(pending_actions, [
    { event_id: call.id, kind: "custom_tool_result", name: "ask", answer, input: {} },
  ]);
  const result = await rig.wait();
  assertEquals([result.status, result.reply], ["requires_action", "first\n\nlast"]);
});

Deno.test("reads throw when a server gives empty pages without end", async () => {
  let page = 0;
  await using rig = listRig([], { envelope: () => ({ data: [], next_page: `p${page++}` }) });
  const message = "page after page";
  await assertRejects(() => rig.wait(), ApiError, message);
  await assertRejects(() => rig.list(), ApiError, message);
});

const FRAMES: readonly [string, (event: SessionEvent) => unknown][] = [
  ["{event}", (event) => ({ event })],
  ["{data}", (data) => ({ data })],
  ["{payload}", (payload) => ({ payload })],
  ["{type: event, event}", (event) => ({ type: "event", event })],
  ["{id, event: message, data}", (data) => ({ id: 7, event: "message", data })],
  ["{data: {event}}", (event) => ({ data: { event } })],
  ["a list", (event) => [event]],
  ["a list of {event}", (event) => [{ event }]],
  ["a form that nobody knows", (event) => ({ kind: "x", parts: [{ thing: event }] })],
];

for (const [name, frame] of FRAMES) {
  Deno.test(`events on a stream as ${name} are seen at once`, async () => {
    await using rig = listRig(begun(), { frame });
    rig.server.status = "running";
    const waiting = rig.wait();
    await rig.server.streaming();
    const before = rig.clock.now();
    rig.server.status = "idle";
    rig.server.emit(says("done"), idle());
    const result = await waiting;
    assertEquals([result.status, result.reply], ["idle", "done"]);
    // No status poll is due before.
    assert(rig.clock.now() - before < 10_000);
  });
}

Deno.test("text that a message gains after its cursor was given out is returned once", async () => {
  const message = says("Hello");
  await using rig = listRig([...begun(), message]);
  rig.server.status = "running";
  const first = await rig.wait({ timeout_sec: 1 });
  assertEquals([first.reply, first.last_event_id], ["Hello", message.id]);
  const read = new Promise<void>((resolve) => rig.server.onList = () => resolve());
  const waiting = rig.wait({ after_id: first.last_event_id });
  await read;
  for (const text of ["Hello wor", "Hello world"]) {
    rig.server.events.pop();
    rig.server.emit({ ...message, content: [{ type: "text", text }] });
  }
  rig.server.status = "idle";
  rig.server.emit(says("end"), idle());
  const result = await waiting;
  assertEquals([result.status, result.reply], ["idle", " world\n\nend"]);
  const again = await rig.wait({ after_id: message.id });
  assertEquals(again.reply, "end");
});

const NAMES: readonly [string, (event: SessionEvent) => SessionEvent][] = [
  ["no ids", ({ id: _, ...event }) => event],
  ["no ids and no times", ({ id: _, processed_at: __, ...event }) => event],
  ["other ids", (event) => ({ ...event, id: `S${event.id}` })],
];

for (const [name, frame] of NAMES) {
  Deno.test(`a wait returns text once where events have ${name} on the stream, whatever breaks`, async () => {
    await using rig = listRig(begun(), { frame });
    rig.server.status = "running";
    const waiting = rig.wait();
    await rig.server.streaming();
    rig.server.emit(says("one"), says("ok"), says("ok"));
    rig.server.cut();
    await rig.server.streaming();
    rig.server.emit(says("two"));
    rig.server.status = "idle";
    rig.server.emit(idle());
    const result = await waiting;
    assertEquals([result.status, result.reply], ["idle", "one\n\nok\n\nok\n\ntwo"]);
    const again = await rig.wait({ after_id: result.last_event_id });
    assertEquals([again.status, again.reply], ["idle", ""]);
  });

  Deno.test(`the next wait repeats no text where events have ${name} on the stream`, async () => {
    await using rig = listRig([...begun(), says("zero")], { frame });
    rig.server.status = "running";
    let waiting = rig.wait({ timeout_sec: 10 });
    await rig.server.streaming();
    rig.server.cut();
    await rig.server.streaming();
    rig.server.emit(says("one"));
    const first = await waiting;
    assertEquals([first.status, first.reply], ["timeout", "zero\n\none"]);
    waiting = rig.wait({ after_id: first.last_event_id });
    await rig.server.streaming();
    rig.server.emit(says("two"));
    rig.server.status = "idle";
    rig.server.emit(idle());
    assertEquals((await waiting).reply, "two");
  });
}

Deno.test("a cursor never names an event that only the stream has shown", async () => {
  await using rig = listRig(begun());
  rig.server.status = "running";
  const waiting = rig.wait({ timeout_sec: 1 });
  await rig.server.streaming();
  for (let n = 0; n < 5; n++) {
    rig.server.emit(event("agent.message_stream_chunk", { delta: "x" }));
    rig.server.events.pop();
  }
  const first = await waiting;
  assertEquals(first.status, "timeout");
  rig.server.status = "idle";
  rig.server.events.push(says("done"), idle());
  const result = await rig.wait({ after_id: first.last_event_id });
  assertEquals([result.status, result.reply], ["idle", "done"]);
});

Deno.test("an event belongs to the session that its wrapper names", async () => {
  const frame = (event: SessionEvent) => ({
    session_id: String(event.content).includes("theirs") ? "sesn_2" : "sesn_1",
    event,
  });
  await using rig = listRig(begun(), { frame });
  rig.server.status = "running";
  const waiting = rig.wait();
  await rig.server.streaming();
  rig.server.emit(event("agent.message", { content: "theirs" }));
  rig.server.events.pop();
  rig.server.status = "idle";
  rig.server.emit(says("ours"), idle());
  assertEquals((await waiting).reply, "ours");
});

const ENVELOPES: readonly [string, (page: Record<string, unknown>) => unknown][] = [
  ["{events}", ({ data, ...rest }) => ({ events: data, ...rest })],
  ["{items}", ({ data, ...rest }) => ({ items: data, ...rest })],
  ["{data: {data}}", (page) => ({ data: page })],
  ["{data: {events}}", ({ data, ...rest }) => ({ data: { events: data, ...rest } })],
  ["{data: [{event}]}", ({ data, ...rest }) => ({
    ...rest,
    data: Array.isArray(data) ? data.map((event) => ({ event })) : data,
  })],
];

for (const [name, envelope] of ENVELOPES) {
  for (const [size, text] of [["short", "done"], ["long", "x".repeat(200_000)]] as const) {
    Deno.test(`a ${size} list of events as ${name} is read to its end`, async () => {
      const turns = Array.from({ length: 12 }, () => [...begun(), says(text), idle()]).flat();
      await using rig = listRig(turns, { envelope, limit: 10 });
      const result = await rig.wait();
      assertEquals(result.status, "idle");
      assertEquals(String(result.reply).slice(-4), text.slice(-4));
      const seen: string[] = [];
      let afterId: unknown;
      for (let calls = 0; calls < 60; calls++) {
        const page = await rig.list({ ...(afterId !== undefined && { after_id: afterId }) });
        if (Array.isArray(page.events)) seen.push(...page.events.map(({ id }) => String(id)));
        afterId = page.last_event_id;
        if (page.has_more !== true) break;
      }
      assertEquals(seen, turns.map(({ id }) => String(id)));
    });
  }
}

for (const body of [{ status: "ok" }, { message: "hello" }, { data: { status: "ok" } }]) {
  Deno.test(`${JSON.stringify(body)} in place of a list is an error that says that this is no such API`, async () => {
    await using rig = listRig([], { envelope: () => body });
    const error = await assertRejects(() => rig.list(), ApiError);
    assert(faultOf(error).what.includes("is not a Managed Agents API"), faultOf(error).what);
  });
}

for (
  const refuses of [["limit"], ["types"], ["order"], ["order", "types"], [
    "limit",
    "order",
    "types",
  ]] as const
) {
  Deno.test(`a server that refuses ${refuses.join(", ")} with 400 is read all the same`, async () => {
    const events = turnsOf(60);
    await using rig = listRig(events, {
      refuses,
      ...(refuses.length > 0 && refuses.some((name) => name === "order") &&
        { order: "asc" as const }),
    });
    const result = await rig.wait();
    assertEquals([result.status, result.reply], ["idle", "answer 60"]);
    assertEquals((await rig.session()).last_stop_reason, { type: "end_turn" });
    const newest = await rig.list({ order: "desc", types: ["agent.message"], limit: 2 });
    assertEquals(textsOf(newest), ["answer 60", "answer 59"]);
    const first = await rig.list({ limit: 200 });
    assertEquals(Array.isArray(first.events) && first.events.length, 200);
    const before = rig.server.queries.length;
    await rig.list({ limit: 200 });
    assert(rig.server.queries.length - before <= 3, "what was learned is kept");
  });
}
