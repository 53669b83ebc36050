import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { createApi } from "../../../src/api/client.ts";
import { pathSegment, queryString } from "../../../src/api/http.ts";
import { ToolError, UsageError } from "../../../src/core/errors.ts";
import { ManualClock } from "../../helpers/manual_clock.ts";

Deno.test("createApi() refuses an unusable base URL before any request", () => {
  const options = {
    baseUrl: "localhost:3000",
    credential: () => ({ kind: "api_key", value: "k" } as const),
    fetch: () => Promise.reject(new Error("not reached")),
    clock: new ManualClock(),
  };
  assertThrows(() => createApi(options), UsageError, "type a URL such as http://localhost:3000");
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
