/**
 * The files that a session's agent has written: lists them, reads them to be shown, and hands them to
 * the host to be saved.
 *
 * @module
 */

import type { Clock } from "../core/clock.ts";
import type { Host } from "./host.ts";
import { type JsonObject, readCount, readList, textWithin } from "./read.ts";
import type { FilesState, FileState } from "./state.ts";
import { callServer, readId, readUrl, type ToolOutcome } from "./tool_results.ts";

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
const NO_ANSWER = "No answer came from the app. Try again.";

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
export class Files {
  readonly #host: Host;
  readonly #clock: Pick<Clock, "now" | "sleep">;
  readonly #changed: () => void;
  #list: FilesState["state"] = "offered";
  #failure: string | undefined;
  #known = new Map<string, Known>();
  #sessionId = "";

  constructor(host: Host, clock: Pick<Clock, "now" | "sleep">, changed: () => void) {
    this.#host = host;
    this.#clock = clock;
    this.#changed = changed;
  }

  /** What the page shows; `areOffered` while this caller can list them. */
  state(areOffered: boolean): FilesState {
    return {
      state: areOffered ? this.#list : "none",
      files: areOffered ? [...this.#known.values()].map(({ state }) => state) : [],
      ...(this.#failure !== undefined && { failure: this.#failure }),
    };
  }

  /** Lists the files of a session; what was read of them stays. */
  async list(sessionId: string): Promise<void> {
    if (this.#list === "loading") return;
    this.#sessionId = sessionId;
    this.#list = "loading";
    this.#failure = undefined;
    this.#changed();
    const args = { session_id: sessionId, limit: MAX_FILES };
    const listed = await callServer(this.#host, "list_session_files", args, READ_TIMEOUT_MS);
    if (listed.kind === "result") {
      const known = this.#known;
      this.#known = new Map();
      for (const state of readList(listed.fields.files, MAX_FILES, readFile)) {
        this.#known.set(state.id, known.get(state.id) ?? { state, isBusy: false });
      }
    } else {
      this.#failure = failureOf(listed);
    }
    this.#list = listed.kind === "result" ? "listed" : "failed";
    this.#changed();
  }

  /** Reads an image, or the text of a file, to be shown. */
  async open(fileId: string): Promise<void> {
    const known = this.#known.get(fileId);
    if (!known || known.isBusy) return;
    await this.#busy(known, () => this.#read(known, MAX_SHOWN_CHARS));
  }

  /** Hands a file to the host to be saved, whole; where the host saves none, shows what can be. */
  async save(fileId: string): Promise<void> {
    const known = this.#known.get(fileId);
    if (!known || known.isBusy) return;
    await this.#busy(known, async () => {
      if (this.#host.capabilities.downloadFile === undefined) {
        await this.#read(known, MAX_SHOWN_CHARS);
        const { url, text, image } = known.state;
        if (known.state.state !== "loaded" || text !== undefined || image || !url) return;
        await this.#host.request("ui/open-link", { url }, SAVE_TIMEOUT_MS).catch(() => {});
        return;
      }
      await this.#read(known, MAX_SAVED_CHARS);
      if (known.state.state === "failed") return;
      const contents = contentsOf(known);
      if (!contents) {
        return this.#set(known, {
          state: "failed",
          failure: "This file is too large to be saved from here: open it in the Claude Console.",
        });
      }
      this.#set(known, { state: "loading" });
      const failure = await this.#handOver(contents);
      this.#set(known, failure === undefined ? { state: "saved" } : { state: "failed", failure });
    });
  }

