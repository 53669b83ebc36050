import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { createApi } from "../../../src/api/client.ts";
import { parseBaseUrl, pathSegment, queryString } from "../../../src/api/url.ts";
import { ToolError, UsageError } from "../../../src/core/errors.ts";
import { ManualClock } from "../../helpers/manual_clock.ts";

Deno.test("parseBaseUrl() drops trailing slashes and keeps a path prefix", () => {
  const cases = [
    ["https://api.test", "https://api.test"],
    ["https://api.test/", "https://api.test"],
    ["https://api.test:8443/cma", "https://api.test:8443/cma"],
    ["http://127.0.0.1:80/a/b//", "http://127.0.0.1/a/b"],
    ["HTTPS://API.test/Prefix/", "https://api.test/Prefix"],
  ] as const;
  for (const [given, expected] of cases) assertEquals(parseBaseUrl(given), expected);
});

Deno.test("parseBaseUrl() refuses what is no base URL and says why", () => {
  const cases = [
    ["", "not a URL"],
    ["api.test", "not a URL"],
    ["ftp://api.test", "not ftp:"],
    ["file:///etc/passwd", "not file:"],
    ["https://user:hunter2secret@api.test", "user name or password"],
    ["https://api.test/?key=hunter2secret", "query or fragment"],
    ["https://api.test/#hunter2secret", "query or fragment"],
  ] as const;
  for (const [given, expected] of cases) {
    const error = assertThrows(() => parseBaseUrl(given), UsageError, expected);
    assertEquals(error.message.includes("hunter2secret"), false);
  }
});

Deno.test("createApi() refuses an unusable base URL before any request", () => {
  const options = {
    baseUrl: "localhost:3000",
    credential: () => ({ kind: "api_key", value: "k" } as const),
    fetch: () => Promise.reject(new Error("not reached")),
    clock: new ManualClock(),
  };
  assertThrows(() => createApi(options), UsageError, "must start with https:// or http://");
});

Deno.test("pathSegment() encodes whatever would leave the segment", () => {
  const cases = [
    ["sesn_01Demo", "sesn_01Demo"],
    ["agent-é", "agent-%C3%A9"],
    ["a/b", "a%2Fb"],
    ["a?x=1#y", "a%3Fx%3D1%23y"],
    ["../agents", "..%2Fagents"],
    ["%2e%2e", "%252e%252e"],
    ["...", "..."],
  ] as const;
  for (const [id, expected] of cases) {
    assertEquals(pathSegment(id), expected);
    const path = new URL(`https://api.test/v1/sessions/${pathSegment(id)}/events`).pathname;
    assertEquals(path.split("/").length, 5, path);
  }
});

Deno.test("pathSegment() refuses ids that are empty, dots, or not text", () => {
  for (const id of ["", ".", "..", "\ud800"]) {
    const error = assertThrows(() => pathSegment(id), ToolError);
    assertEquals(error.code, "invalid_argument");
    assertStringIncludes(error.message, "is not an id");
  }
});

Deno.test("queryString() leaves out what is undefined and repeats arrays with brackets", () => {
  assertEquals(queryString(), "");
  assertEquals(queryString({ limit: undefined }), "");
  assertEquals(queryString({ types: [] }), "");
  assertEquals(queryString({ page: "half \ud83d" }), "?page=half%20%EF%BF%BD");
  assertEquals(
    queryString({ limit: 0, include_archived: false, page: "a b&c", order: undefined }),
    "?limit=0&include_archived=false&page=a%20b%26c",
  );
  assertEquals(
    queryString({ types: ["agent.message", "user.message"], "created_at[gte]": "2026-11-23" }),
    "?types%5B%5D=agent.message&types%5B%5D=user.message&created_at%5Bgte%5D=2026-11-23",
  );
});
