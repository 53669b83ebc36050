/**
 * `GET /files/<sealed>`: sends the file of a link to whoever opens it, with the rights of the caller
 * for whom the link was made.
 *
 * @module
 */

import { STATUS_CODE } from "@std/http";
import { FILES_PATH, type LinkedFile, openFileLink } from "../access/file_links.ts";
import { isUnknownId } from "../access/policy.ts";
import { callerFields, type Principal } from "../access/principal.ts";
import { hasScope } from "../access/scopes.ts";
import type { ToolSetName } from "../access/tool_sets.ts";
import { ApiError } from "../api/errors.ts";
import type { SessionFile } from "../api/resources.ts";
import { bindSignal } from "../core/abort.ts";
import { ByteBuffer } from "../core/byte_buffer.ts";
import { ToolError } from "../core/errors.ts";
import { countRequestsIn, UpstreamRequests } from "../core/upstream_requests.ts";
import { logFailure } from "../mcp/call_report.ts";
import { fileTypeOf, HEAD_BYTES } from "../session/file_type.ts";
import { belongsTo } from "../session/session_files.ts";
import type { Services } from "../tools/services.ts";
import type { Admitted } from "./authenticate.ts";
import {
  ClientGoneError,
  contentTypeOf,
  type FileHead,
  fileResponse,
  rangeOf,
  sentenceResponse,
  streamOf,
  unsatisfiableResponse,
} from "./file_response.ts";
import { RETRY_AFTER_SEC } from "./responses.ts";

/** Facts about a download that has ended, for metrics. */
export interface DownloadReport {
  /**
   * `ok`; `cancelled` where the client went; else the code of the error, or `internal_error`.
   */
  readonly outcome: string;
  /** Bytes of the file that went out. */
  readonly bytes: number;
}

/** What a server needs to serve links. */
export interface FileServing {
  readonly services: Services;
  /** The server's sets of tools: without one of {@linkcode FILE_SETS} no link opens. */
  readonly toolSets: readonly ToolSetName[];
  /** Path of the server's public address, which a proxy may take off; none by default. */
  readonly basePath?: string;
  /** Counts a download until it has ended, so that a server which ends waits for it. */
  readonly track?: (run: () => Promise<void>) => Promise<void>;
  /** Called with the report of every download that has ended. */
  readonly onEnded?: (report: DownloadReport) => void;
}

/** Options of {@linkcode createFileHandler}. */
export interface FileHandlerOptions extends FileServing {
  /** Returns the caller for whom a link was made, as it is now; undefined once it may not come in. */
  readonly admit: (link: LinkedFile) => Promise<Admitted | undefined>;
}

/** Serves links. */
export interface FileHandler {
  /**
   * @param sealed the end of the link's path
   * @param requestId of the HTTP request, for the operator's log
   */
  fetch(request: Request, sealed: string, requestId: string): Promise<Response>;
  /** Ends all downloads. */
  close(): void;
}

/** The sets whose results have links. */
const FILE_SETS: readonly ToolSetName[] = ["files", "resources"];

/** Most downloads that one caller may have running. Browsers open six at a time. */
const MAX_DOWNLOADS = 16;

/** Longest time for the API to say what a file is, and for its first byte, in milliseconds. */
const HEAD_TIMEOUT_MS = 30_000;

/**
 * Most bytes that are read and dropped to reach the beginning of a range: the API is not known to
 * send a part of a file. A range behind them is passed over, and the whole file sent.
 */
export const MAX_SKIPPED_BYTES = 64 * 1024 * 1024;

/** Returns true if a server with these sets makes links. */
export function servesFiles(toolSets: readonly ToolSetName[]): boolean {
  return FILE_SETS.some((name) => toolSets.includes(name));
}

/**
 * Returns the sealed end of a link's path; undefined for every other path.
 *
 * @param basePath path of the server's public address, which a proxy may take off
 */
export function sealedIn(path: string, basePath: string): string | undefined {
  const own = path.startsWith(basePath + FILES_PATH) ? path.slice(basePath.length) : path;
  return own.startsWith(FILES_PATH) ? own.slice(FILES_PATH.length) : undefined;
}

