import { assertEquals } from "@std/assert";
import { settle } from "../../helpers/manual_clock.ts";
import { type Habits, hostedHabits, present } from "../../../src/simulator/habits.ts";
import {
  askedFor,
  type Bench,
  bench,
  confirm,
  dig,
  HEADERS,
  message,
  type Wire,
} from "./helpers.ts";
import type { WireEvent } from "../../../src/simulator/wire.ts";

const NO_BETA = { "x-api-key": "k" };

/** One whole turn under these habits: what was streamed and what is listed. */
async function turn(habits: Partial<Habits>): Promise<
  Bench & { id: string; streamed: Wire[]; listed: Wire[] }
> {
  const tools = bench(habits);
  const id = tools.simulator.createSession();
  const stream = await tools.open(id);
  await tools.send(id, message("hello"));
  await tools.clock.advance(3_000);
  const result = { ...tools, id, streamed: stream.events, listed: await tools.events(id) };
  tools.simulator.close();
  await settle();
  return result;
}

function ofType(events: readonly Wire[], type: string): Wire[] {
  return events.filter((event) => event.type === type);
}

Deno.test("heartbeatMs sets the pace of heartbeats, and 0 stops them", async () => {
  for (const [heartbeatMs, expected] of [[1_000, 60], [0, 0]] as const) {
    const { clock, simulator, open } = bench({ heartbeatMs });
    const stream = await open(simulator.createSession());
    await clock.advance(60_000);
    assertEquals(stream.frames.length, expected);
    simulator.close();
    await settle();
  }
});

Deno.test("statusLagMs 0 shows the status at once", async () => {
  const { simulator, status } = bench({ statusLagMs: 0 });
  const id = simulator.createSession();
  simulator.emit(id, { type: "session.status_running" });
  assertEquals(await status(id), "running");
  simulator.emit(id, { type: "session.status_idle" });
  assertEquals(await status(id), "idle");
});

for (const [nullProcessedAt, expected] of [["last", 2], ["first", 0]] as const) {
  Deno.test(`nullProcessedAt ${nullProcessedAt} lists a queued event at ${expected} of 3`, async () => {
    const { simulator, send, events } = bench({ nullProcessedAt });
    const id = simulator.createSession({ scripted: false });
    simulator.emit(id, { type: "agent.thinking" });
    await send(id, message("hello"));
    simulator.emit(id, { type: "agent.thinking" });
    const places = (await events(id)).map((event) => event.type);
    assertEquals(places.indexOf("user.message"), expected);
    const backwards = (await events(id, "?order=desc")).map((event) => event.type);
    assertEquals(backwards.indexOf("user.message"), 2 - expected);
  });
}

Deno.test("stampAtSettle stamps a message in the list when its turn ends, and sends nothing", async () => {
  const tools = bench({ stampAtSettle: true });
  const { clock, simulator, send, events, open } = tools;
  const id = simulator.createSession();
  const stream = await open(id);
  await send(id, message("hello"));
  await clock.advance(500);
  assertEquals((await events(id))[0]?.processed_at, null);
  await clock.advance(2_000);
  const listed = await events(id);
  assertEquals(listed[0]?.type, "user.message");
  const times = listed.map((event) => String(event.processed_at));
  assertEquals(times.toSorted()[0] === times[0], false);
  assertEquals(ofType(stream.events, "user.message").length, 1);
  assertEquals(String(listed[0]?.processed_at) < String(listed.at(-1)?.processed_at), true);
  simulator.close();
  await settle();
});

Deno.test("streamReplaysHistory begins a stream with all earlier events", async () => {
  const { simulator, open } = bench({ streamReplaysHistory: true });
  const id = simulator.createSession();
  const emitted = [1, 2, 3].map(() => simulator.emit(id, { type: "agent.thinking" }));
  const stream = await open(id);
  emitted.push(simulator.emit(id, { type: "agent.thinking" }));
  await settle();
  assertEquals(stream.events.map((event) => event.id), emitted);
  simulator.close();
  await settle();
});

Deno.test("idleWithoutStopReason leaves reason and details out of stream and list", async () => {
  const { streamed, listed } = await turn({ idleWithoutStopReason: true });
  for (const events of [streamed, listed]) {
    const [idle] = ofType(events, "session.status_idle");
    assertEquals(Object.keys(idle ?? {}).toSorted(), ["id", "processed_at", "type"]);
  }
});

