/**
 * The form by which an MCP client asks a person (MCP, elicitation): made of a question, and read back
 * as the answer. Both protocol eras use the same form.
 *
 * A person is to see who says what. So each text of agents and of other servers stands on lines of
 * its own, behind a bar, and is cut into lines here: a host that wraps a long line would let the
 * text begin a line, and speak as this server does.
 *
 * @module
 */

import type { ElicitRequestFormParams } from "@modelcontextprotocol/server";
import { type Fields, isFields } from "../api/read.ts";
import { firstColumns } from "../core/columns.ts";
import { firstChars } from "../core/text.ts";
import { MAX_REASON_CHARS } from "../session/answer_sender.ts";
import type { AskedCall, Decision, PersonAnswer, Question, ShownCall } from "../session/person.ts";

/** A call of a question as its answer is read: a call that may not be allowed cannot be. */
export type FormCall = ShownCall & Pick<AskedCall, "mayAllow">;

/** Longest answer of a custom tool, in characters: the longest text that tools send. */
const MAX_ANSWER_CHARS = 100_000;

/** Columns of a line of a foreign text: with what stands before it, it fits into 76. */
const LINE_COLUMNS = 56;

/** Key of the reason, which is for all calls that are denied. */
const REASON = "reason";
/** Keys of the form for a custom tool. */
const ANSWER = "answer";
const COULD_NOT = "could_not_do_it";

/** Sent where the person could not do what a custom tool asks for, and does not say why. */
const COULD_NOT_TEXT = "The person could not do it, and gave no reason.";

/** Name in `_meta` under which Claude Code hands titles to the program that shows the form. */
const PERMISSION_DISPLAY = "anthropic/permissionDisplay";

/**
 * Makes the form of a question.
 *
 * @param openMs milliseconds for which the question is open
 */
export function formOf(question: Question, openMs: number): ElicitRequestFormParams {
  return question.calls.every(({ kind }) => kind === "custom_tool_result")
    ? customToolForm(question, openMs)
    : decisionForm(question, openMs);
}

/**
 * Reads the answer to a form. Only what was asked counts, and only in the form's own words.
 *
 * @param result of the client; it may be anything
 */
export function readAnswer(calls: readonly FormCall[], result: unknown): PersonAnswer {
  const { action, content }: Fields = isFields(result) ? result : {};
  if (action === "decline") return { kind: "undecided", why: "declined" };
  if (action === "cancel") return { kind: "undecided", why: "cancelled" };
  if (action !== "accept") return { kind: "undecided", why: "failed" };
  const fields = isFields(content) ? content : {};
  const decisions = new Map<string, Decision>();
  for (const [index, call] of calls.entries()) {
    const decision = call.kind === "custom_tool_result"
      ? readCustomToolAnswer(fields)
      : readDecision(fields, index, call);
    if (decision) decisions.set(call.eventId, decision);
  }
  return { kind: "decided", decisions };
}

function readDecision(fields: Fields, index: number, call: FormCall): Decision | undefined {
  const choice = valueOf(fields, keyOf(call, index));
  if (choice === "allow") return call.mayAllow ? { result: "allow" } : undefined;
  if (choice !== "deny") return undefined;
  const reason = valueOf(fields, REASON);
  const text = typeof reason === "string" ? reason.trim() : "";
  return { result: "deny", ...(text !== "" && { reason: firstChars(text, MAX_REASON_CHARS) }) };
}

/** Reads what goes to the agent in full, or nothing: a part of an answer may say something else. */
function readCustomToolAnswer(fields: Fields): Decision | undefined {
  const answer = valueOf(fields, ANSWER);
  const text = typeof answer === "string" ? answer.trim() : "";
  const isError = valueOf(fields, COULD_NOT) === true;
  if (text.length > MAX_ANSWER_CHARS || (text === "" && !isError)) return undefined;
  return { result: "answer", text: text === "" ? COULD_NOT_TEXT : text, isError };
}

function valueOf(fields: Fields, key: string): unknown {
  return Object.hasOwn(fields, key) ? fields[key] : undefined;
}

/** Characters of an event's id in a key. */
const KEY_ID_CHARS = 8;

/**
 * Returns the key of a call in the form. It has a part of the event's id, so that a host that fills
 * in what a person chose before cannot answer for another call.
 */
function keyOf({ eventId }: ShownCall, index: number): string {
  return `call_${index + 1}_${eventId.replace(/\W/g, "").slice(-KEY_ID_CHARS)}`;
}

