import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { openProof } from "../../../src/access/proofs.ts";
import type { Principal } from "../../../src/access/principal.ts";
import type { SessionEvent } from "../../../src/api/events.ts";
import { raceSignal } from "../../../src/core/abort.ts";
import type { LogFields } from "../../../src/core/logger.ts";
import type { WaitResult } from "../../../src/session/result.ts";
import { VIEW_META_KEY } from "../../../src/session/watched_session.ts";
import { META, type WithContent } from "../../../src/tools/content.ts";
import type { ToolCall } from "../../../src/tools/define.ts";
import type { Services } from "../../../src/tools/services.ts";
import {
  MAX_PENDING,
  MAX_PENDING_CHARS,
  pendingForView,
  shownInView,
  viewRights,
  withPendingForView,
} from "../../../src/tools/view_actions.ts";
import type { WaitRequest } from "../../../src/session/waiter.ts";
import { waitForIdle } from "../../../src/tools/wait_for_idle.ts";
import type { EventMaker } from "../../helpers/events.ts";
import { askingCall, blockedOn, SECRET } from "../session/asked_support.ts";
import { httpError } from "./support.ts";

/** A session that waits for a decision and for a custom tool's result, and calls of its view. */
function viewing(
  services: Partial<Services> = {},
  make = (e: EventMaker): SessionEvent[] => [
    askingCall(e, { command: "ls" }),
    e.make("agent.custom_tool_use", { name: "get_weather", input: { city: "Rome" } }),
  ],
) {
  const blocked = blockedOn(make);
  const call = (overrides: Partial<ToolCall> = {}): ToolCall => ({
    signal: new AbortController().signal,
    services: { ...blocked.services, ...services },
    requestId: "7",
    showsView: true,
    ...overrides,
  });
  return { ...blocked, call };
}

const CONSOLE = "https://console.test/sessions";

Deno.test("the view is shown the calls that wait, as a form shows them", async () => {
  const { call, ids } = viewing({ consoleUrl: CONSOLE }, (e) => [
    askingCall(e, { command: `echo ${SECRET} \u202e` }),
    e.make("agent.custom_tool_use", { name: "get_weather", input: { city: "Rome" } }),
    askingCall(e, { text: "x".repeat(4_500) }, { name: "write", mcp_server_name: "disk" }),
  ]);
  const { pending } = await pendingForView("sesn_1", ids, call());
  const [shell, weather, write] = pending;
  assertEquals(shell, {
    event_id: ids[0] ?? "",
    kind: "tool_confirmation",
    tool: "bash",
    input: '{"command":"echo [redacted] \\u202e"}',
    left_out: SECRET.length,
    may_allow: true,
    console_url: `${CONSOLE}/sesn_1?event=${ids[0]}`,
  });
  assertEquals(weather?.kind, "custom_tool_result");
  assertEquals(weather?.input, '{"city":"Rome"}');
  assertEquals("left_out" in (weather ?? {}), false);
  assertEquals([write?.may_allow, (write?.left_out ?? 0) > 2_000], [false, true]);
});

Deno.test("each call that the person may answer has a proof of its own, and no other", async () => {
  const { call, ids, services, waiting } = viewing({ askCustomTools: true });
  const principal = { id: "team" };
  const { proofs = {} } = await pendingForView("sesn_1", ids, call({ principal }));
  assertEquals(Object.keys(proofs), ids);
  for (const { eventId, kind, digest, mayAllow } of await waiting()) {
    const named = { sessionId: "sesn_1", eventId };
    const opened = await openProof(services, { principal }, named, proofs[eventId] ?? "");
    assertEquals(opened, { kind: "valid", call: { eventId, kind, digest, mayAllow } });
  }
});

/** Callers and settings, and for which of the two calls there is a proof. */
const RIGHTS: readonly [
  string,
  { readonly call?: Partial<ToolCall>; readonly services?: Partial<Services> },
  decide: boolean,
  answer: boolean,
][] = [
  ["whom nobody identifies", {}, true, false],
  ["with --ask-custom-tools", { services: { askCustomTools: true } }, true, true],
  ["with the scope actions", by({ scopes: ["actions"] }), true, true],
  ["without the scope actions", by({ scopes: ["sessions:read", "sessions:write"] }), false, false],
  ["who may only read", by({ readOnly: true }), false, false],
  ["whose client shows no view", { ...by({}), call: { showsView: false } }, false, false],
  ["whose client is not known", { ...by({}), call: { showsView: undefined } }, false, false],
  [
    "with --view-actions off",
    {
      services: { askCustomTools: true, viewActions: false },
    },
    false,
    false,
  ],
];