Deno.test("noStatusEvents shows the end of a turn by the session's status only", async () => {
  const { streamed, listed } = await turn({ noStatusEvents: true });
  assertEquals(listed.map((event) => event.type), [
    "user.message",
    "span.model_request_start",
    "agent.message",
    "span.model_request_end",
  ]);
  assertEquals(streamed.length, listed.length + 1);
});

Deno.test("noStatusEvents still moves the session's status, with its lag", async () => {
  const { clock, simulator, send, status } = bench({ noStatusEvents: true });
  const id = simulator.createSession();
  await send(id, message("hello"));
  await clock.advance(500);
  assertEquals(await status(id), "running");
  await clock.advance(1_000);
  assertEquals(await status(id), "idle");
});

Deno.test("eventsWithoutIds leaves ids out of stream, list and echo", async () => {
  const { streamed, listed } = await turn({ eventsWithoutIds: true });
  for (const event of [...streamed, ...listed]) assertEquals("id" in event, false);
  const { simulator, send } = bench({ eventsWithoutIds: true });
  const { body } = await send(simulator.createSession({ scripted: false }), message("hello"));
  assertEquals(dig(body, "data", 0, "type"), "user.message");
  assertEquals(dig(body, "data", 0, "id"), undefined);
});

Deno.test("sendAnswers202Empty answers a send with no body, and the turn runs", async () => {
  const { clock, simulator, send, events } = bench({ sendAnswers202Empty: true });
  const id = simulator.createSession();
  const reply = await send(id, message("hello"));
  assertEquals([reply.status, reply.body], [202, undefined]);
  assertEquals(reply.headers.get("request-id")?.startsWith("req_"), true);
  await clock.advance(3_000);
  assertEquals(ofType(await events(id), "agent.message").length, 1);
});

Deno.test("streamEndsWhenTerminated false keeps the stream open", async () => {
  const { simulator, open } = bench({ streamEndsWhenTerminated: false });
  const id = simulator.createSession();
  const stream = await open(id);
  simulator.emit(id, { type: "session.status_terminated" });
  await settle();
  assertEquals(stream.state, "open");
  simulator.close();
  await settle();
});

for (const archiveEmitsTerminated of [false, true]) {
  Deno.test(`archiveEmitsTerminated ${archiveEmitsTerminated} decides what the list shows`, async () => {
    const { simulator, call, events, status } = bench({ archiveEmitsTerminated });
    const id = simulator.createSession();
    assertEquals((await call("POST", `/v1/sessions/${id}/archive`)).status, 200);
    const expected = archiveEmitsTerminated ? ["session.status_terminated"] : [];
    assertEquals((await events(id)).map((event) => event.type), expected);
    assertEquals(await status(id), "terminated");
  });
}

for (const archivedSendStatus of [400, 409] as const) {
  Deno.test(`archivedSendStatus ${archivedSendStatus} refuses a send to an archived session`, async () => {
    const { simulator, call, send } = bench({ archivedSendStatus });
    const id = simulator.createSession();
    await call("POST", `/v1/sessions/${id}/archive`);
    const { status, body } = await send(id, message("hello"));
    assertEquals([status, dig(body, "error", "type")], [
      archivedSendStatus,
      "invalid_request_error",
    ]);
  });
}

Deno.test("betaHeader ignored takes requests without the header", async () => {
  const strict = bench();
  assertEquals((await strict.call("GET", "/v1/agents", undefined, NO_BETA)).status, 400);
  const lax = bench({ betaHeader: "ignored" });
  assertEquals((await lax.call("GET", "/v1/agents", undefined, NO_BETA)).status, 200);
});

Deno.test("unknownQuery ignored takes parameters that no endpoint knows", async () => {
  const strict = bench();
  assertEquals((await strict.call("GET", "/v1/agents?after=x", undefined, HEADERS)).status, 400);
  const lax = bench({ unknownQuery: "ignored" });
  assertEquals((await lax.call("GET", "/v1/agents?after=x")).status, 200);
});

for (const [messageWhileBlocked, expected] of [["refused", 400], ["queued", 200]] as const) {
  Deno.test(`messageWhileBlocked ${messageWhileBlocked} answers a message with ${expected}`, async () => {
    const { clock, simulator, send, events } = bench({ messageWhileBlocked });
    const id = simulator.createSession({ agent: "approval" });
    await send(id, message("clean up"));
    await clock.advance(2_000);
    assertEquals((await send(id, message("never mind"))).status, expected);
    const queued = (await events(id)).filter((event) => event.processed_at === null);
    assertEquals(queued.length, expected === 200 ? 1 : 0);
    simulator.close();
  });
}

