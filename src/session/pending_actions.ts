/**
 * Describes the tool calls that wait for an answer: what is asked, who can answer, and how.
 *
 * @module
 */

import { escapeUnseen, firstChars, jsonLength } from "../core/text.ts";
import { consoleUrlOf } from "./console_url.ts";
import type { ToolUse } from "./event_types.ts";
import { toolInputView } from "./event_view.ts";
import type { Turn } from "./turn.ts";

/** A tool call that waits for an answer. */
export interface PendingAction {
  readonly event_id: string;
  readonly kind: "tool_confirmation" | "custom_tool_result";
  readonly name?: string;
  /** The thread of the call, where that is not the session's own. */
  readonly session_thread_id?: string;
  /** Name of the MCP server that offers the tool. */
  readonly server?: string;
  /** Name of the subagent that makes the call. */
  readonly agent?: string;
  /** Who can answer, and how. */
  readonly answer?: string;
  /** The names and sizes of the input's fields; the input itself if the operator shows inputs. */
  readonly input?: unknown;
  /** The page of the console that shows the call. */
  readonly console_url?: string;
}

/** What the results of a caller may show, and which tools they may name. */
export interface ResultView {
  /** Show the inputs of tools that wait for an answer. */
  readonly exposeToolInputs: boolean;
  /** Address of the console's sessions, without a slash at its end; no page is named without. */
  readonly consoleUrl?: string;
  /** Returns true for a tool that the caller has; {@linkcode isDefaultTool} when absent. */
  readonly has?: (tool: string) => boolean;
  /** See {@linkcode WaitRequest.askTool}. */
  readonly askTool?: string;
  /** What a wait asks a person of this caller about; nothing when absent. */
  readonly asksAbout?: readonly AnswerWay[];
  /** What a person can answer in the session view beside the result; nothing when absent. */
  readonly viewAnswers?: readonly AnswerWay[];
}

/** Tools that results name and that no caller has by default. */
const OPT_IN: ReadonlySet<string> = new Set([
  "ask_agent",
  "confirm_tool_use",
  "submit_tool_result",
  "list_sessions",
  "list_session_files",
]);

/** Returns true for a tool of the set `core`, of those that results name. */
export function isDefaultTool(tool: string): boolean {
  return !OPT_IN.has(tool);
}

/** The tools of a caller, as far as texts on its sessions name them. */
export type ToolsOfCaller = Pick<ResultView, "has" | "askTool">;

/** Returns the tool by which a caller asks an agent and waits in one call; undefined without one. */
export function askToolOf({ askTool, has = isDefaultTool }: ToolsOfCaller): string | undefined {
  return askTool ?? (has("ask_agent") ? "ask_agent" : undefined);
}

/** Returns the tool by which a caller waits; undefined where it has none. */
export function waitToolOf(tools: ToolsOfCaller): string | undefined {
  const { askTool, has = isDefaultTool } = tools;
  return askTool ?? (has("wait_for_idle") ? "wait_for_idle" : askToolOf(tools));
}

/**
 * The way to the answer of a call: `confirmation` a person decides; `custom` the tool is a program's
 * of its own; `environment` the policy allows the call, and the environment has not run the tool;
 * `unsaid` the call does not say that it asks, so that only the console can tell.
 */
export type AnswerWay = "confirmation" | "custom" | "environment" | "unsaid";

/** Returns the way to the answer of a call; one that could not be read counts as a confirmation. */
export function answerWay(tool: ToolUse | undefined): AnswerWay {
  if (tool?.custom) return "custom";
  if (!tool || tool.asks) return "confirmation";
  return tool.isAllowed ? "environment" : "unsaid";
}

/** Says who gives the answer of a call. */
export interface GivenBy {
  /** In full: `answer` of a pending action. */
  readonly answer: string;
  /** As the end of "a call waits". */
  readonly wait: string;
  /** As the end of "an answer, which". */
  readonly which: string;
}

