import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  frameError,
  mediaType,
  responseError,
  retryAfterMs,
} from "../../../src/api/error_response.ts";
import { ApiError, type ApiErrorInfo, networkError } from "../../../src/api/errors.ts";
import { createRedact } from "../../../src/core/redact.ts";
import { json, KEY, setup, status } from "./support.ts";

const CONTEXT = { redact: createRedact([KEY]), nowMs: Date.parse("2026-11-23T09:00:00Z") };

interface ErrorCase {
  readonly name: string;
  readonly status: number;
  readonly body: string;
  readonly headers?: Record<string, string>;
  readonly message: string;
  readonly info: Partial<ApiErrorInfo>;
}

const CASES: readonly ErrorCase[] = [
  {
    name: "the documented envelope",
    status: 404,
    body: JSON.stringify({
      type: "error",
      error: { type: "not_found_error", message: "Session not found." },
      request_id: "req_1",
    }),
    message: "Session not found.",
    info: { type: "not_found_error", requestId: "req_1" },
  },
  {
    name: "details with an error code",
    status: 400,
    body: JSON.stringify({
      error: {
        type: "invalid_request_error",
        message: "Run is open.",
        details: { error_code: "workflow_run_open" },
      },
    }),
    message: "Run is open.",
    info: { type: "invalid_request_error", errorCode: "workflow_run_open" },
  },
  {
    name: "the header's request id before the body's",
    status: 500,
    body: `{"error":{"message":"Oops"},"request_id":"req_body"}`,
    headers: { "request-id": "req_header" },
    message: "Oops",
    info: { requestId: "req_header" },
  },
  {
    name: "an error that is a string",
    status: 409,
    body: `{"error":"Session is archived and cannot take events"}`,
    message: "Session is archived and cannot take events",
    info: {},
  },
  {
    name: "a message outside an error object",
    status: 403,
    body: `{"message":"No"}`,
    message: "No",
    info: {},
  },
  {
    name: "fields of the wrong type",
    status: 400,
    body: `{"error":{"type":7,"message":["x"],"details":"y"},"request_id":{}}`,
    message: "The API returned status 400 and no message",
    info: {},
  },
  {
    name: "an error that is a number",
    status: 400,
    body: `{"error":400,"message":"Bad"}`,
    message: "Bad",
    info: {},
  },
  { name: "an empty body", status: 503, body: "", message: "status 503 and no message", info: {} },
  {
    name: "JSON that is no object",
    status: 500,
    body: `[7]`,
    message: "status 500 and no message",
    info: {},
  },
  {
    name: "a page of HTML",
    status: 502,
    body: "<html><h1>502 Bad Gateway</h1></html>",
    headers: { "content-type": "text/html" },
    message: "A web page came instead of the API's response (status 502)",
    info: {},
  },
  {
    name: "a proxy's plain text",
    status: 503,
    body: "upstream connect error\n",
    headers: { "content-type": "text/plain; charset=utf-8" },
    message: "upstream connect error",
    info: {},
  },
  {
    name: "a long plain text",
    status: 503,
    body: "x".repeat(201),
    headers: { "content-type": "text/plain" },
    message: "status 503 and no message",
    info: {},
  },
  {
    name: "when to retry",
    status: 429,
    body: `{"error":{"type":"rate_limit_error","message":"Slow down"}}`,
    headers: { "retry-after": "7" },
    message: "Slow down",
    info: { type: "rate_limit_error", retryAfterMs: 7_000 },
  },
  {
    name: "a redirect",
    status: 302,
    body: "",
    headers: { location: "https://login.test/path?token=abc" },
    message: "a redirect (302) to https://login.test, which is not followed: check the base URL",
    info: {},
  },
  {
    name: "a redirect to nowhere",
    status: 304,
    body: "",
    message: "a redirect (304), which is not followed",
    info: {},
  },
];

