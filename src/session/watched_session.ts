/**
 * A session as the session view is told of it: the result of `watch_session`. The view's page shares
 * these types, so this file knows nothing of the rest.
 *
 * Every text that an agent may have chosen is data: shortened, without secrets, and never HTML.
 *
 * @module
 */

/** The state of a session, and what its newest turn has brought since the view asked last. */
export interface WatchedSession {
  readonly session_id: string;
  readonly status: WatchedStatus;
  /** What the agent is doing, in a few words; only while it works. */
  readonly doing?: string;
  /** Why this server cannot read the session at the moment; absent while all is well. */
  readonly connection_error?: string;
  /** Name of the session's agent; absent where it is not known. */
  readonly agent?: string;
  readonly title?: string;
  /** The newest turn; absent for a session without any. */
  readonly turn?: WatchedTurn;
  readonly timeline: Timeline;
  /** The tool calls that wait for an answer, in the order in which they block. */
  readonly pending: readonly PendingCall[];
  /** Dollars that the session has cost by list prices; absent where not known. */
  readonly cost_usd?: number;
  /** Dollars of that which the newest turn has cost; absent where not known. */
  readonly turn_cost_usd?: number;
  /** The page of the console that shows the session. */
  readonly console_url?: string;
  readonly can: ViewRights;
  /** The server's time, as ISO 8601: the clock of the view's machine may be wrong. */
  readonly now?: string;
  /** Milliseconds after which to ask again, 1,000 or more. */
  readonly poll_after_ms: number;
}

/**
 * `reading`: this server has not read the events yet; `running`: the agent works, or is about to;
 * all others are the ways in which a wait ends.
 */
export type WatchedStatus =
  | "reading"
  | "running"
  | "idle"
  | "requires_action"
  | "retries_exhausted"
  | "budget_reached"
  | "refusal"
  | "terminated"
  | "deleted"
  | "not_started";

/** The newest turn of a session. */
export interface WatchedTurn {
  /** Another one for another turn. */
  readonly key: string;
  /** The beginning of the message that the turn answers; absent where it is not known. */
  readonly task?: string;
  /** Time at which it was taken up, as ISO 8601; absent where the API gave none. */
  readonly started_at?: string;
  /** Time at which it ended; absent while it goes on. */
  readonly ended_at?: string;
  /**
   * The event of the turn that came last, as the results of waits name it: by that the page knows
   * that a result belongs to this turn. Absent where it is not known.
   */
  readonly last_event_id?: string;
}

/** What happened in the newest turn, oldest first. */
export interface Timeline {
  /**
   * Those that are new, and those that have changed, since the cursor that the view sent: those that
   * have changed come first, each of which the view has.
   */
  readonly entries: readonly TimelineEntry[];
  /** True if these are all entries: what the view had of earlier ones is to go. */
  readonly is_whole: boolean;
  /** Pass it with the next call, to get only what is new. */
  readonly cursor: string;
  /**
   * Entries of the turn before the first one, which were left out; absent when none, and where
   * `is_whole` is false: the view has all from its first one on.
   */
  readonly left_out?: number;
}

/** Something that happened in a turn. */
export type TimelineEntry =
  & {
    /** The same for the same entry in every result: one that comes again takes its place. */
    readonly key: string;
    /** Time of the event, as ISO 8601; absent where the API gave none. */
    readonly at?: string;
    /** Name of the subagent; absent for the session's own agent. */
    readonly subagent?: string;
  }
  & (
    /** A message of the agent, in Markdown; `left_out` counts characters that its beginning lacks. */
    | { readonly kind: "message"; readonly text: string; readonly left_out?: number }
    | {
      readonly kind: "tool";
      readonly name: string;
      /** Name of the MCP server that offers the tool. */
      readonly server?: string;
      readonly state: "running" | "waiting" | "done" | "failed";
      /** A person's decision on the call. */
      readonly decision?: "allow" | "deny";
      /** Set for a custom tool, whose call waits for a result. */
      readonly is_custom?: true;
    }
    /**
     * A subagent that works in the turn, once for all that it does there; `state` is the status of
     * its thread now.
     */
    | { readonly kind: "subagent"; readonly name: string; readonly state?: string }
    | {
      readonly kind: "error";
      readonly type: string;
      readonly message?: string;
      /** `retrying`, `exhausted`, `terminal`, or others. */
      readonly retry_status?: string;
    }
    /** The API tries again. */
    | { readonly kind: "retry" }
    | {
      readonly kind: "evaluation";
      readonly result: string;
      /** Revision cycle, from 0. */
      readonly iteration?: number;
      readonly explanation?: string;
    }
    /** A further message was sent while the turn was on. */
    | { readonly kind: "input" }
    | { readonly kind: "interrupt" }
  );

