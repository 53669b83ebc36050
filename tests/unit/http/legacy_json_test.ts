import { assertEquals } from "@std/assert";
import { isPlainLegacy } from "../../../src/http/legacy_json.ts";

const CALL = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "get_agent" } };
const CLAIM = { "io.modelcontextprotocol/protocolVersion": "2026-07-28" };

const CASES: readonly (readonly [what: string, message: unknown, version: string, is: boolean])[] =
  [
    ["a call", CALL, "2025-11-25", true],
    ["a call without a version", CALL, "", true],
    ["a call without parameters", { ...CALL, params: undefined }, "2025-06-18", true],
    ["a trace context", withMeta({ traceparent: "00-1" }), "2025-11-25", true],
    ["a call that asks for progress", withMeta({ progressToken: 0 }), "2025-11-25", false],
    ["a claim of the newer protocol", withMeta(CLAIM), "2026-07-28", false],
    ["that claim beside an older version", withMeta(CLAIM), "2025-11-25", false],
    ["a newer version without a claim", CALL, "2026-07-28", false],
    ["an unknown version", CALL, "1999-01-01", false],
    ["a notification", { jsonrpc: "2.0", method: "notifications/x" }, "2025-11-25", false],
    ["a response", { jsonrpc: "2.0", id: 1, result: {} }, "2025-11-25", false],
    ["a batch", [CALL], "2025-11-25", false],
  ];

function withMeta(_meta: Record<string, unknown>): unknown {
  return { ...CALL, params: { ...CALL.params, _meta } };
}

for (const [what, message, version, is] of CASES) {
  Deno.test(`${what} ${is ? "is" : "is not"} answered in plain JSON`, () => {
    const headers: HeadersInit = version === "" ? {} : { "mcp-protocol-version": version };
    const request = new Request("http://localhost/mcp", { method: "POST", headers });
    assertEquals(isPlainLegacy(request, message), is);
  });
}
