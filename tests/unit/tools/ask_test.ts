import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { Principal } from "../../../src/access/principal.ts";
import type { SessionEvent } from "../../../src/api/events.ts";
import type { Page } from "../../../src/api/pages.ts";
import type { Environment, Session } from "../../../src/api/resources.ts";
import type {
  ClientEvent,
  CreateSessionParams,
  ListSessionsParams,
} from "../../../src/api/types.ts";
import { ApiError } from "../../../src/api/errors.ts";
import { CallEnded, PartlyDoneError, ToolError } from "../../../src/core/errors.ts";
import { failureText } from "../../../src/mcp/errors.ts";
import type { CarriedAnswer, Person } from "../../../src/session/person.ts";
import type { WaitRequest } from "../../../src/session/waiter.ts";
import { askAgent, type AskRequest } from "../../../src/tools/ask.ts";
import type { ToolCall } from "../../../src/tools/define.ts";
import type { ServicesOptions } from "../../../src/tools/services.ts";
import { type ApiParts, harness, httpError, pageOf, session } from "./support.ts";

/** An API that counts what it creates and sends. */
function asking(
  parts: Partial<Pick<ApiParts, "sessions" | "events" | "environments">> = {},
  options: Partial<ServicesOptions> = {},
) {
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
    ...(parts.environments && { environments: parts.environments }),
  }, { environmentId: "env_1", ...options });
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

