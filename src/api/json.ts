/**
 * JSON from the API, without secrets.
 *
 * They are taken out here, where the bytes come in, because everything after this may cut a text:
 * what is left of a secret behind a cut nobody recognises.
 *
 * @module
 */

import { type Redact, redactValue } from "../core/redact.ts";
import { blockText } from "./events.ts";

/** An escape by which JSON can spell a character that needs none, as Go and PHP do: `\u003c`, `\/`. */
const ODD_ESCAPE = /\\[u/]/;

/**
 * Parses an answer, or the data of a stream's frame. Known secrets and full keys are hidden in every
 * text; in errors that sessions report also what looks like a credential.
 *
 * @throws `SyntaxError` when the text is not JSON
 */
export function parseClean(text: string, redact: Redact): unknown {
  const value: unknown = JSON.parse(text);
  // First: of a key that is cut in two, one part alone may pass for a whole one.
  cleanEvents(value, redact);
  return redact.isClean(text) && !ODD_ESCAPE.test(text) ? value : redactValue(value, redact);
}

/** How deep events may lie in lists and wrappers. */
const MAX_DEPTH = 5;

/** Cleans all events in a value: itself, the entries of a list, what lies in wrappers. */
function cleanEvents(value: unknown, redact: Redact, depth = 0): void {
  if (typeof value !== "object" || value === null || depth > MAX_DEPTH) return;
  cleanEvent(value, redact);
  if (isEvent(value)) return;
  for (const part of Object.values(value)) cleanEvents(part, redact, depth + 1);
}

/** Events hold no others. */
function isEvent(value: object): boolean {
  return "type" in value && typeof value.type === "string" && value.type.includes(".");
}

/** Cleans what is no matter of one text alone, in place. */
function cleanEvent(event: unknown, redact: Redact): void {
  if (!isFields(event)) return;
  const { type, content } = event;
  if (typeof content === "object" && content !== null) cleanBlocks({ ...content }, content, redact);
  if (typeof type !== "string" || !type.endsWith("error")) return;
  // The API's own words, such as the address of an MCP server that cannot be reached.
  for (const [name, field] of Object.entries(event)) event[name] = redactValue(field, redact.loose);
}

/** Text blocks are read as one text, so a secret may begin in one and end in another. */
function cleanBlocks(
  blocks: Readonly<Record<string, unknown>>,
  content: object,
  redact: Redact,
): void {
  const texts = Object.entries(blocks).map(([key, block]) => ({
    key,
    block,
    text: blockText(block),
  }))
    .filter(({ text }) => text !== "");
  if (texts.length < 2) return;
  const joined = texts.map(({ text }) => text).join("");
  let left = redact(joined);
  if (left === joined) return;
  for (const { key, block } of texts) {
    Reflect.set(content, key, isFields(block) ? { ...block, text: left } : left);
    left = "";
  }
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
