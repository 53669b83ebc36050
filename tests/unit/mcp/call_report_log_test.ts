import { assert, assertEquals } from "@std/assert";
import { ApiError } from "../../../src/api/errors.ts";
import { ToolError } from "../../../src/core/errors.ts";
import { createLogger } from "../../../src/core/logger.ts";
import { createRedact } from "../../../src/core/redact.ts";
import { type Failure, logCall } from "../../../src/mcp/call_report.ts";
import type { CallReport } from "../../../src/mcp/call_report.ts";

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
  token: "ci",
  ids: { session: "sesn_1" },
  requestId: "req-1",
  apiRequestIds: [],
};

function lines(report: Partial<CallReport>, failure?: Failure): Record<string, unknown>[] {
  const written: string[] = [];
  const log = createLogger({
    level: "debug",
    format: "json",
    redact: (text) => text,
    write: (line) => written.push(line),
    now: () => 0,
  });
  logCall({ log, redact: createRedact([]) }, { ...REPORT, ...report }, failure);
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

Deno.test("a call on stdio is the local user's", () => {
  assertEquals(lines({ token: undefined })[0]?.token, "local");
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

Deno.test("a failure at the API has a warning with the API's own words and ids", () => {
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

Deno.test("a bug has an error line with its stack", () => {
  const [, line] = lines({ verdict: "failed" }, { error: new TypeError("undefined is"), args: {} });
  assertEquals([line?.level, line?.message], ["error", "Tool call failed"]);
  assert(String(line?.error).includes("call_report_log_test.ts"));
});

for (const verdict of ["refused", "cancelled"] as const) {
  Deno.test(`a call that was ${verdict} is no alarm`, () => {
    const failure = { error: new ToolError("not_available", "No."), args: {} };
    assertEquals(lines({ verdict }, failure).map(({ level }) => level), ["info"]);
  });
}
