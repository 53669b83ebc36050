// Calls of ask_agent whose response is lost, at each of its requests, and calls that are made again:
// on the same replica and on another, at once and later. Nothing is created or sent a second time.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { CallToolResult } from "@modelcontextprotocol/server";
import type { ManagedAgentsApi } from "../../src/api/types.ts";
import type { ServicesOptions } from "../../src/tools/services.ts";
import { askAgentTool } from "../../src/tools/ask_agent.ts";
import { callTool } from "../helpers/call_tool.ts";
import { openApp } from "../protocol/support.ts";

const CREATE = /\/v1\/sessions$/;
const SEND = /\/events$/;
const MESSAGE = "Count the errors.";
const KEY = "6f1c5f5e-turn-1";
const SEALING_KEY = new Uint8Array(32).fill(7);

type Args = Record<string, unknown>;

interface Told {
  readonly text: string;
  readonly isError: boolean;
  readonly value: Record<string, unknown>;
}

/** Replicas over one simulated workspace, of which an agent called `quick` is asked. */
function openReplicas(more: (api: ManagedAgentsApi) => Partial<ServicesOptions> = () => ({})) {
  const app = openApp();
  const { simulator, clock } = app;
  const { environmentId } = simulator;
  const options = { sealingKeys: [SEALING_KEY], environmentId, ...more(app.services.api) };
  const replicas = [app.servicesWith(options), app.servicesWith(options)] as const;
  const start = async (args: Args, replica: 0 | 1 = 0, signal?: AbortSignal): Promise<Told> => {
    const result = await callTool(askAgentTool, args, {
      signal: signal ?? new AbortController().signal,
      services: replicas[replica],
      requestId: "1",
      principal: { id: "mia" },
    });
    return toldBy(result);
  };
  const agent_id = simulator.agentId("quick");
  return {
    ...app,
    start,
    ask: (args: Args, replica?: 0 | 1) => clock.runUntil(start(args, replica)),
    first: { agent_id, message: MESSAGE },
    keyed: { agent_id, message: MESSAGE, idempotency_key: KEY },
    strike: (path: RegExp, kind: "lost_ack" | "reset" | "hang", times = 1) =>
      simulator.faults.add({ match: { method: "POST", path }, times, fault: { kind } }),
    /** Reads fail, from the given one on. */
    fail: (path: RegExp, from = 1) =>
      simulator.faults.add({
        match: { method: "GET", path },
        from,
        fault: { kind: "status", status: 403 },
      }),
    /** Messages of users by session, of all sessions that there are. */
    messages: async (): Promise<Record<string, string[]>> => {
      const { data } = await clock.runUntil(app.services.api.sessions.list({ limit: 100 }));
      const entries = data.map(async ({ id }) => {
        const types = ["user.message"];
        const { data } = await clock.runUntil(app.services.api.events.list(id, { types }));
        return [id, data.map(({ content }) => JSON.stringify(content))] as const;
      });
      return Object.fromEntries(await Promise.all(entries));
    },
  };
}

function toldBy(result: CallToolResult): Told {
  const [block] = result.content;
  assert(block?.type === "text");
  return {
    text: block.text,
    isError: result.isError === true,
    value: { ...Object(result.structuredContent) },
  };
}

const SENT = [JSON.stringify([{ type: "text", text: MESSAGE }])];

/** The replica that a call is repeated on. */
const REPLICAS = [["the same replica", 0], ["another replica", 1]] as const;

Deno.test("without a key, a session whose response is lost is found, and its turn waited for", async () => {
  const app = openReplicas();
  app.strike(CREATE, "lost_ack");
  const { value, text } = await app.ask(app.first);
  assertEquals(value.status, "idle", text);
  assertEquals(await app.messages(), { [String(value.session_id)]: SENT });
  app.close();
});

Deno.test("without a key, nothing is created a second time when it is not known what became of it", async () => {
  const app = openReplicas();
  app.strike(CREATE, "reset");
  const { isError, text } = await app.ask(app.first);
  assert(isError && text.includes("Trying again may make a second session"), text);
  assertEquals(await app.messages(), {});
  app.close();
});

Deno.test("a turn in a new session takes three requests without a key, and five with one", async () => {
  const app = openReplicas();
  const requests = async (args: Args) => {
    const before = app.simulator.requests.length;
    const { value, text } = await app.ask(args);
    assertEquals(value.status, "idle", text);
    return app.simulator.requests.length - before;
  };
  assertEquals([await requests(app.first), await requests(app.keyed)], [3, 5]);
  app.close();
});

