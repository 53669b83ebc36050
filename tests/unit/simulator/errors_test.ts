import { assertEquals } from "@std/assert";
import { errorEnvelope, errorTypeOf, SimulatorError } from "../../../src/simulator/errors.ts";
import { dig } from "./helpers.ts";

for (
  const [status, type] of [
    [400, "invalid_request_error"],
    [401, "authentication_error"],
    [402, "billing_error"],
    [403, "permission_error"],
    [404, "not_found_error"],
    [409, "conflict_error"],
    [413, "request_too_large"],
    [418, "invalid_request_error"],
    [429, "rate_limit_error"],
    [500, "api_error"],
    [503, "api_error"],
    [504, "timeout_error"],
    [529, "overloaded_error"],
  ] as const
) {
  Deno.test(`errorTypeOf() gives ${status} the type ${type}`, () => {
    assertEquals(errorTypeOf(status), type);
  });
}

Deno.test("errorEnvelope() has details only where there is an error code", async () => {
  const plain = errorEnvelope(new SimulatorError(400, "t", "m"), "req_1");
  assertEquals(await plain.json(), {
    type: "error",
    error: { type: "t", message: "m" },
    request_id: "req_1",
  });
  const options = { errorCode: "c", headers: { "retry-after": "3" } };
  const coded = errorEnvelope(new SimulatorError(429, "t", "m", options), "req_2");
  assertEquals(coded.headers.get("retry-after"), "3");
  assertEquals(dig(await coded.json(), "error", "details"), { error_code: "c" });
});
