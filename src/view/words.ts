/**
 * What the page says: its own words, with the names that others chose as parts of their own. So no
 * name can pass for our words, or change their order.
 *
 * @module
 */

import type { PendingState, TimelineEntry, ViewState } from "./state.ts";

/** A sentence of ours; `foreign` parts were chosen by agents, tools or hosts, and are data. */
export type Words = readonly (string | { readonly foreign: string; readonly isCode?: boolean })[];

/** The shape that goes with a word, so that no colour is needed to tell states apart. */
export type Mark =
  | "working"
  | "waiting"
  | "done"
  | "failed"
  | "stopped"
  | "lost"
  | "unknown"
  | "message"
  | "subagent"
  | "retry"
  | "evaluation"
  | "input";

/** The state of the session in one line. */
export interface Headline {
  readonly word: string;
  readonly mark: Mark;
  readonly detail?: Words;
}

/** Returns true while the agent works or is about to: its time runs on. */
export function isAtWork({ phase, session, pending }: ViewState): boolean {
  if (phase !== "following") return false;
  const status = session?.status ?? "reading";
  return status === "running" || status === "reading" ||
    (status === "requires_action" && isAnswered(pending));
}

/** Returns true for calls that all have an answer. */
function isAnswered(pending: readonly PendingState[]): boolean {
  return pending.length > 0 && pending.every(({ state }) => state === "over");
}

/** Returns true where the last answer went out from here, as far as is known. */
function wasSent(pending: readonly PendingState[]): boolean {
  const { outcome } = pending.at(-1) ?? {};
  return outcome === "sent" || outcome === "repeated";
}

/** Returns true where the turn is over, so that its reply is all of it. */
export function isTurnOver({ phase, session }: ViewState): boolean {
  if (phase === "resting") return true;
  const status = session?.status ?? "reading";
  return status !== "reading" && status !== "running" && status !== "requires_action";
}

/** Says how the session stands. */
export function headlineOf(state: ViewState): Headline {
  const { phase, call, session, pending } = state;
  if (phase === "starting") return startingHeadline(state);
  if (phase === "nameless") return namelessHeadline(state);
  if (phase === "lost") {
    return { word: "Connection lost", mark: "lost", detail: ["The agent may still be working."] };
  }
  if (pending.some(({ state }) => state !== "over")) return waitingHeadline(pending);
  if (isAtWork(state) && (state.interrupt === "sending" || state.interrupt === "sent")) {
    return {
      word: "Stopping",
      mark: "working",
      detail: ["The agent ends its current step first."],
    };
  }
  if (session === undefined) {
    if (call.state === "failed") return { word: "The call failed", mark: "failed" };
    return phase === "following" ? { word: "Connecting", mark: "working" } : {
      word: "The call ended",
      mark: "unknown",
      detail: ["Nothing of the session can be read here. The answer is in the chat."],
    };
  }
  switch (session.status) {
    case "reading":
      return { word: "Connecting", mark: "working", detail: ["Reading the session."] };
    case "running":
      return {
        word: "Working",
        mark: "working",
        ...session.doing !== undefined && { detail: [{ foreign: session.doing }] },
      };
    case "requires_action":
      return isAnswered(pending)
        ? {
          word: "Working",
          mark: "working",
          ...wasSent(pending) && { detail: ["Your answer was sent."] },
        }
        : { word: "Waiting", mark: "waiting", detail: ["A tool call needs an answer."] };
    case "idle":
      return wasInterrupted(state)
        ? { word: "Interrupted", mark: "stopped", detail: ["The agent has stopped."] }
        : { word: "Done", mark: "done" };
    case "retries_exhausted":
      return { word: "Stopped by an error", mark: "failed", detail: ["Every retry failed."] };
    case "budget_reached":
      return { word: "Stopped at its budget", mark: "stopped", detail: ["It is used up."] };
    case "refusal":
      return { word: "Declined", mark: "stopped", detail: ["The model declined to go on."] };
    case "terminated":
      return { word: "Ended", mark: "stopped", detail: ["The session takes no more messages."] };
    case "deleted":
      return { word: "Deleted", mark: "stopped", detail: ["The session is no longer there."] };
    case "not_started":
      return { word: "Not started", mark: "unknown", detail: ["The agent has no message yet."] };
  }
}

