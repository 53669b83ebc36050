/**
 * The simulator: its workspace, its switches, and the handling of a request.
 *
 * @module
 */

import { AgentStore, snapshot } from "./agents.ts";
import { raceAbort, realClock, type SimulatorClock } from "./clock.ts";
import { EnvironmentStore } from "./environments.ts";
import { errorEnvelope, errorTypeOf, SimulatorError } from "./errors.ts";
import type { Workspace } from "./exchange.ts";
import { Faults, type FaultSwitches, type ResponseFault } from "./faults.ts";
import { SimulatedFiles } from "./files.ts";
import { type Habits, hostedHabits } from "./habits.ts";
import { createIds, createMicros } from "./ids.ts";
import { checkApiKey, checkBeta, findRoute, ReadLimit } from "./router.ts";
import { definedAgent } from "./scripts/defined.ts";
import { type AgentFixture, type FixtureKey, fixtures } from "./scripts/fixtures.ts";
import { quickAnswer } from "./scripts/quick.ts";
import type { AppendOptions, World } from "./session.ts";
import { SessionStore } from "./sessions.ts";
import { Heartbeats } from "./stream.ts";
import { type EventBody, isWireObject, type SessionStatus, type WireObject } from "./wire.ts";

/** Options of {@linkcode createSimulator}. */
export interface SimulatorOptions {
  /** Clock of the whole simulator; the machine's clock when absent. */
  readonly clock?: SimulatorClock;
  /** Differences from the hosted API's habits. */
  readonly habits?: Partial<Habits>;
  /** The only credential accepted; any non-empty one when absent. */
  readonly apiKey?: string;
  /** Seed: with the same times it gives the same ids, with the same requests the same faults. */
  readonly seed?: number;
  /** Number of environments at start; one when absent. */
  readonly environments?: number;
  /**
   * Number of sessions to keep; 2,000 when absent. Beyond it each new session drops the one at rest,
   * without open streams, that was not sent to for longest.
   */
  readonly maxSessions?: number;
}

/** Parameters of a session that is made without a request. */
export interface NewSession {
  /** Short name of a seeded agent (`quick`, `slow`, …) or an agent's id; `quick` when absent. */
  readonly agent?: string;
  readonly title?: string;
  /** Initial status; `idle` when absent. */
  readonly status?: SessionStatus;
  /** False: nothing happens by itself, and sent events stay queued. True when absent. */
  readonly scripted?: boolean;
}

/** A request that the simulator received. */
export interface RequestRecord {
  readonly method: string;
  readonly path: string;
  /** The query as it was sent, without its question mark. */
  readonly query: string;
  /** Time of the request, in milliseconds since the epoch. */
  readonly at: number;
}

/** A running simulator. */
export interface Simulator {
  /**
   * Returns the response that the API would give.
   *
   * @throws `TypeError` where a fault breaks the connection; the reason of the request's signal
   * when that aborts
   */
  fetch(request: Request): Promise<Response>;
  readonly faults: FaultSwitches;
  readonly habits: Habits;
  /** Returns the id of a seeded agent, by its short name. */
  agentId(name: FixtureKey): string;
  /** Id of the first environment. */
  readonly environmentId: string;
  /** Makes a session without a request; returns its id. */
  createSession(params?: NewSession): string;
  /**
   * Adds an event to a session's history and sends it to its streams; returns its id. A status event
   * changes the session's status, as in a turn.
   */
  emit(sessionId: string, event: EventBody, options?: AppendOptions): string;
  /** Stamps a queued event and sends it again under its id. */
  stamp(sessionId: string, eventId: string): void;
  /** Writes a file to a session's outputs, as its agent does; returns its id. */
  writeFile(sessionId: string, filename: string, content: Uint8Array<ArrayBuffer>): string;
  /** Ends the time for which a file of a session is kept. */
  expireFile(fileId: string): void;
  /** Changes fields of an event in a session's history, and tells no stream. */
  rewrite(sessionId: string, eventId: string, fields: WireObject): void;
  /**
   * Adds a file as one that was uploaded to the workspace, which has no scope and cannot be
   * downloaded; returns its id.
   */
  uploadFile(filename: string, content: Uint8Array<ArrayBuffer>): string;
  /** Sets a session's status at once, with no event. */
  setStatus(sessionId: string, status: SessionStatus): void;
  /** The newest 10,000 requests, oldest first. */
  readonly requests: readonly RequestRecord[];
  /** Breaks every open stream at once, as the restart of a proxy does. */
  dropStreams(): void;
  /** Returns the number of open streams. */
  openStreams(): number;
  /** Ends every stream, turn and timer. */
  close(): void;
}

