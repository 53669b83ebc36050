import type { SessionEvent } from "../../src/api/events.ts";

/** How a server lists the events of a session. */
export interface ListManners {
  /** The order of pages: `asked` (default), or this one whatever is asked. */
  readonly order?: "asked" | "asc" | "desc";
  /**
   * True (default) if `types` filters events; `late` if it filters each page that was made without
   * it.
   */
  readonly types?: boolean | "late";
  /** Responds 400 to these parameters; `limit` stands for one above 100. */
  readonly refuses?: readonly ("limit" | "order" | "types")[];
  /** The response in place of a page. */
  readonly envelope?: (page: Record<string, unknown>) => unknown;
  /** Makes the data of the frame that shows an event on the stream; by default the event itself. */
  readonly frame?: (event: SessionEvent) => unknown;
  /** The response in place of a stream. */
  readonly stream?: () => Response;
  /** Fields of the session beside its id, or the response in its place. */
  readonly session?: Record<string, unknown>;
  /**
   * The events of a page: `asked` (default), with 400 for a limit above 1,000; `ignored`, all in
   * one page; or this number at most, whatever is asked.
   */
  readonly limit?: "asked" | "ignored" | number;
  /**
   * How a page tells of the next: `cursor` with `next_page`, null on the last one; `absent` the
   * same but no field on the last one; `none` not at all; `has_more` a flag, and no way on;
   * `after_id`, `after_seq` a flag, and these parameters; `same` the same cursor for ever; `itself`
   * each page names itself; `empty` an empty text on the last one; `endless` empty pages for ever
   * after the last one; `gaps` an empty page before each.
   */
  readonly paging?:
    | "cursor"
    | "absent"
    | "none"
    | "has_more"
    | "after_id"
    | "after_seq"
    | "same"
    | "itself"
    | "empty"
    | "endless"
    | "gaps";
  /** Begins each page with the last event of the page before. */
  readonly overlap?: boolean;
}

const MIN_KEPT_CHARS = 100_000;

/** One session behind a real socket on 127.0.0.1. */
export class ListServer {
  /** Oldest first. */
  readonly events: SessionEvent[];
  /** The query of each list request. */
  readonly queries: URLSearchParams[] = [];
  readonly manners: ListManners;
  status = "idle";
  /** The number of requests for the stream. */
  streamsAsked = 0;
  /** Called with each list request, before it is answered. */
  onList: (query: URLSearchParams) => void = () => {};
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  #onStream = () => {};
  readonly #streams = new Set<ReadableStreamDefaultController<Uint8Array>>();
  /** The JSON of large events, so that it is made once. */
  readonly #json = new WeakMap<SessionEvent, string>();

