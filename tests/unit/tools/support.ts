import type { ListEventsParams, ManagedAgentsApi } from "../../../src/api/types.ts";
import { EventRecord } from "../../../src/api/event_record.ts";
import { recordEvents } from "../../../src/api/client.ts";
import type { SessionEvent } from "../../../src/api/events.ts";
import type { Page } from "../../../src/api/pages.ts";
import type { Agent, Session } from "../../../src/api/resources.ts";
import { ApiError } from "../../../src/api/errors.ts";
import { silentLogger } from "../../../src/core/logger.ts";
import type { WaitResult } from "../../../src/session/result.ts";
import { raceSignal } from "../../../src/core/abort.ts";
import type { SessionLook } from "../../../src/session/session_watch.ts";
import type { Waiter, WaitPlace, WaitRequest } from "../../../src/session/waiter.ts";
import type { ToolCall, ToolDefinition } from "../../../src/tools/define.ts";
import {
  createServices,
  type Services,
  type ServicesOptions,
} from "../../../src/tools/services.ts";
import { ManualClock } from "../../helpers/manual_clock.ts";

/** The API's methods by dotted name; what a test does not give must not be called. */
export interface ApiParts {
  readonly agents?: Partial<ManagedAgentsApi["agents"]>;
  readonly environments?: Partial<ManagedAgentsApi["environments"]>;
  readonly files?: Partial<ManagedAgentsApi["files"]>;
  readonly sessions?: Partial<ManagedAgentsApi["sessions"]>;
  readonly events?: Partial<ManagedAgentsApi["events"]>;
  readonly threads?: Partial<ManagedAgentsApi["threads"]>;
}

function unexpected(name: string) {
  return () => Promise.reject(new Error(`Unexpected call of ${name}`));
}

/** An API of the given parts. */
export function fakeApi(parts: ApiParts): ManagedAgentsApi {
  return {
    agents: {
      list: unexpected("agents.list"),
      retrieve: unexpected("agents.retrieve"),
      ...parts.agents,
    },
    environments: { list: unexpected("environments.list"), ...parts.environments },
    files: {
      list: unexpected("files.list"),
      retrieve: unexpected("files.retrieve"),
      content: unexpected("files.content"),
      ...parts.files,
    },
    sessions: {
      create: unexpected("sessions.create"),
      retrieve: unexpected("sessions.retrieve"),
      list: unexpected("sessions.list"),
      archive: unexpected("sessions.archive"),
      ...parts.sessions,
    },
    events: {
      list: unexpected("events.list"),
      send: unexpected("events.send"),
      stream: unexpected("events.stream"),
      ...parts.events,
    },
    threads: {
      list: unexpected("threads.list"),
      events: unexpected("threads.events"),
      ...parts.threads,
    },
  };
}

/** A waiter that records what it is asked and answers with `result`. */
export class FakeWaiter implements Waiter {
  readonly waits: WaitRequest[] = [];
  readonly rememberedSends: [string, string][] = [];
  result: WaitResult = {
    session_id: "sesn_1",
    status: "idle",
    reply: "Done.",
    tool_activity: [],
    pending_actions: [],
    errors: [],
    elapsed_sec: 1,
  };

  wait(request: WaitRequest): Promise<WaitResult> {
    this.waits.push(request);
    return Promise.resolve(this.result);
  }

  enter(): WaitPlace {
    return {
      wait: (request) => this.wait(request),
      waitForEnd: async (request) => {
        const result = await this.wait(request);
        return { status: result.status, result: () => result };
      },
      whileBlocked: (_ids, signal) => raceSignal(new Promise(() => {}), signal),
      release: () => {},
    };
  }

  rememberSend(sessionId: string, eventId: string): void {
    this.rememberedSends.push([sessionId, eventId]);
  }

  look(): Promise<SessionLook> {
    return Promise.reject(new Error("Unexpected look at a session"));
  }

  close(): void {}
}

