/**
 * Metadata of sessions: the caller's pairs of texts, and the marks of this program beside them.
 *
 * @module
 */

/** Longest key and value that the API takes, in characters (API documentation). */
export const METADATA_LIMITS = { key: 64, value: 512 } as const;

/** Begins the keys of the marks, which no caller may set and no result shows. */
export const MARK_PREFIX = "cma_mcp_";

/** Returns true for the key of a mark, in any case and behind any white space. */
export function isMark(key: string): boolean {
  return key.trim().toLowerCase().startsWith(MARK_PREFIX);
}