/** Inputs of a history, with whether each is stamped. */
function inputs(events: readonly Wire[]): [unknown, boolean][] {
  return events
    .filter((event) => String(event.type).startsWith("user."))
    .map((event) => [event.type, event.processed_at !== null]);
}

Deno.test("neverStamps leaves every queued input null for good, in its place in the list", async () => {
  const { clock, simulator, send, events } = bench({ neverStamps: true });
  const id = simulator.createSession({ agent: "approval" });
  await send(id, message("clean up"));
  await clock.advance(2_000);
  const call = (await events(id)).find((event) => event.type === "agent.tool_use");
  await send(id, { type: "user.tool_confirmation", tool_use_id: call?.id, result: "allow" });
  await clock.advance(5_000);
  const listed = await events(id);
  assertEquals(inputs(listed), [["user.message", false], ["user.tool_confirmation", false]]);
  assertEquals([listed[0]?.type, listed.at(-1)?.type], ["user.message", "session.status_idle"]);
});

for (const stampAtSettle of [false, true]) {
  Deno.test(`stampsInterrupted false leaves an interrupt null, stampAtSettle ${stampAtSettle}`, async () => {
    const { clock, simulator, send, events } = bench({ stampsInterrupted: false, stampAtSettle });
    const id = simulator.createSession({ agent: "long" });
    await send(id, message("take your time"));
    await clock.advance(5_000);
    await send(id, { type: "user.interrupt" });
    await clock.advance(5_000);
    await send(id, message("another"));
    await clock.advance(120_000);
    const listed = await events(id);
    assertEquals(inputs(listed), [
      ["user.message", !stampAtSettle],
      ["user.interrupt", false],
      ["user.message", true],
    ]);
    assertEquals(ofType(listed, "session.status_idle").length, 2);
  });
}

for (
  const [queuedMessages, idles, replies] of [
    ["own_turn", 3, 3],
    ["join", 1, 3],
    ["together", 1, 2],
  ] as const
) {
  Deno.test(`queuedMessages ${queuedMessages} makes ${replies} replies and ${idles} idle events of 3 messages`, async () => {
    const { clock, simulator, send, events } = bench({ queuedMessages });
    const id = simulator.createSession();
    await send(id, message("one"));
    await clock.advance(500);
    await send(id, message("two"));
    await send(id, message("three"));
    await clock.advance(20_000);
    const listed = await events(id);
    assertEquals(ofType(listed, "session.status_idle").length, idles);
    assertEquals(ofType(listed, "agent.message").length, replies);
    assertEquals(JSON.stringify(ofType(listed, "agent.message")).includes("three"), true);
  });
}

Deno.test("interruptsDropQueued leaves what was queued unanswered and queued", async () => {
  for (const interruptsDropQueued of [false, true]) {
    const { clock, simulator, send, events } = bench({ interruptsDropQueued });
    const id = simulator.createSession();
    await send(id, message("one"));
    await clock.advance(500);
    await send(id, message("two"));
    await send(id, { type: "user.interrupt" });
    await clock.advance(20_000);
    const listed = await events(id);
    const queued = listed.filter((event) => event.processed_at === null);
    assertEquals(queued.length, interruptsDropQueued ? 1 : 0);
    assertEquals(ofType(listed, "agent.message").length, interruptsDropQueued ? 0 : 1);
  }
});

Deno.test("listLagMs makes lists trail the stream, the echo and the status", async () => {
  const { clock, simulator, send, events, open, status } = bench({ listLagMs: 5_000 });
  const id = simulator.createSession();
  const stream = await open(id);
  const echo = await send(id, message("hello"));
  assertEquals(dig(echo.body, "data", 0, "type"), "user.message");
  await clock.advance(3_000);
  assertEquals(await events(id), []);
  assertEquals(stream.types.at(-1), "session.status_idle");
  assertEquals(await status(id), "idle");
  await clock.advance(2_000);
  const listed = await events(id);
  assertEquals(listed[0]?.id, dig(echo.body, "data", 0, "id"));
  assertEquals(listed.length < stream.events.length, true);
  await clock.advance(5_000);
  assertEquals((await events(id)).at(-1), stream.events.at(-1));
  simulator.close();
  await settle();
});

