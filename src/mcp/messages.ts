/**
 * Checks JSON-RPC messages from clients before the SDK sees them: both transports reject invalid
 * ones in the same way, and repair small deviations. JSON is read within bounds of shape: a short
 * text can hold enough values, or levels of them, to keep the process busy for seconds.
 *
 * @module
 */

import type { JSONRPCMessage } from "@modelcontextprotocol/server";
import { type Fields, isFields } from "../api/read.ts";
import { singleLineJson } from "../core/text.ts";

/** JSON-RPC 2.0, section 5.1. */
export const PARSE_ERROR = -32_700;
/** JSON-RPC 2.0, section 5.1. */
export const INVALID_REQUEST = -32_600;
/** JSON-RPC 2.0, section 5.1. */
export const INVALID_PARAMS = -32_602;

/** Most messages of a JSON-RPC batch. */
export const MAX_BATCH = 50;

/**
 * Longest message, or batch of messages, in bytes. The longest honest one is a message of 100,000
 * characters, each written as an escape of six.
 */
export const MAX_MESSAGE_BYTES = 2 * 1024 * 1024;

/** The id of a request; null where it has none, or none that can be read. */
export type MessageId = string | number | null;

/** A message that may go on to the SDK, or the error to return for it. */
export type CheckedMessage =
  | { readonly message: Fields }
  | { readonly id: MessageId; readonly error: MessageError };

/** An error of JSON-RPC. */
export interface MessageError {
  readonly code: number;
  readonly message: string;
}

/** Deepest nesting of arrays and objects. Tool arguments are flat; around them are five levels. */
const MAX_DEPTH = 64;

/** Most values of a text: a batch of the largest honest calls has about 3,000. */
const MAX_VALUES = 10_000;

/** The value of a text, or the error to return for it. */
export type ParsedJson = { readonly value: unknown } | { readonly error: MessageError };

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Parses JSON in UTF-8, with or without a byte order mark. Checks depth and number of values first:
 * later code may walk the value recursively.
 */
export function parseJson(bytes: Uint8Array): ParsedJson {
  const excess = findExcess(bytes, MAX_DEPTH, MAX_VALUES);
  if (excess !== undefined) {
    const what = excess === "depth"
      ? `it is nested too deep: at most ${MAX_DEPTH} levels`
      : `it has too many values: at most ${MAX_VALUES}`;
    return { error: { code: INVALID_REQUEST, message: `Invalid request: ${what}` } };
  }
  try {
    return { value: JSON.parse(utf8.decode(bytes)) };
  } catch {
    return { error: { code: PARSE_ERROR, message: "Parse error: this is not JSON in UTF-8" } };
  }
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
/** The bit in which `[` and `{` differ, and so do `]` and `}`. */
const BRACE = 0x20;
const OPENING = 0x7b;
const CLOSING = 0x7d;

/**
 * Returns the bound that a JSON text exceeds, if any: the number of arrays and objects that it
 * opens within one another, or the number of its values, which is at most one more than that of its
 * commas and opening brackets. Bytes of longer UTF-8 characters are never mistaken for these.
 */
export function findExcess(
  bytes: Uint8Array,
  maxDepth: number,
  maxValues: number,
): "depth" | "values" | undefined {
  // Shorter texts cannot exceed a bound.
  if (bytes.length <= Math.min(maxDepth, maxValues)) return undefined;
  let depth = 0;
  let values = 1;
  let inText = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0;
    if (inText) {
      if (byte === BACKSLASH) i++;
      else if (byte === QUOTE) inText = false;
    } else if (byte === QUOTE) inText = true;
    else if (byte === COMMA) values++;
    else if ((byte | BRACE) === OPENING) {
      values++;
      if (++depth > maxDepth) return "depth";
    } else if ((byte | BRACE) === CLOSING) depth--;
    if (values > maxValues) return "values";
  }
  return undefined;
}

/** Makes an error response. */
export function jsonRpcError(id: MessageId, error: MessageError): Fields {
  return { jsonrpc: "2.0", id, error };
}

/**
 * Checks the form of one message, and repairs small deviations.
 *
 * Clients write null for fields that they leave out (`"params": null`), add fields of their own
 * beside `method`, and initialize without naming themselves. Fields of a tool's arguments are left
 * to the tool.
 */
export function checkMessage(value: unknown): CheckedMessage {
  if (!isFields(value)) return invalid(null, "a message must be a JSON object");
  const id = readableId(value.id);
  if (value.jsonrpc !== "2.0") return invalid(id, 'a message must have "jsonrpc": "2.0"');
  if (!("method" in value)) return checkResponse(value, id);
  const { method, params } = value;
  if (typeof method !== "string") return invalid(id, "method must be a text");
  if ("id" in value && !isId(value.id)) {
    return invalid(id, "id must be a text or a whole number below 2^53");
  }
  const call = { jsonrpc: "2.0", ..."id" in value && { id: value.id }, method };
  if (params === undefined || params === null) return { message: completed(call) };
  if (!isFields(params)) return invalidParams(id, "params must be an object");
  const given = withoutNulls(params);
  const { _meta: meta = {}, requestState } = given;
  if (!isFields(meta)) return invalidParams(id, "params._meta must be an object");
  const { progressToken } = meta;
  if (progressToken !== undefined && !isId(progressToken)) {
    return invalidParams(
      id,
      "params._meta.progressToken must be a text or a whole number below 2^53",
    );
  }
  if ("id" in value && requestState !== undefined && typeof requestState !== "string") {
    return invalidParams(id, "params.requestState must be a text");
  }
  return { message: completed({ ...call, params: given }) };
}

