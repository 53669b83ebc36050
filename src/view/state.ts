/**
 * Everything that the page shows, as one value: `session.ts` makes it anew at each change, and
 * `render.ts` shows it. Neither knows the other.
 *
 * @module
 */

import type {
  PendingCall,
  TimelineEntry,
  ToolUseAnswered,
  ViewRights,
  WatchedSession,
} from "../session/watched_session.ts";

/** What the page shows. */
export interface ViewState {
  /**
   * `starting`: no message of the host has named a session yet; `nameless`: the call ended without
   * one, or nothing has named one for long; `following`: the session is read again and again;
   * `resting`: the call's turn is over and nothing more is read; `lost`: the host or the server
   * answers no more, and the page tries on.
   */
  readonly phase: "starting" | "nameless" | "following" | "resting" | "lost";
  /** True where the session has gone on since the call: only what the call brought is shown. */
  readonly isPast?: boolean;
  readonly call: CallState;
  readonly sessionId?: string;
  /** The session as it was read last; absent until it was, and where the host allows no reading. */
  readonly session?: Omit<WatchedSession, "timeline" | "pending">;
  /** All known entries of the turn, oldest first. */
  readonly entries: readonly TimelineEntry[];
  /** Entries that are missing before the first one. */
  readonly leftOut: number;
  /** The agent's words of the turn, in Markdown; empty when there are none. */
  readonly reply: string;
  /** The calls that wait for an answer, each with how far the person has come with it. */
  readonly pending: readonly PendingState[];
  readonly files: FilesState;
  readonly interrupt: "none" | "offered" | "sending" | "sent" | "failed";
  /** What the model was, or is to be, told of what the person did here; absent where nothing is. */
  readonly tell?: TellState;
  /** Seconds that the turn has taken, or took; absent where not known. */
  readonly elapsedSec?: number;
  /** Why nothing can be read at the moment, in a sentence. */
  readonly problem?: string;
  readonly host: HostState;
}

/** The call of the tool beside whose result the page is shown. */
export interface CallState {
  /** `running` until the host brings its result. */
  readonly state: "running" | "ended" | "cancelled" | "failed";
  /** The message that the call sends, where its arguments have one. */
  readonly message?: string;
  /** The text of a failed call. */
  readonly failure?: string;
}

/** A call that waits for an answer, and how far the person has come. */
export interface PendingState {
  readonly call: PendingCall;
  /**
   * `waits` for the person; `form_first` the host asks by a form of its own, and this page waits;
   * `unable` this caller may not answer here; `sending`; `over` with the outcome; `failed`: it may be
   * tried again.
   */
  readonly state: "waits" | "form_first" | "unable" | "sending" | "over" | "failed";
  /** True for a moment in which it takes no answer, because it is not what it was: look first. */
  readonly isLocked?: boolean;
  readonly outcome?: ToolUseAnswered["outcome"];
  /** The answer that was given here. */
  readonly result?: ToolUseAnswered["result"];
  /** Why it failed, in a sentence. */
  readonly failure?: string;
}

/** The files of the session. */
export interface FilesState {
  /** `none`: this caller cannot list them. */
  readonly state: "none" | "offered" | "loading" | "listed" | "failed";
  readonly files: readonly FileState[];
  readonly failure?: string;
}

/** A file that the session's agent has written. */
export interface FileState {
  readonly id: string;
  readonly name: string;
  readonly mimeType?: string;
  readonly sizeBytes?: number;
  readonly state: "listed" | "loading" | "loaded" | "saved" | "failed";
  /** The text, or the beginning of it. */
  readonly text?: string;
  /** True where `text` is not all of it. */
  readonly isPartial?: boolean;
  /** The bytes of an image. */
  readonly image?: { readonly bytes: Uint8Array<ArrayBuffer>; readonly mimeType: string };
  /** A link that a person opens in a browser. */
  readonly url?: string;
  readonly failure?: string;
}

/** What the model is told. */
export interface TellState {
  /** The sentence: the person can type it where the host passes nothing on. */
  readonly sentence: string;
  /** `sent`: the host has taken it; that is no proof that the model sees it. */
  readonly state: "needless" | "offered" | "sending" | "sent" | "failed";
}

/** What the host can do, and how it looks. */
export interface HostState {
  /** Absent where the host says none: then the browser's own counts. */
  readonly theme?: "light" | "dark";
  /** BCP 47. */
  readonly locale: string;
  readonly timeZone?: string;
  readonly displayMode: "inline" | "fullscreen" | "pip";
  readonly canFullscreen: boolean;
  readonly canOpenLinks: boolean;
  readonly canDownload: boolean;
  /** The host's CSS variables (`styles.variables`), any of those of MCP Apps. */
  readonly variables?: Readonly<Record<string, unknown>>;
  /** The host's style sheet of fonts (`styles.css.fonts`). */
  readonly fontsCss?: string;
  /** Pixels at the edges that something else covers (`safeAreaInsets`). */
  readonly insets?: {
    readonly top: number;
    readonly right: number;
    readonly bottom: number;
    readonly left: number;
  };
}

/** What the person can do. Each returns at once; the state tells what becomes of it. */
export interface ViewActions {
  allow(eventId: string): void;
  /** @param reason for the agent; empty for none */
  deny(eventId: string, reason: string): void;
  answer(eventId: string, text: string, isError: boolean): void;
  interrupt(): void;
  /** Sends the model the sentence of {@linkcode TellState} again. */
  tell(): void;
  listFiles(): void;
  /** Reads a file: an image or text, to be shown. */
  openFile(fileId: string): void;
  /** Hands a file to the host to be saved. */
  saveFile(fileId: string): void;
  openLink(url: string): void;
  /** Asks the host for the other display mode. */
  toggleFullscreen(): void;
  /** Tries again at once what failed. */
  retry(): void;
}

export type { PendingCall, TimelineEntry, ViewRights };