  constructor(events: readonly SessionEvent[], manners: ListManners = {}) {
    this.events = [...events];
    this.manners = manners;
    const options = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
    this.#server = Deno.serve(options, (request) => this.#handle(request));
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** Appends an event and shows it on the open streams. */
  emit(...events: SessionEvent[]): void {
    this.events.push(...events);
    for (const event of events) {
      const shown = this.manners.frame?.(event);
      const frame = shown === undefined
        ? `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`
        : `data: ${JSON.stringify(shown)}\n\n`;
      for (const stream of this.#streams) stream.enqueue(new TextEncoder().encode(frame));
    }
  }

  /** Ends the open streams. */
  cut(): void {
    for (const stream of this.#streams) stream.close();
    this.#streams.clear();
  }

  /** Resolves when a stream is open. */
  streaming(): Promise<void> {
    if (this.#streams.size > 0) return Promise.resolve();
    return new Promise((resolve) => this.#onStream = resolve);
  }

  async close(): Promise<void> {
    for (const stream of this.#streams) stream.close();
    this.#streams.clear();
    await this.#server.shutdown();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #handle(request: Request): Response {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname.endsWith("/stream")) return this.#stream();
    if (pathname.endsWith("/events")) {
      this.queries.push(searchParams);
      this.onList(searchParams);
      return this.#list(searchParams);
    }
    if (pathname === "/v1/agents") return Response.json({ data: [], next_page: null });
    const session = { id: "sesn_1", type: "session", status: this.status, agent: "agent_1" };
    return Response.json({ ...session, ...this.manners.session });
  }

  #stream(): Response {
    this.streamsAsked++;
    if (this.manners.stream) return this.manners.stream();
    let controller: ReadableStreamDefaultController<Uint8Array>;
    const body = new ReadableStream<Uint8Array>({
      start: (opened) => {
        controller = opened;
        this.#streams.add(controller);
        this.#onStream();
        controller.enqueue(new TextEncoder().encode(": open\n\n"));
      },
      cancel: () => {
        this.#streams.delete(controller);
      },
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  }

  #list(query: URLSearchParams): Response {
    const { order: manner = "asked", types = true, overlap } = this.manners;
    const order = manner === "asked" ? query.get("order") ?? "asc" : manner;
    const wanted = query.getAll("types[]");
    const refused = this.manners.refuses?.find((name) =>
      name === "limit" ? Number(query.get(name)) > 100 : query.has(name) || query.has(`${name}[]`)
    );
    if (refused) return Response.json({ detail: `Unknown: ${refused}` }, { status: 400 });
    const isWanted = ({ type }: SessionEvent) => wanted.length === 0 || wanted.includes(type);
    const matching = types === true ? this.events.filter(isWanted) : this.events;
    const ordered = order === "asc" ? matching : matching.toReversed();
    const size = this.#size(query);
    if (size === undefined) return Response.json({ error: { type: "invalid" } }, { status: 400 });
    const from = this.#start(query, ordered);
    if (from === -1) return this.#page([], String(ordered.length), undefined);
    const entries = ordered.slice(overlap ? Math.max(0, from - 1) : from, from + size);
    const gap = this.manners.paging === "gaps" && query.get("page")?.endsWith("?") === false;
    if (gap) return this.#page([], `${from}?`, undefined);
    const to = from + size;
    const held = types === "late" ? entries.filter(isWanted) : entries;
    return this.#page(held, to < ordered.length ? String(to) : undefined, query.get("page"));
  }

  #size(query: URLSearchParams): number | undefined {
    const { limit: manner = "asked" } = this.manners;
    const asked = Number(query.get("limit") ?? 1_000);
    if (manner === "ignored") return Infinity;
    if (typeof manner === "number") return Math.min(manner, asked);
    return asked > 1_000 ? undefined : asked;
  }

  #start(query: URLSearchParams, ordered: readonly SessionEvent[]): number {
    const { paging = "cursor" } = this.manners;
    if (paging === "after_id") {
      return ordered.findIndex(({ id }) => id === query.get("after_id")) + 1;
    }
    if (paging === "after_seq") {
      return ordered.findIndex(({ seq }) => String(seq) === query.get("after_seq")) + 1;
    }
    const page = query.get("page");
    if (page === null || ["none", "has_more", "same", "itself"].includes(paging)) return 0;
    const from = parseInt(page);
    return paging === "endless" && from >= ordered.length ? -1 : from;
  }

  #page(
    entries: readonly SessionEvent[],
    next: string | undefined,
    asked: string | null | undefined,
  ): Response {
    const { paging = "cursor" } = this.manners;
    const fields = {
      cursor: { next_page: next ?? null },
      gaps: { next_page: next ?? null },
      absent: next === undefined ? {} : { next_page: next },
      none: {},
      has_more: { has_more: next !== undefined },
      after_id: { has_more: next !== undefined, last_id: entries.at(-1)?.id ?? null },
      after_seq: { has_more: next !== undefined },
      same: { next_page: "for ever" },
      itself: { next_page: asked ?? "1" },
      empty: { next_page: next ?? "" },
      endless: { next_page: next ?? String(Number(asked ?? 0) + 100_000) },
    }[paging];
    const { envelope } = this.manners;
    if (envelope) return Response.json(envelope({ data: entries, ...fields }));
    const data = entries.map((event) => this.#jsonOf(event)).join(",");
    const rest = JSON.stringify(fields).slice(1);
    const body = `{"data":[${data}]${rest === "}" ? "" : ","}${rest}`;
    return new Response(body, { headers: { "content-type": "application/json" } });
  }

  #jsonOf(event: SessionEvent): string {
    const known = this.#json.get(event);
    if (known !== undefined) return known;
    const json = JSON.stringify(event);
    if (json.length > MIN_KEPT_CHARS) this.#json.set(event, json);
    return json;
  }
}
