import { assert, assertEquals } from "@std/assert";
import { callServedTool, type McpEndpoint } from "../../src/commands/mcp_call.ts";
import { apiAt, startHttp, TOKEN } from "../helpers/http_program.ts";

async function startSession(endpoint: McpEndpoint, agent: string): Promise<unknown> {
  const { agents } = await callServedTool(endpoint, "list_agents", { name_contains: agent });
  assert(Array.isArray(agents));
  const created = await callServedTool(endpoint, "create_session", {
    agent_id: agents[0].id,
    message: "What is the time?",
  });
  return created.session_id;
}

Deno.test("the program plays a whole turn over HTTP, and its stdout stays empty", async () => {
  const { program, endpoint } = await startHttp(["--simulate"]);
  const session_id = await startSession(endpoint, "quick");
  const { status, reply } = await callServedTool(endpoint, "wait_for_idle", { session_id });
  assertEquals(status, "idle");
  assert(String(reply).includes("What is the time?"));
  program.kill("SIGTERM");
  assertEquals((await program.ending()).code, 0);
  assertEquals(program.stdout, []);
  assert(!program.stderr.join("\n").includes(TOKEN));
});

Deno.test("the program answers 401 over HTTP to a request without a token", async () => {
  const { program, url } = await startHttp(["--simulate"]);
  const response = await fetch(url, { method: "POST", body: "{}" });
  await response.body?.cancel();
  assertEquals(response.status, 401);
  program.kill("SIGINT");
  assertEquals((await program.ending()).code, 0);
});

Deno.test("the program answers an open wait over HTTP before it ends on SIGTERM", async () => {
  const { program, endpoint } = await startHttp(["--simulate"]);
  const session_id = await startSession(endpoint, "long wait");
  const open = Promise.withResolvers<void>();
  const wait = callServedTool(endpoint, "wait_for_idle", { session_id, timeout_sec: 600 }, {
    onProgress: () => open.resolve(),
  });
  await open.promise;
  program.kill("SIGTERM");
  const { code, ms } = await program.ending();
  assertEquals((await wait).status, "timeout");
  assertEquals(code, 0);
  assert(ms < program.promptMs, `It took ${ms} ms`);
});

Deno.test("the program listens where it was told, whatever DENO_SERVE_ADDRESS says", async () => {
  for (const address of ["tcp:0.0.0.0:0", "duplicate,tcp:0.0.0.0:0", "vsock:1:2"]) {
    const { program, url } = await startHttp(["--simulate"], { DENO_SERVE_ADDRESS: address });
    assertEquals(new URL(url).hostname, "127.0.0.1");
    program.kill("SIGTERM");
    assertEquals((await program.ending()).code, 0);
  }
});

for (const era of ["2026-07-28", "2025-11-25"]) {
  Deno.test(`${era}: the program ends a call, and its request, when the client hangs up`, async () => {
    const asked = Promise.withResolvers<void>();
    const hungUp = Promise.withResolvers<void>();
    const api = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      ({ signal }) => {
        asked.resolve();
        return new Promise<Response>((resolve) =>
          signal.addEventListener("abort", () => {
            hungUp.resolve();
            resolve(new Response());
          })
        );
      },
    );
    const { program, url, stop } = await startHttp(
      [],
      apiAt(`http://127.0.0.1:${api.addr.port}`),
    );
    const client = new AbortController();
    const call = fetch(url, {
      method: "POST",
      signal: client.signal,
      headers: {
        "authorization": `Bearer ${TOKEN}`,
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": era,
        ...(era === "2026-07-28" && { "mcp-method": "tools/call", "mcp-name": "get_agent" }),
        // Real clients say more than fits into the first kilobyte.
        "user-agent": "x".repeat(1_000),
      },
      body: JSON.stringify({
        jsonrpc: "2.0",
        id: 7,
        method: "tools/call",
        params: {
          name: "get_agent",
          arguments: { agent_id: "agent_01abc" },
          ...(era === "2026-07-28" && {
            _meta: {
              "io.modelcontextprotocol/protocolVersion": era,
              "io.modelcontextprotocol/clientCapabilities": {},
            },
          }),
        },
      }),
    }).then((response) => response.text());
    await asked.promise;
    client.abort();
    await call.catch(() => {});
    await program.until(() => /outcome=cancelled/.exec(program.stderr.join("\n"))?.[0]);
    await hungUp.promise;
    assertEquals(await stop(), 0);
    await api.shutdown();
  });
}