for (const { name, status, body, headers, message, info } of CASES) {
  Deno.test(`responseError() reads ${name}`, () => {
    const response = new Response(null, { status, headers });
    const error = responseError(response, body, CONTEXT);
    assertStringIncludes(error.message, message);
    assertEquals(
      {
        kind: error.kind,
        status: error.status,
        type: error.type,
        errorCode: error.errorCode,
        requestId: error.requestId,
        retryAfterMs: error.retryAfterMs,
      },
      {
        kind: "http",
        status,
        type: undefined,
        errorCode: undefined,
        requestId: undefined,
        retryAfterMs: undefined,
        ...info,
      },
    );
  });
}

Deno.test("responseError() hides the credential that the API repeats", () => {
  const body = JSON.stringify({ error: { message: `Key ${KEY} is wrong, so is sk-ant-other999` } });
  const error = responseError(new Response(null, { status: 401 }), body, CONTEXT);
  assertEquals(error.message, "Key [redacted] is wrong, so is [redacted]");
});

Deno.test("responseError() hides a credential that does not look like one", () => {
  const context = { ...CONTEXT, redact: createRedact(["plain-secret"]) };
  const body = JSON.stringify({ error: { message: "Unknown key plain-secret" } });
  const error = responseError(new Response(null, { status: 401 }), body, context);
  assertEquals(error.message, "Unknown key [redacted]");
});

Deno.test("responseError() keeps messages to one bounded line", () => {
  const body = JSON.stringify({ error: { message: `One\r\n\ttwo${"x".repeat(5_000)}` } });
  const error = responseError(new Response(null, { status: 400 }), body, CONTEXT);
  assertEquals(error.message.startsWith("One twoxxx"), true);
  assertEquals(error.message.length, 1_001);
});

Deno.test("responseError() reads x-should-retry", () => {
  const cases = [["true", true], ["false", false], ["maybe", undefined]] as const;
  for (const [value, expected] of cases) {
    const response = new Response(null, { status: 500, headers: { "x-should-retry": value } });
    assertEquals(responseError(response, "", CONTEXT).shouldRetry, expected);
  }
});

Deno.test("retryAfterMs() reads both headers in all their forms", () => {
  const cases: readonly [Record<string, string>, number | undefined][] = [
    [{}, undefined],
    [{ "retry-after": "2" }, 2_000],
    [{ "retry-after": "0.5" }, 500],
    [{ "retry-after": "0" }, 0],
    [{ "retry-after-ms": "150", "retry-after": "2" }, 150],
    [{ "retry-after-ms": "soon", "retry-after": "2" }, 2_000],
    [{ "retry-after": "Mon, 23 Nov 2026 09:00:30 GMT" }, 30_000],
    [{ "retry-after": "Mon, 23 Nov 2026 08:59:00 GMT" }, 0],
    [{ "retry-after": "-5" }, undefined],
    [{ "retry-after": "soon" }, undefined],
    [{ "retry-after": "1e9" }, undefined],
    [{ "retry-after": "" }, undefined],
    [{ "retry-after": "99999999999" }, 86_400_000],
    [{ "retry-after-ms": "9".repeat(400) }, 86_400_000],
    [{ "retry-after": "Mon, 23 Nov 2099 09:00:30 GMT" }, 86_400_000],
  ];
  for (const [headers, expected] of cases) {
    assertEquals(
      retryAfterMs(new Headers(headers), CONTEXT.nowMs),
      expected,
      JSON.stringify(headers),
    );
  }
});

Deno.test("mediaType() drops parameters and case", () => {
  assertEquals(
    mediaType(new Headers({ "content-type": "Text/Event-Stream; charset=UTF-8" })),
    "text/event-stream",
  );
  assertEquals(mediaType(new Headers()), "");
});

Deno.test("frameError() takes the status that the API documents for the type", () => {
  const cases = [
    ["overloaded_error", 529, true],
    ["api_error", 500, true],
    ["rate_limit_error", 429, true],
    ["not_found_error", 404, false],
    ["permission_error", 403, false],
    ["toString", undefined, true],
    ["brand_new_error", undefined, true],
  ] as const;
  for (const [type, status, retryable] of cases) {
    const error = frameError(
      JSON.stringify({ type: "error", error: { type, message: "M" }, request_id: "req_1" }),
      createRedact([]),
    );
    assertEquals([error.kind, error.type, error.status], ["http", type, status]);
    assertEquals([error.message, error.requestId, error.retryable], ["M", "req_1", retryable]);
  }
});

