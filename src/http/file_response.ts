/**
 * Responses that carry a file: their headers, ranges, and the stream of its bytes.
 *
 * @module
 */

import { STATUS_CODE, type StatusCode } from "@std/http";
import type { FileContent } from "../api/types.ts";
import type { Clock } from "../core/clock.ts";
import { plainLine } from "../core/text.ts";

/**
 * Headers of every response to a link. A browser saves what it gets and shows none of it as a page;
 * should it do so, the page runs nothing and is of no origin. Nothing keeps or passes on the link.
 */
const SAFE_HEADERS = {
  // Compressed on its way, by a proxy or by the runtime (Deno 2.6.10), a file would have no length,
  // and the ranges of it would be of other bytes.
  "cache-control": "no-store, no-transform",
  "content-security-policy": "sandbox",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  // nginx would read the whole file ahead of a slow client.
  "x-accel-buffering": "no",
} as const;

/** Makes a response with a sentence for the person who opened a link. */
export function sentenceResponse(
  status: StatusCode,
  sentence: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const type = { "content-type": "text/plain; charset=utf-8" };
  return new Response(`${sentence}\n`, {
    status,
    headers: { ...SAFE_HEADERS, ...type, ...headers },
  });
}

/** A part of a file: its first and its last byte, counted from 0. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/**
 * Reads the `Range` of a GET (RFC 9110, section 14.2). Several ranges, other units and what is no
 * range are passed over, as the RFC permits; so is a range beside `If-Range`, which can match
 * nothing: these responses have no validator.
 *
 * @param size bytes of the file
 * @returns undefined for the whole file
 */
export function rangeOf(headers: Headers, size: number): ByteRange | "unsatisfiable" | undefined {
  const [, from, to] = /^bytes=\s*(\d*)\s*-\s*(\d*)\s*$/i.exec(headers.get("range") ?? "") ?? [];
  if (from === undefined || to === undefined || headers.has("if-range")) return undefined;
  if (from === "" && to === "") return undefined;
  const end = size - 1;
  if (from !== "" && to !== "" && Number(from) > Number(to)) return undefined;
  const first = from === "" ? Math.max(0, size - Number(to)) : Number(from);
  const last = from === "" || to === "" ? end : Math.min(Number(to), end);
  return first <= last ? { first, last } : "unsatisfiable";
}

/** What is known of a file when its response begins. */
export interface FileHead {
  /** As the agent chose it. */
  readonly filename: string;
  /** In place of a name of which nothing is left. */
  readonly id: string;
  /** Bytes; absent where the API does not say. */
  readonly size?: number;
  /** As {@linkcode contentTypeOf} gives it; absent where no byte has been read, for HEAD. */
  readonly contentType?: string;
  /** The part to send; all when absent. */
  readonly range?: ByteRange;
}

/** Makes the response of a file, or of a part of it. */
export function fileResponse(
  { filename, id, size, contentType, range }: FileHead,
  body: ReadableStream<Uint8Array> | null,
): Response {
  const length = range ? range.last - range.first + 1 : size;
  const headers = {
    ...SAFE_HEADERS,
    "content-disposition": contentDisposition(filename, id),
    ...(contentType !== undefined && { "content-type": contentType }),
    ...(length !== undefined && { "content-length": String(length) }),
    ...(size !== undefined && { "accept-ranges": "bytes" }),
    ...(range && { "content-range": `bytes ${range.first}-${range.last}/${size}` }),
  };
  const status = range ? STATUS_CODE.PartialContent : STATUS_CODE.OK;
  return new Response(body, { status, headers });
}

/** Makes the response 416 for a file of so many bytes. */
export function unsatisfiableResponse(size: number): Response {
  return sentenceResponse(
    STATUS_CODE.RangeNotSatisfiable,
    `The file has ${size} bytes: ask for a range within them.`,
    { "content-range": `bytes */${size}` },
  );
}

/** Types that a browser may know of a file. All others, HTML and SVG among them, are only bytes. */
const OPEN_TYPES: ReadonlySet<string> = new Set([
  "image/png",
  "image/jpeg",
  "image/gif",
  "image/webp",
  "application/pdf",
]);

/**
 * Returns the `content-type` of a file.
 *
 * @param type by its first bytes: see `fileTypeOf`
 */
export function contentTypeOf(
  { kind, mimeType }: { readonly kind: string; readonly mimeType: string },
): string {
  if (OPEN_TYPES.has(mimeType)) return mimeType;
  return kind === "text" && mimeType === "text/plain"
    ? "text/plain; charset=utf-8"
    : "application/octet-stream";
}

/** Longest name of a saved file, in bytes of UTF-8: file systems have 255, browsers add to it. */
const MAX_NAME_BYTES = 200;
/** Longest end of a name that is kept where the name is too long, in characters, with its dot. */
const MAX_END_CHARS = 20;

/** Names that Windows has for devices, with any end. */
const DEVICE = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i;

