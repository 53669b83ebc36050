import { assert, assertEquals } from "@std/assert";
import { createSealer } from "../../../src/access/sealing.ts";
import { type AskingCall, openState, sealState } from "../../../src/mcp/approval_state.ts";
import type { AskedCall, Round } from "../../../src/session/person.ts";

const NOW = Date.parse("2026-11-23T09:00:00.000Z");
const EXPIRES = NOW + 600_000;
const ROUND: Round = { number: 2, remainingMs: 31_000, settled: ["sevt_0"] };
const CALL: AskingCall = {
  tool: "wait_for_idle",
  args: { session_id: "sesn_1", after_id: "sevt_9" },
  caller: "ci",
};

function asked(fields: Partial<AskedCall> = {}): AskedCall {
  return {
    kind: "tool_confirmation",
    eventId: "sevt_1",
    tool: "bash",
    input: '{"command":"rm -rf build"}',
    leftOut: 0,
    mayAllow: true,
    digest: "D".repeat(43),
    ...fields,
  };
}

const sealer = createSealer();

async function sealed(calls: readonly AskedCall[] = [asked()], call = CALL): Promise<string> {
  const text = await sealState(sealer, call, { sessionId: "sesn_1", calls }, ROUND, EXPIRES);
  assert(text !== undefined);
  return text;
}

Deno.test("openState() returns the question as it was asked, without names and inputs", async () => {
  const state = await openState(sealer, CALL, await sealed(), EXPIRES - 1);
  assert("calls" in state);
  assertEquals(state.sessionId, "sesn_1");
  assertEquals(state.round, ROUND);
  assertEquals(state.calls, [{
    kind: "tool_confirmation",
    eventId: "sevt_1",
    digest: "D".repeat(43),
    mayAllow: true,
  }]);
});

Deno.test("openState() tells the session of a question whose time is over", async () => {
  assertEquals(await openState(sealer, CALL, await sealed(), EXPIRES), {
    kind: "invalid",
    why: "expired",
    sessionId: "sesn_1",
  });
});

Deno.test("openState() returns the same after a replay: the sender of answers counts them", async () => {
  const text = await sealed();
  assertEquals(await openState(sealer, CALL, text, NOW), await openState(sealer, CALL, text, NOW));
});

Deno.test("sealState() tells a client nothing of the question", async () => {
  const text = await sealed();
  assert(/^[\w-]+$/.test(text));
  const bytes = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  for (const word of ["sesn_1", "sevt_1", "ci", "wait"]) assert(!bytes.includes(word), word);
});

/** The reason for which nothing of an answer counts; undefined where it counts. */
async function why(
  text: string | undefined,
  call: AskingCall = CALL,
  now = NOW,
  by = sealer,
): Promise<string | undefined> {
  const state = await openState(by, call, text, now);
  return "kind" in state ? state.why : undefined;
}

Deno.test("openState() takes a call whose arguments come in another order for the same", async () => {
  const text = await sealed();
  const args = { after_id: "sevt_9", session_id: "sesn_1", title: undefined };
  assertEquals(await why(text, { ...CALL, args }), undefined);
  const nested = { a: { x: 1, y: [{ p: null, q: "2" }] } };
  const reordered = { a: { y: [{ q: "2", p: null }], x: 1 } };
  const other = await sealed([asked()], { ...CALL, args: nested });
  assertEquals(await why(other, { ...CALL, args: reordered }), undefined);
  const none = await sealed([asked()], { ...CALL, args: undefined });
  assertEquals(await why(none, { ...CALL, args: {} }), undefined);
});

const FOREIGN: readonly [string, Partial<AskingCall>][] = [
  ["another caller", { caller: "laptop" }],
  ["a caller without a name", { caller: undefined }],
  ["another tool", { tool: "ask_agent" }],
  ["another session", { args: { session_id: "sesn_2", after_id: "sevt_9" } }],
  ["another argument", { args: { session_id: "sesn_1", after_id: "sevt_8" } }],
  ["one argument less", { args: { session_id: "sesn_1" } }],
  ["a list for an argument", { args: { session_id: ["sesn_1"], after_id: "sevt_9" } }],
];
for (const [what, fields] of FOREIGN) {
  Deno.test(`openState() refuses a state with ${what}`, async () => {
    assertEquals(await why(await sealed(), { ...CALL, ...fields }), "foreign");
  });
}

