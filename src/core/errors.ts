/**
 * The errors that cross module borders. A message here is written by this program or by the API,
 * never by an agent, so it may be shown to a model.
 *
 * @module
 */

/** The command line, the environment or a named file is wrong: one line, exit code 2. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** A tool call that cannot be done, in words that tell the caller what to do about it. */
export class ToolError extends Error {
  override name = "ToolError";
  /** Stable, machine-readable: `not_available`, `invalid_argument`, `too_many_waits`, … */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * The beginning of a foreign error's message, in whole words, up to where it may quote what somebody
 * sent: for logs, which hold no message texts.
 */
export function unquoted(error: unknown): string {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  return `${name}: ${/^[^"'`:{[\n]{0,100}(?=[\s"'`:{[]|$)/.exec(message)?.[0].trim() ?? ""}`;
}
