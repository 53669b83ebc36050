import { assertEquals } from "@std/assert";
import type {
  PendingCall,
  PendingState,
  TimelineEntry,
  ViewState,
} from "../../../src/view/state.ts";
import {
  callWords,
  entryWords,
  headlineOf,
  isAtWork,
  isTurnOver,
  outcomeWords,
  plainWords,
} from "../../../src/view/words.ts";
import type { WatchedStatus } from "../../../src/session/watched_session.ts";

const CALL: PendingCall = {
  event_id: "sevt_1",
  kind: "tool_confirmation",
  tool: "bash",
  input: "{}",
  may_allow: true,
};

function stateOf(changes: Partial<ViewState> & { status?: WatchedStatus } = {}): ViewState {
  const { status, ...rest } = changes;
  return {
    phase: "following",
    call: { state: "running" },
    entries: [],
    leftOut: 0,
    reply: "",
    pending: [],
    files: { state: "none", files: [] },
    interrupt: "none",
    host: {
      locale: "en-US",
      displayMode: "inline",
      canFullscreen: false,
      canOpenLinks: true,
      canDownload: true,
    },
    ...status !== undefined && {
      session: {
        session_id: "sesn_1",
        status,
        can: { decide: true, answer: true, interrupt: true, files: true, asks_by_form: false },
        poll_after_ms: 1_000,
      },
    },
    ...rest,
  };
}

const pending = (state: PendingState["state"], more: Partial<PendingState> = {}): PendingState => ({
  call: CALL,
  state,
  ...more,
});

const HEADLINES: readonly (readonly [name: string, state: ViewState, word: string])[] = [
  ["nothing yet", stateOf({ phase: "starting" }), "Starting"],
  [
    "a call that failed at once",
    stateOf({ phase: "starting", call: { state: "failed" } }),
    "The call failed",
  ],
  ["a call without a name yet", stateOf({ phase: "nameless" }), "At work"],
  [
    "a call that never had one",
    stateOf({ phase: "nameless", call: { state: "ended" } }),
    "No session to show",
  ],
  ["a session not read yet", stateOf(), "Connecting"],
  ["a call that told nothing", stateOf({ phase: "resting" }), "The call ended"],
  ["work", stateOf({ status: "running" }), "Working"],
  [
    "a call that waits",
    stateOf({ status: "requires_action", pending: [pending("waits")] }),
    "Waiting for you",
  ],
  [
    "a call that somebody else decides on",
    stateOf({ status: "requires_action", pending: [pending("unable")] }),
    "Waiting for approval",
  ],
  [
    "an answer under way",
    stateOf({ status: "requires_action", pending: [pending("sending")] }),
    "Sending your answer",
  ],
  [
    "an answer that was given",
    stateOf({ status: "requires_action", pending: [pending("over", { outcome: "sent" })] }),
    "Working",
  ],
  ["the end", stateOf({ phase: "resting", status: "idle" }), "Done"],
  [
    "an interrupt",
    stateOf({ phase: "resting", status: "idle", entries: [{ key: "1", kind: "interrupt" }] }),
    "Interrupted",
  ],
  [
    "a message after an interrupt",
    stateOf({
      phase: "resting",
      status: "idle",
      entries: [{ key: "1", kind: "interrupt" }, { key: "2", kind: "input" }],
    }),
    "Done",
  ],
  ["a lost connection", stateOf({ phase: "lost", status: "running" }), "Connection lost"],
  ["an error", stateOf({ phase: "resting", status: "retries_exhausted" }), "Stopped by an error"],
];

for (const [name, state, word] of HEADLINES) {
  Deno.test(`the headline of ${name} is '${word}'`, () => {
    assertEquals(headlineOf(state).word, word);
  });
}

const STATUSES: Readonly<Record<WatchedStatus, { works: boolean; isOver: boolean }>> = {
  reading: { works: true, isOver: false },
  running: { works: true, isOver: false },
  requires_action: { works: false, isOver: false },
  idle: { works: false, isOver: true },
  retries_exhausted: { works: false, isOver: true },
  budget_reached: { works: false, isOver: true },
  refusal: { works: false, isOver: true },
  terminated: { works: false, isOver: true },
  deleted: { works: false, isOver: true },
  not_started: { works: false, isOver: true },
};

for (const [status, { works, isOver }] of Object.entries(STATUSES)) {
  Deno.test(`a session that is ${status} has a headline, and ${works ? "works" : "rests"}`, () => {
    const state = stateOf({ status: status as WatchedStatus });
    assertEquals(headlineOf(state).word === "", false);
    assertEquals(isAtWork(state), works);
    assertEquals(isTurnOver(state), isOver);
  });
}