Deno.test("openState() refuses a state whose time is over, to the millisecond", async () => {
  const text = await sealed();
  assertEquals(await why(text, CALL, EXPIRES - 1), undefined);
  assertEquals(await why(text, CALL, EXPIRES), "expired");
});

Deno.test("openState() refuses every change of a state, and what is none", async () => {
  const text = await sealed();
  for (let at = 0; at < text.length; at++) {
    const other = text[at] === "A" ? "B" : "A";
    const changed = text.slice(0, at) + other + text.slice(at + 1);
    // The last character has bits that do not count.
    if (at < text.length - 1) assertEquals(await why(changed), "unreadable", `at ${at}`);
  }
  const others = ["", "x", "{}", `${text}A`, text.slice(1), ` ${text}`, "☃", JSON.stringify(text)];
  for (const other of others) assertEquals(await why(other), "unreadable", other);
  assertEquals(await why(undefined), "unreadable");
});

Deno.test("openState() refuses what is sealed by another key, for another purpose, or in another form", async () => {
  assertEquals(await why(await sealed(), CALL, NOW, createSealer()), "unreadable");
  const value = { version: 1, sessionId: "sesn_1" };
  assertEquals(await why(await sealer.seal("session owner", value)), "unreadable");
  for (const other of [null, 1, "x", [], {}, { version: 0 }, { version: "1" }]) {
    assertEquals(await why(await sealer.seal("approval state", other)), "unreadable");
  }
});

Deno.test("openState() opens the state of a replica with the same keys", async () => {
  const keys = [crypto.getRandomValues(new Uint8Array(32))];
  const question = { sessionId: "sesn_1", calls: [asked()] };
  const text = await sealState(createSealer(keys), CALL, question, ROUND, EXPIRES);
  assertEquals(await why(text, CALL, NOW, createSealer(keys)), undefined);
});

Deno.test("openState() does not even open a text that no question can have", async () => {
  let opened = 0;
  const counting = {
    ...sealer,
    open: (...args: Parameters<typeof sealer.open>) => {
      opened++;
      return sealer.open(...args);
    },
  };
  assertEquals(await why("A".repeat(32_769), CALL, NOW, counting), "unreadable");
  assertEquals(opened, 0);
});

Deno.test("sealState() has room for the longest question, and makes no state that is not opened", async () => {
  const id = (at: number) => `${"e".repeat(126)}${String(at).padStart(2, "0")}`;
  const digest = "d".repeat(64);
  const keys = (count: number) => Array.from({ length: count }, (_, at) => `${id(at)} ${digest}`);
  const calls = Array.from({ length: 8 }, (_, at) => asked({ eventId: id(at), digest }));
  const question = { sessionId: "s".repeat(128), calls };
  // Six questions of eight calls, with the newest sixteen decisions and the longest names.
  const decisions = Array.from({ length: 16 }, (_, at) => ({
    event_id: id(at),
    name: "\u540d".repeat(60),
    result: "answer" as const,
    outcome: "answered_elsewhere" as const,
  }));
  const round = { ...ROUND, settled: keys(40), decisions };
  const text = await sealState(sealer, CALL, question, round, EXPIRES);
  assertEquals(await why(text), undefined);
  const tooMany = keys(200);
  const none = await sealState(sealer, CALL, question, { ...ROUND, settled: tooMany }, EXPIRES);
  assertEquals(none, undefined);
});

Deno.test("openState() knows of each call if it could be allowed", async () => {
  const calls = [asked({ mayAllow: false }), asked({ eventId: "sevt_2" })];
  const state = await openState(sealer, CALL, await sealed(calls), NOW);
  assert("calls" in state);
  assertEquals(state.calls.map(({ mayAllow }) => mayAllow), [false, true]);
});
