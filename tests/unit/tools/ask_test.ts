import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { ClientEvent, CreateSessionParams } from "../../../src/api/types.ts";
import { ApiError } from "../../../src/api/errors.ts";
import { CallEnded, PartlyDoneError, ToolError } from "../../../src/core/errors.ts";
import { failureText } from "../../../src/mcp/errors.ts";
import type { CarriedAnswer, Person } from "../../../src/session/person.ts";
import type { WaitRequest } from "../../../src/session/waiter.ts";
import { askAgent, type AskRequest } from "../../../src/tools/ask.ts";
import type { ToolCall } from "../../../src/tools/define.ts";
import { type ApiParts, harness, httpError, session } from "./support.ts";

/** An API that counts what it creates and sends. */
function asking(parts: Partial<Pick<ApiParts, "sessions" | "events">> = {}) {
  const created: CreateSessionParams[] = [];
  const sent: [string, ClientEvent][] = [];
  const opened = harness({
    sessions: {
      create: (params) => {
        created.push(params);
        return Promise.resolve(session({ id: "sesn_new", status: "running" }));
      },
      ...parts.sessions,
    },
    events: {
      send: (sessionId, events) => {
        for (const event of events) sent.push([sessionId, event]);
        return Promise.resolve({ data: [{ type: "user.message", id: "sevt_sent" }] });
      },
      ...parts.events,
    },
  }, { environmentId: "env_1" });
  return {
    ...opened,
    created,
    sent,
    ask: (request: Omit<AskRequest, "tool">, overrides?: Partial<ToolCall>) =>
      opened.clock.runUntil(
        askAgent({ tool: "ask_agent", ...request }, {
          deadline: opened.clock.now() + 50_000,
          ...opened.call(overrides),
        }),
      ),
    /** What the waiter was asked for, of what a wait of a tool has. */
    waited: () =>
      opened.waiter.waits.map(({ sessionId, afterId, askTool, timeoutMs }: WaitRequest) => ({
        sessionId,
        afterId,
        askTool,
        timeoutMs,
      })),
  };
}

const NEW = { agent_id: "agent_1", message: "Hello" };
const MESSAGE = { type: "user.message", content: [{ type: "text", text: "Hello" }] } as const;

Deno.test("askAgent() opens a session with the message, and waits for its turn", async () => {
  const { ask, created, sent, waited, waiter } = asking();
  const given = { title: "Work", environment_id: "env_2", max_cost_usd: 2 };
  const result = await ask({ ...NEW, ...given });
  assertEquals(result, {
    ...waiter.result,
    next: "The API's response shows no budget, so it may not bound what the session costs.",
  });
  assertEquals(created.map(({ metadata: _, ...params }) => params), [{
    agent: "agent_1",
    environmentId: "env_2",
    title: "Work",
    message: "Hello",
    budget: { type: "limit", max_list_cost: { amount: "200", currency: "USD" } },
  }]);
  assertEquals([sent, waited()], [[], [
    { sessionId: "sesn_new", afterId: undefined, askTool: "ask_agent", timeoutMs: 50_000 },
  ]]);
});

Deno.test("askAgent() sends to a session that is there, and waits for what comes after the cursor", async () => {
  const { ask, created, sent, waited, waiter } = asking();
  const request = { session_id: "sesn_1", message: "Hello", after_id: "sevt_9" };
  assertEquals(await ask(request), waiter.result);
  assertEquals([created, sent, waited()], [[], [["sesn_1", MESSAGE]], [
    { sessionId: "sesn_1", afterId: "sevt_9", askTool: "ask_agent", timeoutMs: 50_000 },
  ]]);
});

Deno.test("askAgent() only waits where there is a session and no message", async () => {
  const { ask, created, sent, waited } = asking();
  await ask({ session_id: "sesn_1", after_id: "sevt_9w1" });
  assertEquals([created, sent, waited()[0]?.afterId], [[], [], "sevt_9w1"]);
});