Deno.test("frameError() copes with data that is no envelope", () => {
  for (const data of ["", "overloaded", "null", "[]", `{"error":{}}`]) {
    const error = frameError(data, createRedact([]));
    assertEquals(error.message, "The event stream reported an error");
  }
});

/** What Deno's fetch throws, as seen with refused ports, unknown names, bad TLS and lost peers. */
const NETWORK_CASES: readonly [string, unknown, "not_sent" | "connection_lost", string][] = [
  [
    "a refused port",
    fetchFailed("client error (Connect): tcp connect error: Connection refused (os error 111)"),
    "not_sent",
    "refuses connections",
  ],
  [
    "a refused port on Windows",
    fetchFailed(
      "client error (Connect): tcp connect error: No connection could be made because the target machine actively refused it. (os error 10061)",
    ),
    "not_sent",
    "refuses connections",
  ],
  [
    "an unknown name",
    fetchFailed(
      "client error (Connect): dns error: failed to lookup address information: Name or service not known",
    ),
    "not_sent",
    "api.test has no known address",
  ],
  [
    "plain text where TLS was expected",
    fetchFailed("client error (Connect): received corrupt message of type InvalidContentType"),
    "not_sent",
    "does not speak TLS",
  ],
  [
    "an unknown issuer",
    fetchFailed("client error (Connect): invalid peer certificate: UnknownIssuer"),
    "not_sent",
    "signed by an unknown authority",
  ],
  [
    "an unreachable network",
    fetchFailed("client error (Connect): tcp connect error: Network is unreachable (os error 101)"),
    "not_sent",
    "Cannot reach https://api.test",
  ],
  [
    "a blocked port",
    new TypeError("Fetch failed: Requests to port 9 are blocked"),
    "not_sent",
    "a port that 'fetch' does not allow",
  ],
  [
    "a missing permission",
    Object.assign(
      new Error(`Requires net access to "api.test:443", run again with the --allow-net flag`),
      { name: "NotCapable" },
    ),
    "not_sent",
    "may not reach",
  ],
  [
    "a connection closed before the answer",
    fetchFailed("client error (SendRequest): connection closed before message completed"),
    "connection_lost",
    "broke",
  ],
  [
    "an answer that is not HTTP",
    fetchFailed("client error (SendRequest): invalid HTTP version parsed"),
    "connection_lost",
    "does not speak plain HTTP",
  ],
  [
    "a body cut off",
    new TypeError("error reading a body from connection"),
    "connection_lost",
    "broke",
  ],
  [
    "a body that does not unpack",
    new TypeError("unexpected end of file"),
    "connection_lost",
    "broke",
  ],
  [
    "an alert after the handshake",
    fetchFailed("client error (SendRequest): received fatal alert: CertificateRequired"),
    "connection_lost",
    "wants a certificate",
  ],
  ["something that is no error", "socket hang up", "connection_lost", "broke"],
];

function fetchFailed(detail: string): TypeError {
  const cause = new Error(
    `error sending request for url (https://api.test/v1/x?page=p): ${detail}`,
  );
  return new TypeError("fetch failed", { cause });
}

for (const [name, cause, kind, message] of NETWORK_CASES) {
  Deno.test(`networkError() takes ${name} for a ${kind} error`, () => {
    const error = networkError(cause, { origin: "https://api.test" });
    assertEquals([error.kind, error.status, error.cause], [kind, undefined, cause]);
    assertStringIncludes(error.message, message);
    assertEquals(error.message.includes("/v1/"), false);
  });
}

Deno.test("a redirect fails the call instead of carrying the key along", async () => {
  const { api, requests } = setup([status(307, { location: "https://elsewhere.test/v1" })]);
  const error = await assertRejects(() => api.agents.list({}), ApiError, "https://elsewhere.test");
  assertEquals([error.kind, error.status, requests.length], ["http", 307, 1]);
});

