import { assert, assertEquals } from "@std/assert";
import type { CallReport } from "../../../src/mcp/call_report.ts";
import type { ProcessUsage } from "../../../src/core/process_usage.ts";
import { createMetrics } from "../../../src/mcp/metrics.ts";

const CALL: CallReport = {
  tool: "get_agent",
  kind: "call",
  changes: false,
  verdict: "ok",
  outcome: "ok",
  durationMs: 40,
  upstreamMs: 37,
  upstreamRequests: 1,
  bytes: 100,
  caller: { token: "the-name-of-a-token" },
  ids: { session: "sesn_1", agent: "agent_1" },
  requestId: "req-1",
  apiRequestIds: ["req_9"],
};

function open() {
  const stats = { openWaits: 0, openStreams: 0, reconnects: 0 };
  const calls = { running: 0, max: 1_000 };
  const used: ProcessUsage = { startedAtSec: 1_700_000_000, residentBytes: 1e8, cpuSec: 1.5 };
  const metrics = createMetrics({
    version: "1.2.3",
    waits: () => stats,
    maxWaits: 400,
    calls: () => calls,
    usage: () => Promise.resolve(used),
  });
  /** Values by name and labels, as a collector reads them. */
  const read = async () => {
    const lines = (await metrics.render()).split("\n").filter((line) => /^[a-z]/.test(line));
    return Object.fromEntries(lines.map((line): [string, number] => {
      const space = line.lastIndexOf(" ");
      return [line.slice(0, space).replace("cma_mcp_", ""), Number(line.slice(space + 1))];
    }));
  };
  const call = (report: Partial<CallReport>) => metrics.call({ ...CALL, ...report });
  return { metrics, stats, calls, used, call, read };
}

Deno.test("metrics count sign-ins by outcome, and the calls of people by rule", async () => {
  const { metrics, call, read } = open();
  const person = { issuer: "https://login.example.com", subject: "alice-the-subject" };
  call({ caller: { ...person, rule: "staff" } });
  call({ caller: { ...person, rule: "staff" } });
  call({ caller: person });
  call({});
  metrics.authenticated("jwt", "accepted");
  metrics.authenticated("jwt", "wrong_audience");
  metrics.scopeMissing("actions");
  const values = await read();
  assertEquals(values['rule_calls_total{rule="staff"}'], 2);
  assertEquals(values['rule_calls_total{rule=""}'], 1);
  assertEquals(values['authentications_total{method="jwt",outcome="accepted"}'], 1);
  assertEquals(values['authentications_total{method="jwt",outcome="wrong_audience"}'], 1);
  assertEquals(values['missing_scopes_total{scope="actions"}'], 1);
  assert(!(await metrics.render()).includes("alice-the-subject"));
  for (let one = 0; one < 300; one++) call({ caller: { ...person, rule: `rule-${one}` } });
  const rules = Object.keys(await read()).filter((name) => name.startsWith("rule_calls_total"));
  assertEquals(rules.length <= 102, true);
});

Deno.test("metrics count calls by tool and outcome, and failures by type", async () => {
  const { call, read } = open();
  call({});
  call({});
  call({ verdict: "failed", outcome: "overloaded_error" });
  call({ tool: "send_message", verdict: "refused", outcome: "not_available" });
  call({ verdict: "cancelled", outcome: "cancelled" });
  const values = await read();
  assertEquals(values['calls_total{tool="get_agent",outcome="ok"}'], 2);
  assertEquals(values['calls_total{tool="get_agent",outcome="overloaded_error"}'], 1);
  assertEquals(values['calls_total{tool="get_agent",outcome="cancelled"}'], 1);
  assertEquals(values['errors_total{type="overloaded_error"}'], 1);
  assertEquals(values['errors_total{type="not_available"}'], 1);
  assertEquals(values['errors_total{type="cancelled"}'], undefined);
});

Deno.test("metrics count the tools of published agents together: agents come and go", async () => {
  const { call, read } = open();
  for (const tool of ["agent_writer_abc123", "agent_xyz789", "list_agents"]) call({ tool });
  const values = await read();
  assertEquals(values['calls_total{tool="published",outcome="ok"}'], 2);
  assertEquals(values['calls_total{tool="list_agents",outcome="ok"}'], 1);
});

Deno.test("metrics count decisions by what was decided, what became of it, and the way", async () => {
  const { metrics, read } = open();
  const record = { sessionId: "sesn_1", eventId: "sevt_1", tool: "bash", digest: "d" };
  const sent = { ...record, decision: "allow", outcome: "sent", channel: "form" } as const;
  metrics.decided(sent);
  metrics.decided(sent);
  metrics.decided({ ...sent, decision: "deny", outcome: "answered_elsewhere" });
  metrics.decided({ decision: "unread", outcome: "dropped", channel: "confirm_tool_use" });
  const values = await read();
  const count = (labels: string) => values[`decisions_total{${labels}}`];
  assertEquals(count('decision="allow",outcome="sent",channel="form"'), 2);
  assertEquals(count('decision="deny",outcome="answered_elsewhere",channel="form"'), 1);
  assertEquals(count('decision="unread",outcome="dropped",channel="confirm_tool_use"'), 1);
  assertEquals((await metrics.render()).includes("sesn_1"), false);
});

