/**
 * Reads the same bytes, and the same session, in different ways. Each is timed, and must find all that
 * is there.
 *
 * @module
 */

import { createParser } from "eventsource-parser";
import type { ManagedAgentsApi } from "../../../src/api/types.ts";
import { createItemDecoder } from "../../../src/api/stream.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { silentLogger } from "../../../src/core/logger.ts";
import { createRedact } from "../../../src/core/redact.ts";
import type { WaitResult } from "../../../src/session/result.ts";
import { createWaiter } from "../../../src/session/waiter.ts";
import { listEvents } from "../../../src/tools/list_events.ts";
import { createServices } from "../../../src/tools/services.ts";
import { type EventJson, EventWriter } from "./events.ts";
import { memoryApi, PagedEvents, SESSION_ID } from "./memory_api.ts";

type Chunks = readonly Uint8Array<ArrayBuffer>[];

/** The client's own limit. */
const MAX_FRAME_CHARS = 8 * 1024 * 1024;
const TIMEOUT_MS = 600_000;

/** Keeps the garbage of what ran before out of what is timed next, where the runtime lets it. */
export function collectGarbage(): void {
  const gc: unknown = Reflect.get(globalThis, "gc");
  if (typeof gc === "function") gc();
}

/** Returns the milliseconds that `work` takes. */
async function timed(work: () => unknown): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

function demand(holds: boolean, what: string): void {
  if (!holds) throw new Error(`Not all was read: ${what}`);
}

/** Times the baseline: the frames of the parser, each parsed as JSON. */
export function readBaseline(chunks: Chunks, events: number): Promise<number> {
  return timed(() => {
    const decoder = new TextDecoder();
    let found = 0;
    const parser = createParser({
      onEvent: ({ data, event }) => {
        const value: { readonly type?: unknown } = JSON.parse(data);
        if (value.type === event) found++;
      },
    });
    for (const chunk of chunks) parser.feed(decoder.decode(chunk, { stream: true }));
    demand(found === events, `${found} of ${events} frames`);
  });
}

/** Times the way from bytes to items, as `src/api` goes it. */
export function readItems(chunks: Chunks, events: number): Promise<number> {
  return timed(() => {
    const decoder = createItemDecoder({
      maxFrameChars: MAX_FRAME_CHARS,
      log: silentLogger,
      redact: createRedact([]),
    });
    let found = 0;
    for (const chunk of chunks) {
      for (const item of decoder.push(chunk)) if (item.kind === "event") found++;
    }
    demand(found === events, `${found} of ${events} events`);
  });
}

/** A session with one message that was taken up, as a wait finds it when a turn begins. */
const ASKED = (() => {
  const writer = new EventWriter();
  writer.ask();
  return new PagedEvents(writer.events);
})();

/** Times a wait, from its call to its result, whose stream sends a whole turn. */
export function readTurn(chunks: Chunks, turn: readonly EventJson[]): Promise<number> {
  const lastId = turn.at(-1)?.id;
  return timed(async () => {
    const result = await wait(memoryApi(ASKED, chunks));
    const { status, last_event_id } = result;
    demand(status === "idle" && last_event_id === lastId, `${status} at ${last_event_id}`);
    demand(result.errors.length === 0, JSON.stringify(result.errors));
  });
}

/**
 * Times a wait on a turn that is over, all of it in the list.
 *
 * @param afterId an event that it must read back to; without it, it reads what the reply has room for
 */
export function readOver(session: PagedEvents, afterId?: string): Promise<number> {
  const lastId = session.events.at(-1)?.id;
  return timed(async () => {
    const { status, last_event_id } = await wait(memoryApi(session), afterId);
    demand(status === "idle" && last_event_id === lastId, `${status} at ${last_event_id}`);
  });
}

async function wait(api: ManagedAgentsApi, afterId?: string): Promise<WaitResult> {
  const waiter = createWaiter({ api, clock: systemClock, log: silentLogger });
  const { signal } = new AbortController();
  return await waiter.wait({ sessionId: SESSION_ID, timeoutMs: TIMEOUT_MS, afterId, signal });
}

/** Arguments of `list_events`. */
export interface ListArgs {
  readonly after_id?: string;
  readonly limit?: number;
  readonly types?: readonly string[];
}

/**
 * Times a call of `list_events` by a process that knows nothing of the session yet.
 *
 * @param expected how many events it must give
 */
export function callListEvents(
  session: PagedEvents,
  args: ListArgs,
  expected: number,
): Promise<number> {
  const api = memoryApi(session);
  const parts = { api, clock: systemClock, log: silentLogger };
  const services = createServices({ ...parts, waiter: createWaiter(parts) });
  const { signal } = new AbortController();
  return timed(async () => {
    const call = { services, signal, requestId: "1" };
    const { events } = await listEvents.run({ session_id: SESSION_ID, ...args }, call);
    const found = Array.isArray(events) ? events.length : 0;
    demand(found === expected, `${found} of ${expected} listed events`);
  });
}
