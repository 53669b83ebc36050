/**
 * The Managed Agents API as the rest of the program sees it.
 *
 * Every method takes a {@linkcode CallOptions} and rejects with an `ApiError` (or with the signal's
 * reason when that aborts). Only reads are retried, since nothing else is safe to repeat.
 *
 * @module
 */

import type { EventRecord } from "./event_record.ts";
import type { SessionEvent } from "./events.ts";
import type { Budget } from "./money.ts";
import type { Page } from "./pages.ts";
import type { Agent, Environment, Session, SessionFile, SessionThread } from "./resources.ts";

/** `fetch`, reduced to what the client uses, so that tests and the simulator can stand in. */
export type FetchLike = (request: Request) => Promise<Response>;

/** Bounds of one call. */
export interface CallOptions {
  /** Aborts the call, its retries and their pauses. */
  readonly signal?: AbortSignal;
  /** Milliseconds until the call fails with a `timeout` error, retries included. */
  readonly timeoutMs?: number;
}

/** Bounds of one read. */
export interface ReadOptions extends CallOptions {
  /**
   * False leaves retries to a caller that has its own plan; a read that may have failed for a dead
   * connection alone is still tried once more (see `connections.ts`).
   */
  readonly retry?: boolean;
}

/** Paging parameters that every list shares. */
export interface PageParams {
  /** Entries per page; the API's own limits differ by resource. */
  readonly limit?: number;
  /** The `next_page` of the page before; it belongs to the same order and filters. */
  readonly page?: string;
}

/** Parameters of a list of events. */
export interface ListEventsParams extends PageParams {
  readonly order?: "asc" | "desc";
  /** Event types to return; all when absent. */
  readonly types?: readonly string[];
  /** RFC 3339 time; compared with `processed_at`. */
  readonly createdAtGte?: string;
  /**
   * Longest text that is kept in a large page, in UTF-16 units; longer ones are left out as they
   * come in, for readers that have no use for them. 256 Ki when absent. `leftOutOf` returns how
   * much is missing.
   */
  readonly maxTextChars?: number;
}

/** Parameters of a list of sessions. */
export interface ListSessionsParams extends PageParams {
  readonly agentId?: string;
  readonly order?: "asc" | "desc";
  /** All when absent. */
  readonly statuses?: readonly string[];
  /** RFC 3339 time: the sessions of it, and later ones. */
  readonly createdAtGte?: string;
  /** RFC 3339 time: earlier sessions only. */
  readonly createdAtLt?: string;
  readonly includeArchived?: boolean;
}

/** Parameters of a list of threads. */
export interface ListThreadsParams extends PageParams {
  /** All when absent. */
  readonly statuses?: readonly string[];
}

/** Parameters of a new session. */
export interface CreateSessionParams {
  readonly agent: string | {
    readonly type: "agent";
    readonly id: string;
    readonly version?: number;
  };
  readonly environmentId: string;
  readonly title?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** What the session may cost; it can be given at creation only. */
  readonly budget?: Budget;
  /** Text of the first user message, sent as `initial_events`. */
  readonly message?: string;
  /** Images and documents of that message, which need no text. */
  readonly attachments?: readonly AttachmentBlock[];
  /** Files that the agent finds in its container. */
  readonly files?: readonly FileMount[];
}

/**
 * A file that is mounted into a session, as a copy with an id of its own
 * (`BetaManagedAgentsFileResourceParams` of `@anthropic-ai/sdk` 1.12.0).
 */
export interface FileMount {
  readonly fileId: string;
  /** Absolute path in the container. */
  readonly mountPath: string;
}

/** An event that a client may send. */
export type ClientEvent =
  | UserMessage
  | { readonly type: "user.interrupt" }
  | ToolConfirmation
  | CustomToolResult;

/** A message of a user (`BetaManagedAgentsUserMessageEventParams` of `@anthropic-ai/sdk` 1.12.0). */
export interface UserMessage {
  readonly type: "user.message";
  readonly content: readonly (TextBlock | AttachmentBlock)[];
}

/**
 * A person's decision on a tool call. It names no thread: the server finds that of a subagent by the
 * call (`BetaManagedAgentsUserToolConfirmationEventParams` of `@anthropic-ai/sdk` 1.12.0).
 */
export interface ToolConfirmation {
  readonly type: "user.tool_confirmation";
  /** Id of the event of the call. */
  readonly tool_use_id: string;
  readonly result: "allow" | "deny";
  /** The reason, for the agent: only with `deny`, at most 10,000 characters. */
  readonly deny_message?: string;
}

