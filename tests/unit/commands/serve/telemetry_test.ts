import { assert, assertEquals, assertRejects } from "@std/assert";
import { InFlight, openTelemetry } from "../../../../src/commands/serve/telemetry.ts";
import { silentLogger } from "../../../../src/core/logger.ts";
import type { CallReport } from "../../../../src/mcp/call_report.ts";
import { recordProgram } from "../../../helpers/program.ts";
import { settle } from "../../../helpers/manual_clock.ts";

const REPORT: CallReport = {
  tool: "get_agent",
  kind: "call",
  changes: false,
  verdict: "ok",
  outcome: "ok",
  durationMs: 1,
  upstreamMs: 1,
  upstreamRequests: 1,
  bytes: 2,
  ids: {},
  apiRequestIds: [],
};
const CALL = { tool: "get_agent", method: "tools/call", meta: {} };
const SOURCES = {
  waits: () => ({ openWaits: 4, openStreams: 2, reconnects: 1 }),
  maxWaits: 10,
  calls: () => ({ running: 3, max: 20 }),
  usage: () => Promise.resolve({ startedAtSec: 1_700_000_000, residentBytes: 1, cpuSec: 1 }),
};

Deno.test("openTelemetry() counts running calls, and nothing else unless asked to", async () => {
  const { watch, calls, ...rest } = await openTelemetry({}, SOURCES, silentLogger);
  assertEquals([rest, watch.ended], [{}, undefined]);
  const gate = Promise.withResolvers<{ report: CallReport }>();
  const done = watch.around?.(CALL, () => gate.promise);
  assertEquals(calls.size, 1);
  gate.resolve({ report: REPORT });
  assertEquals([await done, calls.size], [{ report: REPORT }, 0]);
});

Deno.test("openTelemetry() measures for a metrics port", async () => {
  const { watch, metrics, observe, onDecided, onAsked } = await openTelemetry(
    { metricsPort: 0 },
    SOURCES,
    silentLogger,
  );
  watch.ended?.(REPORT);
  onDecided?.({ decision: "deny", outcome: "sent", channel: "form" });
  onAsked?.({ channel: "form", answer: "timed_out" });
  observe?.({ method: "GET", path: "/v1/agents", status: 200, ms: 1, attempt: 0 });
  const page = await metrics?.render() ?? "";
  assert(page.includes('cma_mcp_calls_total{tool="get_agent",outcome="ok"} 1'), page);
  const denied = 'cma_mcp_decisions_total{decision="deny",outcome="sent",channel="form"} 1';
  assert(page.includes(denied), page);
  assert(page.includes('cma_mcp_questions_total{channel="form",answer="timed_out"} 1'), page);
  assert(page.includes('endpoint="GET /v1/agents",status="200"} 1'), page);
  for (const line of ["open_waits 4", "max_waits 10", "running_calls 3", "max_calls 20"]) {
    assert(page.includes(`cma_mcp_${line}\n`), page);
  }
});

Deno.test("openTelemetry() says so when the runtime collects no traces, and works without", async () => {
  const program = recordProgram();
  const { watch, calls } = await openTelemetry({ tracing: true }, SOURCES, program.log);
  assert(program.logged.join().includes("OTEL_DENO has no effect in this executable"));
  const done = { report: REPORT };
  assertEquals(await watch.around?.(CALL, () => Promise.resolve(done)), done);
  const failing = () => Promise.reject(new Error("no"));
  await assertRejects(async () => await watch.around?.(CALL, failing), Error, "no");
  assertEquals(calls.size, 0);
});

Deno.test("idle() resolves at once when nothing runs", async () => {
  await new InFlight().idle();
});

Deno.test("track() passes on what the work gives, and counts it until then", async () => {
  const calls = new InFlight();
  const gate = Promise.withResolvers<string>();
  const result = calls.track(() => gate.promise);
  assertEquals(calls.size, 1);
  gate.resolve("done");
  assertEquals([await result, calls.size], ["done", 0]);
});

Deno.test("track() passes on failures, and no longer counts what failed", async () => {
  const calls = new InFlight();
  await assertRejects(() => calls.track(() => Promise.reject(new Error("no"))), Error, "no");
  assertEquals(calls.size, 0);
});

Deno.test("idle() resolves when the last of the work is over, for everybody who asked", async () => {
  const calls = new InFlight();
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  for (const { promise } of gates) void calls.track(() => promise);
  let idle = 0;
  for (let i = 0; i < 2; i++) calls.idle().then(() => idle++);
  gates[0]?.resolve();
  await settle();
  assertEquals([idle, calls.size], [0, 1]);
  gates[1]?.resolve();
  await settle();
  assertEquals([idle, calls.size], [2, 0]);
});
