import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type Attributes,
  type Context,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type SpanOptions,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import type { CallReport } from "../../../src/mcp/call_report.ts";
import { createTracing, hideLinks } from "../../../src/mcp/tracing.ts";

/** A span as the tracer was told of it. */
interface Recorded {
  readonly name: string;
  readonly options: SpanOptions;
  readonly parent: Context;
  readonly attributes: Attributes;
  status?: number;
  ended: boolean;
}

const PARENT = Symbol("the client's trace context");

/** Collects spans for as long as a test runs: the API has one tracer for the whole process. */
async function collecting(test: (spans: Recorded[]) => Promise<void>): Promise<void> {
  const spans: Recorded[] = [];
  const startActiveSpan = <T>(
    name: string,
    options: SpanOptions,
    parent: Context,
    run: (span: Span) => T,
  ): T => {
    const recorded: Recorded = { name, options, parent, attributes: {}, ended: false };
    spans.push(recorded);
    return run({
      setAttribute: (key: string, value: string) => void (recorded.attributes[key] = value),
      setStatus: ({ code }: { code: number }) => void (recorded.status = code),
      end: () => void (recorded.ended = true),
    } as unknown as Span);
  };
  trace.setGlobalTracerProvider({ getTracer: () => ({ startActiveSpan } as never) });
  propagation.setGlobalPropagator({
    inject: () => {},
    extract: (into, carrier) => into.setValue(PARENT, carrier),
    fields: () => [],
  });
  try {
    await test(spans);
  } finally {
    trace.disable();
    propagation.disable();
  }
}

function report(fields: Partial<CallReport> = {}): CallReport {
  return {
    tool: "get_session",
    kind: "call",
    changes: false,
    verdict: "ok",
    outcome: "ok",
    durationMs: 5,
    upstreamMs: 3,
    upstreamRequests: 2,
    bytes: 100,
    ids: { session_id: "sesn_1" },
    apiRequestIds: [],
    ...fields,
  };
}

const CALL = { tool: "get_session", method: "tools/call", meta: {} };

Deno.test("createTracing() knows whether anything takes its spans", async () => {
  assertEquals(createTracing("1.2.3").isCollected, false);
  await collecting(() => {
    assertEquals(createTracing("1.2.3").isCollected, true);
    return Promise.resolve();
  });
});

Deno.test("around() runs a call in a span that has its ids and its outcome", async () => {
  await collecting(async (spans) => {
    const done = { report: report({ caller: { token: "ci" }, requestId: "req_1" }) };
    assert(await createTracing("1.2.3").around(CALL, () => Promise.resolve(done)) === done);
    const [span] = spans;
    assertEquals([spans.length, span?.name, span?.ended], [1, "tools/call get_session", true]);
    assertEquals({ ...span?.options.attributes, ...span?.attributes }, {
      "mcp.method.name": "tools/call",
      "gen_ai.tool.name": "get_session",
      "cma_mcp.session_id": "sesn_1",
      "cma_mcp.token": "ci",
      "cma_mcp.request_id": "req_1",
      "cma_mcp.outcome": "ok",
      "cma_mcp.upstream_requests": 2,
    });
    assertEquals([span?.status, span?.parent], [undefined, context.active()]);
  });
});

for (const verdict of ["failed", "refused"] as const) {
  Deno.test(`around() puts the outcome of a ${verdict} call into error.type`, async () => {
    await collecting(async (spans) => {
      const done = { report: report({ verdict, outcome: "not_found" }) };
      await createTracing("1.2.3").around(CALL, () => Promise.resolve(done));
      const [span] = spans;
      assertEquals(span?.attributes["error.type"], "not_found");
      assertEquals(span?.status, verdict === "failed" ? SpanStatusCode.ERROR : undefined);
    });
  });
}

Deno.test("around() continues the trace that the client names in _meta", async () => {
  await collecting(async (spans) => {
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const meta = { traceparent, tracestate: 7, other: "x" };
    const done = { report: report() };
    await createTracing("1.2.3").around({ ...CALL, meta }, () => Promise.resolve(done));
    assertEquals(spans[0]?.parent.getValue(PARENT), { traceparent });
    await createTracing("1.2.3").around(
      { ...CALL, meta: { traceparent: 7 } },
      () => Promise.resolve(done),
    );
    assertEquals(spans[1]?.parent, ROOT_CONTEXT);
  });
});

Deno.test("around() ends the span of a call that throws", async () => {
  await collecting(async (spans) => {
    const failing = () => Promise.reject<{ report: CallReport }>(new Error("bug"));
    await assertRejects(() => createTracing("1.2.3").around(CALL, failing), Error, "bug");
    assertEquals(spans[0]?.ended, true);
  });
});

Deno.test("hideLinks() keeps the ends of links out of every span of the runtime", () => {
  class RuntimeSpan {
    readonly written: unknown[] = [];
    setAttribute(name: string, value: unknown): this {
      this.written.push([name, value]);
      return this;
    }
  }
  const [first, second] = [new RuntimeSpan(), new RuntimeSpan()];
  hideLinks(first as unknown as Span);
  hideLinks({} as Span);
  const link = `https://mcp.example.com/agents/files/${"aZ09-_".repeat(12)}`;
  const file = "https://api.anthropic.com/v1/files/file_011CNha8iCJcU1wXNR6q4V8w/content";
  second.setAttribute("url.full", `${link}?a=1`).setAttribute("url.full", file);
  assertEquals(second.setAttribute("http.status_code", 200), second);
  assertEquals(second.written, [
    ["url.full", "https://mcp.example.com/agents/files/[redacted]?a=1"],
    ["url.full", file],
    ["http.status_code", 200],
  ]);
});
