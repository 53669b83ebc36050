import type { ManagedAgentsApi } from "../../../src/api/types.ts";
import type { SessionFile } from "../../../src/api/resources.ts";
import type { ServicesOptions } from "../../../src/tools/services.ts";
import { type Harness, harness, httpError, pageOf, session } from "./support.ts";

export const SESSION_ID = "sesn_1";

/** A file of the session, with its content. */
export interface FakeFile extends SessionFile {
  readonly content: Uint8Array;
}

/** Makes a file that the session's agent wrote, the older the smaller `second` is. */
export function fakeFile(
  id: string,
  content: string | Uint8Array,
  fields: Partial<SessionFile> = {},
  second = 0,
): FakeFile {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  return {
    id,
    filename: `${id}.txt`,
    mime_type: "text/plain",
    size_bytes: bytes.byteLength,
    created_at: new Date(Date.UTC(2026, 10, 23, 9, 0, second)).toISOString(),
    downloadable: true,
    scope: { id: SESSION_ID, type: "session" },
    content: bytes,
    ...fields,
  };
}

/** A session over a fake API, whose files can be changed. */
export interface FilesWorld extends Harness {
  files: readonly FakeFile[];
  status: string;
  /** Seconds since the session has last changed. */
  age: number;
  /** Names of the requests so far. */
  readonly requests: string[];
  /** Bytes of contents that were taken so far, and contents that were closed. */
  taken: number;
  closed: number;
}

/** Pieces in which contents come, in bytes. */
const PIECE_BYTES = 16 * 1024;

export function filesWorld(
  files: readonly FakeFile[] = [],
  options: Partial<ServicesOptions> = {},
  parts: Partial<ManagedAgentsApi["files"]> = {},
): FilesWorld {
  const requests: string[] = [];
  const find = (id: string) => {
    const file = world.files.find((one) => one.id === id);
    if (!file) throw httpError(404, "No such file.", "not_found_error");
    return file;
  };
  const opened = harness({
    sessions: {
      retrieve(id) {
        requests.push("session");
        const changedAt = opened.clock.wallTime() - world.age * 1_000;
        const updated_at = new Date(changedAt).toISOString();
        return Promise.resolve(session({ id, status: world.status, updated_at }));
      },
    },
    files: {
      list(_, params) {
        requests.push("list");
        return Promise.resolve(pageOf(world.files, params));
      },
      async retrieve(id) {
        requests.push("file");
        await Promise.resolve();
        return find(id);
      },
      async content(id) {
        requests.push("content");
        await Promise.resolve();
        const { content } = find(id);
        return {
          async *[Symbol.asyncIterator]() {
            const buffer = new Uint8Array(PIECE_BYTES);
            for (let at = 0; at < content.byteLength; at += PIECE_BYTES) {
              const piece = content.subarray(at, at + PIECE_BYTES);
              buffer.set(piece);
              world.taken += piece.byteLength;
              yield buffer.subarray(0, piece.byteLength);
              await Promise.resolve();
            }
          },
          close: () => void world.closed++,
        };
      },
      ...parts,
    },
  }, options);
  const world: FilesWorld = {
    ...opened,
    files,
    status: "idle",
    age: 60,
    requests,
    taken: 0,
    closed: 0,
  };
  return world;
}