Deno.test("askAgent() sends the message itself where the API makes a session without it", async () => {
  const { ask, sent, waited } = asking({
    sessions: {
      create: () => Promise.resolve(session({ id: "sesn_new" })),
      retrieve: () => Promise.resolve(session({ id: "sesn_new" })),
    },
    events: { list: () => Promise.resolve({ data: [] }) },
  });
  await ask(NEW);
  assertEquals([sent, waited().length], [[["sesn_new", MESSAGE]], 1]);
});

/** Arguments that do not go together, and what the caller is told. */
const WRONG: readonly [Omit<AskRequest, "tool">, string][] = [
  [{}, "agent_id is required for a new session, or session_id"],
  [{ message: "Hello" }, "agent_id is required"],
  [{ agent_id: "agent_1" }, "message is required: a text of 1 to 100000 characters"],
  [{ ...NEW, after_id: "sevt_9" }, "after_id goes with session_id only"],
  [{ session_id: "sesn_1", title: "T" }, "Only a new session takes title:"],
  [
    { session_id: "sesn_1", message: "Hello", max_cost_usd: 1, environment_id: "env_2" },
    "Only a new session takes environment_id, max_cost_usd:",
  ],
];
for (const [request, says] of WRONG) {
  Deno.test(`askAgent() does nothing with ${JSON.stringify(request)}`, async () => {
    const { ask, created, sent, waiter } = asking();
    const error = await assertRejects(() => ask(request), ToolError, says);
    assertEquals([error.code, created, sent, waiter.waits], ["invalid_argument", [], [], []]);
  });
}

Deno.test("askAgent() goes on with a session of the agent that is named beside it, and of no other", async () => {
  const reads: string[] = [];
  const { ask, sent } = asking({
    sessions: {
      retrieve: (id) => {
        reads.push(id);
        if (id === "sesn_none") return Promise.reject(httpError(404));
        const agent = id === "sesn_text" ? "agent_1" : { id: "agent_1" };
        return Promise.resolve(session({ id, agent }));
      },
    },
  });
  for (const session_id of ["sesn_1", "sesn_1", "sesn_text"]) await ask({ ...NEW, session_id });
  // Whose a session is never changes.
  assertEquals([sent.length, reads], [3, ["sesn_1", "sesn_text"]]);
  for (const session_id of ["sesn_1", "sesn_none", "sesn_1"]) {
    const request = { ...NEW, agent_id: "agent_2", session_id };
    await assertRejects(() => ask(request), ToolError, "does not exist or is not available");
  }
  // A refusal always costs a request, so that its time tells nothing.
  assertEquals([sent.length, reads.length], [3, 5]);
});

/** The text of a failure, as the caller reads it. */
async function textOf(asked: Promise<unknown>): Promise<string> {
  const error = await assertRejects(() => asked, PartlyDoneError);
  return failureText(error);
}

const FAILURES: readonly [string, unknown, string][] = [
  ["the API fails", httpError(500, "Internal"), "API: 500"],
  ["a limit is reached", new ToolError("too_many_waits", "Too many open waits."), "Too many open"],
  ["the program fails", new TypeError("a bug"), "its operator's log says why"],
];
for (const [what, failure, says] of FAILURES) {
  Deno.test(`askAgent() names the session when the wait fails after it sent something: ${what}`, async () => {
    const opened = asking();
    opened.waiter.wait = () => Promise.reject(failure);
    for (
      const [request, id] of [
        [NEW, "sesn_new"],
        [{ session_id: "sesn_1", message: "Hello" }, "sesn_1"],
      ] as const
    ) {
      const text = await textOf(opened.ask(request));
      assertStringIncludes(text, `The message was sent, in session "${id}": do not send it again.`);
      assertStringIncludes(text, `call ask_agent with session_id "${id}" and no message`);
      assertStringIncludes(text, says);
    }
    const error = await assertRejects(() => opened.ask({ session_id: "sesn_1" }));
    assertEquals(error, failure);
  });
}

