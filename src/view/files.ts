/**
 * The files that a session's agent has written: lists them, reads them to be shown, and hands them to
 * the host to be saved.
 *
 * @module
 */

import type { Clock } from "../core/clock.ts";
import type { Host } from "./host.ts";
import { isJsonObject, type JsonObject, readCount, readList, textWithin } from "./read.ts";
import type { FilesState, FileState } from "./state.ts";
import { callServer, describeFailure, readId, readUrl } from "./tool_results.ts";

/** Most characters of a text that are shown. */
export const MAX_SHOWN_CHARS = 200_000;
/** Most characters of a text that the host is handed to save. */
export const MAX_SAVED_CHARS = 2_000_000;
/** Most files that are listed; the server lists the newest first. */
const MAX_FILES = 100;
/** Time from the beginning of one page of a text to the next: some hosts count the calls. */
export const PAGE_EVERY_MS = 600;
const READ_TIMEOUT_MS = 30_000;
/** Time in which a host saves a file: it asks the person first. */
const SAVE_TIMEOUT_MS = 120_000;
/** Longest base64 text of a file that is decoded: the server sends no longer one. */
const MAX_BASE64_CHARS = 2_000_000;

const NOT_SHOWN = "This file cannot be shown here: open it in the Claude Console.";
const REMEDY = "Try again, or open the files in the Claude Console.";

/** What the host is handed to save. */
type Contents = (
  | {
    type: "resource";
    resource:
      & { uri: string; mimeType: string }
      & ({ text: string } | { blob: string });
  }
  | { type: "resource_link"; uri: string; name: string; mimeType?: string }
)[];

/** What is known of a file beside what the page shows. */
interface Known {
  state: FileState;
  /** All of its text, once that was read. */
  wholeText?: string;
  /** The bytes of an image or a document, as base64. */
  blob?: string;
  /** A resource of the server from which the host can read it. */
  resourceUri?: string;
  isBusy: boolean;
}

/** The files of the session. */
export interface Files {
  /** What the page shows; `areOffered` while this caller can list them. */
  state(areOffered: boolean): FilesState;
  /** Lists the files of a session; what was read of them stays. */
  list(sessionId: string): Promise<void>;
  /** Reads an image, or the text of a file, to be shown. */
  open(fileId: string): Promise<void>;
  /** Hands a file to the host to be saved, whole; where the host saves none, shows what can be. */
  save(fileId: string): Promise<void>;
}

