import type { CallOptions, ManagedAgentsApi } from "../../src/api/types.ts";
import { createApi } from "../../src/api/client.ts";
import { createConnections } from "../../src/api/connections.ts";
import { httpClientOpener } from "../../src/runtime/deno.ts";
import type { RequestInfo } from "../../src/api/http.ts";
import { ApiError } from "../../src/api/errors.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { createWaiter } from "../../src/session/waiter.ts";
import { createSimulator, type Simulator } from "../../src/simulator/mod.ts";
import { type Certificate, makeCertificate } from "../helpers/certificate.ts";
import { type FastClock, fastClock } from "../helpers/fast_clock.ts";
import {
  type Fault,
  FaultyServer,
  type Moment,
  MOMENTS,
  type WireRequest,
} from "../helpers/faulty_server.ts";
import { type Blow, BLOWS } from "../helpers/relay.ts";

/** What a server on the other end speaks: bare HTTP/1.1, or TLS with HTTP/2 on offer. */
export type Transport = "plain" | "tls";
export const TRANSPORTS: readonly Transport[] = ["plain", "tls"];

/**
 * Simulated seconds in a real one, when nothing else is asked for: the sockets are real, and so are
 * the bounds, only faster.
 */
const SPEED = 10;

/** What a call has in simulated milliseconds, as the tools give it. */
const CALL_MS = 20_000;
/** More than the longest bound and the slowest machine; a call that takes longer hangs. */
const HANGS_MS = 300_000;

/** Makes one and the same certificate for all cases. */
let certificate: Promise<Certificate> | undefined;

/** The program's API client, real sockets, and a simulator behind them. */
export class WireRig {
  readonly clock: FastClock;
  readonly simulator: Simulator;
  readonly server: FaultyServer;
  readonly api: ManagedAgentsApi;
  /** A session at rest. */
  readonly sessionId: string;
  readonly agentId: string;
  readonly environmentId: string;
  /** Requests that were begun, whether or not the server saw them. */
  readonly attempts: RequestInfo[];
  readonly #closers: (() => void)[];

  private constructor(parts: Omit<WireRig, "close">, closers: (() => void)[]) {
    ({
      clock: this.clock,
      simulator: this.simulator,
      server: this.server,
      api: this.api,
      sessionId: this.sessionId,
      agentId: this.agentId,
      environmentId: this.environmentId,
      attempts: this.attempts,
    } = parts);
    this.#closers = closers;
  }

  static async start(transport: Transport, speed = SPEED): Promise<WireRig> {
    const clock = fastClock(speed);
    const simulator = createSimulator({ clock, seed: 1 });
    const tls = transport === "tls" ? await (certificate ??= makeCertificate()) : undefined;
    const server = await FaultyServer.start((request) => simulator.fetch(request), tls);
    const connections = createConnections(httpClientOpener(tls ? [tls.cert] : []), clock);
    const attempts: RequestInfo[] = [];
    const api = createApi({
      baseUrl: server.url,
      credential: () => ({ kind: "api_key", value: "test-key" }),
      connections,
      clock,
      random: () => 0,
      observe: (info) => attempts.push(info),
    });
    const sessionId = simulator.createSession({ scripted: false });
    // One call of each kind, so that what is kept between calls is there.
    const [agent] = (await api.agents.list({})).data;
    const [environment] = (await api.environments.list({})).data;
    await api.sessions.retrieve(sessionId);
    server.requests.length = 0;
    return new WireRig({
      clock,
      simulator,
      server,
      api,
      sessionId,
      agentId: agent?.id ?? "",
      environmentId: environment?.id ?? "",
      attempts,
    }, [() => connections.close(), () => simulator.close()]);
  }