/** Services over a fake API, and the means to call tools with them. */
export interface Harness {
  readonly services: Services;
  readonly clock: ManualClock;
  readonly waiter: FakeWaiter;
  call(overrides?: Partial<ToolCall>): ToolCall;
  run(
    tool: ToolDefinition,
    args: unknown,
    overrides?: Partial<ToolCall>,
  ): Promise<Record<string, unknown>>;
}

export function harness(parts: ApiParts, options: Partial<ServicesOptions> = {}): Harness {
  const clock = new ManualClock();
  const waiter = new FakeWaiter();
  const services = createServices({
    api: recordEvents(fakeApi(parts), new EventRecord(clock)),
    waiter,
    clock,
    log: silentLogger,
    ...options,
  });
  const call = (overrides: Partial<ToolCall> = {}): ToolCall => ({
    signal: new AbortController().signal,
    services,
    requestId: "1",
    ...overrides,
  });
  return {
    services,
    clock,
    waiter,
    call,
    run: (tool, args, overrides) => tool.run(args, call(overrides)),
  };
}

/** An error answer of the API. */
export function httpError(status: number, message = "No.", type = "some_error"): ApiError {
  return new ApiError(message, { kind: "http", status, type, requestId: "req_1" });
}

export function session(fields: Partial<Session> = {}): Session {
  return { id: "sesn_1", status: "idle", agent: { id: "agent_1", name: "One" }, ...fields };
}

export function agents(count: number): Agent[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `agent_${index + 1}`,
    name: `Agent ${index + 1}`,
    description: "Does things.",
    model: { id: "some-model" },
    version: 1,
    system: "SECRET PROMPT",
  }));
}

/** Pages of an array, with cursors bound to nothing. */
export function pageOf<T>(
  all: readonly T[],
  params: { readonly limit?: number; readonly page?: string },
  defaultLimit = 20,
): Page<T> {
  const start = params.page === undefined ? 0 : Number(params.page.slice(2));
  const end = start + (params.limit ?? defaultLimit);
  return { data: all.slice(start, end), next_page: end < all.length ? `p_${end}` : null };
}

/** A session's events behind `events.list`, whose cursors hold on to events and refuse other orders. */
export class FakeEvents {
  readonly events: SessionEvent[];
  readonly requests: ListEventsParams[] = [];

  constructor(events: readonly SessionEvent[]) {
    this.events = [...events];
  }

  get api(): Partial<ManagedAgentsApi["events"]> {
    return { list: (_sessionId, params) => Promise.resolve(this.#list(params)) };
  }

  #list(params: ListEventsParams): Page<SessionEvent> {
    this.requests.push(params);
    const { order = "asc", types, limit = 1_000, page } = params;
    const matching = this.events.filter((event) => !types || types.includes(event.type));
    const listed = order === "asc" ? matching : matching.toReversed();
    const bound = `${order}/${types?.join(",") ?? ""}/`;
    if (page !== undefined && !page.startsWith(bound)) throw httpError(400, "Wrong cursor.");
    const start = page === undefined
      ? 0
      : listed.findIndex(({ id }) => id === page.slice(bound.length)) + 1;
    const data = listed.slice(start, start + limit);
    const last = data.at(-1)?.id;
    return { data, next_page: start + limit < listed.length ? bound + last : null };
  }
}

/** Messages `e1` to `e<count>`, one a second; every fifth is a `user.message`. */
export function events(count: number, from = 1): SessionEvent[] {
  return Array.from({ length: count }, (_, index) => {
    const n = from + index;
    return {
      id: `e${n}`,
      type: n % 5 === 0 ? "user.message" : "agent.message",
      processed_at: new Date(Date.parse("2026-11-23T09:00:00Z") + n * 1_000).toISOString(),
      content: [{ type: "text", text: `text ${n}` }],
    };
  });
}

/** The ids of a `list_events` result. */
export function idsOf(result: Record<string, unknown>): string[] {
  return entriesOf(result, "events").map((event) => String(event.id));
}

/** A field of a result that is a list of objects. */
export function entriesOf(
  result: Record<string, unknown>,
  name: string,
): Record<string, unknown>[] {
  const list = result[name];
  if (!Array.isArray(list)) throw new Error(`No list "${name}" in ${JSON.stringify(result)}`);
  return list;
}
