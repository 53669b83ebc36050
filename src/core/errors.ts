/**
 * The errors that cross module borders. A message here is written by this program or by the API,
 * never by an agent, so it may be shown to a model.
 *
 * @module
 */

import { firstChars } from "./text.ts";

/**
 * A wrong setting on the command line, in the environment or in a named file; printed as one line,
 * with exit code 2.
 */
export class UsageError extends Error {
  override name = "UsageError";
}

/** A text that names tools only if its reader has them; `has` is true for those. */
export type TextForTools = (has: (tool: string) => boolean) => string;

/** A tool call that failed; the message tells the caller what to do. */
export class ToolError extends Error {
  override name = "ToolError";
  /** Stable, machine-readable: `not_available`, `invalid_argument`, `too_many_waits`, … */
  readonly code: string;
  readonly #text: string | TextForTools;

  /** @param text what is wrong and what to do; a function where that is to call another tool */
  constructor(code: string, text: string | TextForTools, options?: ErrorOptions) {
    super(typeof text === "string" ? text : text(() => true), options);
    this.code = code;
    this.#text = text;
  }

  /** Returns the message for a caller who has some of the tools only. */
  messageFor(has: (tool: string) => boolean): string {
    return typeof this.#text === "string" ? this.#text : this.#text(has);
  }
}

/**
 * A tool call that failed after it had changed something. The message says what stands and what to
 * do; the failure itself is the cause.
 */
export class PartlyDoneError extends ToolError {
  override name = "PartlyDoneError";
  /** The session that was made, or that got something. */
  readonly sessionId: string;

  constructor(sessionId: string, text: string | TextForTools, options: ErrorOptions) {
    super("partly_done", text, options);
    this.sessionId = sessionId;
  }
}

/**
 * Ends a call with a question, which the client answers by its next call. It passes through a tool,
 * and is no failure of what the tool has done.
 */
export class CallEnded extends Error {
  override name = "CallEnded";
  /** Session of the question. */
  readonly sessionId: string;

  constructor(sessionId: string, message: string) {
    super(message);
    this.sessionId = sessionId;
  }
}

/**
 * Returns the beginning of a foreign error's message, in whole words, up to the first place where
 * it may quote a text that was sent. For logs, which must hold no message texts.
 */
export function unquoted(error: unknown): string {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  return `${name}: ${/^[^"'`:{[\n]{0,100}(?=[\s"'`:{[]|$)/.exec(message)?.[0].trim() ?? ""}`;
}

/** Returns the message of any thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Returns the system's code of an error, such as `ENOENT`; undefined if it has none. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}

/**
 * Returns true if a write failed because its reader has gone; runtimes name that error differently.
 */
export function isBrokenPipe(error: unknown): boolean {
  return systemCode(error) === "EPIPE" || (error instanceof Error && error.name === "BrokenPipe");
}

/** File errors by the runtime's code: what is wrong, and what to do. */
const FILE_ERRORS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file: check the path",
  ENOTDIR: "a part of its path is a file: check the path",
  EISDIR: "it is a folder: name the file in it",
  EACCES: "this user may not read it: change its owner or its mode",
  EPERM: "this user may not read it: change its owner or its mode",
  ELOOP: "it is a link that leads in a circle: name the file itself",
  ETIMEDOUT:
    "nothing came of it in time: check that something writes to it, or that its disk is there",
  EFBIG: "it is far too large: check that it is the right file",
  ENAMETOOLONG: "its path is too long: check that it is a path, and not what is to be in the file",
};

function fileErrorText(error: unknown): string | undefined {
  const code = systemCode(error) ?? "";
  return Object.hasOwn(FILE_ERRORS, code) ? FILE_ERRORS[code] : undefined;
}

/**
 * Returns the reason why a host's file cannot be read as UTF-8, as a clause such as "it is a
 * folder".
 *
 * @param error thrown by the read
 */
export function whyUnreadable(error: unknown): string {
  return fileErrorText(error)?.replace(/:.*/, "") ??
    (error instanceof TypeError ? "it is no text in UTF-8" : "this program may not read it");
}

/**
 * Makes the one-line error for a file that a setting names and that cannot be read.
 *
 * @param error thrown by the read; it becomes the cause
 * @param flag how the user named the file, such as `--api-key-file`
 */
export function fileError(error: unknown, path: string, flag: string): UsageError {
  const reason = /^~[/\\]/.test(path)
    ? "nothing has replaced its '~': type the whole path"
    : fileErrorText(error) ?? "check that it exists and is readable";
  // The value may be a key in place of a path: do not repeat it.
  const shown = /^(sk-|cma_)|^[^/\\.]{32,}$/.test(path) ? "the file" : `'${firstChars(path, 200)}'`;
  return new UsageError(`Cannot read ${shown} (${flag}): ${reason}`, { cause: error });
}
