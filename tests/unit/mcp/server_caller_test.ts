import { assert, assertEquals } from "@std/assert";
import { createMcpHandler } from "@modelcontextprotocol/server";
import { authInfoOf, createServerFactory } from "../../../src/mcp/server.ts";
import { harness } from "../tools/support.ts";

/** Calls a tool with what another HTTP stack might say of the caller, and returns the response. */
async function callAs(principal: unknown): Promise<{ text: string; requests: number }> {
  let requests = 0;
  const retrieve = () => {
    requests++;
    return Promise.resolve({ id: "agent_1" });
  };
  const { services } = harness({ agents: { retrieve } });
  const handler = createMcpHandler(createServerFactory(services, { version: "1.2.3" }), {});
  const request = new Request("http://localhost/mcp", {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": "2025-11-25",
    },
    body: JSON.stringify({
      ...{ jsonrpc: "2.0", id: 1, method: "tools/call" },
      params: { name: "get_agent", arguments: { agent_id: "agent_1" } },
    }),
  });
  const authInfo = { ...authInfoOf({ id: "ci" }), extra: { principal } };
  const text = await (await handler.fetch(request, { authInfo })).text();
  await handler.close();
  return { text, requests };
}

Deno.test("a caller whose principal has no name reaches nothing, rather than everything", async () => {
  for (const principal of [{}, { id: "" }, { id: 1 }, { agents: ["agent_2"] }, "ci", null, []]) {
    const { text, requests } = await callAs(principal);
    assert(text.includes('"code":-32603,"message":"Internal error"'), text);
    assertEquals(requests, 0);
  }
});

Deno.test("a caller of another HTTP stack without a principal goes by its client id", async () => {
  const { text, requests } = await callAs(undefined);
  assert(text.includes('"id":"agent_1"'), text);
  assertEquals(requests, 1);
});