for (const [where, replica] of REPLICAS) {
  Deno.test(`a call that was never created is created once when it is made again on ${where}`, async () => {
    const app = openReplicas();
    app.strike(CREATE, "reset");
    const lost = await app.ask(app.keyed);
    assert(
      lost.isError && /same arguments and idempotency_key, 10 s from now/.test(lost.text),
      lost.text,
    );
    await app.clock.advance(10_000);
    const { value, text } = await app.ask(app.keyed, replica);
    assertEquals([value.status, value.sent_before], ["idle", undefined], text);
    assertEquals(await app.messages(), { [String(value.session_id)]: SENT });
    app.close();
  });

  Deno.test(`a session that nobody could tell of is found when the call is made again on ${where}`, async () => {
    const app = openReplicas();
    app.strike(CREATE, "lost_ack");
    // The first look still works; those for the lost session don't.
    const fault = app.fail(CREATE, 2);
    const lost = await app.ask(app.keyed);
    assert(lost.isError && lost.text.includes("same arguments and idempotency_key"), lost.text);
    fault.remove();
    await app.clock.advance(10_000);
    const { value, text } = await app.ask(app.keyed, replica);
    assertEquals([value.status, value.sent_before], ["idle", true], text);
    assertEquals(await app.messages(), { [String(value.session_id)]: SENT });
    app.close();
  });

  Deno.test(`a call whose result is lost gets the same session on ${where}, however often it is made`, async () => {
    const app = openReplicas();
    const first = await app.ask(app.keyed);
    for (let times = 0; times < 3; times++) {
      await app.clock.advance(10_000);
      const { value, text } = await app.ask(app.keyed, replica);
      assertEquals([value.session_id, value.sent_before], [first.value.session_id, true], text);
      assertEquals([value.status, value.reply], ["idle", first.value.reply]);
    }
    assertEquals(await app.messages(), { [String(first.value.session_id)]: SENT });
    app.close();
  });

  Deno.test(`a call that is cancelled while it waits goes on where it is made again on ${where}`, async () => {
    const app = openReplicas();
    const cancel = new AbortController();
    const cancelled = app.start(app.keyed, 0, cancel.signal);
    const created = () => app.simulator.requests.some(({ method }) => method === "POST");
    while (!created()) await app.clock.advance(10);
    cancel.abort(new DOMException("Gone", "AbortError"));
    assertEquals((await app.clock.runUntil(cancelled)).isError, true);
    await app.clock.advance(10_000);
    const { value, text } = await app.ask(app.keyed, replica);
    assertEquals([value.status, value.sent_before], ["idle", true], text);
    assertEquals(await app.messages(), { [String(value.session_id)]: SENT });
    app.close();
  });

  Deno.test(`what a call says whose wait fails leads on, on ${where}`, async () => {
    const app = openReplicas();
    const fault = app.fail(/\/events/);
    const lost = await app.ask(app.keyed);
    const [, session_id] =
      /call ask_agent with session_id "(\w+)" and no message/.exec(lost.text) ?? [];
    assert(lost.isError && session_id, lost.text);
    fault.remove();
    await app.clock.advance(10_000);
    const again = await app.ask(app.keyed, replica);
    assertEquals([again.value.session_id, again.value.status], [session_id, "idle"], again.text);
    const waited = await app.ask({ session_id }, replica);
    assertEquals([waited.value.status, waited.value.reply], ["idle", again.value.reply]);
    assertEquals(await app.messages(), { [session_id]: SENT });
    app.close();
  });

  for (const kind of ["lost_ack", "reset"] as const) {
    Deno.test(`a message that goes on arrives once when its call is made again on ${where}: ${kind}`, async () => {
      const app = openReplicas();
      const { value: { session_id, last_event_id: after_id } } = await app.ask(app.first);
      // The same words as before.
      const more = { session_id, after_id, message: MESSAGE, idempotency_key: KEY };
      app.strike(SEND, kind);
      const lost = await app.ask(more);
      // What this program has sent before tells the age of an event.
      if (lost.isError) assertStringIncludes(lost.text, "same arguments and idempotency_key");
      await app.clock.advance(10_000);
      const { value, text } = await app.ask(more, replica);
      assertEquals([value.session_id, value.status], [session_id, "idle"], text);
      assertEquals(value.sent_before, kind === "lost_ack" ? true : undefined);
      assertStringIncludes(String(value.reply), MESSAGE);
      assertEquals(await app.messages(), { [String(session_id)]: [...SENT, ...SENT] });
      app.close();
    });
  }

  Deno.test(`a message that is queued behind a running turn is found on ${where}`, async () => {
    const app = openReplicas();
    const agent_id = app.simulator.agentId("slow");
    const first = await app.ask({ agent_id, message: "Begin.", timeout_sec: 1 });
    const { session_id, last_event_id: after_id, status } = first.value;
    assertEquals(status, "timeout");
    const more = { session_id, after_id, message: MESSAGE, idempotency_key: KEY };
    const queued = await app.ask({ ...more, timeout_sec: 1 });
    assertEquals(queued.value.status, "timeout");
    const { value, text } = await app.ask(more, replica);
    assertEquals([value.status, value.sent_before], ["idle", true], text);
    const sent = (await app.messages())[String(session_id)] ?? [];
    assertEquals(sent.filter((content) => content.includes(MESSAGE)).length, 1);
    app.close();
  });

  Deno.test(`a key of another message is refused on ${where}, and nothing is created`, async () => {
    const app = openReplicas();
    const { value: { session_id } } = await app.ask(app.keyed);
    for (const other of [{ message: "Other" }, { title: "T" }, { max_cost_usd: 1 }]) {
      const { isError, text } = await app.ask({ ...app.keyed, ...other }, replica);
      assert(isError && text.includes("earlier call with other arguments"), text);
    }
    assertEquals(await app.messages(), { [String(session_id)]: SENT });
    app.close();
  });
}