const MAX_RECORDS = 10_000;
/** A session with a turn takes some 9 KB, so that a workspace stays below 20 MB. */
const MAX_SESSIONS = 2_000;

/** Name of the first environment. */
const ENVIRONMENT = "Simulated environment";

function createWorkspace(options: SimulatorOptions, habits: Habits): Workspace {
  const { clock = realClock } = options;
  const now = () => clock.wallTime();
  const world: World = {
    habits,
    now,
    makeId: createIds(now, options.seed),
    micros: createMicros(now),
  };
  return {
    world,
    clock,
    heartbeats: new Heartbeats(clock, habits.heartbeatMs),
    agents: new AgentStore(world),
    environments: new EnvironmentStore(world),
    sessions: new SessionStore(world, clock, options.maxSessions ?? MAX_SESSIONS),
    uploads: new SimulatedFiles(null, world),
    defaultScript: habits.createdAgents === "as_defined" ? definedAgent : quickAnswer,
  };
}

function seedAgents(agents: AgentStore): Map<string, string> {
  const seeded: [string, AgentFixture][] = Object.entries(fixtures);
  return new Map(
    seeded.map(([name, { init, script, budget }]) => [
      name,
      agents.create(init, script, budget ?? null).id,
    ]),
  );
}

/** Returns the types of the events that a request sends, and leaves its body to be read. */
async function sentTypes(request: Request): Promise<string[]> {
  if (request.method !== "POST") return [];
  try {
    const body: unknown = await request.clone().json();
    const events = isWireObject(body) && Array.isArray(body.events) ? body.events : [];
    return events.filter(isWireObject).map((event) => String(event.type));
  } catch {
    return [];
  }
}

class InProcessSimulator implements Simulator {
  readonly faults: Faults;
  readonly habits: Habits;
  readonly environmentId: string;
  readonly #options: SimulatorOptions;
  readonly #workspace: Workspace;
  readonly #limit: ReadLimit;
  readonly #seeded: ReadonlyMap<string, string>;
  readonly #closing = new AbortController();
  #requests: RequestRecord[] = [];

  constructor(options: SimulatorOptions) {
    this.#options = options;
    this.faults = new Faults(options.seed);
    this.habits = { ...hostedHabits, ...options.habits };
    this.#workspace = createWorkspace(options, this.habits);
    this.#limit = new ReadLimit(this.#workspace.world.now, this.habits.readRequestsPerMinute);
    const { agents, environments } = this.#workspace;
    this.#seeded = seedAgents(agents);
    this.environmentId = environments.create(ENVIRONMENT).id;
    for (let i = 2; i <= (options.environments ?? 1); i++) {
      environments.create(`${ENVIRONMENT} ${i}`);
    }
    // Callers pass it on as a function, like the global fetch.
    this.fetch = this.fetch.bind(this);
  }

  get requests(): readonly RequestRecord[] {
    return this.#requests;
  }

