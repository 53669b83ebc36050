/**
 * The cursor of `list_agents`: a place between two agents, also in the middle of an API page.
 *
 * @module
 */

import * as z from "zod";
import { ToolError } from "../core/errors.ts";

const cursorSchema = z.lazy(() =>
  z.strictObject({
    /** The API's cursor of the page; absent for the first one. */
    p: z.string().max(2_000).optional(),
    /** Size that the page was asked for with. */
    n: z.int().min(1).max(100).optional(),
    /** Entries of the page, or of the allowlist, that were passed. */
    s: z.int().min(0).optional(),
    /** Id of the last entry passed, which finds the place again when entries were added. */
    a: z.string().max(128).optional(),
  })
);

/** The longest that {@linkcode encodeCursor} makes, and some. */
const MAX_CHARS = 4_000;

/** A place in the list of agents. */
export type ListCursor = z.infer<typeof cursorSchema>;

/** An opaque, URL-safe text. */
export function encodeCursor(cursor: ListCursor): string {
  const bytes = new TextEncoder().encode(JSON.stringify(cursor));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** @throws `ToolError` `invalid_argument` for anything that is not such a text */
export function decodeCursor(text: string): ListCursor {
  try {
    if (text.length > MAX_CHARS) throw new RangeError("Too long for a cursor");
    const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(binary, (char) => char.charCodeAt(0));
    return cursorSchema.parse(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)));
  } catch (cause) {
    throw new ToolError(
      "invalid_argument",
      "cursor must be a next_cursor of list_agents; leave it out to start from the beginning.",
      { cause },
    );
  }
}
