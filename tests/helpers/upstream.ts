/**
 * Runs a simulator in a process of its own, so that its memory and work are not counted with the
 * program's. Serves the API on two ports of 127.0.0.1 (plain HTTP/1.1; TLS with HTTP/2), and
 * `/control/…` on the plain one. Prints its addresses as one line of JSON, and ends when its
 * standard input does.
 */
import { systemClock } from "../../src/core/clock.ts";
import { createSimulator, type Simulator } from "../../src/simulator/mod.ts";
import { makeCertificate } from "./certificate.ts";
import { serveUntilStdinEnds } from "./child_server.ts";
import { fastClock } from "./fast_clock.ts";
import { fillSession } from "./long_session.ts";
import { serveTls } from "./tls_server.ts";
import { Chaos } from "./upstream_chaos.ts";
import type {
  ControlBody,
  CountedTraffic,
  LongSession,
  Reads,
  UpstreamState,
} from "./upstream_process.ts";
import { playTurn } from "./upstream_turn.ts";

const MAX_CONCURRENT_STREAMS = 100;

function text(value: string) {
  return { content: [{ type: "text", text: value }] };
}

/** Makes sessions in the middle of a turn, in which nothing happens by itself. */
function begin(simulator: Simulator, count: number): string[] {
  return Array.from({ length: count }, () => {
    const sessionId = simulator.createSession({ scripted: false });
    simulator.emit(sessionId, { type: "user.message", ...text("go") });
    simulator.emit(sessionId, { type: "session.status_running" });
    return sessionId;
  });
}

/** Ends turns with a message that says when, in milliseconds since the epoch. */
async function finish(simulator: Simulator, sessionIds: readonly string[]): Promise<void> {
  for (const [index, sessionId] of sessionIds.entries()) {
    const stopReason = { stop_reason: { type: "end_turn" } };
    simulator.emit(sessionId, { type: "agent.message", ...text(String(systemClock.now())) });
    simulator.emit(sessionId, { type: "session.status_idle", ...stopReason });
    // Yields the thread, so that the events can be sent.
    if (index % 10 === 9) await systemClock.sleep(0);
  }
}

function long(simulator: Simulator, events: number, after: number): LongSession {
  const sessionId = simulator.createSession({ scripted: false });
  const ids = fillSession(simulator, sessionId, events);
  return { sessionId, afterId: ids.at(-after - 1) ?? "" };
}

/** Counts the reads since a time of the simulator's clock, and the most of them in a minute. */
function readsSince(simulator: Simulator, since: number): Reads {
  const times = simulator.requests.filter(({ method, at }) => method === "GET" && at >= since)
    .map(({ at }) => at);
  let first = 0;
  let perMinute = 0;
  for (const [index, at] of times.entries()) {
    while ((times[first] ?? at) <= at - 60_000) first++;
    perMinute = Math.max(perMinute, index - first + 1);
  }
  return { total: times.length, perMinute, newestAt: times.at(-1) ?? since };
}

/** Makes agents, as a client would. */
async function createAgents(simulator: Simulator, count: number): Promise<void> {
  const headers = { "x-api-key": "any", "anthropic-beta": "managed-agents-2026-04-01" };
  for (let index = 0; index < count; index++) {
    const body = JSON.stringify({ name: `worker ${index}`, model: "claude-sonnet-5" });
    const url = "http://simulator/v1/agents";
    const { ok } = await simulator.fetch(new Request(url, { method: "POST", headers, body }));
    if (!ok) throw new Error(`Agent ${index} was not made`);
  }
}

/** Counts requests once somebody has asked for it; until then, it costs nothing. */
class TrafficCounter {
  #counted: { requests: number; bytes: number } | undefined;

  take(): CountedTraffic {
    const counted = this.#counted ?? { requests: 0, bytes: 0 };
    this.#counted = { requests: 0, bytes: 0 };
    return counted;
  }

  async count(response: Response): Promise<Response> {
    const counted = this.#counted;
    if (!counted) return response;
    counted.requests++;
    if (response.headers.get("content-type")?.startsWith("text/event-stream")) return response;
    const body = await response.arrayBuffer();
    counted.bytes += body.byteLength;
    return new Response(body.byteLength === 0 ? null : body, response);
  }
}

function stateOf(simulator: Simulator): UpstreamState {
  return { openStreams: simulator.openStreams(), rssBytes: Deno.memoryUsage().rss };
}

async function control(
  simulator: Simulator,
  { chaos, traffic }: { readonly chaos: Chaos; readonly traffic: TrafficCounter },
  action: string,
  body: ControlBody,
): Promise<unknown> {
  switch (action) {
    case "begin":
      return begin(simulator, body.count ?? 1);
    case "finish":
      return await finish(simulator, body.sessionIds ?? []);
    case "create":
      return Array.from({ length: body.count ?? 1 }, () => {
        return simulator.createSession({ scripted: false });
      });
    case "turn":
      return playTurn(simulator, chaos, body.sessionIds?.[0] ?? "", body.label ?? "");
    case "chaos":
      return body.count === 0 ? chaos.stop() : chaos.start();
    case "drop":
      return simulator.dropStreams();
    case "reads":
      return readsSince(simulator, body.count ?? 0);
    case "long":
      return long(simulator, body.count ?? 0, body.after ?? 0);
    case "agents":
      return await createAgents(simulator, body.count ?? 0);
    case "traffic":
      return traffic.take();
    case "state":
      return { ...stateOf(simulator), faults: chaos.counts };
    default:
      throw new Error(`Unknown action: ${action}`);
  }
}

async function main(): Promise<void> {
  const [speed = "1", seed = "1"] = Deno.args;
  const clock = Number(speed) === 1 ? systemClock : fastClock(Number(speed));
  const simulator = createSimulator({ clock, seed: Number(seed) });
  const parts = {
    chaos: new Chaos(simulator, clock, Number(seed)),
    traffic: new TrafficCounter(),
  };
  const certificate = await makeCertificate();
  const tls = await serveTls(simulator.fetch, certificate, MAX_CONCURRENT_STREAMS);
  const handle = async (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url);
    const action = /^\/control\/(\w+)$/.exec(pathname)?.[1];
    if (action === undefined) return await parts.traffic.count(await simulator.fetch(request));
    return Response.json(await control(simulator, parts, action, await request.json()) ?? null);
  };
  await serveUntilStdinEnds(handle, { tlsUrl: tls.url, cert: certificate.cert });
}

if (import.meta.main) await main();