function startingHeadline({ call }: ViewState): Headline {
  if (call.state === "failed") return { word: "The call failed", mark: "failed" };
  return {
    word: "Starting",
    mark: "working",
    detail: [
      call.message === undefined
        ? "Looking for the session."
        // A call that opens the session names it only at its end.
        : "The message is on its way. The steps show here when the call ends.",
    ],
  };
}

function namelessHeadline({ call }: ViewState): Headline {
  if (call.state === "failed") return { word: "The call failed", mark: "failed" };
  if (call.state === "running") {
    return {
      word: "At work",
      mark: "unknown",
      detail: ["The app has not said which session this is. It shows here when the call ends."],
    };
  }
  return {
    word: "No session to show",
    mark: "unknown",
    detail: ["The call ended without naming one. The answer is in the chat."],
  };
}

function waitingHeadline(pending: readonly PendingState[]): Headline {
  const open = pending.filter(({ state }) => state !== "over");
  if (open.every(({ state }) => state === "unable")) {
    return { word: "Waiting for approval", mark: "waiting", detail: ["It can't be given here."] };
  }
  if (open.every(({ state }) => state === "form_first")) {
    return {
      word: "Waiting for you",
      mark: "waiting",
      detail: ["Answer the form that this app shows."],
    };
  }
  if (open.every(({ state }) => state === "sending")) {
    return { word: "Sending your answer", mark: "working" };
  }
  const count = open.length;
  const isQuestion = open[0]?.call.kind === "custom_tool_result";
  const once = `The agent goes on once you ${isQuestion ? "answer" : "decide"}.`;
  return {
    word: "Waiting for you",
    mark: "waiting",
    detail: [count === 1 ? once : `${count} calls to decide.`],
  };
}

/** Returns true if nobody sent a message after the last interrupt. */
function wasInterrupted({ entries }: ViewState): boolean {
  for (let index = entries.length - 1; index >= 0; index--) {
    const kind = entries[index]?.kind;
    if (kind === "interrupt") return true;
    if (kind === "input") return false;
  }
  return false;
}

/** An entry of the timeline as it is shown. */
export interface EntryWords {
  readonly mark: Mark;
  readonly title: Words;
  /** State of a tool call, in a word. */
  readonly state?: string;
  /** What others wrote about it: more than a name. */
  readonly text?: string;
}

/** Says what an entry of the timeline is. */
export function entryWords(entry: TimelineEntry): EntryWords {
  switch (entry.kind) {
    case "message":
      return { mark: "message", title: by(entry, "Message"), text: entry.text };
    case "tool":
      return {
        mark: TOOL_MARKS[entry.state] ?? "unknown",
        title: [
          ...entry.subagent === undefined ? [] : [{ foreign: entry.subagent }, ": "],
          ...toolWords(entry.name, entry.server),
        ],
        state: toolState(entry),
      };
    case "subagent": {
      const verb = SUBAGENT_VERBS[entry.state ?? ""] ?? "has changed";
      return { mark: "subagent", title: ["Subagent ", { foreign: entry.name }, ` ${verb}`] };
    }
    case "error":
      return {
        mark: "failed",
        title: [
          ...by(entry, "Error"),
          ": ",
          { foreign: readable(entry.type).replace(/(?<=.) error$/, "") },
          ...retryNote(entry.retry_status),
        ],
        ...entry.message !== undefined && { text: entry.message },
      };
    case "retry":
      return { mark: "retry", title: ["The API tries again"] };
    case "evaluation":
      return {
        mark: "evaluation",
        title: [
          entry.iteration === undefined ? "Evaluation: " : `Evaluation ${entry.iteration + 1}: `,
          { foreign: readable(entry.result) },
        ],
        ...entry.explanation !== undefined && { text: entry.explanation },
      };
    case "input":
      return { mark: "input", title: ["A further message was sent"] };
    case "interrupt":
      return { mark: "stopped", title: ["The agent was interrupted"] };
  }
}

