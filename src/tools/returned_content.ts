/**
 * Puts the images and documents that an agent returned beside the results of waits and of
 * `list_events`.
 *
 * @module
 */

import type { SessionEvent } from "../api/events.ts";
import type { ManagedAgentsApi, ReadOptions } from "../api/types.ts";
import { bindSignal } from "../core/abort.ts";
import { unquoted } from "../core/errors.ts";
import type { WaitResult } from "../session/result.ts";
import { fileTypeOf } from "../session/file_type.ts";
import { isDefaultTool } from "../session/pending_actions.ts";
import { attachmentTextsOf, readAttachments } from "../session/returned_attachments.ts";
import { CONTENT, type ContentBlock, MAX_CONTENT_CHARS, type WithContent } from "./content.ts";
import type { ToolCall } from "./define.ts";
import { attachmentUri } from "./resource_uris.ts";

/** Most attachments that are shown: an image takes as much of a model's context as a page of text. */
const MAX_SHOWN = 4;
/** Longest time for reading them, in milliseconds. */
const READ_TIMEOUT_MS = 10_000;
/** Least time before the call's deadline in which they are read, in milliseconds. */
const MIN_READ_MS = 500;

/**
 * Adds the newest images and PDF documents that the agent returned, up to 4 and within
 * `MAX_CONTENT_CHARS`, and marks them as shown. Their bytes decide on their types. What cannot be
 * read in time, or finds no room, is not shown: the result has it by name, and says what shows it.
 *
 * @throws the call's signal's reason
 */
export async function withReturnedContent(
  result: WaitResult,
  call: ToolCall,
): Promise<WaitResult & WithContent> {
  const { attachments = [], session_id: sessionId } = result;
  const inline = attachments.filter(({ shown }) => shown === false);
  if (inline.length === 0) return result;
  const wanted = inline.filter(({ event_id }) => event_id !== undefined).slice(-MAX_SHOWN);
  const hasAsked = result.decisions !== undefined;
  const texts = wanted.length === 0 ? [] : await tryToRead(
    call,
    (api, options) => readAttachments(api, sessionId, wanted, MAX_CONTENT_CHARS, options),
    // A call in which a person decided may have outlasted its deadline.
    hasAsked ? Infinity : call.deadline,
  );
  const { blocks, odd } = blocksOf(
    texts,
    (at) => attachmentUri(sessionId, wanted[at]?.event_id ?? "", at),
  );
  const views = attachments.map((one) => {
    const at = wanted.indexOf(one);
    if (!blocks.has(at) && !odd.has(at)) return one;
    const { after_id: _, ...rest } = one;
    return { ...rest, shown: blocks.has(at) };
  });
  const isLeft = views.some(({ after_id }) => after_id !== undefined);
  const { has = isDefaultTool } = call;
  const next = isLeft && has("list_events")
    ? [result.next, "list_events with an attachment's after_id and limit 1 shows it."]
      .filter(Boolean).join(" ")
    : result.next;
  return {
    ...result,
    attachments: views,
    ...(next !== undefined && { next }),
    ...(blocks.size > 0 && { [CONTENT]: [...blocks.values()] }),
  };
}

/**
 * Returns the images and PDF documents of one event as blocks; the last ones that find room.
 *
 * @throws the call's signal's reason
 */
export async function contentOf(
  sessionId: string,
  event: SessionEvent,
  call: ToolCall,
): Promise<WithContent> {
  const texts = await tryToRead(
    call,
    (api, options) => attachmentTextsOf(api, sessionId, event, MAX_CONTENT_CHARS, options),
    call.deadline,
  );
  const { blocks } = blocksOf(
    texts.slice(-MAX_SHOWN),
    (at) => attachmentUri(sessionId, event.id ?? "", at),
  );
  return blocks.size > 0 ? { [CONTENT]: [...blocks.values()] } : {};
}

/**
 * Makes the blocks of attachments, of which the last ones find room.
 *
 * @param texts their bytes in base64; undefined where they were not read
 * @param uriAt makes the URI of a document
 * @returns blocks by their place in `texts`, in its order, and the places of what no host shows
 */
function blocksOf(
  texts: readonly (string | undefined)[],
  uriAt: (at: number) => string,
): { readonly blocks: ReadonlyMap<number, ContentBlock>; readonly odd: ReadonlySet<number> } {
  const newestFirst: [number, ContentBlock][] = [];
  const odd = new Set<number>();
  let room = MAX_CONTENT_CHARS;
  for (let at = texts.length - 1; at >= 0; at--) {
    const base64 = texts[at];
    if (base64 === undefined || base64.length > room) continue;
    const block = blockOf(base64, uriAt(at));
    if (!block) odd.add(at);
    else {
      room -= base64.length;
      newestFirst.push([at, block]);
    }
  }
  return { blocks: new Map(newestFirst.reverse()), odd };
}

/** Reads attachments within the time that is left; none where that fails. */
async function tryToRead<T>(
  { signal, services: { api, clock, log } }: ToolCall,
  read: (api: ManagedAgentsApi, options: ReadOptions) => Promise<readonly T[]>,
  deadline = Infinity,
): Promise<readonly T[]> {
  const timeoutMs = Math.min(READ_TIMEOUT_MS, deadline - clock.now());
  if (timeoutMs < MIN_READ_MS) return [];
  const bound = bindSignal(clock, { signals: [signal], timeoutMs });
  try {
    return await read(api, { signal: bound.signal, timeoutMs, retry: false });
  } catch (error) {
    signal.throwIfAborted();
    log.debug("attachments could not be read", { error: unquoted(error) });
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