Deno.test("listLagMs shows a stamp as late as the event before it", async () => {
  const { clock, simulator, send, events } = bench({ listLagMs: 1_000 });
  const id = simulator.createSession();
  await send(id, message("hello"));
  await clock.advance(1_020);
  assertEquals((await events(id))[0]?.processed_at, null);
  await clock.advance(100);
  assertEquals(typeof (await events(id))[0]?.processed_at, "string");
  simulator.close();
});

for (
  const [awaitingAnswers, shown, idles, runs] of [
    ["event", "idle", 2, 2],
    ["status", "idle", 1, 2],
    ["nothing", "running", 1, 1],
  ] as const
) {
  Deno.test(`awaitingAnswers ${awaitingAnswers} reads ${shown} and goes on when answered`, async () => {
    const { clock, simulator, send, events, status } = bench({ awaitingAnswers });
    const id = simulator.createSession({ agent: "custom_tool" });
    await send(id, message("weather?"));
    await clock.advance(3_000);
    assertEquals(await status(id), shown);
    assertEquals((await send(id, message("hurry"))).status, 400);
    const [call] = ofType(await events(id), "agent.custom_tool_use");
    const type = "user.custom_tool_result";
    await send(id, { type, custom_tool_use_id: call?.id });
    await clock.advance(3_000);
    const listed = await events(id);
    assertEquals(ofType(listed, "session.status_idle").length, idles);
    assertEquals(ofType(listed, "session.status_running").length, runs);
    assertEquals(ofType(listed, "agent.message").length, 1);
    assertEquals(await status(id), "idle");
  });
}

Deno.test("streamShowsEvents false leaves a stream its heartbeats only", async () => {
  const { clock, simulator, send, events, open } = bench({ streamShowsEvents: false });
  const id = simulator.createSession();
  const stream = await open(id, "?event_deltas[]=agent.message");
  await send(id, message("hello"));
  await clock.advance(30_000);
  assertEquals([stream.types, stream.frames.length], [[], 2]);
  assertEquals((await events(id)).at(-1)?.type, "session.status_idle");
  simulator.close();
  await settle();
});

Deno.test("sendAnswersWithoutData accepts a send without saying what became of it", async () => {
  const { clock, simulator, send, events } = bench({ sendAnswersWithoutData: true });
  const id = simulator.createSession();
  const reply = await send(id, message("hello"));
  assertEquals([reply.status, reply.body], [200, { accepted: true }]);
  await clock.advance(3_000);
  assertEquals(ofType(await events(id), "agent.message").length, 1);
});

for (const [unknownResults, expected] of [["refused", 400], ["accepted", 200]] as const) {
  Deno.test(`unknownResults ${unknownResults} answers results for calls never made with ${expected}`, async () => {
    const { simulator, send } = bench({ unknownResults });
    const id = simulator.createSession({ scripted: false });
    const use = simulator.emit(id, { type: "agent.tool_use", name: "bash", input: {} });
    const custom = "user.custom_tool_result";
    for (
      const event of [
        { type: custom, custom_tool_use_id: "sevt_other" },
        { type: custom, custom_tool_use_id: use },
        { type: "user.tool_result", tool_use_id: "sevt_other" },
      ]
    ) assertEquals((await send(id, event)).status, expected);
    assertEquals((await send(id, { type: "user.tool_result", tool_use_id: use })).status, 200);
  });
}

/** A session of the Script agent that has followed `text` for half a second. */
async function scripted(habits: Partial<Habits>, text: string): Promise<Bench & { id: string }> {
  const tools = bench(habits);
  const id = tools.simulator.createSession({ agent: "script" });
  await tools.send(id, message(text));
  await tools.clock.advance(500);
  return { ...tools, id };
}

for (const [lateConfirmations, expected] of [["accepted", 200], ["refused", 400]] as const) {
  Deno.test(`lateConfirmations ${lateConfirmations} answers one behind an interrupt with ${expected}`, async () => {
    const tools = await scripted({ lateConfirmations }, "ask bash a");
    const { clock, send, events, id } = tools;
    const [call] = await askedFor(tools, id);
    await send(id, { type: "user.interrupt" });
    await clock.advance(500);
    assertEquals((await send(id, confirm(call, "allow"))).status, expected);
    await clock.advance(500);
    assertEquals(ofType(await events(id), "agent.tool_result").map((event) => event.is_error), [
      true,
    ]);
  });
}

