import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ApiError, type ApiErrorInfo } from "../../../src/api/errors.ts";
import { PartlyDoneError, ToolError, UsageError } from "../../../src/core/errors.ts";
import { failureText } from "../../../src/mcp/errors.ts";

const API: readonly [ApiErrorInfo, string][] = [
  [{ kind: "not_sent" }, "nothing was done. Try again later."],
  [{ kind: "connection_lost" }, "The connection to the API broke."],
  [{ kind: "timeout" }, "did not respond in time"],
  [{ kind: "decode" }, "could not be read"],
  [{ kind: "http", status: 400 }, "rejected the request. Change what it objects to"],
  [{ kind: "http", status: 422 }, "rejected the request. Change what it objects to"],
  [{ kind: "http", status: 401 }, "does not accept this server's key"],
  [{ kind: "http", status: 402 }, "billing"],
  [{ kind: "http", status: 403 }, "may not do that"],
  [{ kind: "http", status: 404 }, "check the id"],
  [{ kind: "http", status: 409 }, "conflicts"],
  [{ kind: "http", status: 413 }, "too large"],
  [{ kind: "http", status: 418 }, "rejected the request"],
  [{ kind: "http", status: 429 }, "Try again in a minute."],
  [{ kind: "http", status: 429, retryAfterMs: 2_400 }, "Try again in 3 s."],
  [{ kind: "http", status: 500 }, "The API failed. Try again later."],
  [{ kind: "http", status: 529 }, "The API failed. Try again later."],
  [{ kind: "http", status: 400, errorCode: "workflow_run_open" }, "workflow run"],
];

