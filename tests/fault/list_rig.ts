import { createApi } from "../../src/api/client.ts";
import type { SessionEvent } from "../../src/api/events.ts";
import type { Clock } from "../../src/core/clock.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { createWaiter } from "../../src/session/waiter.ts";
import type { ToolDefinition } from "../../src/tools/define.ts";
import { getSession } from "../../src/tools/get_session.ts";
import { listEvents } from "../../src/tools/list_events.ts";
import type { Principal } from "../../src/access/principal.ts";
import { createServices } from "../../src/tools/services.ts";
import { waitForIdle } from "../../src/tools/wait_for_idle.ts";
import { steadyClock } from "../helpers/fast_clock.ts";
import { type ListManners, ListServer } from "../helpers/list_server.ts";

const SESSION = { session_id: "sesn_1" };
const START_MS = Date.parse("2026-11-23T09:00:00Z");

/** The tools in front of a server of its own manners, over a real socket. */
export interface ListRig extends AsyncDisposable {
  readonly server: ListServer;
  readonly clock: Clock;
  wait(args?: Record<string, unknown>): Promise<Record<string, unknown>>;
  list(args?: Record<string, unknown>): Promise<Record<string, unknown>>;
  session(): Promise<Record<string, unknown>>;
}

/** @param principal who calls; without limits when absent */
export function listRig(
  events: readonly SessionEvent[],
  manners: ListManners = {},
  options: { readonly principal?: Principal; readonly maxBodyBytes?: number } = {},
): ListRig {
  const server = new ListServer(events, manners);
  const client = Deno.createHttpClient({});
  const clock = steadyClock();
  const api = createApi({
    baseUrl: server.url,
    credential: () => ({ kind: "api_key", value: "test-key" }),
    fetch: (request) => fetch(request, { client }),
    clock,
    maxBodyBytes: options.maxBodyBytes,
  });
  const waiter = createWaiter({ api, clock, log: silentLogger });
  const services = createServices({ api, waiter, clock, log: silentLogger });
  const { signal } = new AbortController();
  const run = (tool: ToolDefinition, args: Record<string, unknown>) =>
    tool.run({ ...SESSION, ...args }, {
      signal,
      services,
      requestId: "1",
      ...(options.principal && { principal: options.principal }),
    });
  return {
    server,
    clock,
    wait: (args = {}) => run(waitForIdle, { timeout_sec: 10, ...args }),
    list: (args = {}) => run(listEvents, args),
    session: () => run(getSession, {}),
    async [Symbol.asyncDispose]() {
      waiter.close();
      await server.close();
      client.close();
    },
  };
}

/** How the times of the events are made. */
export type Stamps =
  /** As documented. */
  | "plain"
  /** Inputs only when their turn has ended. */
  | "late"
  /** Inputs never. */
  | "inputs_never"
  /** No event has any, but a running number. */
  | "numbered"
  /** No event has any. */
  | "none";

/** Turns of five events each, one event a second; ids count from 1. */
export function turnsOf(count: number, stamps: Stamps = "plain"): SessionEvent[] {
  const events: SessionEvent[] = [];
  for (let turn = 1; turn <= count; turn++) {
    const begun = START_MS + turn * 10_000;
    const add = (type: string, atMs: number | null, fields: Record<string, unknown> = {}) => {
      const n = events.length + 1;
      const timed = stamps !== "none" && stamps !== "numbered";
      events.push({
        id: `e${n}`,
        type,
        ...(timed && { processed_at: atMs === null ? null : new Date(atMs).toISOString() }),
        ...(stamps === "numbered" && { seq: n }),
        ...fields,
      });
    };
    const text = (value: string) => ({ content: [{ type: "text", text: value }] });
    const inputAt = { late: begun + 5_000, inputs_never: null }[String(stamps)];
    add("user.message", inputAt === undefined ? begun : inputAt, text(`question ${turn}`));
    add("session.status_running", begun + 1_000);
    add("span.model_request_start", begun + 2_000);
    add("agent.message", begun + 3_000, text(`answer ${turn}`));
    add("session.status_idle", begun + 4_000, { stop_reason: { type: "end_turn" } });
  }
  return events;
}
