import { assertEquals } from "@std/assert";
import { z } from "zod";
import type { CallKind } from "../../../src/access/limits.ts";
import { createApi } from "../../../src/api/client.ts";
import { ApiError } from "../../../src/api/errors.ts";
import { ToolError } from "../../../src/core/errors.ts";
import { silentLogger } from "../../../src/core/logger.ts";
import { callTool } from "../../../src/mcp/boundary.ts";
import type { CallReport, CallWatch } from "../../../src/mcp/call_report.ts";
import { defineTool, type ToolCall } from "../../../src/tools/define.ts";
import { harness, httpError } from "../tools/support.ts";

type Run = (call: ToolCall) => Record<string, unknown> | Promise<Record<string, unknown>>;

function tool(run: Run, { kind = "call", readOnly = true }: Reported = {}) {
  return defineTool({
    name: "probe",
    title: "Probe",
    description: "Probes.",
    scope: readOnly ? "sessions:read" : "sessions:write",
    kind,
    reaches: { result: "list" },
    annotations: {
      readOnlyHint: readOnly,
      destructiveHint: false,
      idempotentHint: true,
      openWorldHint: false,
    },
    input: () => z.looseObject({}),
    output: () => z.looseObject({}),
    run: async (_args, call) => await run(call),
  });
}

interface Reported {
  readonly args?: unknown;
  readonly kind?: CallKind;
  readonly readOnly?: boolean;
  readonly call?: Partial<ToolCall>;
  readonly watch?: CallWatch;
}

async function report(run: Run, options: Reported = {}): Promise<CallReport> {
  const reports: CallReport[] = [];
  const opened = harness({}, { log: silentLogger });
  const { args = {}, call = {}, watch } = options;
  await callTool(tool(run, options), args, opened.call(call), {
    ...watch,
    ended: (done) => reports.push(done),
  });
  const [first] = reports;
  if (!first || reports.length !== 1) throw new Error(`${reports.length} reports`);
  return first;
}

const gone = new AbortController();
gone.abort();

const fail = (error: unknown): Run => () => Promise.reject(error);
const OUTCOMES: readonly [string, Run, Reported, CallReport["verdict"], string][] = [
  ["a call that went well", () => ({ status: "running" }), {}, "ok", "ok"],
  [
    "a wait",
    () => ({ status: "timeout" }),
    { kind: "wait" },
    "ok",
    "timeout",
  ],
  ["a refusal", fail(new ToolError("not_available", "No.")), {}, "refused", "not_available"],
  [
    "a tool's own failure at the API",
    fail(new ToolError("not_delivered", "No.", { cause: httpError(500) })),
    {},
    "failed",
    "not_delivered",
  ],
  ["an API error", fail(httpError(404, "No.", "not_found_error")), {}, "failed", "not_found_error"],
  ["a connection error", fail(new ApiError("No.", { kind: "not_sent" })), {}, "failed", "not_sent"],
  ["a bug", fail(new TypeError("undefined")), {}, "failed", "internal_error"],
  [
    "a cancelled call, whatever it failed with",
    fail(httpError(500)),
    { call: { signal: gone.signal } },
    "cancelled",
    "cancelled",
  ],
];
for (const [name, run, options, verdict, outcome] of OUTCOMES) {
  Deno.test(`the report of ${name} says ${verdict}: ${outcome}`, async () => {
    const reported = await report(run, options);
    assertEquals([reported.verdict, reported.outcome], [verdict, outcome]);
  });
}

Deno.test("a report has the ids of arguments and result, and no text that stands in their place", async () => {
  const args = { agent_id: "agent_1", session_id: "Hello, this is no id", text: "private" };
  const { ids } = await report(() => ({ session_id: "sesn_1", event_id: "sevt_1" }), { args });
  assertEquals(ids, { agent: "agent_1", session: "sesn_1", event: "sevt_1" });
  assertEquals((await report(() => ({}), { args })).ids, { agent: "agent_1" });
  assertEquals((await report(() => ({}), { args: "private" })).ids, {});
});

Deno.test("a report names the caller and the request", async () => {
  const call = { principal: { id: "ci" }, httpRequestId: "req-7", requestId: "1" };
  const { token, requestId } = await report(() => ({}), { call });
  assertEquals([token, requestId], ["ci", "req-7"]);
  const local = await report(() => ({}), { call: { requestId: "1" } });
  assertEquals([local.token, local.requestId], [undefined, "1"]);
  const odd = await report(() => ({}), { call: { requestId: "please write me a poem" } });
  assertEquals(odd.requestId, undefined);
});

Deno.test("a report measures the result in bytes, and says whether the tool changes something", async () => {
  const text = JSON.stringify({ a: "é🙂" });
  const { bytes, changes } = await report(() => ({ a: "é🙂" }));
  assertEquals([bytes, changes], [new TextEncoder().encode(text).byteLength, false]);
  assertEquals((await report(() => ({}), { readOnly: false })).changes, true);
});

Deno.test("a report counts requests to the API and their time, repetitions and failures included", async () => {
  const answers = [503, 200, 404];
  let reported: CallReport | undefined;
  const opened = harness({});
  const { clock } = opened;
  const api = createApi({
    baseUrl: "http://api.invalid",
    credential: () => ({ kind: "api_key", value: "key" }),
    clock,
    random: () => 0.5,
    fetch: async () => {
      await clock.sleep(30);
      const status = answers.shift() ?? 500;
      const body = status === 200 ? { data: [], next_page: null } : { type: "error" };
      return Response.json(body, { status, headers: { "request-id": `req_${status}` } });
    },
  });
  const run: Run = async () => {
    await clock.sleep(5);
    await api.agents.list({});
    await clock.sleep(5);
    await api.agents.retrieve("agent_1", {});
    return {};
  };
  await clock.runUntil(callTool(tool(run), {}, opened.call(), {
    ended: (done) => {
      reported = done;
    },
  }));
  assertEquals(reported?.upstreamRequests, 3);
  assertEquals(reported?.apiRequestIds, ["req_503", "req_404"]);
  assertEquals(Math.round((reported?.durationMs ?? 0) - (reported?.upstreamMs ?? 0)), 10);
});

Deno.test("a watch runs around the call, with its name and its _meta", async () => {
  const seen: unknown[] = [];
  const watch: CallWatch = {
    around: async (call, run) => {
      seen.push(call, "before");
      const done = await run();
      seen.push(done.report.outcome);
      return done;
    },
  };
  await report(() => {
    seen.push("during");
    return {};
  }, { watch, call: { meta: { traceparent: "00-1-2-01" } } });
  const call = { tool: "probe", meta: { traceparent: "00-1-2-01" } };
  assertEquals(seen, [call, "before", "during", "ok"]);
});

Deno.test("an outcome that the API names is one short word without secrets", async () => {
  const type = `sk-ant-abcdefgh\nAuthorization: Basic dXNlcjpwYXNz ${"x".repeat(5_000)}`;
  const { outcome } = await report(() => Promise.reject(httpError(400, "No.", type)));
  assertEquals(outcome.length <= 101, true);
  assertEquals(/abcdefgh|dXNl|\n/.test(outcome), false);
});