  async #busy(known: Known, work: () => Promise<void>): Promise<void> {
    known.isBusy = true;
    try {
      await work();
    } finally {
      known.isBusy = false;
      this.#changed();
    }
  }

  #set(known: Known, state: Partial<FileState>): void {
    known.state = { ...known.state, failure: undefined, ...state };
    this.#changed();
  }

  /** Reads a file, of a text at most so many characters; what was read before is not read again. */
  async #read(known: Known, maxChars: number): Promise<void> {
    const { state: { text, isPartial } } = known;
    const isKnown = known.blob !== undefined || known.wholeText !== undefined ||
      (text !== undefined && isPartial && text.length >= maxChars);
    if (isKnown) return this.#set(known, { state: "loaded" });
    this.#set(known, { state: "loading" });
    const parts: string[] = [];
    let chars = 0;
    let offset: number | undefined = 0;
    while (offset !== undefined && chars < maxChars) {
      const startedAt = this.#clock.now();
      const args: JsonObject = {
        session_id: this.#sessionId,
        file_id: known.state.id,
        ...(offset > 0 && { offset }),
      };
      const page = await callServer(this.#host, "read_session_file", args, READ_TIMEOUT_MS);
      if (page.kind !== "result") {
        return this.#set(known, { state: "failed", failure: failureOf(page) });
      }
      if (offset === 0) this.#describe(known, page.fields, page.blocks);
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
      const pause = startedAt + PAGE_EVERY_MS - this.#clock.now();
      if (chars < maxChars && parts.length > 3) await this.#clock.sleep(pause);
    }
    this.#show(known, parts.join(""), parts.length > 0);
  }

  #show(known: Known, read: string, isText: boolean): void {
    const { image, url } = known.state;
    if (isText) {
      const text = read.slice(0, MAX_SHOWN_CHARS);
      const isPartial = known.wholeText === undefined || text.length < known.wholeText.length;
      return this.#set(known, { state: "loaded", text, isPartial });
    }
    const canBeHad = image !== undefined || url !== undefined || contentsOf(known) !== undefined;
    this.#set(known, canBeHad ? { state: "loaded" } : { state: "failed", failure: NOT_SHOWN });
  }

  /** Takes what the first page says of the file. */
  #describe(known: Known, fields: JsonObject, blocks: readonly JsonObject[]): void {
    const url = readUrl(fields.download_url);
    const mimeType = textWithin(fields.mime_type) ?? known.state.mimeType;
    const block = blocks.find(({ type }) => type !== "text");
    const resource = fieldsIn(block?.resource);
    const base64 = block?.type === "image" ? block.data : resource.blob;
    if (typeof base64 === "string" && base64.length <= MAX_BASE64_CHARS) known.blob = base64;
    const uri = block?.type === "resource_link" ? textWithin(block.uri, 2_000) : undefined;
    if (uri !== undefined && readUrl(uri) === undefined) known.resourceUri = uri;
    const bytes = block?.type === "image" ? decode(known.blob) : undefined;
    known.state = {
      ...known.state,
      ...(mimeType !== undefined && { mimeType }),
      ...(url !== undefined && { url }),
      ...(bytes && { image: { bytes, mimeType: mimeType ?? "" } }),
    };
  }

  /** @returns why the host has not saved it; undefined if it has */
  async #handOver(contents: Contents): Promise<string | undefined> {
    try {
      const saved = await this.#host.request("ui/download-file", { contents }, SAVE_TIMEOUT_MS);
      return saved.isError === true ? "The app did not save the file." : undefined;
    } catch {
      return "The app did not save the file. Try again, or open it in the Claude Console.";
    }
  }
}

function fieldsIn(value: unknown): JsonObject {
  return typeof value === "object" && value !== null ? value as JsonObject : {};
}

function readFile(value: unknown): FileState | undefined {
  const fields = fieldsIn(value);
  const id = readId(fields.file_id);
  if (id === undefined) return undefined;
  const [mimeType, sizeBytes] = [textWithin(fields.mime_type), readCount(fields.size_bytes)];
  return {
    id,
    name: textWithin(fields.filename, 500) ?? id,
    ...(mimeType !== undefined && { mimeType }),
    ...(sizeBytes !== undefined && { sizeBytes }),
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

function failureOf(outcome: Exclude<ToolOutcome, { kind: "result" }>): string {
  switch (outcome.kind) {
    case "timeout":
    case "closed":
      return NO_ANSWER;
    case "unsupported":
      return "This app lets the page read no files: open them in the Claude Console.";
    case "failed":
    case "refused":
      return outcome.text || "The files could not be read. Try again.";
  }
}
