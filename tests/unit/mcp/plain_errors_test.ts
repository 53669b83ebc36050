import { assertEquals } from "@std/assert";
import { withPlainError } from "../../../src/mcp/plain_errors.ts";

function plain(message: string, code = -32_603) {
  const response = withPlainError({ jsonrpc: "2.0", id: 1, error: { code, message } });
  return "error" in response ? [response.error.code, response.error.message] : undefined;
}

function issues(issue: Record<string, unknown>): string {
  return JSON.stringify([issue], null, 2);
}

Deno.test("withPlainError() says in a sentence what a validator says in JSON", () => {
  const missing = {
    expected: "object",
    code: "invalid_type",
    path: ["params", "clientInfo"],
    message: "Invalid input: expected object, received undefined",
  };
  const wrong = { ...missing, message: "Invalid input: expected object, received string" };
  const other = { code: "invalid_union", path: ["params", "level"], message: "Invalid input" };
  const cases: [string, string][] = [
    [issues(missing), "params.clientInfo is missing"],
    [`Invalid tools/call request: ${issues(wrong)}`, "params.clientInfo must be an object"],
    [issues({ ...wrong, expected: "string" }), "params.clientInfo must be a string"],
    [issues({ ...wrong, expected: "record" }), "params.clientInfo must be an object"],
    [issues(other), "params.level cannot be used"],
    ["[{broken]", "they cannot be used"],
    ["[{}]", "they cannot be used"],
  ];
  for (const [message, expected] of cases) {
    assertEquals(plain(message), [-32_602, `Invalid params: ${expected}`]);
  }
});

Deno.test("withPlainError() leaves other messages alone", () => {
  for (const text of ["Tool x not found", "Method not found", "[1] is odd", "see [{...}] there"]) {
    assertEquals(plain(text, -32_601), [-32_601, text]);
  }
  const result = { jsonrpc: "2.0" as const, id: 1, result: {} };
  assertEquals(withPlainError(result), result);
});