for (const [earlyConfirmations, expected] of [["accepted", 200], ["refused", 400]] as const) {
  Deno.test(`earlyConfirmations ${earlyConfirmations} answers one for a call that no list shows with ${expected}`, async () => {
    const habits = { earlyConfirmations, callLagMs: 1_000 };
    const tools = await scripted(habits, "ask bash a\nand ask bash b");
    const { clock, send, id, simulator } = tools;
    const [call, other] = await askedFor(tools, id);
    assertEquals((await send(id, confirm(call, "allow"))).status, expected);
    await clock.advance(1_000);
    assertEquals((await send(id, confirm(other, "allow"))).status, 200);
    simulator.close();
  });
}

for (const subagentConfirmations of ["same_id", "other_id"] as const) {
  Deno.test(`subagentConfirmations ${subagentConfirmations} decides the id that the session shows`, async () => {
    const script = "ask bash a\nand as Helper ask bash b";
    const tools = await scripted({ subagentConfirmations }, script);
    const { send, clock, events, open, id } = tools;
    const stream = await open(id);
    const reply = await send(
      id,
      ...(await askedFor(tools, id)).map((call) => confirm(call, "allow")),
    );
    await clock.advance(500);
    const echoed = [0, 1].map((at) => dig(reply.body, "data", at, "id"));
    const listed = ofType(await events(id), "user.tool_confirmation").map((event) => event.id);
    const same = subagentConfirmations === "same_id";
    assertEquals(listed.map((one, at) => one === echoed[at]), [true, same]);
    const streamed = ofType(stream.events, "user.tool_confirmation").map((event) => event.id);
    assertEquals(streamed, [...listed, ...listed]);
    assertEquals((await events(id)).at(-1)?.type, "session.status_idle");
    tools.simulator.close();
  });
}

Deno.test("callLagMs makes lists show an idle event ahead of the calls that it names", async () => {
  const tools = await scripted({ callLagMs: 2_000 }, "say One.\nask bash a\nand custom b");
  const { clock, events, id } = tools;
  assertEquals((await askedFor(tools, id)).length, 2);
  assertEquals(ofType(await events(id), "agent.tool_use"), []);
  await clock.advance(2_000);
  const types = (await events(id)).map((event) => event.type);
  assertEquals(types.slice(3, 6), ["agent.message", "agent.tool_use", "agent.custom_tool_use"]);
  tools.simulator.close();
});

Deno.test("callLagMs comes on top of listLagMs", async () => {
  const habits = { callLagMs: 1_000, listLagMs: 1_000 };
  const { clock, events, id, simulator } = await scripted(habits, "ask bash a");
  await clock.advance(1_000);
  assertEquals((await events(id)).at(-1)?.type, "session.status_idle");
  assertEquals(ofType(await events(id), "agent.tool_use"), []);
  await clock.advance(1_000);
  assertEquals(ofType(await events(id), "agent.tool_use").length, 1);
  simulator.close();
});

Deno.test("inputChangesAfter gives a call that waits another input for good", async () => {
  const script = "tool bash a\nask bash b";
  const tools = await scripted({ inputChangesAfter: 2 }, script);
  const { events, send, clock, id } = tools;
  const inputs = async () => ofType(await events(id), "agent.tool_use").map(({ input }) => input);
  const [a, b] = [{ input: "a" }, { input: "b" }];
  assertEquals([await inputs(), await inputs()], [[a, b], [a, b]]);
  const changed = { input: "b", changed: true };
  assertEquals(await inputs(), [a, changed]);
  await send(id, confirm((await askedFor(tools, id))[0], "allow"));
  await clock.advance(500);
  assertEquals(await inputs(), [a, changed]);
});

Deno.test("dropsInitialEvents creates an idle session without events", async () => {
  const { clock, simulator, call, events, status } = bench({ dropsInitialEvents: true });
  const body = {
    agent: simulator.agentId("quick"),
    environment_id: simulator.environmentId,
    initial_events: [message("hello")],
  };
  const id = String(dig((await call("POST", "/v1/sessions", body)).body, "id"));
  await clock.advance(3_000);
  assertEquals([await events(id), await status(id)], [[], "idle"]);
  const wrong = { ...body, initial_events: [{ type: "user.interrupt" }] };
  assertEquals((await call("POST", "/v1/sessions", wrong)).status, 400);
});

