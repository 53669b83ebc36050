import { createApi } from "../../src/api/client.ts";
import { raceSignal } from "../../src/core/abort.ts";
import { type LogFields, silentLogger } from "../../src/core/logger.ts";
import { type AttendedWaitRequest, waitAttended } from "../../src/session/attended_wait.ts";
import type {
  CarriedAnswer,
  Decision,
  Person,
  PersonAnswer,
  Question,
  Round,
} from "../../src/session/person.ts";
import type { WaitResult } from "../../src/session/result.ts";
import { type CountingWaiter, createWaiter } from "../../src/session/waiter.ts";
import { createSimulator, type Habits, type Simulator } from "../../src/simulator/mod.ts";
import { createServices, type Services, type ServicesOptions } from "../../src/tools/services.ts";
import { ManualClock, settle } from "./manual_clock.ts";

/** How often promises settle before the clock moves: digests are made on another thread. */
const SETTLES = 6;

/** A question that a person was asked. */
export interface Asked extends Question {
  readonly round: Round;
}

/** An answer that was posted to the API by this program. */
export interface Posted {
  readonly id: string;
  readonly decision: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly replica: number;
  /** Status of the response that this program got; absent where it got none. */
  status?: number;
}

interface Replica {
  readonly waiter: CountingWaiter;
  readonly services: Services;
}

/** Options of an {@linkcode AttendedWorld}. */
export interface WorldOptions {
  readonly habits?: Partial<Habits>;
  readonly replicas?: number;
  readonly maxWaits?: number;
  readonly services?: Partial<ServicesOptions>;
}

/** Never answers, until the question is withdrawn. */
export function neverAnswers(signal: AbortSignal): Promise<never> {
  return raceSignal(new Promise<never>(() => {}), signal);
}

/** Decides on calls in their order; `undefined` puts one off. */
export function decides(
  ...decisions: readonly (Decision | undefined)[]
): (question: Pick<Question, "calls">) => PersonAnswer {
  return ({ calls }) => ({
    kind: "decided",
    decisions: new Map(calls.flatMap(({ eventId }, index) => {
      const decision = decisions[index] ?? (decisions.length === 1 ? decisions[0] : undefined);
      return decision ? [[eventId, decision] as const] : [];
    })),
  });
}

/** Replicas of this program in front of one simulated session, and a person who is asked. */
export class AttendedWorld {
  readonly clock = new ManualClock();
  readonly simulator: Simulator;
  readonly sessionId: string;
  readonly asked: Asked[] = [];
  readonly posted: Posted[] = [];
  readonly audit: LogFields[] = [];
  readonly progress: string[] = [];
  readonly controller = new AbortController();
  /** Changes what the API answers to a read of the session's events. */
  rewrite: (json: string) => string = (json) => json;
  /** Called before each request of this program. */
  before: (request: Request) => void | Promise<void> = () => {};
  mayAct = true;
  readonly #replicas: Replica[];
  #calls: readonly string[] = [];

