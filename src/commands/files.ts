/**
 * `cma-mcp files`: lists what a session's agent has written, or prints one file, byte for byte.
 *
 * @module
 */

import type { SessionFile } from "../api/resources.ts";
import type { ManagedAgentsApi } from "../api/types.ts";
import type { FilesConfig } from "../config/config.ts";
import { isBrokenPipe, messageOf, UsageError } from "../core/errors.ts";
import { firstChars, plainLine, plainText } from "../core/text.ts";
import type { Program } from "../runtime/program.ts";
import {
  type FoundFiles,
  isSameName,
  listMayTrail,
  readOutputs,
  readTrailing,
} from "../session/session_files.ts";
import { ageOf, type Listing, printListing } from "./lists.ts";
import { withApp } from "./workspace.ts";

/** Prints a list of files, or a file. */
export function files(config: FilesConfig, program: Program): Promise<number> {
  return withApp(config, program, async ({ api }) => {
    const { file } = config;
    if (file === undefined) {
      const isListed = (found: readonly SessionFile[]) => found.length > 0;
      return printListing(
        listingOf(await read(api, config, program, isListed), program),
        config,
        program,
      );
    }
    const { found } = await read(api, config, program, (all) => filesNamed(file, all).length > 0);
    const [newest, ...others] = filesNamed(file, found);
    if (!newest) {
      const quoted = `'${firstChars(plainLine(file), 200)}'`;
      throw new UsageError(
        `The session has no file ${quoted}: 'cma-mcp files ${config.session}' lists them`,
      );
    }
    if (others.length > 0) {
      program.note(`${others.length + 1} files have this name: this is the newest, ${newest.id}`);
    }
    await write(newest, api, program);
  });
}

/** Returns the files with an id or a name: as the API has it, or else as lists and tools show it. */
function filesNamed(name: string, files: readonly SessionFile[]): readonly SessionFile[] {
  const exact = files.filter(({ id, filename }) => id === name || filename === name);
  return exact.length > 0 ? exact : files.filter((file) => isSameName(file, name));
}

/** Reads the list of files; again where it may trail the agent and is not enough. */
async function read(
  api: Pick<ManagedAgentsApi, "sessions" | "files">,
  { session }: FilesConfig,
  { clock, stopping: signal, liveLine }: Program,
  isEnough: (found: readonly SessionFile[]) => boolean,
): Promise<FoundFiles> {
  // Some servers list no file for a session that they do not know.
  const mayTrail = listMayTrail(await api.sessions.retrieve(session, { signal }), clock);
  return await readTrailing(
    () => readOutputs(api, session, { signal, withUnscoped: true }),
    ({ found }) => isEnough(found),
    {
      clock,
      signal,
      mayTrail: () => mayTrail,
      onPause: () => liveLine.show("waiting for the list of files"),
    },
  );
}

function listingOf({ found, complete }: FoundFiles, { clock }: Program): Listing {
  return {
    columns: [
      { title: "ID", isId: true },
      { title: "BYTES" },
      { title: "AGE" },
      { title: "NAME" },
    ],
    entries: found.map(({ id, filename, mime_type, size_bytes, created_at }) => ({
      cells: [id, String(size_bytes ?? ""), ageOf(created_at, clock.wallTime()), filename ?? ""],
      object: {
        id,
        ...(filename && { filename }),
        ...(mime_type && { mime_type }),
        ...(size_bytes !== undefined && { size_bytes }),
        ...(created_at && { created_at }),
      },
    })),
    complete,
    none: "The session has made no file",
  };
}

/** Types that a terminal can show. */
const READABLE = /^text\/|[/+](json|xml|yaml)$/;

/** Writes a file to stdout; on a terminal without what that would act on. */
async function write(
  { id, filename = id, mime_type = "application/octet-stream", size_bytes }: SessionFile,
  api: Pick<ManagedAgentsApi, "files">,
  program: Program,
): Promise<void> {
  const { stopping: signal, stdoutIsTerminal, liveLine } = program;
  if (stdoutIsTerminal && !READABLE.test(mime_type)) {
    throw new UsageError(
      `'${plainLine(filename)}' is ${plainLine(mime_type)}, which a terminal cannot show: ` +
        "redirect it into a file",
    );
  }
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  const content = await api.files.content(id, { signal });
  let bytes = 0;
  try {
    await liveLine.hide();
    for await (const chunk of content) {
      bytes += chunk.byteLength;
      const shown = stdoutIsTerminal
        ? encoder.encode(plainText(decoder.decode(chunk, { stream: true })))
        : chunk;
      if (!await writeAll(shown, program)) return;
    }
  } finally {
    content.close();
  }
  if (size_bytes === undefined || size_bytes === bytes) return;
  throw new Error(`The file is not whole: ${bytes} of its ${size_bytes} bytes came. Try again`);
}

/**
 * Writes to stdout as fast as it is read.
 *
 * @returns false when its reader wants no more of it, as `head` does
 */
async function writeAll(bytes: Uint8Array, { writeOut }: Program): Promise<boolean> {
  try {
    for (let at = 0; at < bytes.byteLength;) at += await writeOut(bytes.subarray(at));
    return true;
  } catch (error) {
    if (isBrokenPipe(error)) return false;
    throw new Error(`Cannot write to stdout: ${messageOf(error)}`, { cause: error });
  }
}
