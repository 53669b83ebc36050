import { assertEquals, assertRejects } from "@std/assert";
import { callMethod, callServedTool } from "../../../src/commands/mcp_call.ts";

function endpoint(answer: (request: Request) => Response | Promise<Response>) {
  return { token: "secret", fetch: (request: Request) => Promise.resolve(answer(request)) };
}

function frames(...messages: unknown[]): Response {
  const body = messages.map((message) => `data: ${JSON.stringify(message)}\n\n`).join("");
  return new Response(`: hello\n\n${body}`, { headers: { "content-type": "text/event-stream" } });
}

const result = (fields: Record<string, unknown>) => ({
  jsonrpc: "2.0",
  id: 1,
  result: { content: [{ type: "text", text: "words" }], ...fields },
});

Deno.test("callServedTool() sends one authorised JSON-RPC request", async () => {
  let sent: Request | undefined;
  await callServedTool(
    endpoint((request) => {
      sent = request;
      return Response.json(result({ structuredContent: {} }));
    }),
    "get_thing",
    { id: 7 },
  );
  assertEquals(sent?.method, "POST");
  assertEquals(sent?.headers.get("authorization"), "Bearer secret");
  assertEquals(await sent?.json(), {
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: { name: "get_thing", arguments: { id: 7 } },
  });
});

Deno.test("callServedTool() reads results from a stream, and tells of progress on the way", async () => {
  const told: string[] = [];
  const progress = (message: string) => ({
    jsonrpc: "2.0",
    method: "notifications/progress",
    params: { progressToken: "progress", progress: 1, message },
  });
  const answer = frames(progress("one"), progress("two"), result({ structuredContent: { a: 1 } }));
  const structured = await callServedTool(endpoint(() => answer), "wait", {}, {
    onProgress: (message) => told.push(message),
  });
  assertEquals(structured, { a: 1 });
  assertEquals(told, ["one", "two"]);
});

Deno.test("callMethod() asks for progress only when somebody listens", async () => {
  const metas: unknown[] = [];
  const recording = endpoint(async (request) => {
    metas.push((await request.json()).params._meta);
    return Response.json(result({}));
  });
  await callMethod(recording, "tools/list");
  await callMethod(recording, "tools/list", {}, { onProgress: () => {} });
  assertEquals(metas, [undefined, { progressToken: "progress" }]);
});

Deno.test("callServedTool() rejects when it is aborted, also when the server does not notice", async () => {
  const controller = new AbortController();
  let cancelled = false;
  const endless = new Response(
    new ReadableStream({ cancel: () => void (cancelled = true) }),
    { headers: { "content-type": "text/event-stream" } },
  );
  const call = callServedTool(endpoint(() => endless), "wait", {}, { signal: controller.signal });
  controller.abort(new Error("Enough"));
  await assertRejects(() => call, Error, "Enough");
  assertEquals(cancelled, true);
});

const failures: readonly [string, () => Response, string][] = [
  ["a tool that fails", () => Response.json(result({ isError: true })), "words"],
  [
    "a server that refuses",
    () => frames({ id: null, error: { message: "No such tool" } }),
    "No such",
  ],
  ["a stream without answer", () => frames({ method: "other" }), "No answer to tools/call"],
];
for (const [name, answer, message] of failures) {
  Deno.test(`callServedTool() rejects for ${name}`, async () => {
    await assertRejects(() => callServedTool(endpoint(answer), "x", {}), Error, message);
  });
}
