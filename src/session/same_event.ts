/**
 * Tells by their content whether an event that is seen is one that was sent.
 *
 * @module
 */

import {
  type Attachment,
  attachmentsIn,
  contentText,
  type SessionEvent,
  textsIn,
} from "../api/events.ts";
import { digest } from "../api/read.ts";
import type { ClientEvent } from "../api/types.ts";
import type { Redact } from "../core/redact.ts";

/**
 * How the content of an event that is seen compares with what was sent; `maybe` where a part of it
 * is withheld, or its texts are parted otherwise.
 */
export type Likeness = "same" | "maybe" | "different";

/** Type of the blocks in whose place the API shows nothing of what was sent. */
const WITHHELD = "redacted";

/**
 * Compares two events by their content: for answers by the call and the decision, or the texts,
 * images and documents of the result.
 */
export function likenessOf(
  seen: SessionEvent | ClientEvent,
  sent: ClientEvent,
  redact: Redact,
): Likeness {
  if (seen.type !== sent.type) return "different";
  if (sent.type === "user.tool_confirmation") {
    return "tool_use_id" in seen && seen.tool_use_id === sent.tool_use_id &&
        seen.result === sent.result
      ? "same"
      : "different";
  }
  if (sent.type === "user.custom_tool_result") {
    const isForCall = "custom_tool_use_id" in seen &&
      seen.custom_tool_use_id === sent.custom_tool_use_id;
    if (!isForCall || Boolean(seen.is_error) !== sent.is_error) return "different";
  } else if (sent.type !== "user.message" || !("content" in seen)) return "same";
  return contentLikeness(seen.content, sent.content, redact);
}

function contentLikeness(seen: unknown, sent: unknown, redact: Redact): Likeness {
  const theirs = attachmentsIn(seen);
  const ours = attachmentsIn(sent);
  // Both: a secret may have been learned since either was read.
  const [theirText, ourText] = [seen, sent].map((content) => redact(contentText(content)));
  const [theirTexts = [], ourTexts = []] = [seen, sent].map((content) =>
    textsIn(content).map((text) => redact(text))
  );
  const shown = theirs.filter(({ type }) => type !== WITHHELD);
  if (shown.length < theirs.length) {
    const mayBe = theirTexts.every((text) => ourText?.includes(text)) &&
      shown.every((one) => ours.some((other) => mayBeSame(one, other, redact)));
    return mayBe ? "maybe" : "different";
  }
  const isSame = theirText === ourText && theirs.length === ours.length &&
    ours.every((one, index) => mayBeSame(theirs[index], one, redact));
  if (!isSame) return "different";
  // A server may join what was sent in several texts.
  const areParted = theirTexts.length === ourTexts.length &&
    theirTexts.every((text, index) => text === ourTexts[index]);
  return areParted ? "same" : "maybe";
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
function nameOf({ url, fileId }: Attachment, redact: (text: string) => string): string | undefined {
  if (fileId !== undefined) return `file ${redact(fileId)}`;
  if (url === undefined) return undefined;
  const shown = redact(url);
  return `url ${URL.canParse(shown) ? new URL(shown).href : shown}`;
}

/**
 * Tells a message's content from another's, without keeping it: what it shows, and behind a blank
 * what its images and documents name, where all of them name something.
 *
 * @param redact hides secrets, for a content that was not read from the API
 */
export function contentDigestOf(
  content: unknown,
  redact: (text: string) => string = (text) => text,
): string {
  const text = redact(contentText(content));
  const attachments = attachmentsIn(content);
  if (attachments.length === 0) return digest(text);
  if (attachments.some(({ type }) => type === WITHHELD)) return ANY;
  const names = attachments.map((one) => nameOf(one, redact));
  return digest(JSON.stringify([text, attachments.map(({ type }) => type)])) + " " +
    (names.includes(undefined) ? "" : digest(JSON.stringify(names)));
}

/** The digest of a content of which a part is withheld. */
const ANY = "*";

/** Returns true if the contents of two digests may be the same. */
export function mayBeSameContent(one: string, other: string): boolean {
  if (one === other || one === ANY || other === ANY) return true;
  const [shown, names] = one.split(" ");
  const [otherShown, otherNames] = other.split(" ");
  // Where one names nothing, it may be any that shows the same.
  return shown === otherShown && (names === "" || otherNames === "");
}

/** Returns the first whose content is the one of a digest, else the first for which it may be. */
export function findSameContent<T>(
  digest: string,
  entries: Iterable<T>,
  digestOf: (entry: T) => string | undefined,
): T | undefined {
  let found: T | undefined;
  for (const entry of entries) {
    const other = digestOf(entry);
    if (other === digest) return entry;
    if (found === undefined && other !== undefined && mayBeSameContent(other, digest)) {
      found = entry;
    }
  }
  return found;
}
