/**
 * The form by which an MCP client asks a person (MCP, elicitation): made of a question, and read back
 * as the answer. Both protocol eras use the same form.
 *
 * A person is to see who says what. So each text of agents and of other servers stands on lines of
 * its own, behind a bar, and is cut into lines here: a host that wraps a long line would let the
 * text begin a line, and speak as this server does. The input of a call is also the description of
 * its field, alone or behind words of this server.
 *
 * @module
 */

import type { ElicitRequestFormParams } from "@modelcontextprotocol/server";
import { type Fields, isFields } from "../api/read.ts";
import { cutColumns } from "../core/columns.ts";
import { firstChars, lastChars } from "../core/text.ts";
import { COULD_NOT_DO_IT, MAX_REASON_CHARS } from "../session/answer_sender.ts";
import { isPlainName } from "../session/pending_actions.ts";
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
  return { result: "answer", text: text === "" ? COULD_NOT_DO_IT : text, isError };
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

function decisionForm(question: Question, openMs: number): ElicitRequestFormParams {
  const { sessionId, calls } = question;
  const many = calls.length > 1;
  const what = many ? `${calls.length} tool calls` : nameOrElse(calls, "a tool call");
  const head = many
    ? `Decide on ${what}. If text behind | is cut off, choose later.`
    : calls.some(({ mayAllow }) => mayAllow)
    ? `Allow ${what}? If text behind | is cut off, choose later.`
    : `Deny ${what}? Choose later to decide in the Console.`;
  const terms = `${many ? "They wait" : "It waits"} in session ${sessionId}, and ` +
    `${many ? "none of them runs" : "does not run"} unless you allow it. ` +
    `The question is open for ${durationWords(openMs)}; after that, nothing is sent.`;
  return {
    message: messageOf(head, question, many, [
      terms,
      "later: decide another time. deny: it does not run. allow: it runs as it is shown.",
    ]),
    requestedSchema: {
      type: "object",
      properties: {
        ...Object.fromEntries(
          calls.map((call, index) => [keyOf(call, index), choiceOf(call, index)]),
        ),
        [REASON]: {
          type: "string",
          title: "Reason",
          description: `Optional, for the agent if you deny. Open for ${durationWords(openMs)}.`,
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
        displayName: many ? what : nameOrElse(calls, "Tool call"),
        description: terms,
      },
    },
  };
}

const BAR_NOTE =
  "What stands behind a bar (|) was written by the agent or its tools, not by this " +
  "server.";

function choiceOf(call: AskedCall, index: number) {
  const { mayAllow, subagent } = call;
  const name = toolNameOf(call);
  return {
    type: "string" as const,
    title: `Call ${index + 1}${name === undefined ? "" : `: ${name}`}` +
      (subagent === undefined ? "" : `, by ${isPlainName(subagent) ? subagent : "a subagent"}`),
    description: `${mayAllow ? "" : `${TOO_LITTLE} `}${inputInOneLine(call)}`,
    enum: ["later", "deny", ...mayAllow ? ["allow"] : []],
  };
}

const TOO_LITTLE = "Too little of it is shown to allow it here; the Console shows all of it.";

/** Characters of the beginning and the end of a long input in a description. */
const DESCRIBED_HEAD_CHARS = 1_300;
const DESCRIBED_TAIL_CHARS = 450;
/** A description has no more of an input: Claude Code 2.1.332 shows 2,000 characters of each. */
const MAX_DESCRIBED_CHARS = 1_850;

/**
 * Returns a call's input for the description of its field. Claude Code shows four lines of a message,
 * but in its classic view the whole of each description, and so do other hosts; a line end would be
 * shown as an unknown character.
 */
function inputInOneLine({ input, leftOut }: AskedCall): string {
  const parts = input.split("\n");
  // The numbers stand before the agent's text, which could else forge them.
  if (parts.length === 1 && input.length <= MAX_DESCRIBED_CHARS) {
    return leftOut === 0
      ? `Input: ${input}`
      : `Input, with ${leftOut} of its characters not shown: ${input}`;
  }
  const [first = "", last = first] = [parts[0], parts.at(-1)];
  const head = firstChars(first, DESCRIBED_HEAD_CHARS);
  const tail = lastChars(last, DESCRIBED_TAIL_CHARS);
  const whole = parts.length === 1 ? input.length : first.length + last.length;
  const missing = leftOut + whole - head.length - tail.length;
  return `Input, with ${missing} characters of its middle left out: ${head} … ${tail}`;
}

function customToolForm(question: Question, openMs: number): ElicitRequestFormParams {
  const { sessionId, calls } = question;
  const name = nameOrElse(calls, "a tool");
  const terms = `It waits in session ${sessionId}: it uses a tool that somebody outside has to ` +
    `do. The question is open for ${durationWords(openMs)}; after that, nothing is sent.`;
  const warning =
    "The request is the agent's words, and your answer goes to the agent. Never put " +
    "a password, a key or another secret into it.";
  const head = `An agent asks you for the answer of ${name}. No passwords.`;
  return {
    message: messageOf(head, question, false, [terms, warning]),
    requestedSchema: {
      type: "object",
      properties: {
        [ANSWER]: {
          type: "string",
          title: "Answer",
          description: calls.map(inputInOneLine).join(" "),
          maxLength: MAX_ANSWER_CHARS,
        },
        [COULD_NOT]: {
          type: "boolean",
          title: "I could not do it",
          description: "Tells the agent that its tool failed; the answer then says why. Without " +
            "either, you decide another time.",
        },
      },
    },
    _meta: {
      [PERMISSION_DISPLAY]: {
        title: `An agent asks for the answer of ${name}`,
        displayName: nameOrElse(calls, "Custom tool"),
        description: terms,
      },
    },
  };
}

/**
 * Lays a message out. Hosts were seen to show its first four lines only, and to cut each where the
 * screen ends; others render Markdown, and show a block of indented lines as it is. So the block with
 * the calls comes first, below one line of this server, and everything else after it.
 */
function messageOf(
  head: string,
  { agent, calls }: Question,
  isNumbered: boolean,
  terms: readonly string[],
): string {
  const blocks = calls.map((call, index) => callLines(call, agent, index, isNumbered));
  const hidden = calls.map((call, index) => hiddenNote(call, index, isNumbered)).filter(Boolean);
  return [
    [`${INDENT}${head}`, ...blocks.flat()].join("\n"),
    ...hidden,
    ...terms,
    BAR_NOTE,
  ].join("\n\n");
}

/** Returns what the first call is to use; a name that could say more than a name is left out. */
function nameOrElse([call]: readonly AskedCall[], words: string): string {
  return (call && toolNameOf(call)) ?? words;
}

/**
 * Returns a tool's name and where it is from: the tool of another MCP server may have the name of one
 * that a person knows, and hosts were seen to cut the lines that tell them apart.
 */
function toolNameOf({ tool, server }: AskedCall): string | undefined {
  if (!isPlainName(tool)) return undefined;
  if (server === undefined) return tool;
  return `${tool} of ${isPlainName(server) ? server : "an MCP server"}`;
}

/** Indent of the lines about a call: hosts that render Markdown show such lines as they are. */
const INDENT = "    ";
const LABEL_CHARS = 11;

/**
 * Returns the lines about a call: the input, which a host may cut, above what tells where it is from.
 */
function callLines(
  call: AskedCall,
  agent: string | undefined,
  index: number,
  isNumbered: boolean,
): string[] {
  const { tool, server, subagent, input } = call;
  const parts = input.split("\n");
  const label = isNumbered ? `${index + 1} input` : "input";
  return [
    // Of a long input, the second of three lines is this server's.
    ...parts.flatMap((part, at) =>
      parts.length === 3 && at === 1
        ? [`${INDENT}${part}`]
        : quotedLines(at === 0 ? label : "", part)
    ),
    ...quotedLines("tool", tool),
    ...(server === undefined ? [] : quotedLines("MCP server", server)),
    ...(subagent !== undefined
      ? quotedLines("subagent", subagent)
      : agent !== undefined
      ? quotedLines("agent", agent)
      : []),
  ];
}

/** Returns how much of a call's input nobody sees; empty where all of it is shown. */
function hiddenNote(call: AskedCall, index: number, isNumbered: boolean): string {
  const { leftOut, mayAllow, kind } = call;
  const isTooLittle = kind === "tool_confirmation" && !mayAllow;
  const notes = [
    ...leftOut > 0 ? [`${leftOut} characters of this input are not shown.`] : [],
    ...isTooLittle ? [TOO_LITTLE] : [],
  ];
  return notes.length > 0 && isNumbered ? `Call ${index + 1}: ${notes.join(" ")}` : notes.join(" ");
}

/** Returns the lines of a foreign text, each behind a bar; only the first has the label. */
function quotedLines(label: string, text: string): string[] {
  return cutColumns(text, LINE_COLUMNS).map((line, index) =>
    `${INDENT}${(index === 0 ? label : "").padEnd(LABEL_CHARS)}| ${line}`
  );
}

/** Returns a duration in words, rounded: `10 minutes`, `45 seconds`. */
function durationWords(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1_000));
  const [count, unit] = seconds < 120 ? [seconds, "second"] : [Math.round(seconds / 60), "minute"];
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}