/** Makes the handler. It reads the rights anew for each request: a link alone gives none. */
export function createFileHandler(options: FileHandlerOptions): FileHandler {
  const { services, toolSets, admit, track = (run) => run() } = options;
  const { clock, limits } = services;
  const closing = new AbortController();
  // Keyed by the caller; callers without downloads are left out.
  const running = new Map<string, number>();

  /** Takes the caller's places; the returned function frees them. */
  const enter = (principal: Principal) => {
    const { id } = principal;
    const count = running.get(id) ?? 0;
    if (count >= MAX_DOWNLOADS) {
      throw new ToolError("too_many_calls", `At most ${MAX_DOWNLOADS} downloads may run at once`);
    }
    const leave = limits.enter("call", { principal });
    running.set(id, count + 1);
    return () => {
      leave();
      const left = (running.get(id) ?? 1) - 1;
      if (left > 0) running.set(id, left);
      else running.delete(id);
    };
  };

  const download = async (
    request: Request,
    link: LinkedFile,
    principal: Principal,
    respond: (response: Response) => void,
  ): Promise<number> => {
    const leave = enter(principal);
    const bound = bindSignal(clock, { signals: [request.signal, closing.signal] });
    const { signal } = bound;
    try {
      const bounds = { signal, timeoutMs: HEAD_TIMEOUT_MS };
      await services.access.checkSession(link.sessionId, { ...bounds, principal });
      const file = await services.api.files.retrieve(link.fileId, bounds);
      if (!belongsTo(file, link.sessionId) || file.downloadable === false) throw noFile();
      const head = headOf(file, services);
      const { size } = head;
      if (request.method === "HEAD") {
        respond(fileResponse(head, null));
        return 0;
      }
      const asked = size === undefined ? undefined : rangeOf(request.headers, size);
      if (asked === "unsatisfiable") {
        respond(unsatisfiableResponse(size ?? 0));
        return 0;
      }
      const range = asked && asked.first <= MAX_SKIPPED_BYTES ? asked : undefined;
      const content = await services.api.files.content(link.fileId, bounds);
      const beginning = await readBeginning(content).catch((error) => {
        content.close();
        throw error;
      });
      const contentType = contentTypeOf(fileTypeOf(beginning));
      const ended = Promise.withResolvers<number>();
      const onEnd = (bytes: number, error?: unknown) => {
        if (error === undefined) ended.resolve(bytes);
        else ended.reject(new EndedEarly(bytes, error));
      };
      const stream = streamOf({ content, head: beginning, range, size, clock, onEnd });
      respond(fileResponse({ ...head, contentType, range }, stream));
      return await ended.promise;
    } finally {
      bound.dispose();
      leave();
    }
  };

  const reported = async (
    request: Request,
    link: LinkedFile,
    principal: Principal,
    requestId: string,
    respond: (response: Response) => void,
  ) => {
    const requests = new UpstreamRequests();
    const startedAt = clock.now();
    let outcome = "ok";
    let bytes = 0;
    try {
      bytes = await countRequestsIn(requests, () => download(request, link, principal, respond));
    } catch (thrown) {
      const error = thrown instanceof EndedEarly ? thrown.cause : thrown;
      if (thrown instanceof EndedEarly) bytes = thrown.bytes;
      const hasGone = error instanceof ClientGoneError || request.signal.aborted;
      outcome = hasGone ? "cancelled" : outcomeOf(error);
      respond(failureResponse(error));
      if (!hasGone && !(error instanceof ToolError) && !isUnknownId(error)) {
        const { log, redact } = services;
        const fields = { ...callerFields(principal), request_id: requestId, outcome };
        logFailure({ log, redact }, fields, { error, args: {} });
      }
    }
    const endedAt = clock.now();
    services.log.info("Download", {
      ...callerFields(principal),
      session: link.sessionId,
      file: link.fileId,
      outcome,
      duration_ms: Math.round(endedAt - startedAt),
      upstream_requests: requests.end(endedAt).requests,
      bytes,
      request_id: requestId,
    });
    options.onEnded?.({ outcome, bytes });
  };

  return {
    async fetch(request, sealed, requestId) {
      const link = await openFileLink(services.sealer, sealed, clock.wallTime());
      const admitted = link && await admit(link);
      if (!admitted || !mayRead(admitted.principal, toolSets)) return noLink();
      const limited = admitted.limit();
      if (limited) return tooMany(STATUS_CODE.TooManyRequests, limited.headers.get("retry-after"));
      const { promise, resolve, reject } = Promise.withResolvers<Response>();
      track(() => reported(request, link, admitted.principal, requestId, resolve)).catch(reject);
      return await promise;
    },
    close() {
      closing.abort(new ClientGoneError("The server ends"));
    },
  };
}

/** Returns true if the caller may read files of its sessions on a server with these sets. */
function mayRead(principal: Principal, toolSets: readonly ToolSetName[]): boolean {
  const sets = toolSets.filter((name) => principal.tools?.includes(name) ?? true);
  return hasScope(principal, "sessions:read") && servesFiles(sets);
}

function headOf(
  { id, filename = "", size_bytes: size }: SessionFile,
  { redact }: Services,
): FileHead {
  return { id, filename: redact.thorough(filename), ...(size !== undefined && { size }) };
}

/** Reads the bytes that tell a file's type, or all where there are fewer. */
async function readBeginning(content: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const buffer = new ByteBuffer();
  const iterator = content[Symbol.asyncIterator]();
  while (buffer.byteLength < HEAD_BYTES) {
    const { value, done } = await iterator.next();
    if (done) break;
    // A copy: the next read overwrites the chunk.
    buffer.add(value.slice());
  }
  return buffer.bytes();
}

/** Thrown when a download ends before its last byte. */
class EndedEarly extends Error {
  /** @param bytes that went out */
  constructor(readonly bytes: number, cause: unknown) {
    super("The download ended early", { cause });
  }
}

function noFile(): ToolError {
  return new ToolError("not_available", "The file is not available");
}

function outcomeOf(error: unknown): string {
  if (error instanceof ToolError) return error.code;
  return error instanceof ApiError ? error.type ?? error.kind : "internal_error";
}

/** Makes the response to a link of nothing: the same for all, so that it tells nothing. */
function noLink(): Response {
  return sentenceResponse(
    STATUS_CODE.NotFound,
    "This link is invalid or has ended: it opens a file for 10 minutes. Ask for a new one where " +
      "you got it.",
  );
}

/** @param status 429 for too many in a time, 503 for too many at once */
function tooMany(status: 429 | 503, retryAfter: string | null): Response {
  return sentenceResponse(
    status,
    "Whoever made this link has too many requests running now. Try again in a moment.",
    { "retry-after": retryAfter ?? RETRY_AFTER_SEC },
  );
}

function failureResponse(error: unknown): Response {
  if (error instanceof ToolError && error.code !== "not_available") {
    return tooMany(STATUS_CODE.ServiceUnavailable, null);
  }
  if (error instanceof ToolError || isUnknownId(error)) return noLink();
  const isTemporary = error instanceof ApiError && error.retryable;
  return sentenceResponse(
    isTemporary ? STATUS_CODE.ServiceUnavailable : STATUS_CODE.BadGateway,
    "The file cannot be read now. Try again in a moment.",
    isTemporary ? { "retry-after": RETRY_AFTER_SEC } : {},
  );
}
