import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ApiError } from "../../../src/api/errors.ts";
import type { SessionEvent } from "../../../src/api/events.ts";
import type { ClientEvent } from "../../../src/api/types.ts";
import { createRedact } from "../../../src/core/redact.ts";
import { Confirmations, MAX_REASON_CHARS } from "../../../src/session/confirmations.ts";
import type { AskedCall, Decision } from "../../../src/session/person.ts";
import { eventMaker } from "../../helpers/events.ts";
import { FakeEvents, harness, httpError } from "../tools/support.ts";

const SECRET = "a-secret-that-is-known-here";
const e = eventMaker();

/** A call that a person has to confirm. */
function call(input: unknown, fields: Record<string, unknown> = {}): SessionEvent {
  return e.tool("bash", { evaluated_permission: "ask", input, ...fields });
}

type Choose = (asked: readonly AskedCall[]) => Record<string, Decision> | void;

/**
 * A session that waits for calls. A person decides by `choose`; `send` is what the API does with a
 * decision, which by default it lists and echoes.
 */
function blockedOn(calls: readonly SessionEvent[], choose: Choose = () => {}) {
  const ids = calls.map(({ id }) => String(id));
  const list = new FakeEvents([e.user("q"), e.running(), ...calls, e.asks(...ids)]);
  const sent: ClientEvent[] = [];
  const asked: (readonly AskedCall[])[] = [];
  const session = {
    list,
    sent,
    asked,
    ids,
    /** Adds a decision to the events; returns it. */
    take(event: ClientEvent): SessionEvent {
      const taken = e.make(event.type, { ...event });
      list.events.push(taken);
      return taken;
    },
    send: (event: ClientEvent): SessionEvent => session.take(event),
    ask: (blocking = ids, signal = new AbortController().signal) =>
      clock.runUntil(confirmations.ask(blocking, signal)),
  };
  const { services, clock } = harness({
    events: {
      ...list.api,
      send: async (_id, events) => {
        await Promise.resolve();
        sent.push(...events);
        return { data: events.map((event) => session.send(event)) };
      },
    },
  }, { redact: createRedact([SECRET]) });
  const confirmations = new Confirmations("sesn_1", {
    ...services,
    clock,
    askPerson: (shown) => {
      asked.push(shown);
      return Promise.resolve(new Map(Object.entries(choose(shown) ?? {})));
    },
  });
  return session;
}

/** Decides on all calls alike. */
const all = (decision: Decision): Choose => (asked) =>
  Object.fromEntries(asked.map(({ eventId }) => [eventId, decision]));

const ALLOW: Decision = { result: "allow" };

async function shown(input: unknown, fields: Record<string, unknown> = {}): Promise<AskedCall> {
  const { ask, asked } = blockedOn([call(input, fields)]);
  await ask();
  const [confirmation] = asked[0] ?? [];
  assert(confirmation);
  return confirmation;
}

Deno.test("a confirmation shows tool, MCP server and the whole input as one JSON text", async () => {
  const { tool, server, subagent, input, leftOut, mayAllow } = await shown(
    { query: 'a "b"\n', all: true },
    { type: "agent.mcp_tool_use", name: "search", mcp_server_name: "github" },
  );
  assertEquals([tool, server, subagent, leftOut, mayAllow], [
    "search",
    "github",
    undefined,
    0,
    true,
  ]);
  assertEquals(input, '{"query":"a \\"b\\"\\n","all":true}');
  assertEquals((await shown(undefined)).input, "{}");
});

Deno.test("a confirmation escapes what nobody would see, and drops none of it", async () => {
  const hidden = "\x1b[2J\x9b\u202e\u2066\u200b\u200d\ufeff\u2028\ufe0f\u{e0041}\u3164\u00a0\ud800";
  const { input, tool } = await shown({ c: `rm${hidden}x` }, { name: "ba\u202esh\n" });
  assert(/^[\x20-\x7e]+$/.test(input + tool), input);
  assertEquals(JSON.parse(input), { c: `rm${hidden}x` });
  assertEquals(tool, "ba\\u202esh\\u000a");
});

Deno.test("a confirmation masks known secrets, also across the cut of a long input", async () => {
  const { input } = await shown({ c: `${"x".repeat(1_480)}${SECRET}${"y".repeat(3_000)}` });
  assertEquals(input.includes(SECRET.slice(0, 8)), false);
  assertStringIncludes(input, "[redacted]");
  assertStringIncludes((await shown({ c: SECRET })).input, "[redacted]");
});

