/**
 * Files that are mounted into a new session: the schema of the argument, and the paths.
 *
 * @module
 */

import * as z from "zod";
import { entriesOf, fieldsOf } from "../api/read.ts";
import type { Session } from "../api/resources.ts";
import type { FileMount } from "../api/types.ts";
import { ToolError } from "../core/errors.ts";
import { ID } from "../core/ids.ts";
import { firstChars } from "../core/text.ts";

/** Most files of a new session. */
const MAX_FILES = 20;
const MAX_PATH_CHARS = 512;
/** Most characters of a wrong one that an error shows. */
const SHOWN_CHARS = 100;

/** The folder of mounted files (API documentation): names stand for files in it. */
const UPLOADS = "/mnt/session/uploads/";

const files = () =>
  z.record(z.string(), z.string().regex(ID)).optional().describe("File ids to mount, by name");

/** Makes the schema of the argument: ids of files by the name, or the path, that they are to have. */
export function mountsSchema(): ReturnType<typeof files> {
  return files();
}

/** A path of which each part can be a name: neither empty, nor a dot, nor two, nor unprintable. */
const PATH = /^\/?(?!\.{1,2}(?:\/|$))[^/\p{C}]+(?:\/(?!\.{1,2}(?:\/|$))[^/\p{C}]+)*$/u;

/**
 * Returns where each file is mounted.
 *
 * @param given ids of files by name, in the folder of mounted files, or by absolute path
 * @throws `ToolError` `invalid_argument` for too many files, a path that cannot be one, and one that
 *   two files have
 */
export function mountsOf(given: Readonly<Record<string, string>> = {}): readonly FileMount[] {
  const mounts = Object.entries(given).map(([name, fileId]) => {
    if (!PATH.test(name) || name.length > MAX_PATH_CHARS) {
      throw invalid(
        `${JSON.stringify(firstChars(name, SHOWN_CHARS))} is no file name: take one such as ` +
          `"in.csv", or an absolute path, of at most ${MAX_PATH_CHARS} characters, without "." and ".."`,
      );
    }
    return { fileId, mountPath: name.startsWith("/") ? name : UPLOADS + name };
  });
  if (mounts.length > MAX_FILES) throw invalid(`at most ${MAX_FILES} files can be mounted`);
  const paths = new Set(mounts.map(({ mountPath }) => mountPath));
  if (paths.size < mounts.length) throw invalid("two files have the same path");
  return mounts;
}

/** Says that the agent may not find all files; undefined where the session shows that it does. */
export function describeMounts(
  { resources }: Session,
  mounts: readonly FileMount[],
): string | undefined {
  const paths = (entriesOf(resources) ?? []).map((resource) => fieldsOf(resource)?.mount_path);
  if (mounts.every(({ mountPath }) => paths.includes(mountPath))) return undefined;
  return "The API's response does not show all files, so the agent may not find them.";
}

function invalid(problem: string): ToolError {
  return new ToolError("invalid_argument", `files holds ids by name: ${problem}.`);
}
