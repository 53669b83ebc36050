/**
 * URIs of the MCP resources that this server has.
 *
 * @module
 */

import { isEventId } from "../api/read.ts";
import { ID } from "../core/ids.ts";

const SCHEME = "cma://";

/** What a URI names, by the arguments with which it is read. */
export type Resource =
  | {
    readonly kind: "transcript";
    readonly session_id: string;
    /** Cursor of the part; absent for the first one. */
    readonly after?: string;
  }
  | { readonly kind: "file"; readonly session_id: string; readonly file_id: string }
  | { readonly kind: "agent"; readonly agent_id: string };

/** A kind of resource. */
export type ResourceKind = Resource["kind"];

/** Templates of the URIs (RFC 6570); clients fill in what stands in braces. */
export const RESOURCE_TEMPLATES: Readonly<Record<ResourceKind, string>> = {
  transcript: `${SCHEME}sessions/{session_id}/transcript{?after}`,
  file: `${SCHEME}sessions/{session_id}/files/{file_id}`,
  agent: `${SCHEME}agents/{agent_id}`,
};

/** Returns the URI of a resource. */
export function uriOf(resource: Resource): string {
  switch (resource.kind) {
    case "transcript": {
      const { session_id, after } = resource;
      const part = after === undefined ? "" : `?after=${encodeURIComponent(after)}`;
      return `${SCHEME}sessions/${session_id}/transcript${part}`;
    }
    case "file":
      return `${SCHEME}sessions/${resource.session_id}/files/${resource.file_id}`;
    case "agent":
      return `${SCHEME}agents/${resource.agent_id}`;
  }
}

/**
 * Returns the URI that names a document which an event returned: it stands in a result as a whole,
 * and cannot be read again.
 *
 * @param number of the document among those of the result, from 0
 */
export function attachmentUri(sessionId: string, eventId: string, number: number): string {
  const event = encodeURIComponent(eventId.toWellFormed());
  return `${SCHEME}sessions/${sessionId}/events/${event}/attachments/${number}`;
}

/** Reads a URI; undefined for one that can name no resource of this server. */
export function resourceAt(uri: string): Resource | undefined {
  if (uri.length > MAX_URI_CHARS || !uri.startsWith(SCHEME)) return undefined;
  const [path = "", query, ...more] = uri.slice(SCHEME.length).split("?");
  const [collection, id = "", part, partId, ...rest] = path.split("/");
  if (!ID.test(id) || rest.length > 0 || more.length > 0) return undefined;
  if (collection === "sessions" && part === "transcript" && partId === undefined) {
    if (query === undefined) return { kind: "transcript", session_id: id };
    const after = afterIn(query);
    return after === undefined ? undefined : { kind: "transcript", session_id: id, after };
  }
  if (query !== undefined) return undefined;
  if (collection === "agents" && part === undefined) return { kind: "agent", agent_id: id };
  const isFile = collection === "sessions" && part === "files" && ID.test(partId ?? "");
  return isFile && partId ? { kind: "file", session_id: id, file_id: partId } : undefined;
}

/** Longest URI that is read: an id, and a cursor of which each character may take twelve. */
const MAX_URI_CHARS = 2_000;

/** Reads the cursor of a transcript's part. */
function afterIn(query: string): string | undefined {
  const [, encoded] = /^after=([^&#]+)$/.exec(query) ?? [];
  try {
    const after = decodeURIComponent(encoded ?? "");
    return isEventId(after) ? after : undefined;
  } catch {
    // A percent sign that begins no escape.
    return undefined;
  }
}