Deno.test("a response of the wrong kind is an error that does not quote it", async () => {
  for (
    const answer of [{ data: "private" }, { data: { private: 1 } }, "private", null, undefined]
  ) {
    const step = answer === undefined
      ? status(200, { "request-id": "req_9" })
      : json(answer, { headers: { "request-id": "req_9" } });
    const { api, requests } = setup([step]);
    const error = await assertRejects(() => api.agents.list({}), ApiError, "is no page of agents");
    assertEquals([error.kind, error.status, error.requestId], ["decode", 200, "req_9"]);
    assertEquals(error.retryable, false);
    assertEquals(error.message.includes("private"), false);
    assertEquals(requests.length, 1);
  }
});

Deno.test("a response that is not JSON is an error that names its content type", async () => {
  const html = () => new Response("<p>private</p>", { headers: { "content-type": "text/html" } });
  const odd = () => new Response("x", { headers: { "content-type": "sk ant; <b>" } });
  const { api } = setup([html, odd]);
  const error = await assertRejects(() => api.agents.list({}), ApiError, "not JSON (text/html)");
  assertEquals([error.kind, error.message.includes("private")], ["decode", false]);
  await assertRejects(() => api.agents.list({}), ApiError, "not JSON (of no known type)");
});

interface AuthorCase {
  readonly status: number;
  readonly method?: "POST";
  readonly body: string;
  readonly type?: string;
  /** Where it differs from one session's. */
  readonly path?: string;
  readonly by: "api" | "other" | undefined;
  readonly message?: string;
}

const HTML = "text/html; charset=utf-8";
const TEXT = "text/plain";

/** Errors as backends, frameworks, gateways, proxies and filters write them. */
const AUTHORS: readonly AuthorCase[] = [
  {
    status: 404,
    body: `{"type":"error","error":{"type":"not_found_error","message":"Session not found."}}`,
    by: "api",
  },
  { status: 404, body: `{"error":"Session not found"}`, by: "api", message: "Session not found" },
  { status: 404, body: `\uFEFF{"error":"Session not found"}`, by: "api" },
  { status: 404, body: `{"error":{"type":"not_found","message":"gone"}}`, by: "api" },
  { status: 404, body: `{"error":{"message":"Session not found"}}`, by: "api" },
  { status: 404, body: `{"error":{"error":{"message":"No session sesn_1"}}}`, by: "api" },
  { status: 404, body: `{"detail":"Session not found"}`, by: "api", message: "Session not found" },
  { status: 404, body: `{"message":"session sess-1 does not exist"}`, by: "api" },
  { status: 404, body: `{"errors":[{"message":"Session not found"}]}`, by: "api" },
  { status: 404, body: `[{"error":{"message":"Session not found"}}]`, by: "api" },
  { status: 404, body: `"Session not found"`, by: "api", message: "Session not found" },
  {
    status: 404,
    body: `{"type":"about:blank","title":"Not Found","detail":"Session sesn_1 not found"}`,
    by: "api",
    message: "Session sesn_1 not found",
  },
  { status: 404, body: "session not found\n", type: TEXT, by: "api" },
  { status: 404, body: `{"error":"Not found"}`, by: "api" },
  { status: 404, body: "", by: undefined },
  { status: 404, body: "404 page not found\n", type: TEXT, by: "other" },
  { status: 404, body: "default backend - 404", type: TEXT, by: "other" },
  { status: 404, body: "<html><title>404</title></html>", type: HTML, by: "other" },
  { status: 404, body: "<!DOCTYPE html><p>Session not found", by: "other" },
  { status: 404, body: `{"detail":"Not Found"}`, by: "other" },
  { status: 404, body: `{"message":"no Route matched with those values"}`, by: "other" },
  {
    status: 404,
    body:
      `{"message":"Route GET:/v1/sessions/sesn_1 not found","error":"Not Found","statusCode":404}`,
    by: "other",
  },
  {
    status: 404,
    body: `{"timestamp":1,"status":404,"error":"Not Found","path":"/v1/sessions/sesn_1"}`,
    by: "other",
  },
  {
    status: 404,
    body:
      `{"error":{"message":"Invalid URL (GET /v1/sessions/sesn_1)","type":"invalid_request_error"}}`,
    by: "other",
  },
  { status: 404, body: `{"statusCode":404,"message":"Cannot GET /v1/agents"}`, by: "other" },
  {
    status: 404,
    path: "/v1/agents",
    body: `{"type":"error","error":{"type":"not_found_error","message":"Not Found"}}`,
    by: "other",
  },
  { status: 404, path: "/v1/environments", body: "", by: "other" },
  {
    status: 404,
    method: "POST",
    path: "/v1/sessions",
    body: `{"type":"error","error":{"type":"not_found_error","message":"Not Found"}}`,
    by: "other",
  },
  {
    status: 404,
    method: "POST",
    path: "/v1/sessions",
    body: `{"type":"error","error":{"type":"not_found_error","message":"Agent not found."}}`,
    by: "api",
  },
  { status: 405, body: `{"detail":"Method Not Allowed"}`, by: "other" },
  { status: 403, body: "<html><title>Web Page Blocked</title>", type: HTML, by: "other" },
  { status: 403, body: `{"message":"Forbidden"}`, by: "other" },
  { status: 403, body: "Blocked by policy 7", type: TEXT, by: "other" },
  { status: 403, body: `{"error":{"type":"permission_error","message":"No"}}`, by: "api" },
  { status: 407, body: `{"error":"no"}`, by: "other" },
  { status: 502, body: "<h1>Bad Gateway</h1>", type: HTML, by: "other" },
  { status: 503, body: "upstream connect error", type: TEXT, by: "other" },
  { status: 503, body: `{"type":"error","error":{"type":"api_error"}}`, by: "api" },
  { status: 503, body: "", by: undefined },
  { status: 409, body: `{"error":"Session is archived"}`, by: "api" },
];
for (const { status, method = "GET", body, type, by, message, ...rest } of AUTHORS) {
  const { path = "/v1/sessions/sesn_1" } = rest;
  Deno.test(`responseError() of ${status} ${method} ${path} ${body} comes from ${by}`, () => {
    const headers = type === undefined ? undefined : { "content-type": type };
    const request = { method, path, origin: "https://api.test" };
    const error = responseError(new Response(null, { status, headers }), body, {
      ...CONTEXT,
      request,
    });
    assertEquals([error.author, error.origin], [by, "https://api.test"]);
    assertEquals(error.isNotFound, status === 404 && by === "api");
    if (message !== undefined) assertEquals(error.message, message);
  });
}

