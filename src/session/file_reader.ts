/**
 * Reads a file as it comes in, without holding more of it than is shown: an image or a document
 * whole, a text page by page.
 *
 * @module
 */

import { ByteBuffer } from "../core/byte_buffer.ts";
import { MARK } from "../core/redact.ts";
import { firstJsonChars } from "../core/text.ts";
import { type FileHints, type FileType, fileTypeOf, HEAD_BYTES } from "./file_type.ts";

/** A part of a text. */
export interface TextPage {
  readonly text: string;
  /** Byte of the file at which it begins: the first of a character. */
  readonly from: number;
  /** Byte of the file at which the next page begins. */
  readonly to: number;
  /** What follows: nothing, more of the text, or bytes that are no UTF-8 text. */
  readonly rest: "nothing" | "text" | "other";
}

/** What was read of a file. */
export interface FilePart {
  readonly type: FileType;
  /** The whole of an image or a PDF document, or of what was asked for; absent where it is too large. */
  readonly bytes?: Uint8Array;
  /** A page of a text; absent where there is no text at the place that was asked for. */
  readonly page?: TextPage;
  /** Bytes that came. */
  readonly bytesRead: number;
  /** True if the file came to its end. */
  readonly isWhole: boolean;
}

/** What to read. */
export interface FileRequest {
  readonly hints: FileHints;
  /** Byte at which a page of text begins; 0 by default. */
  readonly offset?: number;
  /** Most bytes of an image or a PDF document. */
  readonly maxBytes: number;
  /** True to read files of all other kinds as well as images are read. */
  readonly anyKind?: boolean;
  /** Most characters of a page, as JSON. */
  readonly maxChars: number;
  /** Hides secrets; decides where pages end, so that none is cut in two. */
  readonly redact: (text: string) => string;
}

/** Most bytes of a UTF-16 unit in UTF-8. */
const BYTES_PER_UNIT = 3;
/**
 * Characters on each side of a page's border in which a secret is searched: longer ones than any
 * credential that this program is given.
 */
const CONTEXT_CHARS = 4_096;
const CONTEXT_BYTES = CONTEXT_CHARS * BYTES_PER_UNIT;
/**
 * Places that are tried one after another for a border: more than most credentials have characters.
 * Farther ones are tried a stride apart, since each costs some searches for secrets, during which
 * nothing else runs. The stride is odd, so that not all of them part a character of two units.
 */
const NEAR_CHARS = 256;
const STRIDE_CHARS = 63;

/** Returns the step from a place to the next one that is tried. */
function stepAfter(tried: number): number {
  return tried < NEAR_CHARS ? 1 : STRIDE_CHARS;
}

/** Reads the part of a file that is asked for, and no byte after it. */
export async function readFilePart(
  content: AsyncIterable<Uint8Array>,
  { hints, offset = 0, maxBytes, anyKind = false, maxChars, redact }: FileRequest,
): Promise<FilePart> {
  const beginning = new ByteRange(0, Math.max(maxBytes, HEAD_BYTES));
  const window = new ByteRange(
    Math.max(0, offset - CONTEXT_BYTES),
    offset + maxChars * BYTES_PER_UNIT + CONTEXT_BYTES,
  );
  let type: FileType | undefined;
  let position = 0;
  let isWhole = true;
  const isLeftOut = ({ kind }: FileType) => kind === "binary" && !anyKind;
  const isEnough = () => {
    if (type?.kind === "text") return position >= window.end;
    return type !== undefined && (isLeftOut(type) || position > maxBytes);
  };
  for await (const chunk of content) {
    if (type?.kind !== "text") beginning.add(chunk, position);
    window.add(chunk, position);
    position += chunk.byteLength;
    if (position >= HEAD_BYTES) type ??= fileTypeOf(beginning.bytes(), hints);
    if (!isEnough()) continue;
    isWhole = false;
    break;
  }
  type ??= fileTypeOf(beginning.bytes(), hints);
  const part = { type, bytesRead: position, isWhole };
  if (isLeftOut(type)) return part;
  if (type.kind !== "text") {
    return isWhole && position <= maxBytes ? { ...part, bytes: beginning.bytes() } : part;
  }
  const page = offset > position
    ? undefined
    : pageIn(window.bytes(), { start: window.start, offset, isWhole, maxChars, redact });
  return page ? { ...part, page } : part;
}

/** Collects the bytes of a range of a stream. */
class ByteRange {
  readonly start: number;
  readonly end: number;
  readonly #buffer = new ByteBuffer();

  constructor(start: number, end: number) {
    this.start = start;
    this.end = end;
  }

  /** @param position of the chunk in the stream; the chunk may be reused afterwards */
  add(chunk: Uint8Array, position: number): void {
    const from = Math.max(0, this.start - position);
    const to = Math.min(chunk.byteLength, this.end - position);
    if (from < to) this.#buffer.add(chunk.slice(from, to));
  }