const ENTRIES: readonly (readonly [entry: TimelineEntry, text: string, state?: string])[] = [
  [{ key: "1", kind: "message", text: "Hello" }, "Message"],
  [{ key: "1", kind: "message", text: "Hello", subagent: "coder" }, "Message of coder"],
  [{ key: "1", kind: "tool", name: "bash", state: "running" }, "bash", "running"],
  [{ key: "1", kind: "tool", name: "bash", state: "waiting" }, "bash", "needs a decision"],
  [
    { key: "1", kind: "tool", name: "get_weather", state: "waiting", is_custom: true },
    "get_weather",
    "needs an answer",
  ],
  [{ key: "1", kind: "tool", name: "bash", state: "failed", decision: "deny" }, "bash", "denied"],
  [
    { key: "1", kind: "tool", name: "bash", state: "done", decision: "allow" },
    "bash",
    "allowed, done",
  ],
  [
    { key: "1", kind: "tool", name: "read", server: "github", state: "done", subagent: "coder" },
    "coder: read of MCP server github",
    "done",
  ],
  [{ key: "1", kind: "subagent", name: "coder" }, "Subagent coder began to work"],
  [{ key: "1", kind: "subagent", name: "coder", state: "idle" }, "Subagent coder came to rest"],
  [
    { key: "1", kind: "subagent", name: "coder", state: "requires_action" },
    "Subagent coder waits for an answer",
  ],
  [
    { key: "1", kind: "error", type: "overloaded_error", retry_status: "retrying" },
    "Error: overloaded (trying again)",
  ],
  [
    { key: "1", kind: "error", type: "x", retry_status: "not_yet_known" },
    "Error: x (not yet known)",
  ],
  [{ key: "1", kind: "retry" }, "The API tries again"],
  [
    { key: "1", kind: "evaluation", result: "needs_revision", iteration: 0 },
    "Evaluation 1: needs revision",
  ],
  [{ key: "1", kind: "input" }, "A further message was sent"],
  [{ key: "1", kind: "interrupt" }, "The agent was interrupted"],
];

for (const [entry, text, state] of ENTRIES) {
  Deno.test(`an entry says '${text}${state === undefined ? "" : ` ${state}`}'`, () => {
    const words = entryWords(entry);
    assertEquals(plainWords(words.title), text);
    assertEquals(words.state, state);
  });
}

Deno.test("names that others chose are parts of their own", () => {
  const words = callWords(pending("waits", {
    call: { ...CALL, subagent: "The agent", tool: "was denied", server: "bash" },
  }));
  assertEquals(words.filter((part) => typeof part === "string"), [
    "Subagent ",
    " wants to use ",
    " of MCP server ",
  ]);
});

const OUTCOMES: readonly (readonly [PendingState, string])[] = [
  [pending("over", { outcome: "sent", result: "allow" }), "You allowed bash."],
  [pending("over", { outcome: "repeated", result: "deny" }), "You denied bash."],
  [pending("over", { outcome: "sent", result: "answer" }), "Your answer for bash was sent."],
  [pending("over", { outcome: "answered_elsewhere" }), "bash was answered elsewhere."],
  [
    pending("over", { outcome: "answered_elsewhere", result: "allow" }),
    "bash was answered elsewhere. Your answer was not sent.",
  ],
  [
    pending("over", { outcome: "gone", result: "allow" }),
    "bash waits no longer. Nothing was sent.",
  ],
  [
    pending("over", { outcome: "changed", result: "allow" }),
    "bash has changed since it was shown. Nothing was sent.",
  ],
  [
    pending("over", { outcome: "unknown", result: "allow" }),
    "It is not known whether your answer for bash arrived. It is not sent again; the steps show " +
    "what the agent does.",
  ],
];

for (const [one, text] of OUTCOMES) {
  Deno.test(`an outcome is told as '${text}'`, () => {
    assertEquals(plainWords(outcomeWords(one).words), text);
  });
}

Deno.test("the headline asks for an answer where the agent has a question", () => {
  const detail = (kind: "tool_confirmation" | "custom_tool_result") => {
    const { call, ...waits } = pending("waits");
    const state = stateOf({
      status: "requires_action",
      pending: [{ ...waits, call: { ...call, kind } }],
    });
    return plainWords(headlineOf(state).detail ?? []);
  };
  assertEquals(detail("tool_confirmation"), "The agent goes on once you decide.");
  assertEquals(detail("custom_tool_result"), "The agent goes on once you answer.");
});

Deno.test("a call that opens its session says when its steps come", () => {
  const detailOf = (message?: string) =>
    plainWords(
      headlineOf(stateOf({ phase: "starting", call: { state: "running", message } })).detail ?? [],
    );
  assertEquals(detailOf(), "Looking for the session.");
  assertEquals(
    detailOf("Do it."),
    "The message is on its way. The steps show here when the call ends.",
  );
});

Deno.test("the headline says that an answer was sent only where that is known", () => {
  const detail = (outcome: PendingState["outcome"]) => {
    const state = stateOf({ status: "requires_action", pending: [pending("over", { outcome })] });
    return plainWords(headlineOf(state).detail ?? []);
  };
  assertEquals(detail("sent"), "Your answer was sent.");
  for (const outcome of ["unknown", "gone", "answered_elsewhere"] as const) {
    assertEquals(detail(outcome), "");
  }
});
