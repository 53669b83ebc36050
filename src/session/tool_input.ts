/**
 * What a result shows of the input that an agent gave to a tool.
 *
 * @module
 */

import { boundedCopy } from "../api/read.ts";
import { clipText } from "../core/text.ts";

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
  const copy = boundedCopy(input);
  const text = typeof copy === "string" ? copy : JSON.stringify(copy);
  return text.length <= MAX_INPUT_CHARS ? copy : clipText(text, MAX_INPUT_CHARS);
}

/** Last words of the names of fields that hold what a tool, a command or a request was given. */
const INPUT_WORDS: ReadonlySet<string> = new Set([
  ...["input", "inputs", "argument", "arguments", "arg", "args", "argv", "parameter", "parameters"],
  ...["param", "params", "command", "commands", "cmd", "script", "env", "environ", "stdin", "body"],
  ...["header", "headers", "cookie", "cookies", "payload", "query", "url", "uri"],
  ...["authorization", "password", "passwd", "secret", "secrets", "credential", "credentials"],
]);
/** Names that say so only by themselves: an `error_code` is no program. */
const INPUT_NAMES: ReadonlySet<string> = new Set(["code", "source_code", "environment_variables"]);

/**
 * Whether a field holds an input of a tool by its name, in whatever kind of event: `input`,
 * `toolInput`, `request_headers`. A number or a flag gives nothing away, and counters are named
 * alike.
 */
export function isInputField(name: string, value: unknown): boolean {
  if (typeof value !== "string" && (typeof value !== "object" || value === null)) return false;
  const words = name.slice(0, 100).replace(/([a-z\d])([A-Z])/g, "$1_$2").toLowerCase()
    .split(/[^a-z\d]+/).filter(Boolean);
  return INPUT_WORDS.has(words.at(-1) ?? "") || INPUT_NAMES.has(words.join("_"));
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
