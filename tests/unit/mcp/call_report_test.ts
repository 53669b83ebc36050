import { assert, assertEquals } from "@std/assert";
import { z } from "zod";
import type { CallKind } from "../../../src/access/limits.ts";
import { createApi } from "../../../src/api/client.ts";
import { ApiError } from "../../../src/api/errors.ts";
import { ToolError } from "../../../src/core/errors.ts";
import { createLogger, silentLogger } from "../../../src/core/logger.ts";
import { callTool } from "../../../src/mcp/boundary.ts";
import {
  type CallReport,
  type CallWatch,
  type Failure,
  logCall,
} from "../../../src/mcp/call_report.ts";
import { InputNeeded } from "../../../src/mcp/person.ts";
import { defineTool, type ToolCall, type ToolView } from "../../../src/tools/define.ts";
import { harness, httpError } from "../tools/support.ts";
import { createRedact } from "../../../src/core/redact.ts";

type Run = (call: ToolCall) => Record<string, unknown> | Promise<Record<string, unknown>>;

function tool(run: Run, { kind = "call", readOnly = true, view }: Reported = {}) {
  return defineTool({
    name: "probe",
    title: "Probe",
    description: "Probes.",
    scope: readOnly ? "sessions:read" : "sessions:write",
    kind,
    ...(view && { view }),
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
  readonly view?: ToolView;
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
  [
    "a wait that ends with a question to the client",
    fail(new InputNeeded("sesn_1", { resultType: "input_required", requestState: "state" })),
    { kind: "wait" },
    "ok",
    "input_required",
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
  const found = { session_id: "sesn_1", event_id: "sevt_1", file_id: "file_1" };
  const { ids } = await report(() => found, { args });
  assertEquals(ids, { agent: "agent_1", session: "sesn_1", event: "sevt_1", file: "file_1" });
  assertEquals((await report(() => ({}), { args })).ids, { agent: "agent_1" });
  assertEquals((await report(() => ({}), { args: "private" })).ids, {});
});

Deno.test("a report names the caller and the request", async () => {
  const call = { principal: { id: "ci" }, httpRequestId: "req-7", requestId: "1" };
  const { caller, requestId } = await report(() => ({}), { call });
  assertEquals<unknown>([caller, requestId], [{ token: "ci" }, "req-7"]);
  const local = await report(() => ({}), { call: { requestId: "1" } });
  assertEquals([local.caller, local.requestId], [undefined, "1"]);
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

Deno.test("a watch runs around the call, with its name, its method and its _meta", async () => {
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
  const call = { tool: "probe", method: "tools/call", meta: { traceparent: "00-1-2-01" } };
  assertEquals(seen, [call, "before", "during", "ok"]);
});

Deno.test("an outcome that the API names is one short word without secrets", async () => {
  const type = `sk-ant-abcdefgh\nAuthorization: Basic dXNlcjpwYXNz ${"x".repeat(5_000)}`;
  const { outcome } = await report(() => Promise.reject(httpError(400, "No.", type)));
  assertEquals(outcome.length <= 101, true);
  assertEquals(/abcdefgh|dXNl|\n/.test(outcome), false);
});

const REPORT: CallReport = {
  tool: "get_session",
  kind: "call",
  changes: false,
  verdict: "ok",
  outcome: "ok",
  durationMs: 12.4,
  upstreamMs: 10,
  upstreamRequests: 2,
  bytes: 345,
  caller: { token: "ci" },
  ids: { session: "sesn_1" },
  requestId: "req-1",
  apiRequestIds: [],
};

function lines(
  report: Partial<CallReport>,
  failure?: Failure,
  secrets: readonly string[] = [],
): Record<string, unknown>[] {
  const written: string[] = [];
  const log = createLogger({
    level: "debug",
    format: "json",
    redact: (text) => text,
    write: (line) => written.push(line),
    now: () => 0,
  });
  logCall({ log, redact: createRedact(secrets) }, { ...REPORT, ...report }, failure);
  return written.map((line) => {
    const { time: _, ...fields } = JSON.parse(line);
    return fields;
  });
}

Deno.test("a call is one line at level info, with who, what, how it went and what it cost", () => {
  assertEquals(lines({}), [{
    level: "info",
    message: "Tool call",
    token: "ci",
    tool: "get_session",
    session: "sesn_1",
    outcome: "ok",
    duration_ms: 12,
    upstream_requests: 2,
    bytes: 345,
    request_id: "req-1",
  }]);
});

Deno.test("only a tool that pages alone call, and that reads, makes looks", async () => {
  const isLook = async (options: Reported) => (await report(() => ({}), options)).isLook;
  assertEquals(await isLook({ view: "app_only" }), true);
  assertEquals(await isLook({ view: "app_only", readOnly: false }), undefined);
  assertEquals(await isLook({ view: "shown" }), undefined);
  assertEquals(await isLook({}), undefined);
});

Deno.test("a page's look is a line at level debug, unless it fails", () => {
  const [line] = lines({ isLook: true });
  assertEquals([line?.level, line?.message], ["debug", "Tool call"]);
  for (const verdict of ["refused", "failed", "cancelled"] as const) {
    assertEquals(lines({ isLook: true, verdict })[0]?.level, "info");
  }
});

Deno.test("a call on stdio is the local user's", () => {
  assertEquals(lines({ caller: undefined })[0]?.token, "local");
});

Deno.test("a call that changes something has an audit line, however it went", () => {
  const ids = { session: "sesn_1", event: "sevt_1" };
  const changed = { tool: "interrupt", changes: true, ids };
  const audit = { level: "info", message: "Audit", audit: true, token: "ci", tool: "interrupt" };
  assertEquals(lines(changed)[1], { ...audit, ...ids, outcome: "ok", request_id: "req-1" });
  for (const verdict of ["refused", "failed", "cancelled"] as const) {
    const [, line] = lines({ ...changed, verdict, outcome: verdict, apiRequestIds: ["req_9"] });
    assertEquals(line, {
      ...{ ...audit, ...ids, outcome: verdict },
      ...{ request_id: "req-1", api_request_ids: ["req_9"] },
    });
  }
});

Deno.test("a failure at the API is logged as a warning, with the API's message and ids", () => {
  const error = new ApiError("Out of credit", {
    kind: "http",
    status: 402,
    type: "billing_error",
    requestId: "req_9",
    retryAfterMs: 5,
  }, { cause: new TypeError("reset") });
  const failed = { verdict: "failed", outcome: "billing_error", apiRequestIds: ["req_9"] } as const;
  const [call, warning] = lines(failed, { error, args: {} });
  assertEquals(call?.api_request_ids, ["req_9"]);
  assertEquals(warning, {
    ...{ level: "warn", message: "Tool call failed at the API", token: "ci", tool: "get_session" },
    ...{ outcome: "billing_error", request_id: "req-1", kind: "http", status: 402 },
    ...{ type: "billing_error", api_request_id: "req_9", retry_after_ms: 5 },
    ...{ api_message: "Out of credit", cause: "reset" },
  });
  const wrapped = new ToolError("not_created", "No.", { cause: error });
  assertEquals(lines(failed, { error: wrapped, args: {} })[1]?.api_message, "Out of credit");
});

for (const status of [400, 403, 404, 409, 413, 422]) {
  Deno.test(`the API's words about what it was sent, status ${status}, are not logged`, () => {
    const error = new ApiError("text: 'private'", { kind: "http", status });
    const [, warning] = lines({ verdict: "failed" }, { error, args: {} });
    assertEquals([warning?.status, warning?.api_message], [status, undefined]);
  });
}

const QUOTES = ["a private text", 'with "quotes"\nand lines'];
for (const quote of QUOTES) {
  Deno.test(`no failure's line repeats an argument: ${JSON.stringify(quote)}`, () => {
    const args = { text: quote, nested: { list: [quote] } };
    for (const shown of [quote, JSON.stringify(quote)]) {
      const api = new ApiError(`Failed on ${shown}`, { kind: "http", status: 500 });
      const bug = new TypeError(`Cannot read ${shown}`);
      for (const error of [api, bug]) {
        const [, line] = lines({ verdict: "failed" }, { error, args });
        const text = JSON.stringify(line);
        assert(text.includes("[argument]") && !text.includes("private text"), text);
        assert(!text.includes("quotes"), text);
      }
    }
  });
}

Deno.test("a failure's line shows no part of a secret that an argument would split", () => {
  const secret = "a-secret-of-the-operator-0123456789";
  const error = new ApiError(`Failed on ${secret}.`, { kind: "http", status: 500 });
  const args = { text: secret.slice(10, 16) };
  const [, line] = lines({ verdict: "failed" }, { error, args }, [secret]);
  assertEquals(line?.api_message, "Failed on [redacted].");
});

Deno.test("an error of this program is logged at level error, with its stack", () => {
  const [, line] = lines({ verdict: "failed" }, { error: new TypeError("undefined is"), args: {} });
  assertEquals([line?.level, line?.message], ["error", "Tool call failed"]);
  assert(String(line?.error).includes("call_report_test.ts"));
});

for (const verdict of ["refused", "cancelled"] as const) {
  Deno.test(`a call that was ${verdict} is logged at level info`, () => {
    const failure = { error: new ToolError("not_available", "No."), args: {} };
    assertEquals(lines({ verdict }, failure).map(({ level }) => level), ["info"]);
  });
}
