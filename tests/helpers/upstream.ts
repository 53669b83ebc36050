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
import { serveTls } from "./tls_server.ts";
import { Chaos } from "./upstream_chaos.ts";
import type { ControlBody, UpstreamState } from "./upstream_process.ts";
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

function stateOf(simulator: Simulator): UpstreamState {
  return { openStreams: simulator.openStreams(), rssBytes: Deno.memoryUsage().rss };
}

async function control(
  simulator: Simulator,
  chaos: Chaos,
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
  const chaos = new Chaos(simulator, clock, Number(seed));
  const certificate = await makeCertificate();
  const tls = await serveTls(simulator.fetch, certificate, MAX_CONCURRENT_STREAMS);
  const handle = async (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url);
    const action = /^\/control\/(\w+)$/.exec(pathname)?.[1];
    if (action === undefined) return await simulator.fetch(request);
    return Response.json(await control(simulator, chaos, action, await request.json()) ?? null);
  };
  await serveUntilStdinEnds(handle, { tlsUrl: tls.url, cert: certificate.cert });
}

if (import.meta.main) await main();
