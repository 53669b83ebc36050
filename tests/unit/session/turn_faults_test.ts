import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { faultOf } from "../../../src/api/errors.ts";
import { turnFaultOf } from "../../../src/session/turn_faults.ts";

/** The types of `@anthropic-ai/sdk` 1.14.0; `unknown_error` says nothing. */
const TYPES = [
  "model_overloaded_error",
  "model_rate_limited_error",
  "model_request_failed_error",
  "mcp_connection_failed_error",
  "mcp_authentication_failed_error",
  "billing_error",
  "credential_host_unreachable_error",
  "tool_use_limit_reached_error",
  "compaction_limit_reached_error",
  "repository_authentication_error",
  "repository_forbidden_error",
  "repository_not_found_error",
  "repository_checkout_error",
  "repository_clone_error",
];
/** Errors after which the same message helps without anybody's doing. */
const PASSING = [
  "model_overloaded_error",
  "model_rate_limited_error",
  "model_request_failed_error",
  "ramp_limit_exceeded",
];
const CODES = [
  "contract_spend_limit_reached",
  "enforced_spend_limit_reached",
  "ramp_limit_exceeded",
  "organization_on_hold",
];

for (const type of [...TYPES, ...CODES]) {
  Deno.test(`turnFaultOf() knows ${type}, in whole sentences`, () => {
    const fault = turnFaultOf({ type });
    assert(fault);
    assert(/^[A-Z].*\.$/.test(fault.what), fault.what);
    if (fault.remedy !== undefined) assert(/^[a-z].*[^.]$/.test(fault.remedy), fault.remedy);
    const needsSomebody = fault.remedy !== undefined || fault.then !== undefined;
    assertEquals(needsSomebody, !PASSING.includes(type));
  });
}

for (const code of CODES) {
  Deno.test(`turnFaultOf() says of ${code} what an error response with it says`, () => {
    const status = code.startsWith("organization") ? 400 : 429;
    const { what, operator, retry } = faultOf({
      kind: "http",
      status,
      errorCode: code,
      message: "",
    });
    assertEquals(turnFaultOf({ type: code })?.what, what);
    assertEquals(turnFaultOf({ type: code })?.remedy, operator);
    // Where somebody has to mend something, a retry is in vain.
    assertEquals(retry, operator === undefined);
  });
}

Deno.test("turnFaultOf() knows nothing of other types", () => {
  for (const type of ["unknown_error", "comet_error", "", "constructor", "__proto__"]) {
    assertEquals(turnFaultOf({ type }), undefined);
  }
});

Deno.test("turnFaultOf() names the MCP server", () => {
  const server = "crm";
  for (const type of ["mcp_connection_failed_error", "mcp_authentication_failed_error"]) {
    assertStringIncludes(turnFaultOf({ type, server })?.what ?? "", 'The MCP server "crm"');
    assertStringIncludes(turnFaultOf({ type })?.what ?? "", "An MCP server of the agent");
  }
});
