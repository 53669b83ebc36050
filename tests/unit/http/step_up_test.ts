import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Principal } from "../../../src/access/principal.ts";
import { SCOPES } from "../../../src/access/scopes.ts";
import { createStepUp } from "../../../src/http/step_up.ts";

const URL = "https://mcp.example.com/.well-known/oauth-protected-resource/mcp";
const ALICE: Principal = {
  id: '["i","alice"]',
  scopes: ["sessions:read"],
  missingScopes: ["sessions:write", "actions"],
};

function open() {
  const counted: string[] = [];
  const stepUp = createStepUp({
    served: {
      toolSets: ["core", "actions"],
      publishes: false,
      asksPeople: true,
      viewActions: true,
    },
    metadataUrl: URL,
    onScopeMissing: (scope) => counted.push(scope),
  });
  return { stepUp, counted };
}

function call(id: number | string, name: string) {
  return { jsonrpc: "2.0", id, method: "tools/call", params: { name, arguments: {} } };
}

Deno.test("a call that lacks a scope gets 403 with the scopes that the caller has, and that one", async () => {
  const { stepUp, counted } = open();
  const response = stepUp(call(7, "send_message"), ALICE);
  assertEquals(response?.status, 403);
  const challenge = response?.headers.get("www-authenticate");
  assertStringIncludes(`${challenge}`, 'Bearer realm="cma-mcp", error="insufficient_scope", ');
  assertStringIncludes(
    `${challenge}`,
    `resource_metadata="${URL}", scope="sessions:read sessions:write"`,
  );
  const { jsonrpc, id, error } = await response?.json();
  assertEquals([jsonrpc, id, error.code, counted], ["2.0", 7, -32_000, ["sessions:write"]]);
  assertStringIncludes(error.message, "does not have the scope sessions:write");
});

Deno.test("a batch is refused as a whole, with all scopes that its calls lack", async () => {
  const { stepUp } = open();
  const response = stepUp([
    call("a", "confirm_tool_use"),
    call("b", "get_session"),
    { jsonrpc: "2.0", method: "notifications/cancelled" },
    call("c", "create_session"),
  ], ALICE);
  const challenge = response?.headers.get("www-authenticate");
  assertStringIncludes(`${challenge}`, 'scope="sessions:read sessions:write actions"');
  const errors: readonly { readonly id: string }[] = await response?.json();
  assertEquals(errors.map(({ id }) => id), ["a", "b", "c"]);
});

Deno.test("whoever lacks nothing, or lacks it by a rule, is sent nowhere", () => {
  const { stepUp, counted } = open();
  const messages = [call(1, "send_message"), call(2, "get_session")];
  for (
    const principal of [
      { id: "token", scopes: ["sessions:read" as const] },
      { id: "token", readOnly: true },
      { ...ALICE, scopes: SCOPES, missingScopes: undefined },
      { ...ALICE, missingScopes: ["agents:read" as const] },
    ]
  ) {
    assertEquals(stepUp(messages, principal), undefined);
  }
  assertEquals(stepUp(call(1, "get_session"), ALICE), undefined);
  const notification = { jsonrpc: "2.0", method: "tools/call", params: { name: "send_message" } };
  assertEquals(stepUp(notification, ALICE), undefined);
  assertEquals(counted, []);
});
