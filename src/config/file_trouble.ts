/**
 * Why a file that a setting names cannot be read.
 *
 * @module
 */

import { UsageError } from "../core/errors.ts";
import { head } from "../core/text.ts";

/** What the runtime's error codes mean, and what to do. */
const TROUBLES: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file: check the path",
  ENOTDIR: "a part of its path is a file: check the path",
  EISDIR: "it is a folder: name the file in it",
  EACCES: "this user may not read it: change its owner or its mode",
  EPERM: "this user may not read it: change its owner or its mode",
  ELOOP: "it is a link that leads in a circle: name the file itself",
  ETIMEDOUT:
    "nothing came of it in time: check that something writes to it, or that its disk is there",
  EFBIG: "it is far too large: check that it is the right file",
  ENAMETOOLONG: "its path is too long: check that it is a path, and not what is to be in the file",
};

/** What the system says of a file, and what to do; undefined where its code tells nothing. */
function troubleOf(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return Object.hasOwn(TROUBLES, code) ? TROUBLES[code] : undefined;
}

/**
 * Says in a clause what keeps a host's file from being read as UTF-8, such as "it is a folder".
 *
 * @param error what the read threw
 */
export function unreadableBecause(error: unknown): string {
  return troubleOf(error)?.replace(/:.*/, "") ??
    (error instanceof TypeError ? "it is no text in UTF-8" : "this program may not read it");
}

/**
 * The error of a file that cannot be read, in one line.
 *
 * @param flag how the user named it, such as `--api-key-file`
 */
export function fileTrouble(error: unknown, path: string, flag: string): UsageError {
  const trouble = /^~[/\\]/.test(path)
    ? "nothing has replaced its '~': type the whole path"
    : troubleOf(error) ?? "check that it exists and is readable";
  // A key in the place of a path is not repeated.
  const shown = /^(sk-|cma_)|^[^/\\.]{32,}$/.test(path) ? "the file" : `'${head(path, 200)}'`;
  return new UsageError(`Cannot read ${shown} (${flag}): ${trouble}`, { cause: error });
}