  bytes(): Uint8Array {
    return this.#buffer.bytes();
  }
}

interface PageRequest extends Pick<FileRequest, "maxChars" | "redact"> {
  /** Place of the bytes in the file. */
  readonly start: number;
  readonly offset: number;
  /** True if the file ends with the bytes. */
  readonly isWhole: boolean;
}

/** Returns the page that begins at the offset; undefined where there is no text. */
function pageIn(
  bytes: Uint8Array,
  { start, offset, isWhole, maxChars, redact }: PageRequest,
): TextPage | undefined {
  let at = offset - start;
  // Back to the first byte of the character.
  for (let back = 0; back < 3 && at > 0 && isContinuation(bytes[at]); back++) at--;
  const { text, isCut } = textIn(bytes.subarray(at));
  const isAtEnd = isWhole && !isCut;
  if (text === "" && !isAtEnd) return undefined;
  const before = new TextDecoder().decode(bytes.subarray(0, at)).slice(-CONTEXT_CHARS);
  const isClean = (left: string, right: string) => {
    const [l, r] = [left.slice(-CONTEXT_CHARS), right.slice(0, CONTEXT_CHARS)];
    return redact(l + r) === redact(l) + redact(r);
  };
  const first = firstClean(before, text, isClean);
  const shown = text.slice(first);
  const room = firstJsonChars(shown, maxChars).length;
  const end = room === shown.length
    ? room
    : lastClean(shown, cutOf(shown, room), isClean, before + text.slice(0, first));
  const page = {
    // A secret that fills a page shows nothing of itself.
    text: end === undefined ? MARK : shown.slice(0, end),
    from: start + at,
    to: start + at + byteLength(text.slice(0, first + (end ?? room))),
  };
  const isLast = first + (end ?? room) >= text.length;
  return { ...page, rest: !isLast ? "text" : isAtEnd ? "nothing" : isCut ? "other" : "text" };
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).byteLength;
}

/**
 * Returns the text with which bytes begin: UTF-8 without NULs.
 *
 * @returns `isCut` where other bytes follow it, and not only the beginning of a character
 */
function textIn(bytes: Uint8Array): { readonly text: string; readonly isCut: boolean } {
  const nul = bytes.indexOf(0);
  const plain = nul < 0 ? bytes : bytes.subarray(0, nul);
  const decode = (length: number) => {
    try {
      // The mark at a file's beginning is a character like others, so that places stay right.
      const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
      return decoder.decode(plain.subarray(0, length), { stream: true });
    } catch {
      return undefined;
    }
  };
  const all = decode(plain.byteLength);
  if (all !== undefined) {
    return { text: all, isCut: nul >= 0 || byteLength(all) < plain.byteLength };
  }
  let good = 0;
  for (let bad = plain.byteLength; bad - good > 1;) {
    const middle = (good + bad) >> 1;
    if (decode(middle) === undefined) bad = middle;
    else good = middle;
  }
  return { text: decode(good) ?? "", isCut: true };
}

type IsClean = (left: string, right: string) => boolean;

/** Returns the first place of the text that is in no secret which begins before it. */
function firstClean(before: string, text: string, isClean: IsClean): number {
  if (before === "") return 0;
  const last = Math.min(text.length, CONTEXT_CHARS);
  const isFit = (at: number) =>
    isWholeAt(text, at) && isClean(before + text.slice(0, at), text.slice(at));
  let next = 0;
  let at = 0;
  while (at < last && !isFit(at)) {
    next = at + 1;
    at = Math.min(last, at + stepAfter(at));
  }
  // Of the places that were passed over, the first.
  while (next < at && !isFit(next)) next++;
  return Math.min(next, at);
}

/**
 * Returns the last place of the text, up to one, that is in no secret; undefined where there is
 * none.
 */
function lastClean(
  text: string,
  upTo: number,
  isClean: IsClean,
  before: string,
): number | undefined {
  for (let at = upTo; at > Math.max(0, upTo - CONTEXT_CHARS); at -= stepAfter(upTo - at)) {
    const left = before.slice(-CONTEXT_CHARS) + text.slice(0, at);
    if (isWholeAt(text, at) && isClean(left, text.slice(at))) return at;
  }
  return undefined;
}

/** Returns true unless the place is within a surrogate pair. */
function isWholeAt(text: string, at: number): boolean {
  return !/^[\ud800-\udbff][\udc00-\udfff]$/.test(text.slice(at - 1, at + 1));
}

/** Returns the place to end a page: after its last line, or else word, unless that is far back. */
function cutOf(text: string, room: number): number {
  const line = text.lastIndexOf("\n", room - 1) + 1;
  if (line > room / 2) return line;
  const word = /\s(?=\S*$)/.exec(text.slice(Math.floor(room * 0.8), room));
  return word ? Math.floor(room * 0.8) + word.index + 1 : room;
}
