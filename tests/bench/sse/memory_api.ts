/**
 * An API that has everything in memory, so that only the client's own work takes time.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import type { FetchLike, ManagedAgentsApi } from "../../../src/api/types.ts";
import { apiOver } from "../api_client.ts";
import type { EventJson } from "./events.ts";

/** The only session there is. */
export const SESSION_ID = "sesn_01M83M3CPK00000KFS2QWNKZD7";

/** As large as the runtime's own buffer of a response's body. */
const BODY_BUFFER_BYTES = 64 * 1024;

/** A session's events, with pages that are made once. */
export class PagedEvents {
  /** Oldest first. */
  readonly events: readonly EventJson[];
  readonly #pages = new Map<string, string>();

  constructor(events: readonly EventJson[]) {
    this.events = events;
  }

  /** Returns the body of the response to a list request. */
  page(query: URLSearchParams): string {
    const key = query.toString();
    const known = this.#pages.get(key);
    if (known !== undefined) return known;
    const types = query.getAll("types[]");
    const matching = types.length > 0
      ? this.events.filter(({ type }) => types.includes(type))
      : this.events;
    const from = Number(query.get("page") ?? 0);
    const to = from + Number(query.get("limit") ?? 1_000);
    const entries = query.get("order") === "desc"
      ? matching.slice(Math.max(0, matching.length - to), matching.length - from).toReversed()
      : matching.slice(from, to);
    const next = to < matching.length ? JSON.stringify(String(to)) : "null";
    const body = `{"data":[${entries.map(({ json }) => json).join(",")}],"next_page":${next}}`;
    this.#pages.set(key, body);
    return body;
  }
}

/** Lets the event loop turn, as it does before data from a network; the runtime tidies up then. */
const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

/**
 * A body that gives its chunks and then stays open, like a connection. As the bodies of
 * `fetch` it fills the buffer of whoever reads, which may be smaller than what has arrived.
 */
function bodyOf(chunks: readonly Uint8Array<ArrayBuffer>[]): ReadableStream<Uint8Array> {
  let index = 0;
  let offset = 0;
  return new ReadableStream({
    type: "bytes",
    autoAllocateChunkSize: BODY_BUFFER_BYTES,
    async pull(controller) {
      const chunk = chunks[index];
      if (!chunk) return await new Promise<void>(() => {/* nothing comes any more */});
      if (offset === 0) await nextTurn();
      const request = controller.byobRequest;
      if (!request?.view) throw new TypeError("Whoever reads brings a buffer, or gets one");
      const { buffer, byteOffset, byteLength } = request.view;
      const piece = chunk.subarray(offset, offset + byteLength);
      new Uint8Array(buffer, byteOffset, byteLength).set(piece);
      offset += piece.length;
      if (offset === chunk.length) [index, offset] = [index + 1, 0];
      request.respond(piece.length);
    },
  });
}

/**
 * Makes a client of the API over a session whose events and stream are given.
 *
 * @param chunks what the stream sends once it is open
 */
export function memoryApi(
  session: PagedEvents,
  chunks: readonly Uint8Array<ArrayBuffer>[] = [],
): ManagedAgentsApi {
  const json = (body: string) =>
    new Response(body, { headers: { "content-type": "application/json" } });
  const fetch: FetchLike = async ({ url }) => {
    await nextTurn();
    const { pathname, searchParams } = new URL(url);
    if (pathname.endsWith("/stream")) {
      return new Response(bodyOf(chunks), { headers: { "content-type": "text/event-stream" } });
    }
    if (pathname.endsWith("/events")) return json(session.page(searchParams));
    const isOver = session.events.at(-1)?.type === "session.status_idle";
    return json(JSON.stringify({ id: SESSION_ID, status: isOver ? "idle" : "running" }));
  };
  return apiOver("http://127.0.0.1", { fetch });
}
