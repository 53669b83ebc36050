import { assertEquals, assertMatch } from "@std/assert";
import { ENDPOINTS, findRoute, ReadLimit } from "../../../src/simulator/router.ts";
import { ManualClock } from "../../helpers/manual_clock.ts";
import { bench, dig, HEADERS } from "./helpers.ts";

const BETA = { "anthropic-beta": "managed-agents-2026-04-01" };

for (
  const [what, headers, expected] of [
    ["x-api-key", { ...BETA, "x-api-key": "secret-key" }, 200],
    ["a bearer token", { ...BETA, authorization: "Bearer secret-key" }, 200],
    ["another key", { ...BETA, "x-api-key": "other" }, 401],
    ["another token", { ...BETA, authorization: "Bearer other" }, 401],
    ["another scheme", { ...BETA, authorization: "Basic secret-key" }, 401],
    ["an empty key", { ...BETA, "x-api-key": "" }, 401],
    ["no credential", BETA, 401],
  ] as const
) {
  Deno.test(`with a key set, ${what} gets ${expected}`, async () => {
    const { call } = bench({}, "secret-key");
    const reply = await call("GET", "/v1/agents", undefined, headers);
    assertEquals(reply.status, expected);
    if (expected === 401) assertEquals(dig(reply.body, "error", "type"), "authentication_error");
  });
}

Deno.test("with no key set any credential will do, but there must be one", async () => {
  const { call } = bench();
  assertEquals((await call("GET", "/v1/agents", undefined, HEADERS)).status, 200);
  assertEquals((await call("GET", "/v1/agents", undefined, BETA)).status, 401);
});

Deno.test("without the beta header threads do not exist, and all else is a bad request", async () => {
  const { simulator, call } = bench();
  const id = simulator.createSession();
  const headers = { "x-api-key": "k" };
  const ask = async (path: string) => (await call("GET", path, undefined, headers)).status;
  assertEquals(await ask(`/v1/sessions/${id}/threads`), 404);
  assertEquals(await ask(`/v1/sessions/${id}`), 400);
  assertEquals(await ask("/v1/environments"), 400);
});

Deno.test("several betas are taken, an unknown one is refused by name", async () => {
  const { call } = bench();
  const ask = (beta: string) =>
    call("GET", "/v1/agents", undefined, { "x-api-key": "k", "anthropic-beta": beta });
  assertEquals((await ask("oauth-2025-04-20, managed-agents-2026-04-01")).status, 200);
  const { status, body } = await ask("managed-agents-2026-04-01,flying-2020-01-01");
  assertEquals(status, 400);
  assertMatch(String(dig(body, "error", "message")), /flying-2020-01-01/);
});

for (
  const [method, path] of [
    ["GET", "/v1/nothing"],
    ["PUT", "/v1/agents"],
    ["GET", "/"],
    ["GET", "/v1/agents/"],
    ["GET", "/v1/sessions/x/y/z"],
    ["DELETE", "/v1/agents/agent_1"],
    ["GET", "/v1/vaults"],
  ] as const
) {
  Deno.test(`${method} ${path} is not found, in the envelope`, async () => {
    const { call } = bench();
    const { status, body, headers } = await call(method, path);
    assertEquals(status, 404);
    assertEquals(dig(body, "type"), "error");
    assertEquals(dig(body, "error", "type"), "not_found_error");
    assertMatch(String(dig(body, "request_id")), /^req_/);
    assertEquals(headers.get("request-id"), dig(body, "request_id"));
  });
}

Deno.test("reads beyond the limit get 429 with the seconds left; writes are not counted", async () => {
  const { clock, simulator, call, send } = bench({ readRequestsPerMinute: 3 });
  const id = simulator.createSession({ scripted: false });
  const read = () => call("GET", `/v1/sessions/${id}`);
  for (let i = 0; i < 3; i++) assertEquals((await read()).status, 200);
  await clock.advance(20_500);
  const { status, headers, body } = await read();
  assertEquals([status, dig(body, "error", "type")], [429, "rate_limit_error"]);
  assertEquals(headers.get("retry-after"), "40");
  assertEquals(headers.get("anthropic-ratelimit-requests-limit"), "3");
  assertEquals(headers.get("anthropic-ratelimit-requests-remaining"), "0");
  assertEquals((await send(id, { type: "user.interrupt" })).status, 200);
  await clock.advance(39_500);
  assertEquals((await read()).status, 200);
});

Deno.test("every answer has a request id of its own", async () => {
  const { call } = bench();
  const ids = [];
  for (const path of ["/v1/agents", "/v1/environments", "/v1/none"]) {
    ids.push((await call("GET", path)).headers.get("request-id"));
  }
  assertEquals(new Set(ids).size, 3);
  for (const id of ids) assertMatch(id ?? "", /^req_[0-9A-Z]{26}$/);
});

Deno.test("findRoute() tells paths with the same beginning apart", () => {
  const { handler: list } = findRoute("GET", "/v1/sessions");
  const { handler: retrieve, ids } = findRoute("GET", "/v1/sessions/sesn_1");
  const { handler: events } = findRoute("GET", "/v1/sessions/sesn_1/events");
  const { handler: stream } = findRoute("GET", "/v1/sessions/sesn_1/events/stream");
  assertEquals(ids, ["sesn_1"]);
  assertEquals(new Set([list, retrieve, events, stream]).size, 4);
  assertEquals(findRoute("GET", "/v1/sessions/a/threads/b").ids, ["a", "b"]);
});

Deno.test("ReadLimit counts anew when a minute has passed since the first read", async () => {
  const clock = new ManualClock();
  const limit = new ReadLimit(() => clock.now(), 2);
  const allowed = () => {
    try {
      limit.check("GET");
      return true;
    } catch {
      return false;
    }
  };
  assertEquals([allowed(), allowed(), allowed()], [true, true, false]);
  await clock.advance(59_999);
  assertEquals(allowed(), false);
  await clock.advance(1);
  assertEquals([allowed(), allowed(), allowed()], [true, true, false]);
});

Deno.test("ENDPOINTS are those that docs/simulator.md lists", async () => {
  const docs = await Deno.readTextFile(new URL("../../../docs/simulator.md", import.meta.url));
  const rows = [...docs.matchAll(/^\| `(\/v1\/[^`]*)` +\| (.*)$/gm)];
  const listed = rows.flatMap(([, path = "", says = ""]) =>
    [...says.matchAll(/GET|POST|DELETE/g)].map(([method]) =>
      `${method} ${path.replaceAll("{id}", "*")}`
    )
  );
  assertEquals(listed.sort(), [...ENDPOINTS].sort());
});