  async fetch(request: Request): Promise<Response> {
    const url = new URL(request.url);
    this.#record(request.method, url);
    request.signal.throwIfAborted();
    const events = this.faults.matchesEvents ? await sentTypes(request) : [];
    const delay = this.faults.take("delay", request.method, url.pathname, events);
    if (delay) {
      await this.#untilEnd(request, (ends) => this.#workspace.clock.sleep(delay.ms, ends));
    }
    const fault = this.faults.take("response", request.method, url.pathname, events);
    if (fault && fault.kind !== "lost_ack") return await this.#fail(fault, request);
    const response = await raceAbort(this.#respond(request, url), request.signal);
    if (!fault) return response;
    await response.body?.cancel();
    throw new TypeError("connection closed before message completed");
  }

  agentId(name: FixtureKey): string {
    return this.#seeded.get(name) ?? "";
  }

  createSession(params: NewSession = {}): string {
    const { agents, sessions } = this.#workspace;
    const { agent: wanted = "quick" } = params;
    const agentId = this.#seeded.get(wanted) ?? wanted;
    const record = agents.find(agentId);
    const agent = agents.retrieve(agentId);
    const session = sessions.create({
      agent: snapshot(agent),
      agentName: String(agent.name),
      environmentId: this.environmentId,
      title: params.title ?? null,
      metadata: {},
      budget: record.budget,
      vaultIds: [],
      status: params.status ?? "idle",
    }, params.scripted === false ? undefined : record.script);
    return session.id;
  }

  emit(sessionId: string, event: EventBody, options?: AppendOptions): string {
    return this.#workspace.sessions.find(sessionId).append(event, options).id;
  }

  stamp(sessionId: string, eventId: string): void {
    this.#workspace.sessions.find(sessionId).stamp(eventId);
  }

  writeFile(sessionId: string, filename: string, content: Uint8Array<ArrayBuffer>): string {
    return this.#workspace.sessions.find(sessionId).files.write(filename, content);
  }

  expireFile(fileId: string): void {
    const file = this.#workspace.sessions.findFile(fileId);
    if (!file) throw new RangeError(`There is no file ${fileId}`);
    file.expired = true;
  }

  rewrite(sessionId: string, eventId: string, fields: WireObject): void {
    this.#workspace.sessions.find(sessionId).rewrite(eventId, fields);
  }

  uploadFile(filename: string, content: Uint8Array<ArrayBuffer>): string {
    return this.#workspace.uploads.write(filename, content);
  }

  setStatus(sessionId: string, status: SessionStatus): void {
    this.#workspace.sessions.find(sessionId).setStatus(status, 0);
  }

  dropStreams(): void {
    for (const { streams } of this.#workspace.sessions.list.items) {
      for (const stream of [...streams]) stream.break(new TypeError("connection reset by peer"));
    }
  }

  openStreams(): number {
    let open = 0;
    for (const session of this.#workspace.sessions.list.items) open += session.streams.size;
    return open;
  }

  close(): void {
    this.#closing.abort(new TypeError("the simulator is closed"));
    this.#workspace.sessions.close();
  }

  #record(method: string, url: URL): void {
    const query = url.search.slice(1);
    this.#requests.push({ method, path: url.pathname, query, at: this.#workspace.world.now() });
    if (this.#requests.length > MAX_RECORDS) this.#requests.shift();
  }

  /**
   * Waits until the caller goes away or the simulator is closed. Not by `AbortSignal.any`: its signal
   * can be collected while only a listener waits for it (Deno 2.9.6), and then never aborts.
   */
  async #untilEnd<T>(request: Request, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const ends = new AbortController();
    const signals = [request.signal, this.#closing.signal];
    const onAbort = () => ends.abort(signals.find(({ aborted }) => aborted)?.reason);
    for (const signal of signals) signal.addEventListener("abort", onAbort, { once: true });
    if (signals.some(({ aborted }) => aborted)) onAbort();
    try {
      return await run(ends.signal);
    } finally {
      for (const signal of signals) signal.removeEventListener("abort", onAbort);
    }
  }

  async #fail(
    fault: Exclude<ResponseFault, { kind: "lost_ack" }>,
    request: Request,
  ): Promise<Response> {
    if (fault.kind === "reset") throw new TypeError("connection reset by peer");
    if (fault.kind === "hang") {
      return await this.#untilEnd(request, (ends) => raceAbort(new Promise(() => {}), ends));
    }
    const { status, message = "Simulated fault.", retryAfter, code: errorCode } = fault;
    const headers = retryAfter === undefined ? undefined : { "retry-after": String(retryAfter) };
    const error = new SimulatorError(status, fault.type ?? errorTypeOf(status), message, {
      headers,
      errorCode,
    });
    return errorEnvelope(error, this.#workspace.world.makeId("req"));
  }

  async #respond(request: Request, url: URL): Promise<Response> {
    const requestId = this.#workspace.world.makeId("req");
    try {
      checkApiKey(request.headers, this.#options.apiKey);
      const { handler, ids } = findRoute(request.method, url.pathname);
      checkBeta(request.headers, url.pathname, this.habits);
      this.#limit.check(request.method);
      return await handler({
        workspace: this.#workspace,
        request,
        url,
        requestId,
        ids,
        takeStreamFault: () => this.faults.take("stream", request.method, url.pathname),
      });
    } catch (error) {
      if (error instanceof SimulatorError) return errorEnvelope(error, requestId);
      throw error;
    }
  }
}

/** Starts a simulator with its seeded agents and environments. */
export function createSimulator(options: SimulatorOptions = {}): Simulator {
  return new InProcessSimulator(options);
}
