import { assert, assertEquals } from "@std/assert";
import { responseError } from "../../src/api/error_response.ts";
import { faultOf } from "../../src/api/errors.ts";
import { createRedact } from "../../src/core/redact.ts";
import { failureText } from "../../src/mcp/errors.ts";
import { fc, fuzzRuns, jsonValue } from "../helpers/fuzz.ts";

const SECRET = "a-secret-of-the-operator";

/** Words that decide what an error means, among any others. */
const text = fc.oneof(
  fc.string({ maxLength: 40, unit: "binary" }),
  fc.constantFrom(
    ...["Session not found", "Not Found", "Route GET:/x not found", "page not found", SECRET],
    ...[
      "not_found_error",
      "billing_error",
      "cmek_x",
      "ramp_limit_exceeded",
      "environment_archived",
    ],
    ...["contract_spend_limit_reached", "Your credit balance is too low", "x".repeat(5_000)],
  ),
);

/** Objects with the fields of errors, holding anything. */
const body = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    text,
    fc.constantFrom(null, true, 0, 404, [], {}),
    jsonValue({ maxDepth: 2 }),
    fc.array(tie("value"), { maxLength: 3 }),
    tie("envelope"),
  ),
  envelope: fc.record({
    type: tie("value"),
    error: tie("value"),
    errors: tie("value"),
    message: tie("value"),
    detail: tie("value"),
    details: tie("value"),
    code: tie("value"),
    error_code: tie("value"),
    request_id: tie("value"),
    status: tie("value"),
  }, { requiredKeys: [] }),
})).value;

const response = fc.record({
  status: fc.constantFrom(
    301,
    400,
    401,
    402,
    403,
    404,
    405,
    407,
    409,
    413,
    429,
    500,
    503,
    511,
    529,
  ),
  type: fc.constantFrom("application/json", "text/plain", "text/html", "", "odd"),
  path: fc.constantFrom("/v1/agents", "/v1/sessions", "/v1/sessions/sesn_1/events"),
  text: fc.oneof(body.map((value) => JSON.stringify(value)), text),
});

Deno.test("the error of any response is bounded, in one line, and says who must do what", () => {
  const redact = createRedact([SECRET]);
  fc.assert(
    fc.property(response, ({ status, type, path, text }) => {
      const headers = { "content-type": type };
      const error = responseError(new Response(null, { status, headers }), text, {
        redact,
        nowMs: 0,
        request: { method: "GET", path, origin: "https://api.test" },
      });
      assertEquals([error.kind, error.status], ["http", status]);
      assert(error.message.length > 0 && error.message.length <= 1_001);
      for (const word of [error.type, error.errorCode, error.requestId]) {
        assert(word === undefined || /^[\w.:/-]{1,128}$/.test(word));
      }
      const { what, caller, operator, lookUp } = faultOf(error);
      assert(/^[A-Z].*[.]$/.test(what), what);
      assert(operator === undefined || /^[a-z].*[^.]$/.test(operator), operator);
      // A model that can do nothing has somebody to tell.
      assert(caller || operator || lookUp, what);
      if (!error.retryable) assert(!/^Try again/.test(caller ?? ""), `${what} ${caller}`);
      for (const callerIsOperator of [false, true]) {
        const told = failureText(error, { callerIsOperator });
        const unable = failureText(error, { callerIsOperator, has: () => false });
        assert(!/list_agents|create_session|get_session/.test(unable), unable);
        assert(told.length < 2_000 && !told.includes(SECRET), told);
        assert(!/[\r\n]/.test(told), told);
      }
      assert(!error.isNotFound || status === 404);
      assert(!(path === "/v1/agents" && error.isNotFound), "a list cannot be missing");
    }),
    fuzzRuns(5_000),
  );
});
