import { assertEquals, assertRejects } from "@std/assert";
import { type Fault, Faults, type StreamFault } from "../../../src/simulator/faults.ts";
import { settle } from "../../helpers/manual_clock.ts";
import { askedFor, bench, confirm, dataOf, dig, HEADERS, message, play } from "./helpers.ts";

const RESET: Fault = { kind: "reset" };

Deno.test("a fault strikes the requests that match, so many times, and then no more", () => {
  const faults = new Faults();
  const handle = faults.add({
    match: { method: "post", path: /\/events$/g },
    times: 2,
    fault: RESET,
  });
  assertEquals(faults.take("response", "GET", "/v1/sessions/s/events"), undefined);
  assertEquals(faults.take("response", "POST", "/v1/sessions"), undefined);
  assertEquals(faults.take("stream", "POST", "/v1/sessions/s/events"), undefined);
  assertEquals(faults.take("response", "POST", "/v1/sessions/s/events"), RESET);
  assertEquals(faults.take("response", "POST", "/v1/sessions/s/events"), RESET);
  assertEquals(faults.take("response", "POST", "/v1/sessions/s/events"), undefined);
  assertEquals(handle.used, 2);
});

Deno.test("faults of one stage strike in the order they were added, one per request", () => {
  const faults = new Faults();
  const first: Fault = { kind: "status", status: 500 };
  faults.add({ times: 1, fault: first });
  faults.add({ times: 1, fault: RESET });
  assertEquals(faults.take("response", "GET", "/"), first);
  assertEquals(faults.take("response", "GET", "/"), RESET);
});

Deno.test("a fault begins with the request that it names, counted among those that match", () => {
  const faults = new Faults();
  faults.add({ match: { method: "GET" }, from: 2, times: 1, fault: RESET });
  const taken = ["GET", "POST", "GET", "GET"].map((method) => faults.take("response", method, "/"));
  assertEquals(taken, [undefined, undefined, RESET, undefined]);
});

Deno.test("a fault strikes requests by an event that they send", () => {
  const faults = new Faults();
  faults.add({ match: { event: "user.tool_confirmation" }, fault: RESET });
  assertEquals(faults.matchesEvents, true);
  assertEquals(faults.take("response", "POST", "/"), undefined);
  assertEquals(faults.take("response", "POST", "/", ["user.message"]), undefined);
  const both = ["user.interrupt", "user.tool_confirmation"];
  assertEquals(faults.take("response", "POST", "/", both), RESET);
  faults.clear();
  faults.add({ match: { method: "POST" }, fault: RESET });
  assertEquals(faults.matchesEvents, false);
});

Deno.test("a fault strikes by chance, the same requests with the same seed", () => {
  const strikes = (seed: number) => {
    const faults = new Faults(seed);
    faults.add({ chance: 0.2, fault: RESET });
    return Array.from({ length: 1000 }, () => faults.take("response", "GET", "/") !== undefined);
  };
  assertEquals(strikes(1), strikes(1));
  const [one, other] = [strikes(1), strikes(2)].map((all) => all.map(Number).join(""));
  assertEquals(one === other, false);
  const count = strikes(1).filter(Boolean).length;
  assertEquals(count > 150 && count < 250, true);
});

Deno.test("a fault that did not strike by chance leaves the request to the next one", () => {
  const faults = new Faults(1);
  faults.add({ chance: 0, fault: { kind: "hang" } });
  faults.add({ fault: RESET });
  assertEquals(faults.take("response", "GET", "/"), RESET);
});

Deno.test("a fault ends when it is removed, all end when cleared", () => {
  const faults = new Faults();
  const handle = faults.add({ fault: RESET });
  handle.remove();
  assertEquals(faults.take("response", "GET", "/"), undefined);
  faults.add({ fault: RESET });
  faults.add({ fault: { kind: "latency", ms: 1 } });
  faults.clear();
  assertEquals(faults.take("response", "GET", "/"), undefined);
  assertEquals(faults.take("delay", "GET", "/"), undefined);
});

for (
  const [status, type, retryAfter] of [
    [429, "rate_limit_error", 7],
    [429, "rate_limit_error", undefined],
    [500, "api_error", undefined],
    [529, "overloaded_error", 1],
    [504, "timeout_error", undefined],
    [403, "permission_error", undefined],
  ] as const
) {
  const label = retryAfter === undefined ? "without retry-after" : `retry-after ${retryAfter}`;
  Deno.test(`a status fault answers ${status} ${type} ${label}, in the envelope`, async () => {
    const { simulator, call } = bench();
    simulator.faults.add({ times: 1, fault: { kind: "status", status, retryAfter } });
    const reply = await call("GET", "/v1/agents");
    assertEquals(reply.status, status);
    assertEquals(dig(reply.body, "error", "type"), type);
    assertEquals(dig(reply.body, "request_id"), reply.headers.get("request-id"));
    assertEquals(reply.headers.get("retry-after"), retryAfter?.toString() ?? null);
    assertEquals((await call("GET", "/v1/agents")).status, 200);
  });
}

