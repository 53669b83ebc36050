/**
 * Reads the body of a request within bounds of size and time, and parses it within bounds of shape.
 *
 * @module
 */

import { STATUS_CODE } from "@std/http";
import type { SharedTimer } from "../core/shared_timer.ts";
import { ByteBuffer } from "../core/byte_buffer.ts";
import { type MessageError, PARSE_ERROR, parseJson } from "../mcp/messages.ts";
import { errorResponse, RETRY_AFTER_SEC } from "./responses.ts";

/** The limits of {@linkcode readJson}. */
export interface BodyLimits {
  /** Largest body, in bytes. */
  readonly maxBytes: number;
  /** Longest time for a body to arrive, in milliseconds. */
  readonly timeoutMs: number;
  /** Bytes of all bodies that are being read at this moment, and their bound. */
  readonly together: { bytes: number; readonly maxBytes: number };
}

const JSON_TYPE = /^application\/json\s*(;|$)/i;

/** A parsed body, or the error response to a request without a readable one. */
export type JsonBody = { readonly value: unknown } | { readonly errorResponse: Response };

/**
 * Reads and parses the body of a request.
 *
 * The error response is 415 for a body that is not declared as JSON or is encoded, 413 for one that
 * is too large, 503 when all bodies being read are too large together, 408 for one that does not
 * arrive in time, and 400 for one that breaks off or that {@linkcode parseJson} rejects.
 *
 * @param timer runs for a shorter time than a body may take to arrive
 */
export async function readJson(
  request: Request,
  timer: SharedTimer,
  limits: BodyLimits,
): Promise<JsonBody> {
  if (!JSON_TYPE.test(request.headers.get("content-type") ?? "")) {
    return refusedWith(STATUS_CODE.UnsupportedMediaType, "Send the body as application/json.");
  }
  const encoding = request.headers.get("content-encoding") ?? "";
  if (!/^\s*(identity)?\s*$/i.test(encoding)) {
    // RFC 9110, section 15.5.16: the response says which encodings are accepted.
    return refusedWith(
      STATUS_CODE.UnsupportedMediaType,
      "Send the body as it is: this server reads no content-encoding.",
      { "accept-encoding": "identity" },
    );
  }
  const bytes = await readBytes(request, timer, limits);
  if (bytes === "too large") return { errorResponse: tooLarge(limits.maxBytes) };
  if (bytes === "too many") {
    return refusedWith(
      STATUS_CODE.ServiceUnavailable,
      "This server is reading as much as it can at the moment. Try again.",
      { "retry-after": RETRY_AFTER_SEC },
    );
  }
  if (bytes === "late") {
    return refusedWith(STATUS_CODE.RequestTimeout, "The request's body did not arrive in time.");
  }
  if (bytes === "broken off") {
    return badRequest({ code: PARSE_ERROR, message: "Parse error: the request's body broke off" });
  }
  const parsed = parseJson(bytes);
  return "error" in parsed ? badRequest(parsed.error) : parsed;
}

/** Returns the 413 response to a body of more than `maxBytes` bytes. */
export function tooLarge(maxBytes: number): Response {
  return errorResponse(
    STATUS_CODE.ContentTooLarge,
    `The body is too large: at most ${maxBytes} bytes.`,
  );
}

function refusedWith(...args: Parameters<typeof errorResponse>): JsonBody {
  return { errorResponse: errorResponse(...args) };
}

function badRequest({ code, message }: MessageError): JsonBody {
  return refusedWith(STATUS_CODE.BadRequest, message, {}, code);
}

/**
 * Longest body that is read in one piece, in bytes: less than what the runtime holds of each
 * connection anyway. It mostly has arrived with the head, and then costs no stream.
 */
const SHORT_BYTES = 4 * 1024;

/**
 * Reads a body that is short, as its header says, and for which there is room. A late one is left to
 * the runtime.
 */
function readShort(
  request: Request,
  timer: SharedTimer,
  length: number,
  { timeoutMs, together }: BodyLimits,
): Promise<Uint8Array | "late" | "broken off"> {
  together.bytes += length;
  let isOver = false;
  return new Promise((resolve) => {
    const end = (outcome: Uint8Array | "late" | "broken off") => {
      if (isOver) return;
      isOver = true;
      together.bytes -= length;
      cancelTimer();
      resolve(outcome);
    };
    const cancelTimer = timer.startLonger(timeoutMs, () => end("late"));
    request.arrayBuffer().then((bytes) => end(new Uint8Array(bytes)), () => end("broken off"));
  });
}

async function readBytes(
  request: Request,
  timer: SharedTimer,
  limits: BodyLimits,
): Promise<Uint8Array | "too large" | "too many" | "late" | "broken off"> {
  const { maxBytes, timeoutMs, together } = limits;
  const length = Number(request.headers.get("content-length") ?? Infinity);
  if (length <= Math.min(SHORT_BYTES, maxBytes)) {
    return together.bytes + length > together.maxBytes
      ? "too many"
      : await readShort(request, timer, length, limits);
  }
  const { body } = request;
  if (!body) return new Uint8Array();
  const reader = pieceReader(body);
  const drop = () => reader.cancel().catch(() => {/* it broke already */});
  let late = false;
  // Cancelling the stream ends every read, also one that waits for a client that sends nothing.
  const cancelTimer = timer.startLonger(timeoutMs, () => {
    late = true;
    drop();
  });
  const buffer = new ByteBuffer();
  try {
    for (;;) {
      const { done, value: chunk } = await readPiece(reader);
      if (late) return "late";
      if (done || !chunk) return buffer.bytes();
      if (buffer.byteLength + chunk.byteLength > maxBytes) {
        drop();
        return "too large";
      }
      if (together.bytes + chunk.byteLength > together.maxBytes) {
        drop();
        return "too many";
      }
      together.bytes += chunk.byteLength;
      buffer.add(chunk);
    }
  } catch {
    return late ? "late" : "broken off";
  } finally {
    together.bytes -= buffer.byteLength;
    cancelTimer();
  }
}

/** Buffer of one read, in bytes. */
const PIECE_BYTES = 16 * 1024;

/** Reads into buffers that it is given, or, of a body that accepts none, what that brings. */
type PieceReader = ReadableStreamBYOBReader | ReadableStreamDefaultReader<Uint8Array>;

/**
 * Takes over a body. Left alone, Deno reads 64 KiB at a time, and the buffer of the read at the end
 * stays with the request, which lives as long as a wait. A body that came with its head accepts no
 * buffers: it brings one as short as it is.
 */
function pieceReader(body: ReadableStream<Uint8Array>): PieceReader {
  try {
    return body.getReader({ mode: "byob" });
  } catch {
    return body.getReader();
  }
}

function readPiece(reader: PieceReader): Promise<ReadableStreamReadResult<Uint8Array>> {
  return reader instanceof ReadableStreamDefaultReader
    ? reader.read()
    : reader.read(new Uint8Array(PIECE_BYTES));
}
