/**
 * Calls tools through the host, and reads the results of tools: those of the page's own calls, and
 * that of the call beside which the page is shown.
 *
 * @module
 */

import { ID } from "../core/ids.ts";
import {
  type PendingCall,
  type TimelineEntry,
  type ToolUseAnswered,
  VIEW_META_KEY,
  type ViewRights,
  type WatchedSession,
  type WatchedStatus,
} from "../session/watched_session.ts";
import { type Host, HostError, type HostFailure } from "./host.ts";
import {
  isJsonObject,
  type JsonObject,
  readCount,
  readList,
  readWord,
  textWithin,
} from "./read.ts";

/** What came of the call of a tool. */
export type ToolOutcome =
  | {
    readonly kind: "result";
    readonly fields: JsonObject;
    /** The blocks of its content. */
    readonly blocks: readonly JsonObject[];
    readonly given: GivenToView;
  }
  /** The tool has failed, and its text says why; empty where it says nothing. */
  | { readonly kind: "failed"; readonly text: string }
  /** The host brought no result; with its words, if it had any. */
  | { readonly kind: HostFailure; readonly text: string };

/** What a result gives to the page alone. */
export interface GivenToView {
  /** Proofs by event id. */
  readonly proofs: ReadonlyMap<string, string>;
  readonly pending: readonly PendingCall[];
}

/** Longest text of a failure that is shown, in characters. */
const MAX_FAILURE_CHARS = 1_000;
/** Longest text of an agent's message, and of a reply. */
const MAX_MESSAGE_CHARS = 100_000;
/** Longest input of a tool call; one that is longer by the server's rules is clipped by it. */
const MAX_INPUT_CHARS = 20_000;
const MAX_ENTRIES = 1_000;
const MAX_PENDING = 50;
const MAX_PROOFS = 100;
const MAX_PROOF_CHARS = 4_096;
const MAX_URL_CHARS = 2_000;
/** Content blocks of a result that are looked at. */
const MAX_BLOCKS = 100;
/** Longest time between two reads that a server may ask for, in milliseconds. */
const MAX_POLL_MS = 30_000;

/** Calls a tool of the server, and returns what came of it; throws nothing. */
export async function callServer(
  host: Host,
  name: string,
  args: JsonObject,
  timeoutMs: number,
): Promise<ToolOutcome> {
  try {
    return readResult(await host.request("tools/call", { name, arguments: args }, timeoutMs));
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    return { kind: error.kind, text: textWithin(error.message, MAX_FAILURE_CHARS) ?? "" };
  }
}

/** Reads the result of a tool; where a host drops `structuredContent`, from its text. */
export function readResult(result: JsonObject): ToolOutcome {
  const blocks = readList(
    Array.isArray(result.content) ? result.content.slice(0, MAX_BLOCKS) : [],
    MAX_BLOCKS,
    (block) => isJsonObject(block) ? block : undefined,
  );
  const text = blocks.find(({ type }) => type === "text")?.text;
  const { structuredContent } = result;
  const fields = isJsonObject(structuredContent) ? structuredContent : parseFields(text);
  if (result.isError === true || !fields) {
    return { kind: "failed", text: textWithin(text, MAX_FAILURE_CHARS) ?? "" };
  }
  const meta = isJsonObject(result._meta) ? result._meta[VIEW_META_KEY] : undefined;
  return { kind: "result", fields, blocks, given: readGiven(meta) };
}

