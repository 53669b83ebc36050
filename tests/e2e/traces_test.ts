import { assert, assertEquals } from "@std/assert";
import { z } from "zod";
import { listen } from "../../src/runtime/deno_listener.ts";
import { systemClock } from "../../src/core/clock.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { createSimulator } from "../../src/simulator/mod.ts";
import { startHttp, TOKEN } from "../helpers/http_program.ts";
import { IS_PACKAGE, Spawned } from "../helpers/spawned.ts";

const attribute = z.object({
  key: z.string(),
  value: z.looseObject({ stringValue: z.string().optional() }),
});
const spanSchema = z.object({
  name: z.string(),
  kind: z.number(),
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().optional(),
  attributes: z.array(attribute),
  links: z.array(z.object({ spanId: z.string() })).optional(),
  status: z.looseObject({ code: z.number().optional() }).optional(),
});
const exported = z.object({
  resourceSpans: z.array(z.object({
    scopeSpans: z.array(z.object({ spans: z.array(spanSchema) })),
  })).default([]),
});

type Span = z.output<typeof spanSchema>;

/** OTLP: a span that receives a request, and one that sends one. */
const SERVER = 2;
const CLIENT = 3;

/** A collector of traces and an API, which notes the trace context of the requests it gets. */
function openWorld() {
  const spans: Span[] = [];
  const collector = listen({ host: "127.0.0.1", port: 0 }, async (request) => {
    const body = exported.parse(await request.json());
    spans.push(
      ...body.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
    );
    return Response.json({});
  }, silentLogger);
  const simulator = createSimulator({ clock: systemClock });
  const traceparents: (string | null)[] = [];
  const api = listen({ host: "127.0.0.1", port: 0 }, async (request) => {
    traceparents.push(request.headers.get("traceparent"));
    return await simulator.fetch(request);
  }, silentLogger);
  const env = {
    ANTHROPIC_API_KEY: "sk-ant-e2e-0123456789",
    CMA_BASE_URL: `http://127.0.0.1:${api.addr.port}`,
  };
  const tracing = {
    OTEL_DENO: "true",
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.addr.port}`,
  };
  const close = async () => {
    simulator.close();
    await Promise.all([collector.shutdown(), api.shutdown()]);
  };
  return { spans, traceparents, simulator, env, tracing, close };
}

function callBody(args: object, meta: object): object {
  const params = { name: "get_agent", arguments: args, _meta: meta };
  return { jsonrpc: "2.0", id: 1, method: "tools/call", params };
}

async function post(url: string, body: object, headers: Record<string, string>): Promise<string> {
  const response = await fetch(url, {
    method: "POST",
    headers: {
      authorization: `Bearer ${TOKEN}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": "2025-11-25",
      ...headers,
    },
    body: JSON.stringify(body),
  });
  return await response.text();
}

function only(spans: readonly Span[], matches: (span: Span) => boolean): Span {
  const found = spans.filter(matches);
  assertEquals(found.length, 1, JSON.stringify(spans, null, 1));
  const [span] = found;
  if (!span) throw new Error("There is no such span");
  return span;
}

function attributeOf({ attributes }: Span, name: string): string | undefined {
  return attributes.find(({ key }) => key === name)?.value.stringValue;
}

const [HTTP_TRACE, META_TRACE] = ["a".repeat(32), "b".repeat(32)];
const [HTTP_PARENT, META_PARENT] = ["1".repeat(16), "2".repeat(16)];

/** Deno exports traces by itself; Node has nothing of the kind. */
const NEEDS_DENO = { ignore: IS_PACKAGE };