/** A tool call that waits for an answer, as a person sees it. */
export interface PendingCall {
  readonly event_id: string;
  readonly kind: "tool_confirmation" | "custom_tool_result";
  /** Name of the subagent that makes the call; absent for the session's own agent. */
  readonly subagent?: string;
  readonly tool: string;
  /** Name of the MCP server that offers the tool. */
  readonly server?: string;
  /** The input as JSON text, with every unseen character escaped; of a long one only both ends. */
  readonly input: string;
  /** Characters of the input that are not shown; absent when none. */
  readonly left_out?: number;
  /** False where too little of the input is shown for a person to allow the call. */
  readonly may_allow: boolean;
  /** The page of the console that shows the call. */
  readonly console_url?: string;
}

/** What the person at the view can do. */
export interface ViewRights {
  /** Allow and deny tool calls, with the proof of each. */
  readonly decide: boolean;
  /** Answer the calls of custom tools, with the proof of each. */
  readonly answer: boolean;
  /** Call the tool `interrupt`. */
  readonly interrupt: boolean;
  /** Call the tools `list_session_files` and `read_session_file`. */
  readonly files: boolean;
  /** True where the host asks by a form of its own while the tool's call runs: that comes first. */
  readonly asks_by_form: boolean;
  /** Name of the tool that waits for the end of a turn, for what the model is told. */
  readonly wait_tool?: string;
}

/** Key of {@linkcode ViewMeta} in the `_meta` of results, which hosts keep from models. */
export const VIEW_META_KEY = "cma-mcp/view";

/** What results give to the view alone. */
export interface ViewMeta {
  /**
   * Proofs by the event id of the call: each lets `answer_tool_use` answer that one call, for ten
   * minutes. Absent where the caller may not decide.
   */
  readonly proofs?: Readonly<Record<string, string>>;
  /** The calls that wait, in the results of waits; `watch_session` has them among its fields. */
  readonly pending?: readonly PendingCall[];
}

/** The arguments of `answer_tool_use`. */
export interface ToolUseAnswer {
  readonly session_id: string;
  readonly event_id: string;
  /** The call's own of {@linkcode ViewMeta.proofs}. */
  readonly proof: string;
  /** `answer` for custom tools, the others for all other tools. */
  readonly result: "allow" | "deny" | "answer";
  /** Reason for the agent, with `deny` only. */
  readonly deny_message?: string;
  /** The result of the custom tool, with `answer` only. */
  readonly text?: string;
  /** True where the person could not do what the custom tool asks for, with `answer` only. */
  readonly is_error?: boolean;
}

/**
 * Beginning of the error of `answer_tool_use` for a proof that does not count. By it the page knows
 * that nothing was sent, and that a fresh proof is needed: errors of tools have no code.
 */
export const WRONG_PROOF = "This proof is not one for this tool call";

/** The result of `answer_tool_use`. */
export interface ToolUseAnswered {
  readonly session_id: string;
  readonly event_id: string;
  readonly result: ToolUseAnswer["result"];
  /**
   * `sent`; `repeated` the same answer was there before; `answered_elsewhere` another answer was
   * first; `changed` the call is not the one that was shown; `gone` it waits no longer; `unknown` the
   * API's response was lost, and nothing is sent a second time.
   */
  readonly outcome: "sent" | "repeated" | "answered_elsewhere" | "changed" | "gone" | "unknown";
}