/**
 * Checks the messages of a batch together.
 *
 * @returns the one error to return for all of them; undefined when there is none
 */
export function checkBatch(batch: readonly unknown[]): MessageError | undefined {
  if (batch.length === 0 || batch.length > MAX_BATCH) {
    return invalidRequest(`a batch must have 1 to ${MAX_BATCH} messages`);
  }
  const ids = batch.filter(isFields).filter((message) => "method" in message && "id" in message)
    .map(({ id }) => JSON.stringify(id));
  if (new Set(ids).size < ids.length) {
    return invalidRequest("the requests of a batch must have different ids");
  }
  return undefined;
}

/** Checks a client's response to a request of the server; it gets no response in turn. */
function checkResponse(value: Fields, id: MessageId): CheckedMessage {
  const { result, error } = value;
  if (result === undefined && error === undefined) return invalid(id, "method is missing");
  return { message: value };
}

/** Adds the parts of `initialize` that the protocol demands and this server does not need. */
function completed(message: Fields): Fields {
  if (message.method !== "initialize" || !isFields(message.params)) return message;
  const { capabilities = {}, clientInfo = {} } = message.params;
  const info = isFields(clientInfo)
    ? { name: "unknown", version: "unknown", ...clientInfo }
    : clientInfo;
  return { ...message, params: { ...message.params, capabilities, clientInfo: info } };
}

/** Leaves out nulls, which mean "absent" everywhere in the protocol; `arguments` stays as it is. */
function withoutNulls(fields: Fields): Fields {
  if (!hasNulls(fields)) return fields;
  const kept = Object.entries(fields).filter(([, value]) => value !== null)
    .map(([name, value]) =>
      [name, name !== "arguments" && isFields(value) ? withoutNulls(value) : value] as const
    );
  return Object.fromEntries(kept);
}

function hasNulls(fields: Fields): boolean {
  return Object.keys(fields).some((name) => {
    const value = fields[name];
    return value === null || (name !== "arguments" && isFields(value) && hasNulls(value));
  });
}

function invalid(id: MessageId, what: string): CheckedMessage {
  return { id, error: invalidRequest(what) };
}

function invalidParams(id: MessageId, what: string): CheckedMessage {
  return { id, error: { code: INVALID_PARAMS, message: `Invalid params: ${what}` } };
}

function invalidRequest(what: string): MessageError {
  return { code: INVALID_REQUEST, message: `Invalid request: ${what}` };
}

function readableId(id: unknown): MessageId {
  if (typeof id === "string") return id;
  return typeof id === "number" && Math.abs(id) <= Number.MAX_SAFE_INTEGER ? id : null;
}

/**
 * Returns true for a valid id. Larger numbers are not read exactly (RFC 8259, section 6), so no
 * response could repeat them.
 */
function isId(id: unknown): id is string | number {
  return typeof id === "string" || Number.isSafeInteger(id);
}

/**
 * U+0085, U+2028 and U+2029: Python's `splitlines`, and with it `httpx`, takes them for line ends,
 * and so for the end of a stream's event.
 */
const OTHER_LINE_ENDS = /[\x85\u2028\u2029]/;

/** `JSON.rawJSON` of ECMAScript, which TypeScript has no type for yet. */
const rawJson: (json: string) => unknown = Reflect.get(JSON, "rawJSON");

/**
 * Returns the message so that the SDK writes {@linkcode OTHER_LINE_ENDS} in the result of a tool as
 * escapes. The text of a result repeats all of it, and so shows if there are any.
 */
export function withLineEndsEscaped(message: JSONRPCMessage): JSONRPCMessage {
  if (!("result" in message) || !isFields(message.result)) return message;
  const { content } = message.result;
  if (!Array.isArray(content) || !OTHER_LINE_ENDS.test(content[0]?.text)) return message;
  return { ...message, result: Object.fromEntries(escapedEntries(message.result)) };
}

function escapedEntries(fields: Fields): [string, unknown][] {
  return Object.entries(fields).map((
    [name, value],
  ) => [name.replace(new RegExp(OTHER_LINE_ENDS, "g"), " "), escaped(value)]);
}

function escaped(value: unknown): unknown {
  if (typeof value === "string") {
    return OTHER_LINE_ENDS.test(value) ? rawJson(singleLineJson(JSON.stringify(value))) : value;
  }
  if (Array.isArray(value)) return value.map(escaped);
  return isFields(value) ? Object.fromEntries(escapedEntries(value)) : value;
}
