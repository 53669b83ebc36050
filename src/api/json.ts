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
import { entriesOf, fieldsOf } from "./read.ts";

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
  const entries = entriesOf(fieldsOf(value)?.data) ?? [];
  // First: of a key that is cut in two, one part alone may pass for a whole one.
  for (const entry of [value, ...entries]) cleanEvent(entry, redact);
  return redact.isClean(text) && !ODD_ESCAPE.test(text) ? value : redactValue(value, redact);
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