Deno.test("askAgent() bounds what the new session of a caller with a limit may cost", async () => {
  const { ask, created } = asking({}, { maxCostUsd: 9 });
  const principal = { id: "ci", maxCostUsd: 4 };
  await ask(NEW, { principal });
  assertEquals(created.map(({ budget }) => budget?.max_list_cost.amount), ["400"]);
  const dear = ask({ ...NEW, max_cost_usd: 5 }, { principal });
  await assertRejects(() => dear, ToolError, "max_cost_usd must be at most 4: your token");
  assertEquals(created.length, 1);
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

const KEYED = { ...NEW, idempotency_key: "k-1" };

/** Replicas over a list that has the sessions which they create, in pages of so many. */
function replicas(pageSize = 100) {
  const sessions: Session[] = [];
  const lists: ListSessionsParams[] = [];
  const open = (parts: Partial<ApiParts> = {}, options: Partial<ServicesOptions> = {}) =>
    asking({
      sessions: {
        create: ({ metadata, agent }) => {
          const id = `sesn_new${sessions.length}`;
          const made = session({ id, status: "running", metadata, agent: String(agent) });
          sessions.unshift(made);
          return Promise.resolve(made);
        },
        list: (params) => {
          lists.push(params);
          return Promise.resolve(pageOf(sessions, { ...params, limit: pageSize }));
        },
        ...parts.sessions,
      },
      ...(parts.events && { events: parts.events }),
      ...(parts.environments && { environments: parts.environments }),
    }, { sealingKeys: [new Uint8Array(32).fill(5)], ...options });
  return { sessions, lists, open };
}

/** So many sessions of somebody else. */
function others(count: number): Session[] {
  return Array.from({ length: count }, (_, index) => session({ id: `sesn_other${index}` }));
}

Deno.test("askAgent() marks a session that it opens for a key, and finds it again", async () => {
  const { open, sessions, lists } = replicas();
  const { ask } = open();
  const first = await ask(KEYED);
  assertEquals([first.sent_before, sessions.length], [undefined, 1]);
  const marks = Object.keys(sessions[0]?.metadata ?? {}).filter((key) => key !== "cma_mcp_request");
  assertEquals(marks, ["cma_mcp_idempotency", "cma_mcp_arguments"]);
  const again = await ask(KEYED);
  assertEquals([again.sent_before, sessions.length], [true, 1]);
  // One look before, and one for twins.
  assertEquals(lists, [1, 2].map(() => ({ order: "desc", limit: 100, page: undefined })));
  const elsewhere = await open().ask(KEYED);
  assertEquals([elsewhere.sent_before, sessions.length], [true, 1]);
});

Deno.test("askAgent() looks for nothing without a key, and where a call only waits", async () => {
  const { open, sessions, lists } = replicas();
  const { ask } = open();
  await ask(NEW);
  await ask({ session_id: "sesn_1", idempotency_key: "k-1" });
  assertEquals([sessions.length, lists], [1, []]);
});

Deno.test("askAgent() looks among the caller's newest 100 sessions, and in five pages at most", async () => {
  const { open, sessions, lists } = replicas(30);
  await open().ask(KEYED);
  const [made] = sessions.splice(0);
  assert(made);
  const again = async (before: number, principal?: Principal) => {
    sessions.splice(0, Infinity, ...others(before), made);
    lists.length = 0;
    const { sent_before } = await open().ask(KEYED, principal && { principal });
    return [sent_before, lists.length];
  };
  // Where nobody is identified all sessions are the caller's: 100 are in the first four pages.
  assertEquals([await again(29), await again(119)], [[true, 1], [true, 4]]);
  // A look, and one for twins.
  assertEquals(await again(120), [undefined, 4 + 4]);
  // Of a caller with a name, those of others don't count.
  const principal = { id: "mia" };
  await open().ask({ ...KEYED, title: "T" }, { principal });
  const mine = sessions.shift();
  assert(mine);
  sessions.splice(0, Infinity, ...others(149), mine);
  lists.length = 0;
  assertEquals((await open().ask({ ...KEYED, title: "T" }, { principal })).sent_before, true);
  assertEquals(lists.length, 5);
});

Deno.test("askAgent() reads five pages for a key, however many sessions of others there are", async () => {
  const { open, sessions, lists } = replicas(30);
  sessions.push(...others(600));
  await open().ask(KEYED, { principal: { id: "mia" } });
  // A look, and one for twins, which finds the new session on its first page.
  assertEquals([lists.length, sessions.length], [5 + 5, 601]);
});

Deno.test("askAgent() creates for a second call with the key what the first began and cancelled", async () => {
  const { promise: begun, resolve: markBegun } = Promise.withResolvers<AbortSignal | undefined>();
  const { promise: created, resolve: finish } = Promise.withResolvers<Session>();
  let creations = 0;
  const { open } = replicas();
  const { ask } = open({
    sessions: {
      create: (_, { signal } = {}) => {
        creations++;
        markBegun(signal);
        return created;
      },
      list: () => Promise.resolve({ data: [] }),
    },
  });
  const cancel = new AbortController();
  const first = assertRejects(() => ask(KEYED, { signal: cancel.signal }), DOMException);
  const given = await begun;
  const second = ask(KEYED);
  cancel.abort(new DOMException("Cancelled", "AbortError"));
  await first;
  finish(session({ id: "sesn_new", status: "running" }));
  const { sent_before } = await second;
  assertEquals([sent_before, creations, given?.aborted], [true, 1, false]);
});

Deno.test("askAgent() creates nothing for a key where its call went before the environment was known", async () => {
  const { promise: asked, resolve: markAsked } = Promise.withResolvers<void>();
  const { promise: listed, resolve: list } = Promise.withResolvers<Page<Environment>>();
  const { open, sessions } = replicas();
  const { ask } = open({
    environments: {
      list() {
        markAsked();
        return listed;
      },
    },
  }, { environmentId: undefined });
  const cancel = new AbortController();
  const first = assertRejects(() => ask(KEYED, { signal: cancel.signal }), DOMException);
  await asked;
  cancel.abort(new DOMException("Cancelled", "AbortError"));
  await first;
  // Meanwhile the call is made again elsewhere.
  const { sent_before } = await open().ask(KEYED);
  list({ data: [{ id: "env_1" }] });
  const again = await ask(KEYED);
  assertEquals([sent_before, again.sent_before, sessions.length], [undefined, true, 1]);
  await ask({ ...KEYED, idempotency_key: "k-2" });
  assertEquals(sessions.length, 2);
});

for (const [which, isFound] of [["it made", false], ["it found", true]] as const) {
  Deno.test(`askAgent() sends nothing to a session that ${which} without its message, once its calls have gone`, async () => {
    const { open, sessions } = replicas();
    const idle = () => Promise.resolve(session());
    const dropped = (onList = () => {}) =>
      open({
        sessions: {
          retrieve: idle,
          ...!isFound && {
            create: ({ metadata }) => {
              const made = session({ id: "sesn_new0", metadata });
              sessions.unshift(made);
              return Promise.resolve(made);
            },
          },
        },
        events: {
          list() {
            onList();
            return Promise.resolve({ data: [] });
          },
        },
      });
    if (isFound) {
      await open().ask(KEYED);
      sessions.splice(0, 1, { ...sessions[0], id: "sesn_new0", status: "idle" });
    }
    const cancel = new AbortController();
    const { ask, sent, clock } = dropped(() =>
      cancel.abort(new DOMException("Cancelled", "AbortError"))
    );
    await assertRejects(() => ask(KEYED, { signal: cancel.signal }), DOMException);
    await clock.advance(20_000);
    const elsewhere = dropped();
    await elsewhere.ask(KEYED);
    assertEquals([sent.length, elsewhere.sent.length, sessions.length], [0, 1, 1]);
    const again = dropped();
    sessions.splice(0, 1, { ...sessions[0], id: "sesn_new0", status: "running" });
    assertEquals([(await again.ask(KEYED)).sent_before, again.sent], [true, []]);
  });
}

Deno.test("askAgent() counts further pages of a look against the caller, and creates nothing without", async () => {
  const { open, sessions, lists } = replicas(30);
  sessions.push(...others(90));
  let left = 1;
  const charge = () => left-- > 0 ? 0 : 5_000;
  const { ask } = open();
  const request = () => ask(KEYED, { principal: { id: "mia", charge } });
  const error = await assertRejects(request, ToolError, "try again in 5 s");
  assertEquals([error.code, lists.length, sessions.length], ["rate_limited", 2, 90]);
});

Deno.test("askAgent() refuses a key of a session with other arguments, and names the session", async () => {
  const { open, sessions } = replicas();
  await open().ask(KEYED);
  for (const other of [{ message: "Other" }, { title: "T" }, { agent_id: "agent_2" }]) {
    const error = await assertRejects(() => open().ask({ ...KEYED, ...other }), ToolError);
    assertEquals([error.code, error.message.includes('"sesn_new0"')], ["key_reused", true]);
  }
  assertEquals(sessions.length, 1);
});

Deno.test("askAgent() finds no session that the caller may no longer reach", async () => {
  const { open, sessions } = replicas();
  await open().ask(KEYED);
  const allowedAgentIds = ["agent_2"];
  await open({}, { allowedAgentIds }).ask(KEYED);
  assertEquals(sessions.length, 2);
});

Deno.test("askAgent() goes on with the oldest session of a key, and names the others", async () => {
  const { open, sessions } = replicas();
  await open().ask(KEYED);
  const [made] = sessions;
  assert(made);
  sessions.unshift({ ...made, id: "sesn_twin" });
  const result = await open().ask(KEYED);
  assertEquals(result.duplicate_session_ids, ["sesn_twin"]);
  assertStringIncludes(result.next ?? "", 'in the same moment, in session "sesn_twin"');
});

Deno.test("askAgent() sends the message to a session of the key that was made without it", async () => {
  const { open, sessions } = replicas();
  await open().ask(KEYED);
  const [made] = sessions;
  assert(made);
  sessions.splice(0, 1, { ...made, status: "idle" });
  const { ask, sent } = open({
    sessions: { retrieve: () => Promise.resolve(session()) },
    events: { list: () => Promise.resolve({ data: [] }) },
  });
  assertEquals([(await ask(KEYED)).sent_before, sent], [true, [["sesn_new0", MESSAGE]]]);
});

Deno.test("askAgent() names twins that show while it waits, and gives its reply without them", async () => {
  for (const fails of [false, true]) {
    const { open, sessions } = replicas();
    let looks = 0;
    const opened = open({
      sessions: {
        list: () => {
          if (looks++ > 0 && fails) return Promise.reject(httpError(500));
          return Promise.resolve({ data: sessions });
        },
      },
    });
    const { clock, waiter } = opened;
    const { wait } = waiter;
    waiter.wait = async (request) => {
      sessions.unshift({ ...sessions[0], id: "sesn_twin" });
      // The list may not show twins at once.
      await clock.sleep(1_900);
      assertEquals(looks, 1);
      await clock.sleep(8_100);
      assertEquals(looks, 2);
      return await wait.call(waiter, request);
    };
    const result = await opened.ask(KEYED);
    assertEquals(result.duplicate_session_ids, fails ? undefined : ["sesn_twin"]);
    assertEquals([result.reply, looks, clock.pendingTimers], ["Done.", 2, 0]);
  }
});

Deno.test("askAgent() stops looking for twins with a wait that fails or is cancelled", async () => {
  const { open, lists } = replicas();
  const opened = open();
  const cancel = new AbortController();
  opened.waiter.wait = () => {
    cancel.abort(new DOMException("Gone", "AbortError"));
    return Promise.reject(cancel.signal.reason);
  };
  await assertRejects(() => opened.ask(KEYED, { signal: cancel.signal }), DOMException, "Gone");
  await opened.clock.advance(60_000);
  assertEquals([lists.length, opened.clock.pendingTimers], [1, 0]);
});

const GOING_ON = {
  session_id: "sesn_1",
  after_id: "sevt_9",
  message: "Hello",
  idempotency_key: "k-1",
};

Deno.test("askAgent() takes a key beside session_id with a cursor only", async () => {
  const { ask, sent } = asking();
  const { after_id: _, ...request } = GOING_ON;
  await assertRejects(() => ask(request), ToolError, "needs after_id");
  assertEquals(sent, []);
});

/** Events of a session, the newest first: messages behind the cursor. */
function eventsWith(...texts: readonly string[]): SessionEvent[] {
  const messages = texts.map((text, index) => ({
    id: `sevt_1${index}`,
    type: "user.message",
    content: [{ type: "text", text }],
    processed_at: "2026-11-23T09:00:00Z",
  }));
  const cursor = { id: "sevt_9", type: "agent.message", processed_at: "2026-11-23T08:59:00Z" };
  const same = { ...MESSAGE, id: "sevt_0", processed_at: "2026-11-23T08:58:00Z" };
  return [...messages.toReversed(), cursor, same];
}

const AFTER: readonly [string, readonly string[], boolean][] = [
  ["nothing", [], false],
  ["another message", ["Hello!"], false],
  ["the message", ["Hello"], true],
  ["the message among others", ["Before", "Hello", "Later"], true],
];
for (const [what, texts, isSent] of AFTER) {
  Deno.test(`askAgent() ${isSent ? "does not send" : "sends"} for a key where ${what} came after the cursor`, async () => {
    const list = () => Promise.resolve({ data: eventsWith(...texts) });
    const { ask, sent, waited } = asking({ events: { list } });
    const result = await ask(GOING_ON);
    assertEquals([result.sent_before, sent.length], [isSent || undefined, isSent ? 0 : 1]);
    assertEquals(waited().map(({ afterId }) => afterId), ["sevt_9"]);
  });
}

Deno.test("askAgent() sends the same words for another key, though they stand behind the cursor", async () => {
  const data = eventsWith();
  let sends = 0;
  const { ask } = asking({
    events: {
      list: () => Promise.resolve({ data }),
      send: () => {
        const id = `sevt_sent${sends++}`;
        data.unshift({ ...MESSAGE, id, processed_at: "2026-11-23T09:00:00Z" });
        return Promise.resolve({ data: [{ type: "user.message", id }] });
      },
    },
  });
  await ask(GOING_ON);
  await ask({ ...GOING_ON, idempotency_key: "k-2" });
  for (const idempotency_key of ["k-1", "k-2"]) {
    assertEquals((await ask({ ...GOING_ON, idempotency_key })).sent_before, true);
  }
  assertEquals(sends, 2);
});

Deno.test("askAgent() sends nothing for a key where the cursor is no event of the session", async () => {
  const { ask, sent } = asking({ events: { list: () => Promise.resolve({ data: [] }) } });
  const error = await assertRejects(() => ask(GOING_ON), ToolError);
  assertEquals([error.code, sent], ["unknown_event", []]);
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

Deno.test("askAgent() waits for no session of a question that the caller may not reach, or of another agent", async () => {
  const retrieve = (id: string) => Promise.resolve(session({ id, agent: "agent_2" }));
  const cases: [Partial<ServicesOptions>, Omit<AskRequest, "tool">][] = [
    // What the server allows has changed since the question.
    [{ allowedAgentIds: ["agent_1"] }, NEW],
    [{}, { session_id: "sesn_asked", agent_id: "agent_1", message: "Hello" }],
  ];
  for (const [options, request] of cases) {
    const { ask, waiter, sent } = asking({ sessions: { retrieve } }, options);
    const error = await assertRejects(() => ask(request, carrying(PUT_OFF)), ToolError);
    assertEquals([error.code, waiter.waits, sent], ["not_available", [], []]);
  }
});

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
  const going = { session_id: "sesn_asked", message: "Hello" };
  for (const answer of [PUT_OFF, EXPIRED]) {
    for (const request of [NEW, going]) {
      const { ask, waiter } = asking();
      waiter.wait = () => Promise.reject(httpError(500));
      const text = await textOf(ask(request, carrying(answer)));
      assertStringIncludes(text, 'sent, in session "sesn_asked": do not send it again');
    }
  }
});

Deno.test("askAgent() lets a question to the client through: it is no failure", async () => {
  const opened = asking();
  opened.waiter.wait = () => Promise.reject(new CallEnded("sesn_1", "A question"));
  const error = await assertRejects(() => opened.ask(NEW));
  assert(error instanceof CallEnded);
});