/** Returns a name under which any system can save a file, in one folder, and not hidden. */
export function savedName(filename: string, id: string): string {
  const [base = ""] = plainLine(filename).split(/[/\\]/).slice(-1);
  const name = base.replace(/[<>:"|?*]/g, "_").replace(/^[\s.]+|[\s.]+$/g, "");
  if (name === "") return id;
  const safe = DEVICE.test(name) ? `_${name}` : name;
  if (bytesOf(safe) <= MAX_NAME_BYTES) return safe;
  const at = safe.lastIndexOf(".");
  const end = at > 0 && safe.length - at <= MAX_END_CHARS ? safe.slice(at) : "";
  let kept = "";
  let room = MAX_NAME_BYTES - bytesOf(end);
  for (const char of safe.slice(0, safe.length - end.length)) {
    room -= bytesOf(char);
    if (room < 0) break;
    kept += char;
  }
  return kept + end;
}

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).byteLength;
}

/**
 * Returns the header that has a file saved, under its name: in ASCII, and where that differs also as
 * it is (RFC 6266, section 4.3; RFC 8187).
 */
export function contentDisposition(filename: string, id: string): string {
  const name = savedName(filename, id);
  // Some browsers decode a percent sign in the plain form.
  const ascii = name.replace(/[^\x20-\x7e]|["\\%]/gu, "_");
  const plain = `attachment; filename="${ascii}"`;
  if (ascii === name) return plain;
  const encoded = encodeURIComponent(name).replace(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `${plain}; filename*=UTF-8''${encoded}`;
}

/**
 * A client that takes no piece for so many milliseconds has the download ended. The system's own
 * buffers take megabytes ahead of a slow client, so a shorter time would end its download too.
 */
export const STALL_MS = 120_000;

/** What a {@linkcode streamOf} is of. */
export interface StreamParts {
  readonly content: FileContent;
  /** Bytes that were read before, to find out the file's type. */
  readonly head: Uint8Array;
  /** The part to send; all when absent. Bytes before it are read and dropped. */
  readonly range?: ByteRange;
  /** Bytes of the file, if they are known: fewer are an error. */
  readonly size?: number;
  readonly clock: Pick<Clock, "after">;
  /** Called once: with the number of bytes that went out, and the error if there was one. */
  readonly onEnd: (bytes: number, error?: unknown) => void;
}

/** Thrown when the client goes, or takes nothing for long. */
export class ClientGoneError extends Error {
  override name = "ClientGoneError";
}

/**
 * Streams a file as fast as its reader takes it: one piece is read when one is wanted, and nothing
 * is read ahead. The connection to the API is closed with the last byte that is wanted, and at once
 * when the reader goes.
 */
export function streamOf(parts: StreamParts): ReadableStream<Uint8Array> {
  const { content, range, size, clock, onEnd } = parts;
  const iterator = content[Symbol.asyncIterator]();
  let pending: Uint8Array | undefined = parts.head;
  let toSkip = range?.first ?? 0;
  let left = range ? range.last - range.first + 1 : size ?? Infinity;
  let sent = 0;
  let cancelTimer = () => {};
  let isOver = false;
  const end = (error?: unknown) => {
    if (isOver) return;
    isOver = true;
    cancelTimer();
    content.close();
    onEnd(sent, error);
  };
  /** Returns the next piece that is wanted; undefined at the end. */
  const nextPiece = async (): Promise<Uint8Array | undefined> => {
    while (left > 0) {
      const chunk: Uint8Array | undefined = pending ?? (await iterator.next()).value;
      pending = undefined;
      if (chunk === undefined) {
        if (left === Infinity) return undefined;
        throw new Error(`The file is not whole: ${left} bytes are missing`);
      }
      const wanted = chunk.subarray(toSkip, toSkip + left);
      toSkip -= Math.min(toSkip, chunk.byteLength);
      left -= wanted.byteLength;
      // A copy: the next read overwrites the chunk.
      if (wanted.byteLength > 0) return wanted.slice();
    }
    return undefined;
  };
  return new ReadableStream({
    start(controller) {
      watch(controller);
    },
    async pull(controller) {
      cancelTimer();
      try {
        const piece = await nextPiece();
        if (isOver) return;
        if (piece) {
          sent += piece.byteLength;
          controller.enqueue(piece);
        }
        if (!piece || left === 0) {
          controller.close();
          end();
        } else watch(controller);
      } catch (error) {
        if (isOver) return;
        end(error);
        controller.error(error);
      }
    },
    cancel() {
      end(new ClientGoneError("The client went"));
    },
  }, { highWaterMark: 0 });

  function watch(controller: ReadableStreamDefaultController<Uint8Array>): void {
    cancelTimer = clock.after(STALL_MS, () => {
      const error = new ClientGoneError(`The client took no byte for ${STALL_MS / 1_000} s`);
      end(error);
      controller.error(error);
    });
  }
}
