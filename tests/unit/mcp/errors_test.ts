import { assert, assertEquals } from "@std/assert";
import { ApiError, type ApiErrorInfo, ToolError } from "../../../src/core/errors.ts";
import { failureText } from "../../../src/mcp/errors.ts";

const API: readonly [ApiErrorInfo, string][] = [
  [{ kind: "connect" }, "nothing was done. Try again later."],
  [{ kind: "connection" }, "The connection to the API broke."],
  [{ kind: "timeout" }, "did not answer in time"],
  [{ kind: "decode" }, "could not be read"],
  [{ kind: "http", status: 400 }, "refused the request"],
  [{ kind: "http", status: 401 }, "does not accept this server's key"],
  [{ kind: "http", status: 402 }, "billing"],
  [{ kind: "http", status: 403 }, "may not do that"],
  [{ kind: "http", status: 404 }, "check the id"],
  [{ kind: "http", status: 409 }, "conflicts"],
  [{ kind: "http", status: 413 }, "too large"],
  [{ kind: "http", status: 418 }, "refused the request"],
  [{ kind: "http", status: 429 }, "Try again in a minute."],
  [{ kind: "http", status: 429, retryAfterMs: 2_400 }, "Try again in 3 s."],
  [{ kind: "http", status: 500 }, "The API failed. Try again later."],
  [{ kind: "http", status: 529 }, "The API failed. Try again later."],
  [{ kind: "http", status: 400, errorCode: "workflow_run_open" }, "workflow run"],
];

for (const [info, expected] of API) {
  Deno.test(`failureText() of ${JSON.stringify(info)} says what to do`, () => {
    const text = failureText(new ApiError("The message", info));
    assert(text.includes(expected), text);
    assert(text.includes('"The message"'), text);
  });
}

Deno.test("failureText() gives the API's type, message, request id and pause", () => {
  const error = new ApiError("Slow down", {
    kind: "http",
    status: 429,
    type: "rate_limit_error",
    errorCode: "org_limit",
    requestId: "req_9",
    retryAfterMs: 1_000,
  });
  assertEquals(
    failureText(error),
    "The API's rate limit is reached. Try again in 1 s. (API: 429, rate_limit_error, org_limit, " +
      '"Slow down", request id req_9, retry after 1 s)',
  );
});

Deno.test("failureText() clips a long message and puts the hint before it", () => {
  const text = failureText(new ApiError("m".repeat(5_000), { kind: "http", status: 404 }), "Hint.");
  assert(text.length < 700);
  assert(text.indexOf("Hint.") < text.indexOf("mmm"));
});

Deno.test("failureText() of a tool's own error is its message, and what the API had said", () => {
  assertEquals(failureText(new ToolError("x", "Do this.")), "Do this.");
  const cause = new ApiError("lost", { kind: "http", status: 500, requestId: "req_1" });
  assertEquals(
    failureText(new ToolError("x", "Do this.", { cause })),
    'Do this. (API: 500, "lost", request id req_1)',
  );
  assertEquals(failureText(new ToolError("x", "A.", { cause: new Error("/etc/secret") })), "A.");
});

for (const error of [new TypeError("at /home/user/x.ts:3"), "thrown text", undefined]) {
  Deno.test(`failureText() tells nothing of an unexpected ${typeof error}`, () => {
    const text = failureText(error);
    assert(!text.includes("/home") && !text.includes("thrown") && text.includes("operator"));
  });
}