const LENGTHS: readonly (readonly [length: number, leftOut: number, mayAllow: boolean])[] = [
  [2_000, 0, true],
  [2_001, 1, true],
  [4_000, 2_000, true],
  [4_001, 2_001, false],
];
for (const [length, leftOut, mayAllow] of LENGTHS) {
  Deno.test(`an input of ${length} characters leaves out ${leftOut}, and ${mayAllow ? "can" : "cannot"} be allowed`, async () => {
    const confirmation = await shown("x".repeat(length - 2));
    assertEquals([confirmation.leftOut, confirmation.mayAllow], [leftOut, mayAllow]);
    const [head, note, tail] = confirmation.input.split("\n");
    if (leftOut === 0) return assertEquals(note, undefined);
    assertEquals([head?.length, note, tail?.length], [
      1_500,
      `[${leftOut} characters left out]`,
      500,
    ]);
  });
}

Deno.test("a call that is shown too little of cannot be allowed, whatever the person said", async () => {
  const { ask, sent } = blockedOn([call("x".repeat(9_000))], all(ALLOW));
  assertEquals((await ask()).map(({ kind }) => kind), ["changed"]);
  assertEquals(sent, []);
});

Deno.test("an input that is nested too deeply to be shown can only be denied", async () => {
  let input: unknown = {};
  for (let depth = 0; depth < 100_000; depth++) input = [input];
  const list = blockedOn([call("x")]);
  Object.assign(list.list.events.find(({ type }) => type === "agent.tool_use") ?? {}, { input });
  await list.ask();
  assertEquals(list.asked[0]?.map(({ mayAllow }) => mayAllow), [false]);
});

Deno.test("only calls whose policy asks are offered", async () => {
  const calls = [
    call("a", { evaluated_permission: "allow" }),
    call("b", { evaluated_permission: undefined }),
    e.make("agent.custom_tool_use", { name: "custom", input: {}, evaluated_permission: "ask" }),
    call("d"),
  ];
  const { ask, asked } = blockedOn(calls);
  assertEquals(await ask(), []);
  assertEquals(asked[0]?.map(({ input }) => input), ['"d"']);
});

Deno.test("a subagent's call names the subagent, and its decision the call alone", async () => {
  const session_thread_id = "sthr_2";
  const subagents = blockedOn([call("a", { session_thread_id })], all(ALLOW));
  subagents.list.events.unshift(
    e.make("session.thread_created", { session_thread_id, agent_name: "Researcher" }),
  );
  assertEquals((await subagents.ask()).map(({ kind }) => kind), ["sent"]);
  assertEquals(subagents.asked[0]?.[0]?.subagent, "Researcher");
  assertEquals(subagents.sent, [
    { type: "user.tool_confirmation", tool_use_id: subagents.ids[0] ?? "", result: "allow" },
  ]);
  assertEquals((await shown("a", { session_thread_id })).subagent, "sthr_2");
});

Deno.test("denials are sent first, each decision in a request of its own, the reason with a denial", async () => {
  const { ask, sent, ids } = blockedOn([call("a"), call("b"), call("c")], ([a, b]) => ({
    [a?.eventId ?? ""]: ALLOW,
    [b?.eventId ?? ""]: { result: "deny", reason: "x".repeat(MAX_REASON_CHARS + 1) },
  }));
  assertEquals((await ask()).map(({ kind }) => kind), ["sent", "sent"]);
  const [a = "", b = ""] = ids;
  const type = "user.tool_confirmation";
  assertEquals(sent, [
    { type, tool_use_id: b, result: "deny", deny_message: "x".repeat(MAX_REASON_CHARS) },
    { type, tool_use_id: a, result: "allow" },
  ]);
});

Deno.test("an empty reason is left out", async () => {
  const { ask, sent } = blockedOn([call("a")], all({ result: "deny", reason: "" }));
  await ask();
  assertEquals("deny_message" in (sent[0] ?? {}), false);
});

Deno.test("nothing is sent for a call that has changed since it was shown; it is asked again", async () => {
  const first = call({ command: "ls" });
  const { ask, asked, sent, list } = blockedOn([first, call("b")], (calls) => {
    const index = list.events.indexOf(first);
    if (index >= 0) list.events[index] = { ...first, input: { command: "rm" } };
    return all(ALLOW)(calls);
  });
  const kinds = async () => (await ask()).map(({ kind }) => kind);
  assertEquals(await kinds(), ["changed", "sent"]);
  assertEquals(sent.length, 1);
  assertEquals(await kinds(), ["sent"]);
  assertEquals(asked[1]?.map(({ input }) => input), ['{"command":"rm"}']);
});