function by(limits: Partial<Principal>) {
  const principal: Principal = { id: "team", ...limits };
  return { call: { principal }, services: { askCustomTools: true } };
}

for (const [who, { call = {}, services = {} }, decide, answer] of RIGHTS) {
  Deno.test(`a caller ${who} has proofs for ${decide ? answer ? "all" : "some" : "no"} calls`, async () => {
    const { call: callBy, ids } = viewing(services);
    const shown = await pendingForView("sesn_1", ids, callBy(call));
    assertEquals(shown.pending.map(({ event_id }) => event_id), ids);
    const expected = ids.filter((_, at) => at === 0 ? decide : answer);
    assertEquals(Object.keys(shown.proofs ?? {}), expected);
    assertEquals("proofs" in shown, decide);
    assertEquals(viewRights(callBy(call)), { decide, answer });
  });
}

Deno.test("where nothing blocks, nothing is read", async () => {
  const { call, list } = viewing();
  assertEquals(await pendingForView("sesn_1", [], call()), { pending: [] });
  assertEquals(list.requests, []);
});

Deno.test("of many calls the first ones are shown, and their proofs alone", async () => {
  const { call, ids } = viewing(
    {},
    (e) => Array.from({ length: 20 }, (_, n) => askingCall(e, { n })),
  );
  const { pending, proofs = {} } = await pendingForView("sesn_1", ids, call());
  assertEquals(pending.map(({ event_id }) => event_id), ids.slice(0, MAX_PENDING));
  assertEquals(Object.keys(proofs), ids.slice(0, MAX_PENDING));
});

Deno.test("long calls are shown within their room, and the first four always", async () => {
  const { call, ids } = viewing(
    { consoleUrl: CONSOLE },
    (e) =>
      Array.from({ length: MAX_PENDING }, () =>
        askingCall(e, { quotes: '\\"'.repeat(2_000) }, {
          name: '"'.repeat(400),
          mcp_server_name: '"'.repeat(400),
        })),
  );
  const { pending } = await pendingForView("sesn_1", ids, call());
  const chars = JSON.stringify(pending).length;
  assert(chars <= MAX_PENDING_CHARS + MAX_PENDING + 1, String(chars));
  assert(pending.length >= 4 && pending.length < MAX_PENDING, String(pending.length));
});

Deno.test("calls that were read before are shown without a request", async () => {
  const { call, waiting, list } = viewing();
  const read = await waiting();
  const before = list.requests.length;
  const { pending } = await shownInView("sesn_1", read, call());
  assertEquals([pending.length, list.requests.length], [2, before]);
});

/** The result of a wait that ended with the calls. */
function blockedResult(ids: readonly string[], fields: Partial<WaitResult> = {}): WaitResult {
  return {
    session_id: "sesn_1",
    status: "requires_action",
    reply: "",
    tool_activity: [],
    pending_actions: ids.map((event_id) => ({ event_id, kind: "tool_confirmation" })),
    errors: [],
    elapsed_sec: 1,
    ...fields,
  };
}

function metaOf(result: WithContent): unknown {
  return result[META]?.[VIEW_META_KEY];
}

Deno.test("the result of a wait has what its view shows, beside its fields", async () => {
  const { call, ids } = viewing();
  const result = blockedResult(ids);
  const shown = await withPendingForView(result, call());
  const { pending } = await pendingForView("sesn_1", ids, call());
  const { pending: given, proofs } = Object(metaOf(shown));
  assertEquals(given, pending);
  assertEquals(Object.keys(proofs), [ids[0]]);
  assertEquals(JSON.stringify(shown), JSON.stringify(result));
});