Deno.test("listIgnores order, types and created_at gives ascending pages of everything", async () => {
  const { simulator, call } = bench({ listIgnores: ["order", "types", "created_at"] });
  const id = simulator.createSession({ scripted: false });
  const ids = [1, 2, 3, 4, 5].map(() => simulator.emit(id, { type: "agent.thinking" }));
  const query = "order=desc&types[]=agent.message&created_at[gt]=2030-01-01T00:00:00Z&limit=2";
  const seen: unknown[] = [];
  for (let page = "";;) {
    const path = `/v1/sessions/${id}/events?${query}&page=${page}`;
    const { body } = await call("GET", path);
    const data = dig(body, "data");
    if (Array.isArray(data)) seen.push(...data.map((event) => event.id));
    const next = dig(body, "next_page");
    if (next === null) break;
    page = String(next);
  }
  assertEquals(seen, ids);
});

Deno.test("listIgnores limit gives all in one page, and page gives the first again", async () => {
  const all = bench({ listIgnores: ["limit"] });
  const id = all.simulator.createSession({ scripted: false });
  for (let i = 0; i < 1_500; i++) all.simulator.emit(id, { type: "agent.thinking" });
  const { body } = await all.call("GET", `/v1/sessions/${id}/events?limit=2`);
  assertEquals([dig(body, "data", "length"), dig(body, "next_page")], [1_500, null]);
  assertEquals(
    (await all.call("GET", "/v1/agents?limit=1")).body,
    (await all.call("GET", "/v1/agents")).body,
  );
  const first = bench({ listIgnores: ["page"] });
  const one = await first.call("GET", "/v1/agents?limit=2");
  const path = `/v1/agents?limit=2&page=${dig(one.body, "next_page")}`;
  assertEquals((await first.call("GET", path)).body, one.body);
});

Deno.test("pagesWithoutNext names the ends of a page and says whether there is more", async () => {
  const { simulator, call } = bench({ pagesWithoutNext: true });
  const id = simulator.createSession({ scripted: false });
  const ids = [1, 2, 3].map(() => simulator.emit(id, { type: "agent.thinking" }));
  const page = async (query: string): Promise<Wire> => {
    const { body } = await call("GET", `/v1/sessions/${id}/events?${query}`);
    return { ...(body as Wire), data: dig(body, "data", "length") };
  };
  assertEquals(await page("limit=2"), {
    data: 2,
    has_more: true,
    first_id: ids[0],
    last_id: ids[1],
  });
  assertEquals(await page("order=desc"), {
    data: 3,
    has_more: false,
    first_id: ids[2],
    last_id: ids[0],
  });
  assertEquals(await page("types[]=x"), {
    data: 0,
    has_more: false,
    first_id: null,
    last_id: null,
  });
  assertEquals(dig((await call("GET", "/v1/agents?limit=2")).body, "has_more"), true);
});

Deno.test("noStatusEvents and a tool that asks leave the session idle, with a message refused", async () => {
  const { clock, simulator, send, status } = bench({ noStatusEvents: true });
  const id = simulator.createSession({ agent: "approval" });
  await send(id, message("clean up"));
  await clock.advance(3_000);
  assertEquals([await status(id), (await send(id, message("never mind"))).status], ["idle", 400]);
  simulator.close();
});

const IDLE: WireEvent = {
  id: "sevt_1",
  type: "session.status_idle",
  processed_at: "2026-11-23T09:00:00.000000Z",
  stop_reason: { type: "end_turn" },
  stop_details: null,
};

Deno.test("present() shows an event as it is under the hosted API's habits", () => {
  assertEquals(present(IDLE, hostedHabits), IDLE);
});

Deno.test("present() takes stop reasons from session idles only", () => {
  const habits = { ...hostedHabits, idleWithoutStopReason: true };
  const thread = { ...IDLE, type: "session.thread_status_idle" };
  assertEquals(present(thread, habits), thread);
  assertEquals("stop_reason" in present(IDLE, habits), false);
  assertEquals(IDLE.stop_reason, { type: "end_turn" });
});

Deno.test("present() removes ids without changing the event in the history", () => {
  const shown = present(IDLE, { ...hostedHabits, eventsWithoutIds: true });
  assertEquals(["id" in shown, IDLE.id], [false, "sevt_1"]);
});