Deno.test("a call whose input changes where it is not shown has changed", async () => {
  const long = (middle: string) => `${"x".repeat(1_600)}${middle}${"y".repeat(600)}`;
  const first = call(long("ls"));
  const { ask, sent, list } = blockedOn([first], (calls) => {
    list.events[list.events.indexOf(first)] = { ...first, input: long("rm") };
    return all(ALLOW)(calls);
  });
  assertEquals((await ask()).map(({ kind }) => kind), ["changed"]);
  assertEquals(sent, []);
});

Deno.test("nothing is sent for a call that was answered, or given up, while the person thought", async () => {
  const type = "user.tool_confirmation";
  const { ask, sent, list, ids } = blockedOn([call("a"), call("b")], (calls) => {
    list.events.push(e.make(type, { tool_use_id: ids[0], result: "deny" }));
    return all(ALLOW)(calls);
  });
  assertEquals((await ask()).map(({ kind }) => kind), ["answered_elsewhere", "sent"]);
  assertEquals(sent.length, 1);
  const interrupted = blockedOn([call("a")], (calls) => {
    interrupted.list.events.push(e.make("user.interrupt"), e.endTurn());
    return all(ALLOW)(calls);
  });
  assertEquals((await interrupted.ask()).map(({ kind }) => kind), ["gone"]);
  assertEquals(interrupted.sent, []);
});

Deno.test("a refused decision was answered elsewhere where the events say so, and the others still go", async () => {
  const session = blockedOn([call("a"), call("b")], all(ALLOW));
  session.send = (event) => {
    if (session.sent.length > 1) return session.take(event);
    session.take({ ...event, result: "deny" } as ClientEvent);
    throw httpError(400);
  };
  assertEquals((await session.ask()).map(({ kind }) => kind), ["answered_elsewhere", "sent"]);
  assertEquals(session.sent.length, 2);
});

Deno.test("a decision that the API refuses for another reason has failed, and can be made again", async () => {
  const session = blockedOn([call("a")], all(ALLOW));
  session.send = () => {
    throw httpError(403, "Not you.");
  };
  const [failed] = await session.ask();
  assertEquals([failed?.kind, failed?.kind === "failed" && failed.error.message], [
    "failed",
    "Not you.",
  ]);
  session.send = session.take;
  assertEquals((await session.ask()).map(({ kind }) => kind), ["sent"]);
});

Deno.test("a decision whose response is lost is found among the events, and not sent twice", async () => {
  const session = blockedOn([call("a")], all(ALLOW));
  session.send = (event) => {
    session.take(event);
    throw new ApiError("lost", { kind: "connection_lost" });
  };
  assertEquals((await session.ask()).map(({ kind }) => kind), ["sent"]);
  assertEquals(session.sent.length, 1);
});

Deno.test("a decision that is lost without a trace is unknown, and never made again", async () => {
  const session = blockedOn([call("a")], all(ALLOW));
  session.send = () => {
    throw new ApiError("lost", { kind: "timeout" });
  };
  assertEquals((await session.ask()).map(({ kind }) => kind), ["unknown"]);
  assertEquals(await session.ask(), []);
  assertEquals([session.sent.length, session.asked.length], [1, 1]);
});

Deno.test("a decision of another person does not pass for a lost one", async () => {
  const session = blockedOn([call("a")], all(ALLOW));
  session.send = (event) => {
    session.take({ ...event, result: "deny" } as ClientEvent);
    throw new ApiError("lost", { kind: "timeout" });
  };
  assertEquals((await session.ask()).map(({ kind }) => kind), ["answered_elsewhere"]);
  assertEquals(session.sent.length, 1);
});

Deno.test("calls that were put off are not asked about again", async () => {
  const { ask, asked, sent } = blockedOn([call("a")]);
  assertEquals([await ask(), await ask()], [[], []]);
  assertEquals([asked.length, sent], [1, []]);
});

Deno.test("a call that the list does not show yet is waited for", async () => {
  const { ask, asked, list } = blockedOn([call("a")]);
  const late = list.events.splice(2);
  const { requests } = list;
  requests.push = (...params) => {
    // The first read has found nothing when the second is made.
    if (requests.length === 1) list.events.push(...late);
    return Array.prototype.push.apply(requests, params);
  };
  await ask();
  assertEquals([requests.length, asked[0]?.length], [2, 1]);
});

Deno.test("nothing is read where nothing waits", async () => {
  const { ask, list } = blockedOn([call("a")]);
  assertEquals([await ask([]), list.requests], [[], []]);
});