Deno.test("a status fault may carry its own type and message, and nothing takes effect", async () => {
  const { simulator, send, events } = bench();
  const id = simulator.createSession({ scripted: false });
  const fault = { kind: "status", status: 400, type: "odd_error", message: "No luck." } as const;
  simulator.faults.add({ times: 1, fault });
  const { body } = await send(id, message("hello"));
  assertEquals(dig(body, "error"), { type: "odd_error", message: "No luck." });
  assertEquals(await events(id), []);
});

Deno.test("latency delays a request by the clock", async () => {
  const { clock, simulator, call } = bench();
  simulator.faults.add({ times: 1, fault: { kind: "latency", ms: 700 } });
  let done = false;
  const reply = call("GET", "/v1/agents").then((answer) => {
    done = true;
    return answer;
  });
  await clock.advance(699);
  assertEquals(done, false);
  await clock.advance(1);
  assertEquals((await reply).status, 200);
});

Deno.test("latency ends with the request's signal, and leaves no timer", async () => {
  const { clock, simulator } = bench();
  simulator.faults.add({ fault: { kind: "latency", ms: 60_000 } });
  const controller = new AbortController();
  const { signal } = controller;
  const pending = simulator.fetch(
    new Request("http://simulator/v1/agents", { headers: HEADERS, signal }),
  );
  const refused = assertRejects(() => pending, Error, "given up");
  await settle();
  controller.abort(new Error("given up"));
  await refused;
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("a reset breaks the connection before the request takes effect", async () => {
  const { simulator, send, events } = bench();
  const id = simulator.createSession({ scripted: false });
  simulator.faults.add({ match: { method: "POST" }, times: 1, fault: RESET });
  await assertRejects(() => send(id, message("hello")), TypeError);
  assertEquals(await events(id), []);
});

Deno.test("a lost acknowledgement breaks the connection after the request took effect", async () => {
  const { simulator, send, events } = bench();
  const id = simulator.createSession({ scripted: false });
  simulator.faults.add({ match: { method: "POST" }, times: 1, fault: { kind: "lost_ack" } });
  await assertRejects(() => send(id, message("hello")), TypeError);
  assertEquals((await events(id)).map((event) => event.type), ["user.message"]);
});

Deno.test("a lost acknowledgement of a stream leaves no stream open", async () => {
  const { clock, simulator, open } = bench();
  simulator.faults.add({ times: 1, fault: { kind: "lost_ack" } });
  await assertRejects(() => open(simulator.createSession()), TypeError);
  assertEquals(simulator.openStreams(), 0);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("a hanging request ends only with its signal", async () => {
  const { clock, simulator } = bench();
  simulator.faults.add({ times: 1, fault: { kind: "hang" } });
  const controller = new AbortController();
  const { signal } = controller;
  const request = new Request("http://simulator/v1/agents", { headers: HEADERS, signal });
  let settled = false;
  const pending = simulator.fetch(request).finally(() => settled = true);
  const refused = assertRejects(() => pending, Error, "given up");
  await clock.advance(3_600_000);
  assertEquals(settled, false);
  controller.abort(new Error("given up"));
  await refused;
});

Deno.test("a hanging request ends when the simulator closes", async () => {
  const { simulator, call } = bench();
  simulator.faults.add({ times: 1, fault: { kind: "hang" } });
  const refused = assertRejects(() => call("GET", "/v1/agents"), TypeError, "closed");
  await settle();
  simulator.close();
  await refused;
});

async function faultyStream(fault: StreamFault, events: number) {
  const tools = bench();
  const { simulator, open } = tools;
  simulator.faults.add({ times: 1, fault });
  const id = simulator.createSession({ scripted: false });
  const stream = await open(id);
  for (let i = 0; i < events; i++) simulator.emit(id, { type: "agent.thinking" });
  await settle();
  return { ...tools, id, stream };
}

for (const after of [0, 1, 3]) {
  Deno.test(`drop_after breaks a stream behind ${after} events, which all arrive`, async () => {
    const { stream, simulator, clock } = await faultyStream(
      { kind: "drop_after", events: after },
      5,
    );
    assertEquals(stream.events.length, after);
    assertEquals(stream.state instanceof TypeError, true);
    assertEquals(simulator.openStreams(), 0);
    assertEquals(clock.pendingTimers, 0);
  });

  Deno.test(`end_after ends a stream cleanly behind ${after} events`, async () => {
    const { stream, simulator, clock } = await faultyStream(
      { kind: "end_after", events: after },
      5,
    );
    assertEquals(stream.events.length, after);
    assertEquals(stream.state, "ended");
    assertEquals(simulator.openStreams(), 0);
    assertEquals(clock.pendingTimers, 0);
  });

  Deno.test(`silence_after says nothing behind ${after} events, not even heartbeats`, async () => {
    const fault = { kind: "silence_after", events: after } as const;
    const { stream, simulator, clock } = await faultyStream(fault, 5);
    await clock.advance(60_000);
    assertEquals(stream.frames.length, after);
    assertEquals(stream.state, "open");
    simulator.close();
    await settle();
    assertEquals(clock.pendingTimers, 0);
  });

  Deno.test(`malformed_frame comes once, behind ${after} events, and the stream goes on`, async () => {
    const { stream, simulator } = await faultyStream({ kind: "malformed_frame", after }, 5);
    const broken = stream.frames.filter((frame) => !frame.endsWith("}"));
    assertEquals(broken.length, 1);
    assertEquals(stream.frames.indexOf(broken[0] ?? ""), after);
    assertEquals(stream.frames.length, 6);
    simulator.close();
    await settle();
  });
}

Deno.test("drop_after delivers what was not read yet before it breaks", async () => {
  const { simulator } = bench();
  simulator.faults.add({ fault: { kind: "drop_after", events: 2 } });
  const id = simulator.createSession();
  const url = `http://simulator/v1/sessions/${id}/events/stream`;
  const response = await simulator.fetch(new Request(url, { headers: HEADERS }));
  for (let i = 0; i < 4; i++) simulator.emit(id, { type: "agent.thinking" });
  const reader = response.body?.getReader();
  for (let i = 0; i < 2; i++) assertEquals((await reader?.read())?.done, false);
  await assertRejects(async () => await reader?.read(), TypeError);
});

Deno.test("slow_first_byte answers at once and holds the body back", async () => {
  const fault = { kind: "slow_first_byte", ms: 5_000 } as const;
  const { stream, simulator, clock } = await faultyStream(fault, 2);
  await clock.advance(4_999);
  assertEquals(stream.text, "");
  await clock.advance(1);
  assertEquals(stream.events.length, 2);
  simulator.close();
  await settle();
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("slow_first_byte on a session that is deleted still delivers what it held", async () => {
  const fault = { kind: "slow_first_byte", ms: 5_000 } as const;
  const { stream, clock, call, id } = await faultyStream(fault, 1);
  await call("DELETE", `/v1/sessions/${id}`);
  await clock.advance(5_000);
  assertEquals(stream.types, ["agent.thinking", "session.deleted"]);
  assertEquals(stream.state, "ended");
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("a stream fault spares requests that open no stream", async () => {
  const { simulator, call, open } = bench();
  const handle = simulator.faults.add({ times: 1, fault: { kind: "end_after", events: 0 } });
  assertEquals(dataOf(await call("GET", "/v1/agents")).length > 0, true);
  assertEquals(handle.used, 0);
  const stream = await open(simulator.createSession());
  await settle();
  assertEquals([handle.used, stream.state], [1, "ended"]);
});

Deno.test("faults of different stages meet in one request", async () => {
  const { clock, simulator, open } = bench();
  simulator.faults.add({ times: 1, fault: { kind: "latency", ms: 100 } });
  simulator.faults.add({ times: 1, fault: { kind: "end_after", events: 0 } });
  const opening = open(simulator.createSession());
  await clock.advance(100);
  const stream = await opening;
  await settle();
  assertEquals(stream.state, "ended");
});

Deno.test("a confirmation is lost on its way back, and has taken effect", async () => {
  const tools = await play("script", "ask bash a", 500);
  const { simulator, send, clock, events, id } = tools;
  const [call] = await askedFor(tools, id);
  const match = { event: "user.tool_confirmation" };
  simulator.faults.add({ match, times: 1, fault: { kind: "lost_ack" } });
  assertEquals((await send(id, { type: "user.tool_result", tool_use_id: call })).status, 400);
  await assertRejects(() => send(id, confirm(call, "allow")), TypeError);
  await clock.advance(500);
  assertEquals((await events(id)).at(-1)?.type, "session.status_idle");
  assertEquals((await send(id, confirm(call, "allow"))).status, 400);
  simulator.close();
});

Deno.test("a spend limit refuses messages by its code, and the next one passes", async () => {
  const { simulator, send } = bench();
  const id = simulator.createSession();
  const code = "enforced_spend_limit_reached";
  const fault = { kind: "status", status: 429, code } as const;
  simulator.faults.add({ match: { event: "user.message" }, times: 1, fault });
  const { status, body } = await send(id, message("hello"));
  assertEquals([status, dig(body, "error", "type"), dig(body, "error", "details")], [
    ...[429, "rate_limit_error"],
    { error_code: code },
  ]);
  assertEquals((await send(id, message("hello"))).status, 200);
  simulator.close();
});

Deno.test("a fault that reads events leaves other requests alone, whatever they carry", async () => {
  const { simulator, call } = bench();
  simulator.faults.add({ match: { event: "user.message" }, fault: RESET });
  assertEquals((await call("GET", "/v1/agents")).status, 200);
  const created = { agent: simulator.agentId("quick"), environment_id: simulator.environmentId };
  assertEquals((await call("POST", "/v1/sessions", created)).status, 200);
  assertEquals((await call("POST", "/v1/sessions", { events: [1] })).status, 400);
  assertEquals((await call("POST", "/v1/sessions")).status, 400);
});