/** Returns the words for who gives the answers of one way; they name only tools of the caller. */
export function givenBy(
  way: AnswerWay,
  view: Pick<ResultView, "has" | "asksAbout" | "askTool" | "viewAnswers">,
): GivenBy {
  const { has = isDefaultTool, asksAbout = [], viewAnswers = [] } = view;
  const waitTool = waitToolOf(view);
  const whenAsked = asksAbout.includes(way) && waitTool !== undefined && `when ${waitTool} asks`;
  const inView = viewAnswers.includes(way) && "in the session view beside this result";
  switch (way) {
    case "confirmation": {
      const isTaken = has("confirm_tool_use");
      const places = [inView, "in the Claude Console"].filter(Boolean).join(" or ");
      const ways = [whenAsked, places].filter(Boolean).join(" or ");
      return {
        answer: isTaken
          ? `a person decides: ${ways}, or confirm_tool_use sends it`
          : `a person decides, ${ways}`,
        wait: `for an answer ${places}${isTaken ? " or by confirm_tool_use" : ""}`,
        which: `a person gives ${places}${isTaken ? ", or tells you for confirm_tool_use" : ""}`,
      };
    }
    case "custom": {
      const orTool = has("submit_tool_result") ? ", or submit_tool_result" : "";
      const ways = [whenAsked, inView].filter(Boolean).join(" or ");
      const orPerson = ways && `, or a person ${ways}`;
      const orInView = inView ? `, or a person ${inView}` : "";
      return {
        answer: `the program that provides the tool${orPerson}${orTool}`,
        wait: `for an answer of the program that provides the tool${orInView}${orTool}`,
        which: `the program that provides the tool gives${orInView}${orTool}`,
      };
    }
    case "unsaid":
      return {
        answer: "a person decides, in the Claude Console",
        wait: "for an answer in the Claude Console",
        which: "a person gives in the Claude Console",
      };
    case "environment":
      return {
        answer: "the environment that runs the tool, or a person in the Claude Console",
        wait: "for the environment that runs the tool",
        which: "the environment that runs the tool gives, or a person in the Claude Console",
      };
  }
}

/** The calls of a session that wait for an answer. */
export interface PendingCalls {
  readonly sessionId: string;
  /** A call without `tool` was not read. */
  readonly calls: readonly PendingCall[];
  readonly turn: Pick<Turn, "subagentOf">;
}

interface PendingCall {
  readonly eventId: string;
  readonly tool: ToolUse | undefined;
}

/**
 * Describes calls that wait for an answer.
 *
 * @param maxChars room for all of them, in characters of their JSON text: cells that find none are
 * left out, `console_url` first; ids, kinds and names always stay
 */
export function pendingActions(
  { sessionId, calls, turn }: PendingCalls,
  view: ResultView,
  maxChars: number,
): PendingAction[] {
  const { exposeToolInputs, consoleUrl } = view;
  const cells: readonly ((call: PendingCall) => Partial<PendingAction>)[] = [
    ({ tool }) => ({ server: shownIfNamed(tool?.server) }),
    ({ tool }) => ({ agent: shownIfNamed(tool?.threadId && turn.subagentOf(tool.threadId)) }),
    ({ tool }) => ({ answer: givenBy(answerWay(tool), view).answer }),
    ({ tool }) => ({ input: toolInputView(tool?.input, exposeToolInputs) }),
    ({ eventId }) => ({
      console_url: consoleUrl && consoleUrlOf(consoleUrl, sessionId, eventId),
    }),
  ];
  const described = calls.map((call) => ({ call, action: essence(call) }));
  let room = maxChars - jsonLength(described.map(({ action }) => action));
  // Cell by cell: no action has its page while another lacks its answer.
  for (const cell of cells) {
    for (const one of described) {
      const value = cell(one.call);
      if (Object.values(value)[0] === undefined) continue;
      room -= jsonLength(value) - 1;
      if (room >= 0) one.action = { ...one.action, ...value };
    }
  }
  return described.map(({ action }) => action);
}

/** Longest name that is shown, in characters. */
const MAX_NAME_CHARS = 128;

/**
 * Returns a name as everybody sees it who decides about the call: in forms, at the terminal, in
 * results and in the arguments of `confirm_tool_use`. Characters that do not show are escaped.
 */
export function shownName(name: string): string {
  return firstChars(escapeUnseen(name), MAX_NAME_CHARS);
}

function shownIfNamed(name: string | undefined): string | undefined {
  return name === undefined ? undefined : shownName(name);
}

/** Returns true for a name that says nothing more than a name among the words of this program. */
export function isPlainName(name: string): boolean {
  return /^[\w.:/-]{1,64}$/.test(name);
}

function essence({ eventId, tool }: PendingCall): PendingAction {
  return {
    event_id: eventId,
    kind: tool?.custom ? "custom_tool_result" : "tool_confirmation",
    ...(tool?.name !== undefined && { name: shownName(tool.name) }),
    ...(tool?.threadId !== undefined && { session_thread_id: tool.threadId }),
  };
}
