/**
 * The images and documents that an agent returns: those in its messages, and those in the results of
 * MCP tools.
 *
 * A history keeps what describes them, and never their bytes, which one request reads when a turn is
 * over. By the types of `@anthropic-ai/sdk` 1.12.0 messages hold texts only, so what an agent draws
 * stands in results, or in the files that it writes; other servers put images into messages.
 *
 * @module
 */

import type { SessionEvent } from "../api/events.ts";
import type { ManagedAgentsApi, ReadOptions } from "../api/types.ts";
import { entriesOf, type Fields, fieldsOf, textOf } from "../api/read.ts";
import { ID } from "../core/ids.ts";
import { firstChars } from "../core/text.ts";
import { plainMimeType } from "./file_type.ts";

/** An image or a document in the content of an event, without its bytes. */
export interface ReturnedAttachment {
  readonly type: "image" | "document";
  /** The type of its content by the event, such as `image/png`. */
  readonly mediaType?: string;
  readonly title?: string;
  /** Its address on the web, if that is what the event has. */
  readonly url?: string;
  /** Its file, if that is what the event has. */
  readonly fileId?: string;
  /** True if the event has its bytes. */
  readonly isInline?: true;
}

/** Types of events that return attachments: of a message, and of a tool's result. */
const MESSAGE = "agent.message";
const TOOL_RESULT = "agent.mcp_tool_result";

/** Attachments of one event that count: the last ones. */
const MAX_PER_EVENT = 10;
const MAX_URL_CHARS = 500;
const MAX_TITLE_CHARS = 128;

/** Returns the images and documents of an event's content, at most 10. */
export function returnedAttachmentsIn(content: unknown): ReturnedAttachment[] {
  return blocksIn(content).map(({ block, source }) => describe(block, source));
}

interface Block {
  readonly block: Fields;
  readonly source: Fields;
}

function blocksIn(content: unknown): Block[] {
  const blocks = (entriesOf(content) ?? []).flatMap((entry) => {
    const block = fieldsOf(entry);
    const isKnown = block?.type === "image" || block?.type === "document";
    return isKnown ? [{ block, source: fieldsOf(block.source) ?? {} }] : [];
  });
  return blocks.slice(-MAX_PER_EVENT);
}

function describe(block: Fields, source: Fields): ReturnedAttachment {
  const mediaType = plainMimeType(textOf(source.media_type));
  const title = textOf(block.title);
  const url = webAddressOf(source.url);
  const fileId = textOf(source.file_id);
  return {
    type: block.type === "image" ? "image" : "document",
    ...(mediaType !== undefined && { mediaType }),
    ...(title !== undefined && { title: firstChars(title, MAX_TITLE_CHARS) }),
    ...(url !== undefined && { url }),
    ...(fileId !== undefined && ID.test(fileId) && { fileId }),
    ...(source.type === "base64" && { isInline: true as const }),
  };
}

/** Returns an address of the web, in ASCII; undefined for any other, and one with a password. */
function webAddressOf(value: unknown): string | undefined {
  const text = textOf(value);
  if (text === undefined || text.length > MAX_URL_CHARS || !URL.canParse(text)) return undefined;
  const { protocol, username, password, href } = new URL(text);
  const isOfWeb = protocol === "https:" || protocol === "http:";
  const isPlain = username === "" && password === "" && href.length <= MAX_URL_CHARS;
  return isOfWeb && isPlain ? href : undefined;
}

/** Characters that attachments keep, roughly. */
export function attachmentChars(attachments: readonly ReturnedAttachment[] = []): number {
  const lengths = attachments.map(({ url = "", title = "" }) => 200 + url.length + title.length);
  return lengths.reduce((total, length) => total + length, 0);
}

/** Events of one instant among which one is looked for. */
const SAME_INSTANT = 5;

/**
 * Returns the bytes of the images and documents of an event, in base64. A large page of a list is
 * without the long ones: then one request reads the event again, by its type and time.
 *
 * @param maxChars longest attachment, in base64 characters
 * @throws `ApiError`, or the signal's reason
 */
export async function attachmentTextsOf(
  api: Pick<ManagedAgentsApi, "events">,
  sessionId: string,
  event: SessionEvent,
  maxChars: number,
  options?: ReadOptions,
): Promise<string[]> {
  const { id, type, processed_at: createdAtGte } = event;
  const lacksBytes = blocksIn(event.content).some(({ source }) => source.data === "");
  if (!lacksBytes || !id || !createdAtGte) return textsIn(event.content, maxChars);
  const { data } = await api.events.list(sessionId, {
    ...{ order: "asc", limit: SAME_INSTANT, types: [type], createdAtGte, maxTextChars: maxChars },
  }, options);
  return textsIn((data.find((other) => other.id === id) ?? event).content, maxChars);
}

function textsIn(content: unknown, maxChars: number): string[] {
  const texts = blocksIn(content).flatMap(({ source }) => textOfSource(source) ?? []);
  return texts.filter(({ length }) => length <= maxChars);
}

function textOfSource({ type, data }: Fields): string | undefined {
  return type === "base64" ? textOf(data) : undefined;
}

/** Newest events in which attachments are looked for. */
const EVENTS_READ = 20;

/** Which attachments to read, as results show them. */
export interface WantedAttachment {
  readonly event_id?: string;
  /** Present where it stands in a tool's result. */
  readonly tool?: string;
}

/**
 * Reads the bytes of attachments by one request, from the newest events.
 *
 * @param wanted oldest first; of an event several, which are then its last
 * @param maxChars longest attachment, in base64 characters
 * @returns base64 text for each of `wanted`; undefined where it was not found, or is too long
 * @throws `ApiError`, or the signal's reason
 */
export async function readAttachments(
  api: Pick<ManagedAgentsApi, "events">,
  sessionId: string,
  wanted: readonly WantedAttachment[],
  maxChars: number,
  options?: ReadOptions,
): Promise<(string | undefined)[]> {
  const types = new Set(wanted.map(({ tool }) => tool === undefined ? MESSAGE : TOOL_RESULT));
  const { data } = await api.events.list(sessionId, {
    order: "desc",
    limit: EVENTS_READ,
    types: [...types],
    maxTextChars: maxChars,
  }, options);
  const left = new Map(data.map(({ id, content }) => [id, blocksIn(content)]));
  const newestFirst = wanted.toReversed().map(({ event_id: id }) => {
    const block = id === undefined ? undefined : left.get(id)?.pop();
    const text = block && textOfSource(block.source);
    return text !== undefined && text.length <= maxChars ? text : undefined;
  });
  return newestFirst.reverse();
}
