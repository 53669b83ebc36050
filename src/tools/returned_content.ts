/**
 * Puts the images and documents that an agent returned beside the result of a wait.
 *
 * @module
 */

import { bindSignal } from "../core/abort.ts";
import { unquoted } from "../core/errors.ts";
import type { AttachmentView, WaitResult } from "../session/result.ts";
import { fileTypeOf } from "../session/file_type.ts";
import { readAttachments } from "../session/returned_attachments.ts";
import { CONTENT, type ContentBlock, MAX_CONTENT_CHARS, type WithContent } from "./content.ts";
import type { ToolCall } from "./define.ts";

/** Most attachments that are shown: an image takes as much of a model's context as a page of text. */
const MAX_SHOWN = 4;
/** Longest time for reading them, in milliseconds. */
const READ_TIMEOUT_MS = 10_000;
/** Least time before the call's deadline in which they are read, in milliseconds. */
const MIN_READ_MS = 500;

/**
 * Adds the newest images and PDF documents that the agent returned, up to 4 and within
 * `MAX_CONTENT_CHARS`, and marks them as shown. Their bytes decide on their types. What cannot be
 * read in time is not shown: the result has it by name.
 *
 * @throws the call's signal's reason
 */
export async function withReturnedContent(
  result: WaitResult,
  call: ToolCall,
): Promise<WaitResult & WithContent> {
  const { attachments = [] } = result;
  const wanted = attachments.filter(({ shown, event_id }) =>
    shown === false && event_id !== undefined
  )
    .slice(-MAX_SHOWN);
  if (wanted.length === 0) return result;
  const texts = await read(result, wanted, call);
  const blocks = new Map<AttachmentView, ContentBlock>();
  let room = MAX_CONTENT_CHARS;
  for (let at = wanted.length - 1; at >= 0; at--) {
    const [attachment, base64] = [wanted[at], texts[at]];
    if (!attachment || base64 === undefined || base64.length > room) continue;
    const block = blockOf(base64, uriOf(result.session_id, attachment, at));
    if (!block) continue;
    room -= base64.length;
    blocks.set(attachment, block);
  }
  if (blocks.size === 0) return result;
  return {
    ...result,
    attachments: attachments.map((one) => blocks.has(one) ? { ...one, shown: true } : one),
    [CONTENT]: [...blocks.values()].reverse(),
  };
}

async function read(
  { session_id: sessionId, decisions }: WaitResult,
  wanted: readonly AttachmentView[],
  { signal, deadline = Infinity, services: { api, clock, log } }: ToolCall,
): Promise<readonly (string | undefined)[]> {
  // A call in which a person decided may have outlasted its deadline.
  const leftMs = decisions ? Infinity : deadline - clock.now();
  const timeoutMs = Math.min(READ_TIMEOUT_MS, leftMs);
  if (timeoutMs < MIN_READ_MS) return [];
  const bound = bindSignal(clock, { signals: [signal], timeoutMs });
  try {
    const options = { signal: bound.signal, timeoutMs, retry: false };
    return await readAttachments(api, sessionId, wanted, MAX_CONTENT_CHARS, options);
  } catch (error) {
    signal.throwIfAborted();
    log.debug("attachments could not be read", { session: sessionId, error: unquoted(error) });
    return [];
  } finally {
    bound.dispose();
  }
}

/** Base64 (RFC 4648, section 4), padded. */
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
/** Characters of base64 that tell the type of what they stand for. */
const HEAD_CHARS = 64;

/** Makes the block of an attachment; undefined for bytes of another type than those that hosts show. */
function blockOf(base64: string, uri: string): ContentBlock | undefined {
  if (!BASE64.test(base64)) return undefined;
  const head = Uint8Array.from(
    atob(base64.slice(0, HEAD_CHARS)),
    (char) => char.charCodeAt(0),
  );
  const { kind, mimeType } = fileTypeOf(head);
  if (kind === "image") return { type: "image", data: base64, mimeType };
  if (kind !== "pdf") return undefined;
  return { type: "resource", resource: { uri, mimeType, blob: base64 } };
}

/** Names a document, which is no resource that can be read again. */
function uriOf(sessionId: string, { event_id = "" }: AttachmentView, number: number): string {
  const event = encodeURIComponent(event_id.toWellFormed());
  return `cma://sessions/${sessionId}/events/${event}/attachments/${number}`;
}