Deno.test(
  "traces over HTTP join the client's span, the call's and those of the API's requests",
  NEEDS_DENO,
  async () => {
    const world = openWorld();
    const { program, url } = await startHttp([], { ...world.env, ...world.tracing });
    const traceparent = `00-${HTTP_TRACE}-${HTTP_PARENT}-01`;
    const agent_id = world.simulator.agentId("quick");
    await post(url, callBody({ agent_id }, {}), { traceparent, "x-request-id": "req-7" });
    const upstream = world.traceparents.at(-1);
    const meta = { traceparent: `00-${META_TRACE}-${META_PARENT}-01`, tracestate: "vendor=1" };
    await post(url, callBody({ agent_id: "agent_none" }, meta), { traceparent });
    program.kill("SIGTERM");
    assertEquals((await program.ending()).code, 0);
    await world.close();

    const { spans } = world;
    const isCall = ({ name }: Span) => name === "tools/call get_agent";
    const call = only(spans, (span) => isCall(span) && span.traceId === HTTP_TRACE);
    const request = only(spans, ({ spanId }) => spanId === call.parentSpanId);
    assertEquals([request.kind, request.parentSpanId], [SERVER, HTTP_PARENT]);
    const asked = only(spans, ({ parentSpanId }) => parentSpanId === call.spanId);
    assertEquals(asked.kind, CLIENT);
    assertEquals(upstream, `00-${HTTP_TRACE}-${asked.spanId}-01`);
    assertEquals(attributeOf(call, "gen_ai.tool.name"), "get_agent");
    assertEquals(attributeOf(call, "cma_mcp.agent"), agent_id);
    assertEquals(attributeOf(call, "cma_mcp.request_id"), "req-7");
    assertEquals(attributeOf(call, "cma_mcp.outcome"), "ok");

    const failed = only(spans, (span) => isCall(span) && span.traceId === META_TRACE);
    assertEquals([failed.parentSpanId, failed.kind], [META_PARENT, SERVER]);
    assertEquals([failed.status?.code, attributeOf(failed, "error.type")], [2, "not_found_error"]);
    const linked = only(spans, ({ spanId }) => spanId === failed.links?.[0]?.spanId);
    assertEquals([linked.traceId, linked.kind], [HTTP_TRACE, SERVER]);
    assert(!JSON.stringify(spans).includes(TOKEN));
    assert(!program.stderr.join().includes("OTEL_DENO"));
  },
);

Deno.test("traces on stdio begin with the trace context in _meta", NEEDS_DENO, async () => {
  const world = openWorld();
  const program = new Spawned([], { ...world.env, ...world.tracing });
  await program.initialize();
  await program.request("tools/call", {
    name: "get_agent",
    arguments: { agent_id: world.simulator.agentId("quick") },
    _meta: { traceparent: `00-${META_TRACE}-${META_PARENT}-01` },
  });
  await program.closeStdin();
  assertEquals((await program.ending()).code, 0);
  await world.close();
  const call = only(world.spans, ({ name }) => name === "tools/call get_agent");
  assertEquals([call.traceId, call.parentSpanId], [META_TRACE, META_PARENT]);
  const asked = only(world.spans, ({ parentSpanId }) => parentSpanId === call.spanId);
  assertEquals(world.traceparents, [`00-${META_TRACE}-${asked.spanId}-01`]);
});

Deno.test("nothing is traced, and no trace context is sent, unless OTEL_DENO says so", async () => {
  const world = openWorld();
  const { OTEL_DENO: _, ...quiet } = world.tracing;
  const { program, url } = await startHttp([], { ...world.env, ...quiet });
  const traceparent = `00-${HTTP_TRACE}-${HTTP_PARENT}-01`;
  const body = callBody({ agent_id: world.simulator.agentId("quick") }, { traceparent });
  assert((await post(url, body, { traceparent })).includes("Simulated"));
  program.kill("SIGTERM");
  assertEquals((await program.ending()).code, 0);
  await world.close();
  assertEquals([world.spans, world.traceparents], [[], [null]]);
});

Deno.test("traces of a link do not have the link", NEEDS_DENO, async () => {
  const world = openWorld();
  const args = ["--tools=files", "--public-url=https://mcp.example.com"];
  const { program, url } = await startHttp(args, { ...world.env, ...world.tracing });
  const sealed = "c2VhbGVk".repeat(20);
  const response = await fetch(new URL(`/files/${sealed}`, url));
  assertEquals([response.status, (await response.text()).slice(0, 9)], [404, "This link"]);
  program.kill("SIGTERM");
  assertEquals((await program.ending()).code, 0);
  await world.close();
  const text = JSON.stringify(world.spans);
  assert(!text.includes("c2VhbGVk"), text);
  assertEquals(world.spans.map((span) => attributeOf(span, "url.path")), ["/files/[redacted]"]);
});