/** Calls and results that have nothing for the view. */
const NOTHING_TO_SHOW: readonly [string, Partial<ToolCall>, Partial<WaitResult>][] = [
  ["of a client without the view", { showsView: false }, {}],
  ["of a client that is not known", { showsView: undefined }, {}],
  ["that ended otherwise", {}, { status: "idle" }],
  ["whose time was up", {}, { status: "timeout" }],
  ["that knows no call", {}, { pending_actions: [] }],
];

for (const [what, overrides, fields] of NOTHING_TO_SHOW) {
  Deno.test(`the result of a wait ${what} stays as it is, and nothing is read`, async () => {
    const { call, ids, list } = viewing();
    const result = blockedResult(ids, fields);
    assertStrictEquals(await withPendingForView(result, call(overrides)), result);
    assertEquals(list.requests, []);
  });
}

Deno.test("wait_for_idle gives the view its calls", async () => {
  const { call, ids, services } = viewing();
  const waiter = { ...services.waiter, wait: () => Promise.resolve(blockedResult(ids)) };
  const run = (overrides: Partial<ToolCall>) =>
    waitForIdle.run(
      { session_id: "sesn_1" },
      call({ services: { ...services, waiter }, ...overrides }),
    );
  assertEquals(Object.keys(Object(metaOf(await run({}))).proofs), [ids[0]]);
  assertEquals(Object.getOwnPropertySymbols(await run({ showsView: false })), []);
});

Deno.test("wait_for_idle tells the wait what a person can answer in the view", async () => {
  const { call, ids, services } = viewing();
  const given: unknown[] = [];
  const wait = ({ viewAnswers }: WaitRequest) => {
    given.push(viewAnswers);
    return Promise.resolve(blockedResult(ids));
  };
  const run = (fields: Partial<Services>, overrides: Partial<ToolCall> = {}) => {
    const waiter = { ...services.waiter, wait };
    const all = { ...services, waiter, ...fields };
    return waitForIdle.run({ session_id: "sesn_1" }, call({ services: all, ...overrides }));
  };
  await run({});
  await run({ askCustomTools: true });
  await run({ viewActions: false });
  await run({}, { showsView: false });
  await run({}, { principal: { id: "team", readOnly: true } });
  assertEquals(given, [["confirmation"], ["confirmation", "custom"], [], [], []]);
});

Deno.test("calls that cannot be read only leave the view to read them itself", async () => {
  const { services, ids, clock, call } = viewing();
  const result = blockedResult(ids);
  const failing = (
    list: Services["api"]["events"]["list"],
    debug: (message: string, fields?: LogFields) => void,
  ) =>
    call({
      services: {
        ...services,
        log: { ...services.log, debug },
        api: { ...services.api, events: { ...services.api.events, list } },
      },
    });
  const logged: string[] = [];
  const debug = (message: string, fields?: LogFields) =>
    void logged.push(`${message} ${JSON.stringify(fields)}`);
  const lists: readonly Services["api"]["events"]["list"][] = [
    () => Promise.reject(httpError(500)),
    (_id, _params, { signal = new AbortController().signal } = {}) =>
      raceSignal(new Promise(() => {}), signal),
  ];
  for (const list of lists) {
    const shown = await clock.runUntil(withPendingForView(result, failing(list, debug)));
    assertStrictEquals(shown, result);
  }
  assertEquals(logged.length, 2);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("the calls are read within the time of the wait's own call", async () => {
  const { ids, clock, call, list } = viewing();
  const result = blockedResult(ids);
  const late = call({ deadline: clock.now() + 499 });
  assertStrictEquals(await withPendingForView(result, late), result);
  assertEquals(list.requests, []);
  // A person has taken longer than the call was to last.
  const decided = blockedResult(ids, { decisions: [] });
  assert(metaOf(await withPendingForView(decided, late)) !== undefined);
});

Deno.test("a call that was cancelled ends with its reason", async () => {
  const { ids, call, services } = viewing();
  const controller = new AbortController();
  const reason = new Error("Cancelled.");
  const list = () => {
    controller.abort(reason);
    return Promise.reject(reason);
  };
  const api = { ...services.api, events: { ...services.api.events, list } };
  const cancelled = call({ signal: controller.signal, services: { ...services, api } });
  assertStrictEquals(
    await assertRejects(() => withPendingForView(blockedResult(ids), cancelled)),
    reason,
  );
});
