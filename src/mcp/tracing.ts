/**
 * Puts a trace span around every tool call, with the runtime's OpenTelemetry: the runtime itself
 * makes the spans of incoming HTTP requests and of requests to the API, and links them.
 *
 * @module
 */

import {
  context,
  propagation,
  ProxyTracerProvider,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import { MARK } from "../core/redact.ts";
import type { CallReport, CallWatch } from "./call_report.ts";

/** Spans around calls. */
export interface Tracing extends Required<Pick<CallWatch, "around">> {
  /** True if the runtime collects the spans. */
  readonly isCollected: boolean;
}

/**
 * Makes the tracing, which runs every call in its own span. The span's parent is the trace context
 * in the client's `_meta` (https://modelcontextprotocol.io, trace context in `_meta`:
 * `traceparent`, `tracestate`), linked to the HTTP request; without one, the HTTP request.
 */
export function createTracing(version: string): Tracing {
  const tracer = trace.getTracer("cma-mcp", version);
  const provider = trace.getTracerProvider();
  const isCollected = !(provider instanceof ProxyTracerProvider) ||
    provider.getDelegateTracer("cma-mcp", version) !== undefined;
  return {
    isCollected,
    around({ tool, method, meta }, run) {
      const carrier = carrierOf(meta);
      const surrounding = trace.getSpanContext(context.active());
      const parent = carrier ? propagation.extract(ROOT_CONTEXT, carrier) : context.active();
      const options = {
        kind: SpanKind.SERVER,
        attributes: { "mcp.method.name": method, "gen_ai.tool.name": tool },
        ...(carrier && surrounding && { links: [{ context: surrounding }] }),
      };
      return tracer.startActiveSpan(`${method} ${tool}`, options, parent, async (span) => {
        try {
          const done = await run();
          describe(span, done.report);
          return done;
        } finally {
          span.end();
        }
      });
    },
  };
}

/** The end of a link to a file, in the address of a request. Ids of files are shorter. */
const LINK_END = /(?<=\/files\/)[^/?#]{60,}/g;

/**
 * Keeps the ends of links, which open files, out of all spans of the runtime. It writes addresses of
 * requests into spans before any code of the program runs, and has nothing that filters or takes
 * back what was written (Deno 2.9.6): so this changes the function by which spans are written.
 *
 * @param span any span of the runtime; by default one that is dropped, as it never ends
 */
export function hideLinks(span: Span = trace.getTracer("cma-mcp").startSpan("dropped")): void {
  const kind: unknown = Object.getPrototypeOf(span);
  if (!(kind instanceof Object) || !Object.hasOwn(kind, "setAttribute")) return;
  const write = Reflect.get(kind, "setAttribute");
  Reflect.set(kind, "setAttribute", function (this: Span, name: string, value: unknown): unknown {
    const shown = typeof value === "string" ? value.replace(LINK_END, MARK) : value;
    return Reflect.apply(write, this, [name, shown]);
  });
}

function carrierOf(meta: Readonly<Record<string, unknown>>): Record<string, string> | undefined {
  const { traceparent, tracestate } = meta;
  if (typeof traceparent !== "string") return undefined;
  return { traceparent, ...(typeof tracestate === "string" && { tracestate }) };
}

function describe(span: Span, report: CallReport): void {
  const { ids, caller, requestId } = report;
  for (const [name, text] of Object.entries({ ...ids, ...caller })) {
    span.setAttribute(`cma_mcp.${name}`, text);
  }
  if (requestId !== undefined) span.setAttribute("cma_mcp.request_id", requestId);
  span.setAttribute("cma_mcp.outcome", report.outcome);
  span.setAttribute("cma_mcp.upstream_requests", report.upstreamRequests);
  if (report.verdict === "ok") return;
  span.setAttribute("error.type", report.outcome);
  if (report.verdict === "failed") span.setStatus({ code: SpanStatusCode.ERROR });
}