const TOOL_MARKS: Readonly<Record<string, Mark>> = {
  running: "working",
  waiting: "waiting",
  done: "done",
  failed: "failed",
};

const SUBAGENT_VERBS: Readonly<Record<string, string>> = {
  "": "began to work",
  running: "began to work",
  rescheduling: "tries again",
  idle: "came to rest",
  requires_action: "waits for an answer",
  retries_exhausted: "was stopped by an error",
  refusal: "declined to go on",
  terminated: "ended",
};

function toolState(entry: TimelineEntry & { readonly kind: "tool" }): string {
  const { state, decision, is_custom } = entry;
  if (decision === "deny") return "denied";
  const waits = is_custom ? "needs an answer" : "needs a decision";
  const words = {
    running: "running",
    waiting: decision === "allow" ? "allowed" : waits,
    done: "done",
    failed: "failed",
  };
  const word = Object.hasOwn(words, state) ? words[state] : readable(state);
  return decision === "allow" && state !== "waiting" ? `allowed, ${word}` : word;
}

function retryNote(status: string | undefined): Words {
  if (status === undefined) return [];
  if (status === "retrying") return [" (trying again)"];
  if (status === "exhausted") return [" (every retry failed)"];
  if (status === "terminal") return [" (can't be tried again)"];
  return [" (", { foreign: readable(status) }, ")"];
}

/** Names a tool, and the MCP server that has it. */
export function toolWords(tool: string, server: string | undefined): Words {
  return [
    { foreign: tool, isCode: true },
    ...server === undefined ? [] : [" of MCP server ", { foreign: server }],
  ];
}

function by({ subagent }: TimelineEntry, what: string): Words {
  return subagent === undefined ? [what] : [`${what} of `, { foreign: subagent }];
}

/** Returns an identifier of the API as words. */
function readable(identifier: string): string {
  return identifier.replaceAll("_", " ");
}

/** Says who asks for what, above the input of a call. */
export function callWords({ call }: PendingState): Words {
  const who: Words = call.subagent === undefined
    ? ["The agent"]
    : ["Subagent ", { foreign: call.subagent }];
  const does = call.kind === "custom_tool_result"
    ? " asks you for the result of "
    : " wants to use ";
  return [...who, does, ...toolWords(call.tool, call.server)];
}

/** What became of an answer, and the mark for it. */
export function outcomeWords({ call, outcome, result }: PendingState): {
  readonly mark: Mark;
  readonly words: Words;
} {
  const tool = toolWords(call.tool, call.server);
  switch (outcome) {
    case "sent":
    case "repeated":
      if (result === "answer") {
        return { mark: "done", words: ["Your answer for ", ...tool, " was sent."] };
      }
      return result === "allow"
        ? { mark: "done", words: ["You allowed ", ...tool, "."] }
        : { mark: "stopped", words: ["You denied ", ...tool, "."] };
    case "changed":
      return {
        mark: "failed",
        words: [...tool, " has changed since it was shown. Nothing was sent."],
      };
    case "gone":
      return { mark: "stopped", words: [...tool, " waits no longer. Nothing was sent."] };
    case "unknown":
      return {
        mark: "unknown",
        words: [
          "It is not known whether your answer for ",
          ...tool,
          " arrived. It is not sent again; the steps show what the agent does.",
        ],
      };
    default:
      return {
        mark: "stopped",
        words: [
          ...tool,
          " was answered elsewhere.",
          ...result === undefined ? [] : [" Your answer was not sent."],
        ],
      };
  }
}

/** Returns words as plain text: for names of buttons, and for screen readers. */
export function plainWords(words: Words): string {
  return words.map((part) => typeof part === "string" ? part : part.foreign).join("");
}