Deno.test("a lost send without a key is not repeated", async () => {
  const app = openReplicas();
  const session_id = app.simulator.createSession({ agent: "quick" });
  app.strike(SEND, "reset");
  const { isError, text } = await app.ask({ session_id, message: MESSAGE });
  assert(isError && text.includes("Before sending again, look for it"), text);
  assertEquals(await app.messages(), { [session_id]: [] });
  app.close();
});

Deno.test("calls with one key in the same moment open one session on a replica", async () => {
  const app = openReplicas();
  const calls = Array.from({ length: 5 }, () => app.start(app.keyed));
  const told = await app.clock.runUntil(Promise.all(calls));
  const ids = new Set(told.map(({ value }) => value.session_id));
  assertEquals([ids.size, told.filter(({ value }) => value.sent_before).length], [1, 4]);
  for (const { value } of told) {
    assertEquals([value.status, value.duplicate_session_ids], ["idle", undefined]);
  }
  assertEquals(await app.messages(), { [String([...ids][0])]: SENT });
  app.close();
});

Deno.test("calls with one key in the same moment on two replicas name both sessions", async () => {
  const both = Promise.withResolvers<void>();
  let creates = 0;
  const app = openReplicas((api) => {
    const create: typeof api.sessions.create = async (...args) => {
      if (++creates === 2) both.resolve();
      // Each has looked before the other one creates.
      await both.promise;
      return await api.sessions.create(...args);
    };
    return { api: { ...api, sessions: { ...api.sessions, create } } };
  });
  const told = await app.clock.runUntil(
    Promise.all([app.start(app.keyed), app.start(app.keyed, 1)]),
  );
  const ids = told.map(({ value }) => String(value.session_id));
  assertEquals(Object.keys(await app.messages()).sort(), ids.toSorted());
  for (const [index, { value, text }] of told.entries()) {
    const other = ids[1 - index];
    assertEquals(value.duplicate_session_ids, [other], text);
    assertStringIncludes(
      String(value.next),
      `sent the message in the same moment, in session "${other}"`,
    );
  }
  // Made again, the call goes on with the older one.
  const list = app.services.api.sessions.list({ order: "asc" });
  const [oldest, newest] = (await app.clock.runUntil(list)).data.map(({ id }) => id);
  for (const replica of [0, 1] as const) {
    await app.clock.advance(600_000);
    const { value } = await app.ask(app.keyed, replica);
    assertEquals([value.session_id, value.duplicate_session_ids], [oldest, [newest]]);
  }
  app.close();
});

Deno.test("calls with one key that go on in the same moment on two replicas name both messages", async () => {
  const both = Promise.withResolvers<void>();
  let sends = 0;
  const app = openReplicas((api) => {
    const send: typeof api.events.send = async (...args) => {
      if (++sends === 2) both.resolve();
      // Each has looked before the other one sends.
      await both.promise;
      return await api.events.send(...args);
    };
    return { api: { ...api, events: { ...api.events, send } } };
  });
  const { value: { session_id, last_event_id: after_id } } = await app.ask(app.first);
  const more = { session_id, after_id, message: MESSAGE, idempotency_key: KEY };
  const told = await app.clock.runUntil(Promise.all([app.start(more), app.start(more, 1)]));
  assertEquals(await app.messages(), { [String(session_id)]: [...SENT, ...SENT, ...SENT] });
  const list = app.services.api.events.list(String(session_id), {
    types: ["user.message"],
    order: "asc",
  });
  const [, ...ids] = (await app.clock.runUntil(list)).data.map(({ id }) => id);
  const named = told.map(({ value }) => value.duplicate_event_ids);
  assertEquals(named.flat().toSorted(), ids.toSorted(), JSON.stringify(told));
  for (const { value, text } of told) {
    assertEquals([value.status, Array.isArray(value.duplicate_event_ids)], ["idle", true], text);
    assertStringIncludes(String(value.next), "sent the message in the same moment, as event");
  }
  app.close();
});

Deno.test("a key is one caller's: what others do with it is something else", async () => {
  const app = openReplicas();
  const { value: { session_id } } = await app.ask(app.keyed);
  const result = await app.clock.runUntil(callTool(askAgentTool, app.keyed, {
    signal: new AbortController().signal,
    services: app.services,
    requestId: "1",
    principal: { id: "noah" },
  }));
  assert(toldBy(result).value.session_id !== session_id);
  assertEquals(Object.keys(await app.messages()).length, 2);
  app.close();
});