/**
 * The result of a custom tool, which the client runs
 * (`BetaManagedAgentsUserCustomToolResultEventParams` of `@anthropic-ai/sdk` 1.12.0).
 */
export interface CustomToolResult {
  readonly type: "user.custom_tool_result";
  /** Id of the event of the call. */
  readonly custom_tool_use_id: string;
  readonly content: readonly (TextBlock | AttachmentBlock)[];
  readonly is_error: boolean;
}

/** A text in the content of an event. */
export interface TextBlock {
  readonly type: "text";
  readonly text: string;
}

/** An image, or a document, in the content of an event. */
export interface AttachmentBlock {
  readonly type: "image" | "document";
  readonly source:
    | { readonly type: "url"; readonly url: string }
    | { readonly type: "file"; readonly file_id: string };
}

/** Events as the API echoes them after sending; none where it echoes nothing. */
export interface SentEvents {
  readonly data: readonly SessionEvent[];
}

/**
 * An item of a session's stream: an event, a sign of life (heartbeat, comment, noise), or a frame
 * that could not be read, which may have carried an event.
 */
export type StreamItem =
  | { readonly kind: "event"; readonly event: SessionEvent }
  | { readonly kind: "activity" }
  | { readonly kind: "unreadable" };

/** An open session stream. Iterating ends when the server ends it, and throws when it breaks. */
export interface EventStream extends AsyncIterable<StreamItem> {
  /** Drops the connection at once. Idempotent. */
  close(): void;
}

/** Bytes of a file as they come in. Iterating throws when the connection breaks. */
export interface FileContent extends AsyncIterable<Uint8Array> {
  /** Drops the connection at once. Idempotent. */
  close(): void;
}

/** The endpoints that this program uses; agents and environments are read-only here. */
export interface ManagedAgentsApi {
  /** Record of the events that have passed through; absent where none is kept. */
  readonly eventRecord?: EventRecord;
  readonly agents: {
    list(
      params: PageParams,
      options?: ReadOptions,
    ): Promise<Page<Agent>>;
    retrieve(
      agentId: string,
      params: { readonly version?: number },
      options?: ReadOptions,
    ): Promise<Agent>;
  };
  readonly environments: {
    list(params: PageParams, options?: ReadOptions): Promise<Page<Environment>>;
  };
  readonly files: {
    /** Lists the files of a session, newest first; the list trails the agent by some seconds. */
    list(sessionId: string, params: PageParams, options?: ReadOptions): Promise<Page<SessionFile>>;
    /** Reads a file's description. */
    retrieve(fileId: string, options?: ReadOptions): Promise<SessionFile>;
    /**
     * Resolves when the head of the response has come, within `timeoutMs`; what follows may take as
     * long as bytes come.
     */
    content(fileId: string, options?: CallOptions): Promise<FileContent>;
  };
  readonly sessions: {
    /** Creates a session. Not retried: a second try could make a second session. */
    create(params: CreateSessionParams, options?: CallOptions): Promise<Session>;
    retrieve(
      sessionId: string,
      options?: ReadOptions,
    ): Promise<Session>;
    list(params: ListSessionsParams, options?: ReadOptions): Promise<Page<Session>>;
    /** Archives a session. Not retried. */
    archive(sessionId: string, options?: CallOptions): Promise<Session>;
  };
  readonly events: {
    /** Lists one page of events. */
    list(
      sessionId: string,
      params: ListEventsParams,
      options?: ReadOptions,
    ): Promise<Page<SessionEvent>>;
    /**
     * Sends events. Not retried: the API has no idempotency key, a repeated POST repeats the turn.
     */
    send(
      sessionId: string,
      events: readonly ClientEvent[],
      options?: CallOptions,
    ): Promise<SentEvents>;
    /**
     * Opens the session's event stream; resolves when its headers have arrived. Not retried.
     * `timeoutMs` bounds the wait for the headers only; `signal` drops the stream at any time.
     */
    stream(sessionId: string, options?: CallOptions): Promise<EventStream>;
  };
  readonly threads: {
    /** Lists a session's threads: the primary one, then those of subagents as they were made. */
    list(
      sessionId: string,
      params: ListThreadsParams,
      options?: ReadOptions,
    ): Promise<Page<SessionThread>>;
    /**
     * Lists one page of a thread's own events, each once and oldest first, as the API gives them:
     * the list takes neither an order nor types (`threads.EventListParams` of `@anthropic-ai/sdk`
     * 1.12.0).
     */
    events(
      sessionId: string,
      threadId: string,
      params: PageParams,
      options?: ReadOptions,
    ): Promise<Page<SessionEvent>>;
  };
}
