/**
 * Tells by their content whether an event that is seen is one that was sent.
 *
 * @module
 */

import { type Attachment, attachmentsIn, contentText, type SessionEvent } from "../api/events.ts";
import type { ClientEvent } from "../api/types.ts";
import type { Redact } from "../core/redact.ts";

/**
 * Returns true if two events have the same content: for answers the call and the decision, or the
 * text, images and documents of the result.
 */
export function isSameEvent(
  seen: SessionEvent | ClientEvent,
  sent: ClientEvent,
  redact: Redact,
): boolean {
  if (seen.type !== sent.type) return false;
  if (sent.type === "user.tool_confirmation") {
    return "tool_use_id" in seen && seen.tool_use_id === sent.tool_use_id &&
      seen.result === sent.result;
  }
  if (sent.type === "user.custom_tool_result") {
    const isForCall = "custom_tool_use_id" in seen &&
      seen.custom_tool_use_id === sent.custom_tool_use_id;
    if (!isForCall || Boolean(seen.is_error) !== sent.is_error) return false;
  } else if (sent.type !== "user.message" || !("content" in seen)) return true;
  // Both: a secret may have been learned since either was read.
  if (redact(contentText(seen.content)) !== redact(contentText(sent.content))) return false;
  const theirs = attachmentsIn(seen.content);
  const ours = attachmentsIn(sent.content);
  return theirs.length === ours.length &&
    ours.every((one, index) => mayBeSame(theirs[index], one, redact));
}

/**
 * Returns true unless two attachments differ for certain. A server may show an image otherwise than
 * it was sent, such as by its bytes: what does not say what it shows may be any of its type, or a
 * message that arrived would pass for one that did not, and be sent again.
 */
function mayBeSame(seen: Attachment | undefined, sent: Attachment, redact: Redact): boolean {
  if (seen?.type !== sent.type) return false;
  const [theirs, ours] = [seen, sent].map((attachment) => nameOf(attachment, redact));
  return theirs === undefined || theirs === ours;
}

/** Returns what an attachment names, in one spelling; undefined if it names nothing. */
function nameOf({ url, fileId }: Attachment, redact: Redact): string | undefined {
  if (fileId !== undefined) return `file ${redact(fileId)}`;
  if (url === undefined) return undefined;
  const shown = redact(url);
  return `url ${URL.canParse(shown) ? new URL(shown).href : shown}`;
}