function parseFields(text: unknown): JsonObject | undefined {
  if (typeof text !== "string") return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function readGiven(meta: unknown): GivenToView {
  const { proofs, pending } = isJsonObject(meta) ? meta : {};
  return {
    proofs: new Map(
      readList(isJsonObject(proofs) ? Object.entries(proofs) : [], MAX_PROOFS, (entry) => {
        const [id, proof]: readonly unknown[] = Array.isArray(entry) ? entry : [];
        const [eventId, text] = [readId(id), textWithin(proof, MAX_PROOF_CHARS)];
        return eventId !== undefined && text !== undefined
          ? { pair: [eventId, text] as const }
          : undefined;
      }).map(({ pair }) => pair),
    ),
    pending: readList(pending, MAX_PENDING, readPending),
  };
}

/** Returns an id of the API; undefined for all else. */
export function readId(value: unknown): string | undefined {
  return typeof value === "string" && ID.test(value) ? value : undefined;
}

/** Fields that are read as they are: texts, and numbers. */
interface Plain {
  readonly key?: string;
  readonly at?: string;
  readonly subagent?: string;
  readonly name?: string;
  readonly tool?: string;
  readonly server?: string;
  readonly type?: string;
  readonly state?: string;
  readonly retry_status?: string;
  readonly result?: string;
  readonly message?: string;
  readonly explanation?: string;
  readonly agent?: string;
  readonly title?: string;
  readonly doing?: string;
  readonly connection_error?: string;
  readonly task?: string;
  readonly started_at?: string;
  readonly ended_at?: string;
  readonly last_event_id?: string;
  readonly now?: string;
  readonly cursor?: string;
  readonly left_out?: number;
  readonly iteration?: number;
  readonly cost_usd?: number;
  readonly turn_cost_usd?: number;
}

const NUMBERS: readonly (keyof Plain)[] = ["left_out", "iteration", "cost_usd", "turn_cost_usd"];

/** Longest texts of fields, in characters, where they may have more than most. */
const MAX_CHARS: { readonly [name in keyof Plain]?: number } = {
  message: MAX_FAILURE_CHARS,
  explanation: 3_000,
  agent: 500,
  title: 500,
  doing: 500,
  connection_error: 500,
  task: 2_000,
  cursor: 1_000,
};

/** Returns the fields with these names that are as they should be, within their bounds. */
function plain<N extends keyof Plain>(fields: JsonObject, names: readonly N[]): Pick<Plain, N>;
function plain(fields: JsonObject, names: readonly (keyof Plain)[]): JsonObject {
  return Object.fromEntries(names.flatMap((name) => {
    const value = NUMBERS.includes(name)
      ? readCount(fields[name])
      : textWithin(fields[name], MAX_CHARS[name]);
    return value === undefined ? [] : [[name, value]];
  }));
}

function readPending(value: unknown): PendingCall | undefined {
  if (!isJsonObject(value)) return undefined;
  const eventId = readId(value.event_id);
  const kind = readWord(value.kind, ["tool_confirmation", "custom_tool_result"]);
  if (eventId === undefined || kind === undefined) return undefined;
  const input = textWithin(value.input, MAX_INPUT_CHARS) ?? "";
  return {
    event_id: eventId,
    kind,
    tool: "unknown",
    ...plain(value, ["subagent", "tool", "server", "left_out"]),
    input,
    // What is not shown nobody can allow.
    may_allow: value.may_allow === true && value.input === input,
    ...urlOf(value),
  };
}

/** Returns an address that a browser opens; undefined for all else. */
export function readUrl(value: unknown): string | undefined {
  const isAddress = typeof value === "string" && value.length <= MAX_URL_CHARS &&
    /^https?:\/\/[^\s]+$/i.test(value);
  return isAddress ? value : undefined;
}

function urlOf({ console_url: value }: JsonObject): { readonly console_url?: string } {
  const url = readUrl(value);
  return url === undefined ? {} : { console_url: url };
}

const STATUSES: readonly WatchedStatus[] = [
  "reading",
  "running",
  "idle",
  "requires_action",
  "retries_exhausted",
  "budget_reached",
  "refusal",
  "terminated",
  "deleted",
  "not_started",
];

/** Returns true for a status with which a turn is over. */
export function isOver(status: WatchedStatus): boolean {
  return status !== "reading" && status !== "running" && status !== "requires_action";
}

/** Reads the result of `watch_session`; undefined for one that cannot be read. */
export function readWatched(fields: JsonObject): WatchedSession | undefined {
  const sessionId = readId(fields.session_id);
  const status = readWord(fields.status, STATUSES);
  if (sessionId === undefined || status === undefined) return undefined;
  const timeline = isJsonObject(fields.timeline) ? fields.timeline : {};
  return {
    session_id: sessionId,
    status,
    ...plain(fields, [
      "doing",
      "connection_error",
      "agent",
      "title",
      "cost_usd",
      "turn_cost_usd",
      "now",
    ]),
    ...(isJsonObject(fields.turn) && { turn: readTurn(fields.turn) }),
    timeline: {
      entries: readList(timeline.entries, MAX_ENTRIES, readEntry),
      is_whole: timeline.is_whole === true,
      cursor: "",
      ...plain(timeline, ["cursor", "left_out"]),
    },
    // Of a result that the server has cut, an input may be cut as well.
    pending: readList(fields.pending, MAX_PENDING, readPending)
      .map((call) => fields.truncated === true ? { ...call, may_allow: false } : call),
    ...urlOf(fields),
    can: readRights(fields.can),
    poll_after_ms: Math.min(MAX_POLL_MS, readCount(fields.poll_after_ms) ?? 0),
  };
}

function readTurn(turn: JsonObject): WatchedSession["turn"] {
  return { key: "", ...plain(turn, ["key", "task", "started_at", "ended_at", "last_event_id"]) };
}

/** Names of tools, which stand in the sentences for the model. */
const TOOL_NAME = /^[\w-]{1,128}$/;

function readRights(value: unknown): ViewRights {
  const can = isJsonObject(value) ? value : {};
  const waitTool = textWithin(can.wait_tool);
  return {
    decide: can.decide === true,
    answer: can.answer === true,
    interrupt: can.interrupt === true,
    files: can.files === true,
    asks_by_form: can.asks_by_form === true,
    ...(waitTool !== undefined && TOOL_NAME.test(waitTool) && { wait_tool: waitTool }),
  };
}

const TOOL_STATES = ["running", "waiting", "done", "failed"] as const;

function readEntry(value: unknown): TimelineEntry | undefined {
  if (!isJsonObject(value)) return undefined;
  const { key, ...base } = plain(value, ["key", "at", "subagent"]);
  if (key === undefined) return undefined;
  const { kind } = value;
  switch (kind) {
    case "message": {
      const whole = typeof value.text === "string" ? value.text : "";
      const text = whole.slice(-MAX_MESSAGE_CHARS);
      const leftOut = (readCount(value.left_out) ?? 0) + whole.length - text.length;
      return { key, ...base, kind, text, ...(leftOut > 0 && { left_out: leftOut }) };
    }
    case "tool": {
      const decision = readWord(value.decision, ["allow", "deny"]);
      return {
        key,
        ...base,
        kind,
        name: "unknown",
        ...plain(value, ["name", "server"]),
        state: readWord(value.state, TOOL_STATES) ?? "done",
        ...(decision !== undefined && { decision }),
        ...(value.is_custom === true && { is_custom: true as const }),
      };
    }
    case "subagent":
      return { key, ...base, kind, name: "unknown", ...plain(value, ["name", "state"]) };
    case "error": {
      const rest = plain(value, ["type", "message", "retry_status"]);
      return { key, ...base, kind, type: "unknown", ...rest };
    }
    case "evaluation": {
      const rest = plain(value, ["result", "iteration", "explanation"]);
      return { key, ...base, kind, result: "unknown", ...rest };
    }
    case "retry":
    case "input":
    case "interrupt":
      return { key, ...base, kind };
    default:
      return undefined;
  }
}

/** The result of a wait, as far as the page shows it. */
export interface WaitedResult {
  /** What is known of the session by the result alone. */
  readonly session: Omit<WatchedSession, "timeline" | "pending">;
  /** True where the wait's time was up before the turn was. */
  readonly isTimeout: boolean;
  readonly reply: string;
  readonly entries: readonly TimelineEntry[];
  /** The calls that wait, without their inputs. */
  readonly pending: readonly PendingCall[];
  readonly lastEventId?: string;
}

const NO_RIGHTS: ViewRights = readRights(undefined);

/** Reads the result of a wait; undefined for one that names no session. */
export function readWaited(fields: JsonObject): WaitedResult | undefined {
  const sessionId = readId(fields.session_id);
  if (sessionId === undefined) return undefined;
  const isTimeout = fields.status === "timeout";
  const reply = typeof fields.reply === "string" ? fields.reply.slice(-MAX_MESSAGE_CHARS) : "";
  const lastEventId = textWithin(fields.last_event_id);
  const objects = (list: unknown, kind: string) =>
    readList(list, MAX_ENTRIES, (one) => isJsonObject(one) ? { ...one, kind } : undefined);
  const entries: JsonObject[] = [
    ...objects(fields.tool_activity, "tool"),
    ...objects(fields.errors, "error"),
  ];
  return {
    session: {
      session_id: sessionId,
      status: isTimeout ? "running" : readWord(fields.status, STATUSES) ?? "idle",
      ...plain(fields, ["cost_usd", "turn_cost_usd"]),
      ...urlOf(fields),
      can: NO_RIGHTS,
      poll_after_ms: 0,
    },
    isTimeout,
    reply,
    entries: entries.flatMap(({ status: state, agent: subagent, ...entry }, at) =>
      readEntry({ ...entry, state, subagent, key: `result:${at}` }) ?? []
    ),
    pending: readList(fields.pending_actions, MAX_PENDING, (action) => {
      if (!isJsonObject(action)) return undefined;
      const { name: tool, agent: subagent } = action;
      return readPending({ ...action, tool, subagent, input: undefined });
    }),
    ...(lastEventId !== undefined && { lastEventId }),
  };
}

const OUTCOMES: readonly ToolUseAnswered["outcome"][] = [
  "sent",
  "repeated",
  "answered_elsewhere",
  "changed",
  "gone",
  "unknown",
];

/** Reads what became of an answer; `unknown` where that cannot be read. */
export function readAnswered(fields: JsonObject): ToolUseAnswered["outcome"] {
  return readWord(fields.outcome, OUTCOMES) ?? "unknown";
}

/**
 * Says why a tool brought no result, and what to do; a tool's own words say both.
 *
 * @param remedy what to do
 */
export function describeFailure(
  outcome: Exclude<ToolOutcome, { kind: "result" }>,
  remedy: string,
): string {
  switch (outcome.kind) {
    case "timeout":
    case "closed":
      return `No answer came from the app. ${remedy}`;
    case "unsupported":
      return `This app does not let the page do that. ${remedy}`;
    case "refused":
      return `The app answered with an error${
        outcome.text && `: ${outcome.text.replace(/[.!?]+$/, "")}`
      }. ${remedy}`;
    case "failed":
      return outcome.text || `The server did not do that. ${remedy}`;
  }
}
