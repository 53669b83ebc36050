/**
 * The files that a session's agent has written to its outputs. The API lists them some seconds after
 * the agent wrote them.
 *
 * @module
 */

import { readAllPages } from "../api/pages.ts";
import { newestFirst, type Session, type SessionFile } from "../api/resources.ts";
import type { ManagedAgentsApi, PageParams } from "../api/types.ts";
import type { Clock } from "../core/clock.ts";
import { plainLine, shorten } from "../core/text.ts";

/** Files of a page, and pages that are read: more than a session may have. */
const PAGE_LIMIT = 100;
const MAX_PAGES = 10;

/** Pauses before a list is read again that may trail the agent, in milliseconds. */
const LAG_PAUSES_MS: readonly number[] = [1_000, 2_000, 3_000];

/** So long after a session has last changed its files are all listed, in milliseconds. */
const LAG_MS = 30_000;

/** Longest name that is shown, in characters. */
const MAX_NAME_CHARS = 200;

/** Returns true for a file that belongs to the session by its own description. */
export function belongsTo({ scope }: SessionFile, sessionId: string): boolean {
  return scope?.id === sessionId && (scope.type === undefined || scope.type === "session");
}

/**
 * Returns true for a file that the session's agent has written. Some servers list every file of the
 * workspace, and files that were uploaded.
 */
export function isOutputOf(file: SessionFile, sessionId: string): boolean {
  return file.downloadable !== false && belongsTo(file, sessionId);
}

/** Returns true if the list of the session's files may be older than what its agent wrote last. */
export function listMayTrail(
  { updated_at }: Pick<Session, "updated_at">,
  clock: Pick<Clock, "wallTime">,
): boolean {
  return !(clock.wallTime() - Date.parse(String(updated_at ?? "")) > LAG_MS);
}

/** Says when to read a list again. */
export interface Trailing {
  readonly clock: Pick<Clock, "sleep">;
  readonly signal?: AbortSignal;
  /** Returns true if another look may show more; asked before each pause. */
  mayTrail(): boolean | Promise<boolean>;
  /** Called before each pause. */
  onPause?(): void;
}

/** Reads a list, and again for up to six seconds where it may trail the agent and is not enough. */
export async function readTrailing<T>(
  read: () => Promise<T>,
  isEnough: (read: T) => boolean,
  { clock, signal, mayTrail, onPause }: Trailing,
): Promise<T> {
  for (const pauseMs of LAG_PAUSES_MS) {
    const found = await read();
    if (isEnough(found) || !await mayTrail()) return found;
    onPause?.();
    await clock.sleep(pauseMs, signal);
  }
  return await read();
}

/** Files of a list. */
export interface FoundFiles {
  /** The newest first. */
  readonly found: readonly SessionFile[];
  /** False where the list goes on. */
  readonly complete: boolean;
}

/** Bounds of {@linkcode readOutputs}. */
export interface OutputsOptions {
  readonly signal?: AbortSignal;
  /** True to take files as well that belong to nothing: servers that keep no scopes list such. */
  readonly withUnscoped?: boolean;
  /** Returns false where no further page may be read; asked before each but the first. */
  mayReadPage?(): boolean;
}

/** Reads the list of all files that the session's agent has written. */
export async function readOutputs(
  api: Pick<ManagedAgentsApi, "files">,
  sessionId: string,
  { signal, withUnscoped = false, mayReadPage }: OutputsOptions = {},
): Promise<FoundFiles> {
  let isStopped = false;
  const read = async (page: string | undefined) => {
    isStopped ||= page !== undefined && mayReadPage?.() === false;
    if (isStopped) return { data: [], next_page: null };
    const params: PageParams = { limit: PAGE_LIMIT, page };
    return await api.files.list(sessionId, params, { signal });
  };
  const { found, complete } = await readAllPages<SessionFile>(read, MAX_PAGES);
  const own = found.filter((file) =>
    isOutputOf(file, sessionId) ||
    (withUnscoped && file.downloadable !== false && file.scope?.id === undefined)
  );
  return { found: newestFirst(own), complete: complete && !isStopped };
}

/**
 * Returns a file's name as one line that shows what it says, without folders, at most 200
 * characters and an ellipsis; the file's id where nothing is left of it. Agents choose the names.
 */
export function nameOf({ id, filename = "" }: Pick<SessionFile, "id" | "filename">): string {
  return shownFileName(filename) || id;
}

/** Returns true for a file that has this name, as the API or as {@linkcode nameOf} gives it. */
export function isSameName(file: SessionFile, name: string): boolean {
  return file.filename === name || nameOf(file) === (shownFileName(name) || name);
}

/** Returns a name as {@linkcode nameOf} shows it; empty where nothing is left of it. */
function shownFileName(filename: string): string {
  const [base = ""] = plainLine(filename).split(/[/\\]/).slice(-1);
  const name = base.trim();
  return /^\.{0,2}$/.test(name) ? "" : shorten(name, MAX_NAME_CHARS);
}