for (const [info, expected] of API) {
  Deno.test("failureText() of a call that did something says what stands, then what failed", () => {
    const cause = new ApiError("Overloaded", { kind: "http", status: 529 });
    const error = new PartlyDoneError("sesn_1", (has) => has("x") ? "Use x." : "Done.", {
      cause,
    });
    const text = failureText(error);
    assertEquals(text, `Use x. ${failureText(cause)}`);
    assertEquals(failureText(error, { has: () => false }), `Done. ${failureText(cause)}`);
  });

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

const LOOK_UPS: readonly [number, readonly string[], string][] = [
  [404, ["list_agents", "create_session"], "Valid ones come from list_agents and create_session."],
  [
    404,
    ["list_agents", "create_session", "list_sessions"],
    "Valid ones come from list_agents and list_sessions.",
  ],
  [404, ["ask_agent", "wait_for_any"], "Valid ones come from ask_agent."],
  [404, ["list_agents"], "Valid ones come from list_agents."],
  [404, [], ""],
  [409, ["get_session"], "get_session shows it."],
  [409, [], "Try again when it has changed."],
];

for (const [status, tools, words] of LOOK_UPS) {
  Deno.test(`failureText() of ${status} names only what the caller has: ${tools}`, () => {
    const error = new ApiError("", { kind: "http", status, author: "api" });
    const text = failureText(error, { has: (tool) => tools.includes(tool) });
    const [what] = text.split(/(?<=\.) /);
    assertEquals(text.includes(`${what}${words && ` ${words}`} (API:`), true, text);
  });
}

Deno.test("failureText() names no opt-in tool unless it is told that the caller has it", () => {
  const error = new ApiError("", { kind: "http", status: 404, author: "api" });
  assertStringIncludes(failureText(error), "Valid ones come from list_agents and create_session.");
});

Deno.test("failureText() of a tool's error has the tool's text for the caller", () => {
  const error = new ToolError("x", (has) => has("list_events") ? "See list_events." : "See.");
  assertEquals([error.message, failureText(error)], ["See list_events.", "See list_events."]);
  assertEquals(failureText(error, { has: () => false }), "See.");
});

Deno.test("failureText() clips a long message and puts the hint before it", () => {
  const text = failureText(new ApiError("m".repeat(5_000), { kind: "http", status: 404 }), {
    hint: "Hint.",
  });
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
  Deno.test(`failureText() shows nothing of an unexpected ${typeof error}`, () => {
    const text = failureText(error);
    assert(!text.includes("/home") && !text.includes("thrown") && text.includes("operator"));
  });
}

interface FaultCase {
  readonly info: ApiErrorInfo;
  readonly message?: string;
  readonly retryable: boolean;
  /** What is said, whoever reads. */
  readonly says: RegExp;
}

const OTHER = { kind: "http", author: "other", origin: "https://gw.corp" } as const;

/** Each with whether it is tried again: nothing that only a person can change is. */
const FAULTS: readonly FaultCase[] = [
  ...["contract_spend_limit_reached", "enforced_spend_limit_reached"].map((errorCode) => ({
    info: { kind: "http", status: 429, type: "rate_limit_error", errorCode } as const,
    retryable: false,
    says: /spend limit is reached.*raise the limit/i,
  })),
  {
    info: { kind: "http", status: 429, errorCode: "ramp_limit_exceeded", retryAfterMs: 4_000 },
    retryable: true,
    says: /grows faster .* Try again in 4 s\./,
  },
  {
    info: { kind: "http", status: 400, errorCode: "organization_on_hold" },
    retryable: false,
    says: /on hold.*support/,
  },
  {
    info: { kind: "http", status: 400, type: "organization_on_hold" },
    retryable: false,
    says: /on hold/,
  },
  {
    info: { kind: "http", status: 402, errorCode: "linked_organization_unpaid" },
    retryable: false,
    says: /organization that pays/,
  },
  { info: { kind: "http", status: 400, errorCode: "cmek_denied" }, retryable: false, says: /CMEK/ },
  {
    info: { kind: "http", status: 503, errorCode: "cmek_unavailable" },
    retryable: true,
    says: /CMEK/,
  },
  {
    info: { kind: "http", status: 403, errorCode: "sandbox_egress_restricted" },
    retryable: false,
    says: /network rules .*allow the host/i,
  },
  {
    info: { kind: "http", status: 404, errorCode: "file_expired" },
    retryable: false,
    says: /file has expired/,
  },
  {
    info: { kind: "http", status: 400, type: "invalid_request_error" },
    message:
      "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing.",
    retryable: false,
    says: /billing reasons.*add credit/i,
  },
  ...[
    "Insufficient credits",
    "Insufficient funds in your account",
    "insufficient_quota",
    "Not enough credits left",
    "You exceeded your current quota, please check your plan and billing details.",
    "Your balance is insufficient",
    "Payment Required",
    "Out of credits",
  ].flatMap((message) =>
    [400, 402, 403, 429].map((status): FaultCase => ({
      info: { kind: "http", status },
      message,
      retryable: false,
      says: /billing reasons/,
    }))
  ),
  {
    info: { kind: "http", status: 429 },
    message: "Quota exceeded for requests per minute",
    retryable: true,
    says: /./,
  },
  {
    info: { kind: "http", status: 400, type: "invalid_request_error" },
    message:
      "You have reached your specified workspace API usage limits. You will regain access on 2026-12-01",
    retryable: false,
    says: /raise the limit/,
  },
  {
    info: { kind: "http", status: 429, type: "rate_limit_error" },
    message: "This request would exceed your organization's monthly spend limit",
    retryable: false,
    says: /raise the limit/,
  },
  {
    info: { kind: "http", status: 429, type: "rate_limit_error" },
    message: "This request would exceed your organization's rate limit of 50 requests per minute",
    retryable: true,
    says: /rate limit is reached\. Try again in a minute/,
  },
  {
    info: { kind: "http", status: 429, type: "billing_error" },
    retryable: false,
    says: /billing reasons/,
  },
  {
    info: { kind: "http", status: 400, type: "invalid_request_error" },
    message: "This organization has been disabled.",
    retryable: false,
    says: /disabled the organization.*support/,
  },
  {
    info: { ...OTHER, status: 403 },
    retryable: false,
    says: /filter or proxy before the API at https:\/\/gw\.corp blocked.*let through/,
  },
  { info: { ...OTHER, status: 407 }, retryable: false, says: /user name.*HTTPS_PROXY=/ },
  { info: { ...OTHER, status: 511 }, retryable: false, says: /sign-in in a browser/ },
  { info: { ...OTHER, status: 502 }, retryable: true, says: /proxy or gateway before the API/ },
  { info: { ...OTHER, status: 401 }, retryable: false, says: /sign-in of its own/ },
  {
    info: { ...OTHER, status: 404 },
    retryable: false,
    says:
      /https:\/\/gw\.corp does not serve Managed Agents.*CMA_BASE_URL=https:\/\/api\.anthropic\.com.*ANTHROPIC_BASE_URL/,
  },
  { info: { ...OTHER, status: 405 }, retryable: false, says: /does not serve Managed Agents/ },
  { info: { ...OTHER, kind: "decode", status: 200 }, retryable: false, says: /is not a Managed/ },
  { info: { kind: "http", status: 302 }, retryable: false, says: /redirects requests/ },
  {
    info: { kind: "not_sent", lasting: true, remedy: "name the authority's file with DENO_CERT" },
    retryable: false,
    says: /could not be reached.*name the authority's file with DENO_CERT/i,
  },
];
for (const { info, message = "M", retryable, says } of FAULTS) {
  const error = new ApiError(message, info);
  Deno.test(`failureText() of ${JSON.stringify(info)}, "${message}", says who must act`, () => {
    for (const callerIsOperator of [false, true]) {
      assertMatch(failureText(error, { callerIsOperator }), says);
    }
    assertEquals(error.retryable, retryable);
    // A model that is told to change and repeat what no change of its own can mend does so forever.
    if (!retryable) assert(!/Change what it objects to|Try again later/.test(failureText(error)));
  });
}

Deno.test("failureText() tells the operator what to change, and other callers whom to ask", () => {
  const remedies: readonly (readonly [ApiErrorInfo, string?])[] = [
    [{ kind: "decode" }],
    [{ kind: "http", status: 401 }],
    [{ kind: "http", status: 402 }],
    [{ kind: "http", status: 403 }],
    [{ kind: "http", status: 418 }],
    [{ kind: "http", status: 400, errorCode: "environment_archived" }],
    ...FAULTS.filter(({ retryable, info }) => !retryable && info.errorCode !== "file_expired")
      .map(({ info, message }) => [info, message] as const),
  ];
  for (const [info, message = "M"] of remedies) {
    const error = new ApiError(message, info);
    const own = failureText(error, { callerIsOperator: true });
    assertStringIncludes(own, "'cma-mcp doctor' checks it.");
    assert(!/operator/i.test(own), own);
    assertStringIncludes(failureText(error), "Tell the operator of this server: ");
  }
});

Deno.test("failureText() says where environments are listed, to those who have the tool", () => {
  const error = new ApiError("M", {
    ...{ kind: "http", status: 404, errorCode: "environment_not_found" },
  });
  const says = "cannot be used. list_environments shows those that can be. Pass another";
  assertStringIncludes(failureText(error, { has: () => true }), says);
  assert(!failureText(error, { has: () => false }).includes("list_environments"));
});

Deno.test("failureText() of a setting that has become invalid contains its message", () => {
  const error = new UsageError("The file with the API credential cannot be read");
  assertEquals(
    failureText(error, { callerIsOperator: true }),
    "This server is not set up right. The file with the API credential cannot be read. " +
      "'cma-mcp doctor' checks it.",
  );
  assertStringIncludes(failureText(error), "Tell the operator of this server: The file");
});
