/**
 * Makes archives whose bytes depend only on the files and one time: no owner, no folder order.
 *
 * @module
 */

import { gzipSync } from "node:zlib";
import { type Zippable, zipSync } from "fflate";
import { createTar } from "nanotar";

/** A file in an archive. */
export interface Entry {
  /** Path in the archive, with `/`. */
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Gives it the permission to be run. */
  readonly executable?: boolean;
}

const BEST = 9;

/** Bytes of a record, the unit in which archives are written (POSIX.1-2017, pax, `-b`). */
const TAR_RECORD = 10_240;

/**
 * Makes a `.tar.gz`.
 *
 * @param epoch time of every file, in seconds since 1970
 */
export function tarGz(entries: readonly Entry[], epoch: number): Uint8Array {
  const files = entries.map(({ name, bytes, executable }) => ({
    name,
    data: bytes,
    attrs: { mode: executable ? "755" : "644" },
  }));
  const tar = createTar(files, { attrs: { mtime: epoch * 1000, uid: 0, gid: 0 } });
  // The library fills up the last record only. When the files end within 1,023 bytes of its end,
  // one or both of the zero blocks that end an archive are missing, which GNU tar warns of.
  const ended = new Uint8Array(tar.length + TAR_RECORD);
  ended.set(tar);
  return new Uint8Array(gzipSync(ended, { level: BEST }));
}

/** The earliest time that a zip can hold. */
const ZIP_START = Date.UTC(1980, 0, 1) / 1000;

/** The operating system in a zip entry's header: it says how permissions are written. */
const UNIX = 3;

/**
 * Makes a `.zip` with Unix permissions.
 *
 * @param epoch time of every file, in seconds since 1970
 */
export function zip(entries: readonly Entry[], epoch: number): Uint8Array {
  const utc = new Date(Math.max(epoch, ZIP_START) * 1000);
  // The library writes local time, so this is the local time with the digits of the UTC time.
  const mtime = new Date(
    utc.getUTCFullYear(),
    utc.getUTCMonth(),
    utc.getUTCDate(),
    utc.getUTCHours(),
    utc.getUTCMinutes(),
    utc.getUTCSeconds(),
  );
  const files: Zippable = {};
  for (const { name, bytes, executable } of entries) {
    const attrs = (executable ? 0o100755 : 0o100644) * 2 ** 16;
    files[name] = [bytes, { os: UNIX, attrs, mtime, level: BEST }];
  }
  return zipSync(files);
}