/** Makes what reads the files of a session. */
export function createFiles(
  host: Host,
  clock: Pick<Clock, "now" | "sleep">,
  changed: () => void,
): Files {
  let listState: FilesState["state"] = "offered";
  let listFailure: string | undefined;
  let byId = new Map<string, Known>();
  let listedId = "";

  function state(areOffered: boolean): FilesState {
    return {
      state: areOffered ? listState : "none",
      files: areOffered ? [...byId.values()].map(({ state }) => state) : [],
      failure: listFailure,
    };
  }

  async function list(sessionId: string): Promise<void> {
    if (listState === "loading") return;
    listedId = sessionId;
    listState = "loading";
    listFailure = undefined;
    changed();
    const args = { session_id: sessionId, limit: MAX_FILES };
    const listed = await callServer(host, "list_session_files", args, READ_TIMEOUT_MS);
    if (listed.kind === "result") {
      const known = byId;
      byId = new Map();
      for (const state of readList(listed.fields.files, MAX_FILES, readFile)) {
        byId.set(state.id, known.get(state.id) ?? { state, isBusy: false });
      }
    } else {
      listFailure = describeFailure(listed, REMEDY);
    }
    listState = listed.kind === "result" ? "listed" : "failed";
    changed();
  }

  async function open(fileId: string): Promise<void> {
    const known = byId.get(fileId);
    if (!known || known.isBusy) return;
    await busy(known, () => readFileOf(known, MAX_SHOWN_CHARS));
  }

  async function save(fileId: string): Promise<void> {
    const known = byId.get(fileId);
    if (!known || known.isBusy) return;
    await busy(known, async () => {
      if (host.capabilities.downloadFile === undefined) {
        await readFileOf(known, MAX_SHOWN_CHARS);
        const { url, text, image } = known.state;
        if (known.state.state !== "loaded" || text !== undefined || image || !url) return;
        await host.request("ui/open-link", { url }, SAVE_TIMEOUT_MS).catch(() => {});
        return;
      }
      await readFileOf(known, MAX_SAVED_CHARS);
      if (known.state.state === "failed") return;
      const contents = contentsOf(known);
      if (!contents) {
        return set(known, {
          state: "failed",
          failure: "This file is too large to be saved from here: open it in the Claude Console.",
        });
      }
      set(known, { state: "loading" });
      const failure = await handOver(contents);
      set(known, failure === undefined ? { state: "saved" } : { state: "failed", failure });
    });
  }

  async function busy(known: Known, work: () => Promise<void>): Promise<void> {
    known.isBusy = true;
    try {
      await work();
    } finally {
      known.isBusy = false;
      changed();
    }
  }

  function set(known: Known, state: Partial<FileState>): void {
    known.state = { ...known.state, failure: undefined, ...state };
    changed();
  }

  /** Reads a file, of a text at most so many characters; what was read before is not read again. */
  async function readFileOf(known: Known, maxChars: number): Promise<void> {
    const { state: { text, isPartial } } = known;
    const isKnown = known.blob !== undefined || known.wholeText !== undefined ||
      (text !== undefined && isPartial && text.length >= maxChars);
    if (isKnown) return set(known, { state: "loaded" });
    set(known, { state: "loading" });
    const parts: string[] = [];
    let chars = 0;
    let offset: number | undefined = 0;
    while (offset !== undefined && chars < maxChars) {
      const startedAt = clock.now();
      const args: JsonObject = {
        session_id: listedId,
        file_id: known.state.id,
        ...(offset > 0 && { offset }),
      };
      const page = await callServer(host, "read_session_file", args, READ_TIMEOUT_MS);
      if (page.kind !== "result") {
        return set(known, { state: "failed", failure: describeFailure(page, REMEDY) });
      }
      if (offset === 0) describe(known, page.fields, page.blocks);
      const { fields: { text, next, next_offset: nextOffset } } = page;
      if (typeof text !== "string") break;
      parts.push(text);
      chars += text.length;
      const to: number | undefined = readCount(nextOffset);
      if (to === undefined || to <= offset) {
        // Advice beside the last page says that what follows is no text.
        if (next === undefined || to !== undefined) known.wholeText = parts.join("");
        break;
      }
      offset = to;
      const pause = startedAt + PAGE_EVERY_MS - clock.now();
      if (chars < maxChars && parts.length > 3) await clock.sleep(pause);
    }
    show(known, parts.join(""), parts.length > 0);
  }

  function show(known: Known, read: string, isText: boolean): void {
    const { image, url } = known.state;
    if (isText) {
      const text = read.slice(0, MAX_SHOWN_CHARS);
      const isPartial = known.wholeText === undefined || text.length < known.wholeText.length;
      return set(known, { state: "loaded", text, isPartial });
    }
    const canBeHad = image !== undefined || url !== undefined || contentsOf(known) !== undefined;
    set(known, canBeHad ? { state: "loaded" } : { state: "failed", failure: NOT_SHOWN });
  }

  /** Takes what the first page says of the file. */
  function describe(known: Known, fields: JsonObject, blocks: readonly JsonObject[]): void {
    const url = readUrl(fields.download_url);
    const mimeType = textWithin(fields.mime_type) ?? known.state.mimeType;
    const block = blocks.find(({ type }) => type !== "text");
    const resource = objectOf(block?.resource);
    const base64 = block?.type === "image" ? block.data : resource.blob;
    if (typeof base64 === "string" && base64.length <= MAX_BASE64_CHARS) known.blob = base64;
    const uri = block?.type === "resource_link" ? textWithin(block.uri, 2_000) : undefined;
    if (uri !== undefined && readUrl(uri) === undefined) known.resourceUri = uri;
    const bytes = block?.type === "image" ? decode(known.blob) : undefined;
    const image = bytes && { bytes, mimeType: mimeType ?? "" };
    known.state = { ...known.state, mimeType, url, image };
  }

  /** @returns why the host has not saved it; undefined if it has */
  async function handOver(contents: Contents): Promise<string | undefined> {
    try {
      const saved = await host.request("ui/download-file", { contents }, SAVE_TIMEOUT_MS);
      return saved.isError === true ? "The app did not save the file." : undefined;
    } catch {
      return "The app did not save the file. Try again, or open it in the Claude Console.";
    }
  }

  return { state, list, open, save };
}

function objectOf(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}

function readFile(value: unknown): FileState | undefined {
  const fields = objectOf(value);
  const id = readId(fields.file_id);
  if (id === undefined) return undefined;
  return {
    id,
    name: textWithin(fields.filename, 500) ?? id,
    mimeType: textWithin(fields.mime_type),
    sizeBytes: readCount(fields.size_bytes),
    state: "listed",
  };
}

/** Makes what the host saves; undefined where the file is not there whole. */
function contentsOf({ state, wholeText, blob, resourceUri }: Known): Contents | undefined {
  const { name, url, mimeType = "application/octet-stream" } = state;
  const uri = `file:///${encodeURIComponent(name.toWellFormed())}`;
  if (blob !== undefined) return [{ type: "resource", resource: { uri, mimeType, blob } }];
  if (wholeText !== undefined) {
    return [{ type: "resource", resource: { uri, mimeType, text: wholeText } }];
  }
  const link = url ?? resourceUri;
  return link === undefined ? undefined : [{ type: "resource_link", uri: link, name, mimeType }];
}

function decode(base64: string | undefined): Uint8Array<ArrayBuffer> | undefined {
  try {
    const text = atob(base64 ?? "");
    return text === "" ? undefined : Uint8Array.from(text, (unit) => unit.charCodeAt(0));
  } catch {
    return undefined;
  }
}
