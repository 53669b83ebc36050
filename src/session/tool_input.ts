/**
 * What a result shows of the input that an agent gave to a tool.
 *
 * @module
 */

/** Longest input that is shown, in characters of its JSON text. */
const MAX_INPUT_CHARS = 4_000;
/** More fields than this are counted instead of named. */
const MAX_FIELDS = 20;

/**
 * A tool's input for a result. Inputs carry commands, file contents and credentials, so unless the
 * operator shows them only the names of the top-level fields and the size of each value remain.
 *
 * @param input as it stands in the tool-use event
 * @param expose whether the operator shows inputs
 */
export function toolInputView(input: unknown, expose: boolean): unknown {
  if (input === undefined || input === null) return undefined;
  return expose ? clipInput(input) : redactInput(input);
}

function clipInput(input: unknown): unknown {
  const text = typeof input === "string" ? input : JSON.stringify(input);
  return text.length <= MAX_INPUT_CHARS ? input : clipText(text, MAX_INPUT_CHARS);
}

function redactInput(input: unknown): unknown {
  if (typeof input !== "object" || input === null || Array.isArray(input)) return sizeOf(input);
  const entries = Object.entries(input);
  const shown = entries.slice(0, MAX_FIELDS)
    .map(([name, value]) => [clipText(name, 100), sizeOf(value)]);
  const more = entries.length - shown.length;
  return Object.fromEntries(more > 0 ? [...shown, ["…", `${more} more fields`]] : shown);
}

function sizeOf(value: unknown): string {
  if (typeof value === "string") return `[redacted, ${value.length} characters]`;
  if (Array.isArray(value)) return `[redacted, ${value.length} items]`;
  return "[redacted]";
}

/**
 * The text, or its beginning and how much is missing.
 *
 * @param maxChars longest beginning that is kept, in UTF-16 units; the mark comes on top
 */
export function clipText(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text;
  // Half of a surrogate pair is not a character.
  const last = text.charCodeAt(maxChars - 1);
  const end = last >= 0xd800 && last <= 0xdbff ? maxChars - 1 : maxChars;
  return `${text.slice(0, end)}… [${text.length - end} more characters]`;
}