Deno.test("responseError() finds an error code wherever backends put it", () => {
  const bodies = [
    `{"error":{"details":{"error_code":"some_code"}}}`,
    `{"error":{"details":[{"error_code":"some_code"}]}}`,
    `{"error":{"error_code":"some_code"}}`,
    `{"error":{"code":"some_code"}}`,
    `{"error":"No","code":"some_code"}`,
    `{"error":null,"error_code":"some_code"}`,
    `{"error":{"type":7,"message":null,"details":{"error_code":"some_code"}}}`,
  ];
  for (const body of bodies) {
    const error = responseError(new Response(null, { status: 400 }), body, CONTEXT);
    assertEquals(error.errorCode, "some_code", body);
  }
  for (const body of [`{"error":{"code":"404"}}`, `{"error":{"code":404}}`, `{"code":""}`]) {
    const error = responseError(new Response(null, { status: 400 }), body, CONTEXT);
    assertEquals(error.errorCode, undefined, body);
  }
});

Deno.test("responseError() bounds what it takes over, however an envelope is built", () => {
  const deep = `${'{"error":'.repeat(10_000)}"x"${"}".repeat(10_000)}`;
  const long = "t".repeat(100_000);
  for (
    const body of [deep, `{"error":{"type":"${long}","message":"${long}","code":"${long}"}}`, long]
  ) {
    const headers = { "request-id": "r".repeat(1_000), "content-type": "text/plain" };
    const error = responseError(new Response(null, { status: 400, headers }), body, CONTEXT);
    const size = JSON.stringify([error.message, error.type, error.errorCode, error.requestId]);
    assertEquals(size.length < 1_200, true);
  }
});