Deno.test("metrics count questions by the way and the answer", async () => {
  const { metrics, read } = open();
  metrics.asked({ channel: "form", answer: "decided" });
  metrics.asked({ channel: "form", answer: "declined" });
  metrics.asked({ channel: "form", answer: "declined" });
  const values = await read();
  assertEquals(values['questions_total{channel="form",answer="decided"}'], 1);
  assertEquals(values['questions_total{channel="form",answer="declined"}'], 2);
});

Deno.test("metrics count downloads and their bytes", async () => {
  const { metrics, read } = open();
  metrics.downloaded({ outcome: "ok", bytes: 10 });
  metrics.downloaded({ outcome: "ok", bytes: 5 });
  metrics.downloaded({ outcome: "cancelled", bytes: 1 });
  metrics.downloaded({ outcome: "too_many_calls", bytes: 0 });
  const values = await read();
  assertEquals(values['downloads_total{outcome="ok"}'], 2);
  assertEquals(values['downloads_total{outcome="cancelled"}'], 1);
  assertEquals(values.download_bytes_total, 16);
  assertEquals(values['limiter_refusals_total{limit="calls"}'], 1);
});

Deno.test("metrics measure calls, and this server's own share of their time", async () => {
  const { call, read } = open();
  call({});
  call({ durationMs: 5, upstreamMs: 6 });
  const values = await read();
  assertEquals(values['call_duration_seconds_count{tool="get_agent"}'], 2);
  assertEquals(values['call_duration_seconds_bucket{le="0.05",tool="get_agent"}'], 2);
  assertEquals(values['call_duration_seconds_bucket{le="0.025",tool="get_agent"}'], 1);
  assertEquals(values.call_overhead_seconds_count, 2);
  assertEquals(values['call_overhead_seconds_bucket{le="0.0005"}'], 1);
  assertEquals(values['call_overhead_seconds_bucket{le="0.005"}'], 2);
});

Deno.test("metrics measure waits separately from other calls", async () => {
  const { call, read } = open();
  call({
    tool: "wait_for_idle",
    kind: "wait",
    outcome: "timeout",
    durationMs: 45_000,
    upstreamMs: 20,
  });
  const values = await read();
  assertEquals(values['wait_duration_seconds_sum{status="timeout"}'], 45);
  assertEquals(values['wait_duration_seconds_bucket{le="30",status="timeout"}'], 0);
  assertEquals(values['wait_duration_seconds_bucket{le="45",status="timeout"}'], 1);
  assertEquals(values.call_overhead_seconds_count, 0);
});

Deno.test("metrics show what is open when they are read", async () => {
  const { stats, read } = open();
  Object.assign(stats, { openWaits: 7, openStreams: 3, reconnects: 2 });
  const before = await read();
  assertEquals(
    [before.open_waits, before.upstream_streams, before.upstream_reconnects_total],
    [7, 3, 2],
  );
  Object.assign(stats, { openWaits: 0, openStreams: 0, reconnects: 5 });
  const after = await read();
  assertEquals([after.open_waits, after.upstream_streams, after.upstream_reconnects_total], [
    0,
    0,
    5,
  ]);
  assertEquals(after['build_info{version="1.2.3"}'], 1);
});

Deno.test("metrics show how many calls and waits run, beside the most that may", async () => {
  const { stats, calls, read } = open();
  Object.assign(stats, { openWaits: 7 });
  Object.assign(calls, { running: 3 });
  const values = await read();
  assertEquals([values.open_waits, values.max_waits], [7, 400]);
  assertEquals([values.running_calls, values.max_calls], [3, 1_000]);
});

Deno.test("metrics of the process have the names of every client library", async () => {
  const { used, read } = open();
  const before = await read();
  assertEquals(before.process_start_time_seconds, 1_700_000_000);
  assertEquals(before.process_resident_memory_bytes, 1e8);
  assertEquals(before.process_cpu_seconds_total, 1.5);
  // A runtime that does not tell counts no files: 0 would be a lie.
  assertEquals([before.process_open_fds, before.process_max_fds], [undefined, undefined]);
  Object.assign(used, { cpuSec: 2, openFiles: 12, maxFiles: 1_024 });
  const after = await read();
  assertEquals(after.process_cpu_seconds_total, 2);
  assertEquals([after.process_open_fds, after.process_max_fds], [12, 1_024]);
});