  constructor({ habits, replicas = 1, maxWaits, services }: WorldOptions = {}) {
    const { clock } = this;
    // The clock moves from timer to timer, and requests take turns of the event loop: frequent
    // timers keep it from running ahead of them.
    this.simulator = createSimulator({ clock, habits: { heartbeatMs: 500, ...habits }, seed: 1 });
    this.sessionId = this.simulator.createSession({ agent: "script" });
    this.#replicas = Array.from(
      { length: replicas },
      (_, index) => this.#replica(index, maxWaits, services ?? {}),
    );
  }

  #replica(
    index: number,
    maxWaits: number | undefined,
    options: Partial<ServicesOptions>,
  ): Replica {
    const { clock } = this;
    const log = {
      ...silentLogger,
      info: (_message: string, fields: LogFields = {}) => {
        if (fields.audit) this.audit.push(fields);
      },
    };
    const api = createApi({
      baseUrl: "http://simulator.test",
      credential: () => ({ kind: "api_key", value: "test-key" }),
      fetch: (request) => this.#fetch(request, index),
      clock,
      random: () => 0.5,
    });
    const waiter = createWaiter({
      ...{ api, clock, log, random: () => 0.5 },
      ...(maxWaits !== undefined && { maxWaits }),
    });
    return { waiter, services: createServices({ api, waiter, clock, log, ...options }) };
  }

  async #fetch(request: Request, replica: number): Promise<Response> {
    await this.before(request);
    const { pathname } = new URL(request.url);
    if (request.method === "POST" && pathname.endsWith("/events")) {
      const { events } = await request.clone().json();
      const posted: Posted[] = events.map((body: Record<string, unknown>) => ({
        id: String(body.tool_use_id ?? body.custom_tool_use_id ?? ""),
        decision: String(body.result ?? "answer"),
        body,
        replica,
      }));
      this.posted.push(...posted);
      const response = await this.simulator.fetch(request);
      for (const one of posted) one.status = response.status;
      return response;
    }
    const response = await this.simulator.fetch(request);
    const isList = request.method === "GET" && pathname.endsWith("/events");
    if (!isList || !response.ok) return response;
    const { status, headers } = response;
    return new Response(this.rewrite(await response.text()), { status, headers });
  }

  replica(index = 0): Replica {
    const replica = this.#replicas[index];
    if (!replica) throw new Error("There is no such replica");
    return replica;
  }

  /** A request to the API that goes around this program: from the Console, or another host. */
  async direct(
    path: string,
    body?: unknown,
    method = body === undefined ? "GET" : "POST",
  ): Promise<Record<string, unknown>> {
    const response = await this.simulator.fetch(
      new Request(`http://simulator.test/v1/sessions/${this.sessionId}${path}`, {
        headers: {
          "x-api-key": "any",
          "anthropic-beta": "managed-agents-2026-04-01",
          "content-type": "application/json",
        },
        method,
        ...(body !== undefined && { body: JSON.stringify(body) }),
      }),
    );
    const text = await response.text();
    return text === "" ? {} : JSON.parse(text);
  }

  /** Deletes the session around this program. */
  async deleteDirect(): Promise<void> {
    await this.direct("", undefined, "DELETE");
  }

  /** Sends an event around this program. */
  async sendDirect(event: Record<string, unknown>): Promise<Record<string, unknown>> {
    return await this.direct("/events", { events: [event] });
  }

  /** Begins a turn that follows these lines; resolves when it is blocked, or over. */
  async begin(...lines: readonly string[]): Promise<void> {
    const content = [{ type: "text", text: lines.join("\n") }];
    await this.sendDirect({ type: "user.message", content });
    await this.clock.advance(10_000);
    await this.calls();
  }

  /** Answers that the session has, whoever sent them, in their order: decision by call. */
  async answers(): Promise<(readonly [id: string, decision: string])[]> {
    return (await this.#events() ?? []).flatMap((
      { type, tool_use_id, custom_tool_use_id, result },
    ) =>
      type === "user.tool_confirmation"
        ? [[String(tool_use_id), String(result)] as const]
        : type === "user.custom_tool_result"
        ? [[String(custom_tool_use_id), "answer"] as const]
        : []
    );
  }

  /** Ids of the calls that the agent made, in their order; of a deleted session, those read before. */
  async calls(): Promise<readonly string[]> {
    const events = await this.#events();
    if (events) {
      this.#calls = events.filter(({ type }) => /^agent\..*tool_use$/.test(String(type)))
        .map(({ id }) => String(id));
    }
    return this.#calls;
  }

  /** The session's events; undefined once it is deleted. */
  async #events(): Promise<readonly Record<string, unknown>[] | undefined> {
    const { data } = await this.direct("/events?limit=1000");
    return Array.isArray(data) ? data : undefined;
  }

  /** A person who answers questions by `answer`. */
  person(
    answer: (question: Question, round: Round, signal: AbortSignal) =>
      | PersonAnswer
      | Promise<PersonAnswer>,
    carried?: CarriedAnswer,
  ): Person {
    return {
      channel: "form",
      ...(carried && { carried: () => Promise.resolve(carried) }),
      ask: async (question, round, signal) => {
        this.asked.push({ ...question, round });
        return await answer(question, round, signal);
      },
    };
  }

  /** Waits, without moving the clock. */
  attend(
    person: Person | undefined,
    request: Partial<AttendedWaitRequest> = {},
    replica = 0,
  ): Promise<WaitResult> {
    return waitAttended({
      sessionId: this.sessionId,
      timeoutMs: 50_000,
      signal: this.controller.signal,
      onProgress: (message) => this.progress.push(message),
      ...(person && { person }),
      by: {
        caller: { token: "team-a" },
        client: "host",
        requestId: "1",
        mayAct: () => this.mayAct,
      },
      ...request,
    }, this.replica(replica).services);
  }

  /** Moves the clock until a promise has settled. */
  async run<T>(promise: Promise<T>): Promise<T> {
    return await this.clock.runUntil(promise, undefined, SETTLES);
  }

  /** Waits, and moves the clock until the wait is over. */
  async wait(...given: Parameters<AttendedWorld["attend"]>): Promise<WaitResult> {
    return await this.run(this.attend(...given));
  }

  /** Closes the simulator. @returns a line for each thing that finished waits left behind */
  async close(): Promise<string[]> {
    await settle();
    const streams = this.simulator.openStreams();
    const waits = this.#replicas.reduce((sum, { waiter }) => sum + waiter.stats().openWaits, 0);
    this.simulator.close();
    return [
      ...(streams > 0 ? [`${streams} streams are open`] : []),
      ...(waits > 0 ? [`${waits} waits are open`] : []),
    ];
  }
}