  async close(): Promise<void> {
    for (const close of this.#closers) close();
    await this.server.close();
  }
}

/** A call of the API, and how it is known on the wire. */
export interface Operation {
  readonly name: string;
  readonly isWrite: boolean;
  readonly call: (rig: WireRig, options: CallOptions) => Promise<unknown>;
  readonly fits: (request: WireRequest) => boolean;
  /** How often it has taken effect, for writes. */
  readonly effects?: (rig: WireRig) => Promise<number>;
}

type Fields = Readonly<Record<string, unknown>>;

const TEXT = "said once";

/** What the simulator has, past the wire. */
async function listed(rig: WireRig, path: string): Promise<readonly Fields[]> {
  const headers = {
    "x-api-key": "test-key",
    "anthropic-version": "2023-06-01",
    "anthropic-beta": "managed-agents-2026-04-01",
  };
  const response = await rig.simulator.fetch(new Request(`http://x${path}`, { headers }));
  return (await response.json()).data;
}

async function events(rig: WireRig, type: string): Promise<number> {
  const all = await listed(rig, `/v1/sessions/${rig.sessionId}/events?limit=1000`);
  return all.filter((event) => event.type === type).length;
}

async function sessions(rig: WireRig, fits: (session: Fields) => boolean): Promise<number> {
  const all = await listed(rig, "/v1/sessions?limit=100&include_archived=true");
  return all.filter(fits).length;
}

const get = (path: RegExp) => ({ method, path: seen }: WireRequest) =>
  method === "GET" && path.test(seen);
const post = (path: RegExp) => ({ method, path: seen }: WireRequest) =>
  method === "POST" && path.test(seen);

export const OPERATIONS: readonly Operation[] = [
  {
    name: "agents.list",
    isWrite: false,
    call: ({ api }, options) => api.agents.list({}, options),
    fits: get(/^\/v1\/agents(\?|$)/),
  },
  {
    name: "agents.retrieve",
    isWrite: false,
    call: ({ api, agentId }, options) => api.agents.retrieve(agentId, {}, options),
    fits: get(/^\/v1\/agents\/./),
  },
  {
    name: "environments.list",
    isWrite: false,
    call: ({ api }, options) => api.environments.list({}, options),
    fits: get(/^\/v1\/environments/),
  },
  {
    name: "sessions.retrieve",
    isWrite: false,
    call: ({ api, sessionId }, options) => api.sessions.retrieve(sessionId, options),
    fits: get(/^\/v1\/sessions\/[^/]+$/),
  },
  {
    name: "sessions.list",
    isWrite: false,
    call: ({ api }, options) => api.sessions.list({}, options),
    fits: get(/^\/v1\/sessions(\?|$)/),
  },
  {
    name: "events.list",
    isWrite: false,
    call: ({ api, sessionId }, options) => api.events.list(sessionId, {}, options),
    fits: get(/\/events(\?|$)/),
  },
  {
    name: "events.list, retry: false",
    isWrite: false,
    call: ({ api, sessionId }, options) =>
      api.events.list(sessionId, {}, { ...options, retry: false }),
    fits: get(/\/events(\?|$)/),
  },
  {
    name: "sessions.create",
    isWrite: true,
    call: ({ api, agentId, environmentId }, options) =>
      api.sessions.create({ agent: agentId, environmentId, title: TEXT }, options),
    fits: post(/^\/v1\/sessions$/),
    effects: (rig) => sessions(rig, ({ title }) => title === TEXT),
  },
  {
    name: "sessions.archive",
    isWrite: true,
    call: ({ api, sessionId }, options) => api.sessions.archive(sessionId, options),
    fits: post(/\/archive$/),
    effects: (rig) => sessions(rig, ({ archived_at }) => typeof archived_at === "string"),
  },
  {
    name: "events.send, a message",
    isWrite: true,
    call: ({ api, sessionId }, options) => {
      const content = [{ type: "text" as const, text: TEXT }];
      return api.events.send(sessionId, [{ type: "user.message", content }], options);
    },
    fits: post(/\/events$/),
    effects: (rig) => events(rig, "user.message"),
  },
  {
    name: "events.send, an interrupt",
    isWrite: true,
    call: ({ api, sessionId }, options) =>
      api.events.send(sessionId, [{ type: "user.interrupt" }], options),
    fits: post(/\/events$/),
    effects: (rig) => events(rig, "user.interrupt"),
  },
];

/** Something that befalls a call's connection. */
export interface Strike {
  readonly name: string;
  readonly moment: Moment | "while idle";
  readonly blow: Blow;
}

export const STRIKES: readonly Strike[] = [
  ...BLOWS.flatMap((blow) =>
    MOMENTS.map((moment): Strike => ({ name: `${blow} ${moment}`, moment, blow }))
  ),
  ...BLOWS.map((blow): Strike => ({
    name: `${blow} while idle, then used`,
    moment: "while idle",
    blow,
  })),
];

/** What a case came to, and everything that was wrong with it. */
export interface WireReport {
  /** How often the call's request was on the wire. */
  readonly requests: number;
  readonly outcome: string;
  /** Simulated milliseconds. */
  readonly elapsedMs: number;
  /** How often a write took effect. */
  readonly effects?: number;
  readonly next: string;
  readonly complaints: readonly string[];
}

/** How a call ended: "ok", or the kind of its error. */
export async function outcomeOf(rig: WireRig, call: Promise<unknown>): Promise<string> {
  let cancel = () => {};
  const hangs = new Promise<string>((resolve) => {
    cancel = rig.clock.after(HANGS_MS, () => resolve("HANGS"));
  });
  const ends = call.then(
    () => "ok",
    (error) =>
      error instanceof ApiError
        ? `${error.kind}${error.status ? ` ${error.status}` : ""}`
        : `${error}`,
  );
  return await Promise.race([ends, hangs]).finally(cancel);
}

/** The next call, which must be answered at its first attempt. */
export async function nextCall(rig: WireRig): Promise<string> {
  rig.server.faultOf = () => undefined;
  rig.attempts.length = 0;
  const outcome = await outcomeOf(rig, rig.api.agents.list({}));
  const { length } = rig.attempts;
  return outcome === "ok" && length === 1 ? "at once" : `${outcome} after ${length} attempts`;
}

/** What comes of the first call on connections that went mute unnoticed. */
const FOUND_OUT = "ok after 2 attempts";

/** Lets one strike befall one call, and looks at everything that came of it. */
export async function playWireCase(
  operation: Operation,
  { moment, blow }: Strike,
  transport: Transport,
  speed = SPEED,
): Promise<WireReport> {
  const rig = await WireRig.start(transport, speed);
  try {
    const { server, clock } = rig;
    if (moment === "while idle") server.strikeOpen(blow, "idle");
    else server.strikeNext(operation.fits, { moment, blow });
    const startedAt = clock.now();
    const outcome = await outcomeOf(rig, operation.call(rig, { timeoutMs: CALL_MS }));
    const elapsedMs = clock.now() - startedAt;
    const seen = server.requests.filter(operation.fits);
    const effects = await operation.effects?.(rig);
    // A write does not meet what befalls kept connections: the next read finds it out.
    const unmet = operation.isWrite && moment === "while idle" && blow === "mute";
    const finder = unmet ? await nextCall(rig) : FOUND_OUT;
    const next = await nextCall(rig);
    const report = { requests: seen.length, outcome, elapsedMs, effects, next };
    const complaints = complaintsOf(rig, operation, seen, report, moment);
    if (finder !== FOUND_OUT) complaints.push(`the call that found it out: ${finder}`);
    return { ...report, complaints };
  } finally {
    await rig.close();
  }
}

function complaintsOf(
  { server }: WireRig,
  { isWrite, name }: Operation,
  seen: readonly WireRequest[],
  { requests, outcome, effects, next }: Omit<WireReport, "complaints">,
  moment: Strike["moment"],
): string[] {
  const lost = outcome === "connection_lost" || outcome === "timeout";
  const taken = moment === "before it is read" ? 0 : 1;
  const length = (request: WireRequest) => request.headers.has("content-length");
  const checks: [boolean, string][] = [
    [next === "at once", `the next call: ${next}`],
    [[...server.protocols].every((protocol) => protocol !== "h2"), "HTTP/2 was spoken"],
  ];
  if (!isWrite) {
    checks.push([outcome === "ok", `outcome is ${outcome}`]);
    checks.push([requests <= 3, `${requests} requests`]);
  } else {
    // On connections of its own a write does not meet what befalls kept ones.
    checks.push([moment === "while idle" ? outcome === "ok" : lost, `outcome is ${outcome}`]);
    checks.push([requests === 1, `${requests} requests`]);
    checks.push([effects === taken, `took effect ${effects} times`]);
    checks.push([
      seen.every((request) => request.earlier === 0),
      "it went out on a used connection",
    ]);
    checks.push([seen.every(length), "without content-length"]);
  }
  return checks.filter(([holds]) => !holds).map(([, complaint]) => `${name}: ${complaint}`);
}

/** What the turn of a stream's case says: every word must arrive once. */
const WORDS = ["one", "two", "three", "four"] as const;

function say(rig: WireRig, text: string): void {
  rig.simulator.emit(rig.sessionId, { type: "agent.message", content: [{ type: "text", text }] });
}

/** Something that befalls the stream of a wait, or the whole link, in the middle of a turn. */
export interface StreamStrike {
  readonly name: string;
  /** Arms it before the wait begins, or strikes when the first word has arrived. */
  readonly arm?: Fault;
  readonly strike?: (rig: WireRig) => void;
  /** Nothing that the wait does meets it: the next call finds it out. */
  readonly unmet?: boolean;
}

const isStream = get(/\/stream$/);

export const STREAM_STRIKES: readonly StreamStrike[] = [
  ...BLOWS.flatMap((blow) =>
    MOMENTS.map((moment): StreamStrike => ({
      name: `${blow} ${moment === "mid-body" ? "after its first event" : moment}`,
      arm: { moment, blow },
    }))
  ),
  ...BLOWS.flatMap((blow): StreamStrike[] => [
    { name: `${blow}: the stream`, strike: ({ server }) => server.strikeOpen(blow, "stream") },
    {
      name: `${blow}: idle connections`,
      strike: ({ server }) => server.strikeOpen(blow, "idle"),
      unmet: blow === "mute",
    },
    { name: `${blow}: both`, strike: ({ server }) => server.strikeOpen(blow, "all") },
  ]),
];

/** Lets a strike befall a wait. */
export async function playStreamCase(
  { arm, strike, unmet }: StreamStrike,
  transport: Transport,
  speed = SPEED,
): Promise<WireReport> {
  const rig = await WireRig.start(transport, speed);
  try {
    const { server, clock, simulator, sessionId, api } = rig;
    if (arm) server.strikeNext(isStream, arm);
    const emit = (type: string, fields = {}) => simulator.emit(sessionId, { type, ...fields });
    emit("user.message", { content: [{ type: "text", text: "question" }] });
    emit("session.status_running");
    const waiter = createWaiter({ api, clock, log: silentLogger, random: () => 0.5 });
    const startedAt = clock.now();
    const { signal } = new AbortController();
    const waiting = waiter.wait({ sessionId, timeoutMs: 120_000, signal });
    // The turn goes on whatever becomes of the connection; nothing waits for the wait.
    await clock.sleep(1_000);
    say(rig, "one");
    await clock.sleep(1_000);
    say(rig, "two");
    strike?.(rig);
    await clock.sleep(1_000);
    say(rig, "three");
    await clock.sleep(1_000);
    say(rig, "four");
    emit("session.status_idle", { stop_reason: { type: "end_turn" } });
    let reply = "";
    const outcome = await outcomeOf(
      rig,
      waiting.then((result) => {
        ({ reply } = result);
        if (result.status !== "idle") throw new Error(result.status);
      }),
    );
    const elapsedMs = clock.now() - startedAt;
    const requests = server.requests.length;
    const finder = unmet ? await nextCall(rig) : FOUND_OUT;
    const next = await nextCall(rig);
    waiter.close();
    const checks: [boolean, string][] = [
      [outcome === "ok", `outcome is ${outcome}`],
      [reply === WORDS.join("\n\n"), `reply is ${JSON.stringify(reply)}`],
      [elapsedMs <= 90_000, `took ${Math.round(elapsedMs)} ms`],
      [requests <= 25, `${requests} requests`],
      [finder === FOUND_OUT, `the call that found it out: ${finder}`],
      [next === "at once", `the next call: ${next}`],
      [!server.protocols.has("h2"), "HTTP/2 was spoken"],
    ];
    const complaints = checks.filter(([holds]) => !holds).map(([, complaint]) => complaint);
    return { requests, outcome, elapsedMs, next, complaints };
  } finally {
    await rig.close();
  }
}