Deno.test("askAgent() names the session that has no message yet when sending fails", async () => {
  const lost = new ApiError("Refused", { kind: "http", status: 403 });
  const { ask } = asking({
    sessions: {
      create: () => Promise.resolve(session({ id: "sesn_new" })),
      retrieve: () => Promise.resolve(session({ id: "sesn_new" })),
    },
    events: { list: () => Promise.resolve({ data: [] }), send: () => Promise.reject(lost) },
  });
  const text = await textOf(ask(NEW));
  assertStringIncludes(text, 'Session "sesn_new" was created, without the message.');
  assertStringIncludes(text, "API: 403");
});

Deno.test("askAgent() ends with the signal's reason when it is cancelled, and interrupts nothing", async () => {
  const opened = asking();
  const cancel = new AbortController();
  opened.waiter.wait = ({ signal }) => {
    cancel.abort(new DOMException("Cancelled", "AbortError"));
    return Promise.reject(signal.reason);
  };
  const { signal } = cancel;
  await assertRejects(() => opened.ask(NEW, { signal }), DOMException, "Cancelled");
  assertEquals([opened.created.length, opened.sent], [1, []]);
});

/** A person whose answer the call carries. */
function carrying(answer: CarriedAnswer): { person: Person } {
  return {
    person: {
      channel: "form",
      carried: () => Promise.resolve(answer),
      ask: () => Promise.reject(new Error("Nobody is asked")),
    },
  };
}

const PUT_OFF = {
  kind: "valid",
  sessionId: "sesn_asked",
  calls: [],
  round: { number: 1, remainingMs: 20_000, settled: [] },
  answer: { kind: "undecided", why: "declined" },
} as const satisfies CarriedAnswer;
const EXPIRED = { kind: "invalid", why: "expired", sessionId: "sesn_asked" } as const;

const CARRIED: readonly [string, CarriedAnswer, Omit<AskRequest, "tool">, string][] = [
  ["opened a session", PUT_OFF, NEW, "sesn_asked"],
  ["went on", PUT_OFF, { session_id: "sesn_asked", message: "Hello" }, "sesn_asked"],
  ["opened a session, too late", EXPIRED, NEW, "sesn_asked"],
  ["went on, too late", EXPIRED, { session_id: "sesn_asked", message: "Hello" }, "sesn_asked"],
  [
    "went on, with an answer that cannot be read",
    { kind: "invalid", why: "unreadable" },
    { session_id: "sesn_1", message: "Hello" },
    "sesn_1",
  ],
];
for (const [what, answer, request, sessionId] of CARRIED) {
  Deno.test(`askAgent() creates and sends nothing with an answer to a call that ${what}`, async () => {
    const { ask, created, sent, waited } = asking();
    await ask(request, carrying(answer));
    assertEquals([created, sent, waited().map((wait) => wait.sessionId)], [[], [], [sessionId]]);
  });
}

Deno.test("askAgent() does nothing with an answer of which the session is not known", async () => {
  const { ask, created, sent, waiter } = asking();
  for (const why of ["unreadable", "foreign"] as const) {
    const request = () => ask(NEW, carrying({ kind: "invalid", why }));
    const error = await assertRejects(request, ToolError, "nothing was created or sent");
    assertEquals(error.code, "unusable_answer");
  }
  assertEquals([created, sent, waiter.waits], [[], [], []]);
});

Deno.test("askAgent() names the session of a question when the wait after its answer fails", async () => {
  const opened = asking();
  opened.waiter.wait = () => Promise.reject(httpError(500));
  assertStringIncludes(await textOf(opened.ask(NEW, carrying(PUT_OFF))), 'session "sesn_asked"');
});

Deno.test("askAgent() lets a question to the client through: it is no failure", async () => {
  const opened = asking();
  opened.waiter.wait = () => Promise.reject(new CallEnded("A question"));
  const error = await assertRejects(() => opened.ask(NEW));
  assert(error instanceof CallEnded);
});