Deno.test("responseError() gives a web page's title, which names the filter that wrote it", () => {
  const page = "<html><head><TITLE lang=en> Blocked\n by ExampleFilter </TITLE></head></html>";
  const headers = { "content-type": "text/html" };
  const error = responseError(new Response(null, { status: 403, headers }), page, CONTEXT);
  assertEquals(
    error.message,
    `A web page came instead of the API's response (status 403: Blocked by ExampleFilter)`,
  );
});

for (
  const [code, requests] of [
    ["contract_spend_limit_reached", 1],
    ["enforced_spend_limit_reached", 1],
    ["ramp_limit_exceeded", 3],
    [undefined, 3],
  ] as const
) {
  Deno.test(`the client asks ${requests} times when 429 has the code ${code}`, async () => {
    const body = { error: { type: "rate_limit_error", details: { error_code: code } } };
    const step = json(body, {
      status: 429,
      headers: { "retry-after": "0", "x-should-retry": "true" },
    });
    const { api, clock, requests: sent } = setup([step, step, step]);
    await assertRejects(() => clock.runUntil(api.agents.list({})), ApiError);
    assertEquals(sent.length, requests);
  });
}

Deno.test("responseError() takes time in proportion to a body that is made to slow it down", () => {
  const bodies = [
    ["<html>" + "<title".repeat(40_000), "text/html"],
    [JSON.stringify({ error: "x".repeat(250_000) }), "application/json"],
    [JSON.stringify({ error: "/".repeat(250_000) }), "application/json"],
    [JSON.stringify({ error: "session ".repeat(30_000) }), "application/json"],
    [JSON.stringify({ error: "reached usage limit ".repeat(12_000) }), "application/json"],
  ] as const;
  const request = { method: "GET", path: "/v1/sessions/sesn_1", origin: "https://api.test" };
  const startedAt = performance.now();
  for (const [body, type] of bodies) {
    const headers = { "content-type": type };
    const error = responseError(new Response(null, { status: 404, headers }), body, {
      ...CONTEXT,
      request,
    });
    assertEquals([error.status, error.retryable], [404, false]);
  }
  // Each of them took minutes where the time grew with the square of the body.
  assertEquals(performance.now() - startedAt < 20_000, true);
});

const INSIDE: readonly [string, unknown, number | undefined, RegExp | undefined][] = [
  [
    "the API's envelope",
    {
      type: "error",
      error: { type: "rate_limit_error", message: "Slow down" },
    },
    429,
    /Slow down/,
  ],
  ["an error without a known type", { error: { message: "No" } }, 200, /No/],
  ["an error that is a string", { error: "Session not found" }, 200, /Session not found/],
  ["a list beside an empty error", { data: [], error: null }, undefined, undefined],
  ["a list beside an error", { data: [], error: "Half of it" }, undefined, undefined],
];
for (const [name, body, status, message] of INSIDE) {
  Deno.test(`a list of agents that is ${name} is ${message ? "an error" : "a list"}`, async () => {
    const { api, clock } = setup([json(body), json(body), json(body)]);
    const call = clock.runUntil(api.agents.list({}));
    if (!message) return void assertEquals((await call).data, []);
    const error = await assertRejects(() => call, ApiError);
    assertEquals([error.status, message.test(error.message)], [status, true]);
  });
}

Deno.test("errors hide a rotated key and the key before it", async () => {
  const keys = ["first-gateway-key", "second-gateway-key"];
  const quoting = `invalid x-api-key ${keys.join(" and ")}`;
  let key = keys[0] ?? "";
  const { api } = setup([
    () => Response.json({ data: [{ id: "agent_1", name: key }], next_page: null }),
    () =>
      Response.json({ type: "error", error: { type: "api_error", message: quoting } }, {
        status: 400,
      }),
    () => Response.json({ data: [{ id: "agent_1", name: quoting }], next_page: null }),
  ], { credential: () => ({ kind: "api_key", value: key }) });
  await api.agents.list({});
  key = keys[1] ?? "";
  const error = await assertRejects(() => api.agents.list({}), ApiError);
  const page = await api.agents.list({});
  for (const text of [error.message, JSON.stringify(page)]) {
    assertStringIncludes(text, "[redacted] and [redacted]");
  }
});