Deno.test("metrics show a server's state when they are read, and nothing that is not known", async () => {
  const { metrics, read } = open();
  assertEquals((await read()).draining, undefined);
  const state = { draining: false, ready: undefined as boolean | undefined, open: 2, closed: 0 };
  metrics.addServer({
    isDraining: () => state.draining,
    isReady: () => state.ready,
    connections: () => ({ open: state.open, closedForRoom: state.closed }),
    tokens: () => 3,
    rules: () => 4,
  });
  const first = await read();
  assertEquals([first.draining, first.ready, first.certificate_end_time_seconds], [
    0,
    undefined,
    undefined,
  ]);
  assertEquals([first.tokens, first.rules, first.connections], [3, 4, 2]);
  Object.assign(state, { ready: true });
  assertEquals((await read()).ready, 1);
  Object.assign(state, { ready: false, draining: true, closed: 32 });
  const last = await read();
  assertEquals([last.draining, last.ready, last.connections_closed_for_room_total], [1, 0, 32]);
});

Deno.test("metrics show when the certificate ends", async () => {
  const { metrics, read } = open();
  metrics.addServer({
    isDraining: () => false,
    isReady: () => true,
    connections: () => ({ open: 0, closedForRoom: 0 }),
    tokens: () => 1,
    rules: () => 0,
    certificateEndSec: 1_800_000_000,
  });
  assertEquals((await read()).certificate_end_time_seconds, 1_800_000_000);
});

const ENDPOINTS: readonly [method: string, path: string, endpoint: string][] = [
  ["GET", "/v1/agents", "GET /v1/agents"],
  ["GET", "/v1/agents/agent_1", "GET /v1/agents/{id}"],
  ["GET", "/v1/files/file_1/content", "GET /v1/files/{id}/content"],
  ["GET", "/v1/sessions/sesn_1/threads/sthr_1/events", "GET /v1/sessions/{id}/threads/{id}/events"],
  ["POST", "/v1/sessions", "POST /v1/sessions"],
  ["POST", "/v1/sessions/sesn_1/archive", "POST /v1/sessions/{id}/archive"],
  ["GET", "/v1/sessions/sesn_1/events", "GET /v1/sessions/{id}/events"],
  ["GET", "/v1/sessions/agents/events/stream", "GET /v1/sessions/{id}/events/stream"],
];
for (const [method, path, endpoint] of ENDPOINTS) {
  Deno.test(`metrics count ${method} ${path} without its ids`, async () => {
    const { metrics, read } = open();
    metrics.upstream({ method, path, status: 200, ms: 1, attempt: 0 });
    metrics.upstream({ method, path, ms: 1, attempt: 1 });
    const values = await read();
    const named = `upstream_requests_total{endpoint="${endpoint}"`;
    assertEquals([values[`${named},status="200"}`], values[`${named},status="none"}`]], [1, 1]);
  });
}

Deno.test("metrics of refusals begin with 0, so that the first is an increase", async () => {
  const values = await open().read();
  for (const status of [401, 403, 429, 500, 503]) {
    assertEquals(values[`http_refusals_total{status="${status}"}`], 0);
  }
  for (const limit of ["rate", "waits", "calls"]) {
    assertEquals(values[`limiter_refusals_total{limit="${limit}"}`], 0);
  }
});

Deno.test("metrics count error responses over HTTP, and calls that a limit refused", async () => {
  const { metrics, call, read } = open();
  for (const status of [401, 401, 429, 503]) metrics.refused(status);
  call({ verdict: "refused", outcome: "too_many_waits" });
  call({ verdict: "refused", outcome: "too_many_calls" });
  const values = await read();
  assertEquals(values['http_refusals_total{status="401"}'], 2);
  assertEquals(values['http_refusals_total{status="503"}'], 1);
  for (const limit of ["rate", "waits", "calls"]) {
    assertEquals(values[`limiter_refusals_total{limit="${limit}"}`], 1);
  }
});

Deno.test("metrics name no id, no token and no request", async () => {
  const { metrics, call } = open();
  call({});
  call({ verdict: "failed", outcome: "not_found_error" });
  metrics.upstream({ method: "GET", path: "/v1/sessions/sesn_1", ms: 1, attempt: 0 });
  const page = await metrics.render();
  for (const private_ of ["sesn_1", "agent_1", "the-name-of-a-token", "req-1", "req_9"]) {
    assert(!page.includes(private_), private_);
  }
});

Deno.test("metrics stay bounded when the API invents error types", async () => {
  const { call, read } = open();
  for (let i = 0; i < 500; i++) call({ verdict: "failed", outcome: `invented_${i}` });
  call({ verdict: "failed", outcome: 'quoted "type"\n' });
  const values = await read();
  const types = Object.keys(values).filter((name) => name.startsWith("errors_total"));
  assertEquals(types.length, 101);
  assertEquals(values['errors_total{type="other"}'], 401);
});

Deno.test("two servers in a process count separately", async () => {
  const [one, two] = [open(), open()];
  one.call({});
  assertEquals((await two.read())['calls_total{tool="get_agent",outcome="ok"}'], undefined);
});