function decisionForm({ sessionId, calls }: Question, openMs: number): ElicitRequestFormParams {
  const many = calls.length > 1;
  const what = many ? `${calls.length} tool calls` : "a tool call";
  const head = `An agent waits for you to decide on ${what}, in session ${sessionId}. ` +
    `${many ? "None of them runs" : "It does not run"} unless you allow it. ` +
    `The question is open for ${durationWords(openMs)}; after that, nothing is sent.`;
  return {
    message: [head, BAR_NOTE, ...calls.flatMap((call, index) => callLines(call, index, many))]
      .join("\n\n"),
    requestedSchema: {
      type: "object",
      properties: {
        ...Object.fromEntries(
          calls.map((call, index) => [keyOf(call, index), choiceOf(call, index)]),
        ),
        [REASON]: {
          type: "string",
          title: "Reason",
          description: "Optional. Goes to the agent where you deny, and nowhere else.",
          maxLength: MAX_REASON_CHARS,
        },
      },
      required: calls.map(keyOf),
    },
    _meta: {
      [PERMISSION_DISPLAY]: {
        title: `An agent asks to use ${
          many ? `${calls.length} tools` : nameOrElse(calls, "a tool")
        }`,
        displayName: many ? `${calls.length} tool calls` : nameOrElse(calls, "Tool call"),
        description: head,
      },
    },
  };
}

const BAR_NOTE =
  "What stands behind a bar (|) was written by the agent or its tools, not by this " +
  "server.";

function choiceOf(call: AskedCall, index: number) {
  const { mayAllow, tool } = call;
  return {
    type: "string" as const,
    title: PLAIN_NAME.test(tool) ? `Call ${index + 1}: ${tool}` : `Call ${index + 1}`,
    description: mayAllow
      ? "later: decide another time. deny: it does not run. allow: it runs as it is shown."
      : `later: decide another time. deny: it does not run. ${TOO_LITTLE}`,
    enum: ["later", "deny", ...mayAllow ? ["allow"] : []],
  };
}

const TOO_LITTLE = "Too little of it is shown to allow it here; the Console shows all of it.";

function customToolForm({ sessionId, calls }: Question, openMs: number): ElicitRequestFormParams {
  const head = `An agent waits for an answer from you, in session ${sessionId}: it uses a tool ` +
    "that somebody outside has to do. The question is open for " +
    `${durationWords(openMs)}; after that, nothing is sent.`;
  const warning =
    "The request is the agent's words, and your answer goes to the agent. Never put " +
    "a password, a key or another secret into it.";
  return {
    message: [head, BAR_NOTE, ...calls.flatMap((call, index) => callLines(call, index, false))]
      .concat(warning).join("\n\n"),
    requestedSchema: {
      type: "object",
      properties: {
        [ANSWER]: {
          type: "string",
          title: "Answer",
          description: "What the tool returns to the agent. No passwords. Empty: decide later.",
          maxLength: MAX_ANSWER_CHARS,
        },
        [COULD_NOT]: {
          type: "boolean",
          title: "I could not do it",
          description: "Tells the agent that its tool failed; the answer then says why.",
        },
      },
    },
    _meta: {
      [PERMISSION_DISPLAY]: {
        title: `An agent asks for the answer of ${nameOrElse(calls, "a tool")}`,
        displayName: nameOrElse(calls, "Custom tool"),
        description: head,
      },
    },
  };
}

/** A name that can stand among words of this server, and in a title. */
const PLAIN_NAME = /^[\w.:/-]{1,64}$/;

/** Returns the name of the first call's tool; a name that could say more than a name is left out. */
function nameOrElse([call]: readonly AskedCall[], words: string): string {
  return call && PLAIN_NAME.test(call.tool) ? call.tool : words;
}

/** Indent of the lines about a call: hosts that render Markdown show such lines as they are. */
const INDENT = "    ";
const LABEL_CHARS = 11;

/** Returns the paragraphs about a call. */
function callLines(call: AskedCall, index: number, isNumbered: boolean): string[] {
  const { tool, server, subagent, input, leftOut, mayAllow, kind } = call;
  const parts = input.split("\n");
  const block = [
    ...quotedLines("tool", tool),
    ...(server === undefined ? [] : quotedLines("MCP server", server)),
    ...(subagent === undefined ? [] : quotedLines("subagent", subagent)),
    // Of a long input, the second of three lines is this server's.
    ...parts.flatMap((part, at) =>
      parts.length === 3 && at === 1
        ? [`${INDENT}${part}`]
        : quotedLines(at === 0 ? "input" : "", part)
    ),
  ];
  const hidden = `${leftOut} characters of this input are not shown.`;
  const isTooLittle = kind === "tool_confirmation" && !mayAllow;
  return [
    ...isNumbered ? [`Call ${index + 1}:`] : [],
    block.join("\n"),
    ...leftOut > 0 ? [isTooLittle ? `${hidden} ${TOO_LITTLE}` : hidden] : [],
    ...leftOut === 0 && isTooLittle ? [TOO_LITTLE] : [],
  ];
}

/** Returns the lines of a foreign text, each behind a bar; only the first has the label. */
function quotedLines(label: string, text: string): string[] {
  const lines: string[] = [];
  let rest = text;
  do {
    const line = firstColumns(rest, LINE_COLUMNS) || rest.slice(0, LINE_COLUMNS);
    rest = rest.slice(line.length);
    lines.push(`${INDENT}${(lines.length === 0 ? label : "").padEnd(LABEL_CHARS)}| ${line}`);
  } while (rest !== "");
  return lines;
}

/** Returns a duration in words, rounded: `10 minutes`, `45 seconds`. */
function durationWords(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1_000));
  const [count, unit] = seconds < 120 ? [seconds, "second"] : [Math.round(seconds / 60), "minute"];
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}
