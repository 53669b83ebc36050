import { assertEquals, assertThrows } from "@std/assert";
import { SimulatorError } from "../../../src/simulator/errors.ts";
import { RequestQuery } from "../../../src/simulator/query.ts";
import { bench, dig } from "./helpers.ts";

const KNOWN = ["limit", "page", "order", "flag", "types[]", "created_at[gt]", "created_at[gte]"];

function query(text: string, refuse = true): RequestQuery {
  return new RequestQuery(new URLSearchParams(text), [...KNOWN, "created_at[lt]"], {
    unknownQuery: refuse ? "refused" : "ignored",
    listIgnores: [],
  });
}

Deno.test("RequestQuery refuses an unknown parameter and names the valid ones", () => {
  const error = assertThrows(() => query("after=sevt_1"), SimulatorError, '"after"');
  assertEquals(error.status, 400);
  for (const name of KNOWN) assertEquals(error.message.includes(name), true);
});

Deno.test("RequestQuery takes beta, which older clients send, and anything when told to", () => {
  query("beta=true");
  query("after=sevt_1", false);
});

Deno.test("RequestQuery reads an empty value as absent", () => {
  assertEquals(query("page=").text("page"), undefined);
  assertEquals(query("limit=").integer("limit", { min: 1, max: 9 }), undefined);
});

for (const text of ["0", "101", "-1", "1.5", "ten", "1e1"]) {
  Deno.test(`RequestQuery refuses limit=${text} where 1 to 100 is allowed`, () => {
    const read = () => query(`limit=${text}`).integer("limit", { min: 1, max: 100 });
    assertThrows(read, SimulatorError, "limit: must be an integer from 1 to 100");
  });
}

Deno.test("RequestQuery reads integers, flags, orders and repeated parameters", () => {
  const all = query("limit=100&flag=true&order=asc&types%5B%5D=a&types%5B%5D=b");
  assertEquals(all.integer("limit", { min: 1, max: 100 }), 100);
  assertEquals(all.flag("flag"), true);
  assertEquals(all.order("desc"), "asc");
  assertEquals(all.all("types[]"), ["a", "b"]);
  assertEquals(query("").order("desc"), "desc");
  assertEquals(query("flag=false").flag("flag"), false);
});

Deno.test("RequestQuery refuses values outside their vocabulary", () => {
  assertThrows(() => query("flag=yes").flag("flag"), SimulatorError, "flag");
  assertThrows(() => query("order=up").order("asc"), SimulatorError, "order");
  assertThrows(() => query("types[]=x").allOf("types[]", ["a", "b"]), SimulatorError, "a, b");
});

Deno.test("RequestQuery reads time bounds as an inclusive range of microseconds", () => {
  const base = Date.parse("2026-11-23T09:00:00Z") * 1000;
  const range = (text: string) => query(text).range("created_at");
  assertEquals(range(""), { min: undefined, max: undefined });
  assertEquals(range("created_at[gte]=2026-11-23T09:00:00Z").min, base);
  assertEquals(range("created_at[gt]=2026-11-23T09:00:00Z").min, base + 1);
  assertEquals(range("created_at[lt]=2026-11-23T09:00:00Z").max, base - 1);
  const both = "created_at[gt]=2026-11-23T09:00:00Z&created_at[gte]=2026-11-23T09:00:01Z";
  assertEquals(range(both).min, base + 1_000_000);
  assertThrows(() => range("created_at[gt]=today"), SimulatorError, "RFC 3339");
});

for (
  const path of [
    "/v1/agents?name=x",
    "/v1/agents?order=asc",
    "/v1/agents/agent_1?limit=1",
    "/v1/agents/agent_1/versions?order=asc",
    "/v1/environments?name=x",
    "/v1/environments/env_1?limit=1",
    "/v1/sessions?after_id=x",
    "/v1/sessions/ID?expand=agent",
    "/v1/sessions/ID/events?after=x",
    "/v1/sessions/ID/events?status=idle",
    "/v1/sessions/ID/events/stream?types[]=agent.message",
    "/v1/sessions/ID/threads?order=asc",
    "/v1/sessions/ID/threads/sthr_1?limit=1",
  ]
) {
  Deno.test(`GET ${path} is refused, as that parameter is not known there`, async () => {
    const { call, simulator } = bench();
    const reply = await call("GET", path.replace("ID", simulator.createSession()));
    assertEquals([reply.status, dig(reply.body, "error", "type")], [400, "invalid_request_error"]);
  });
}

for (
  const path of [
    "/v1/agents?beta=true",
    "/v1/agents?limit=5&page=&include_archived=false",
    "/v1/environments?limit=5&include_archived=true",
    "/v1/sessions?order=desc&limit=5&statuses[]=idle&agent_version=1&memory_store_id=m",
    "/v1/sessions/ID?beta=true",
    "/v1/sessions/ID/events?order=desc&types[]=agent.message&limit=5&page=",
    "/v1/sessions/ID/events?created_at[lte]=2026-11-23T09:00:00Z&beta=true",
    "/v1/sessions/ID/threads?statuses[]=idle&limit=5",
  ]
) {
  Deno.test(`GET ${path} is understood`, async () => {
    const { call, simulator } = bench();
    const { status } = await call("GET", path.replace("ID", simulator.createSession()));
    assertEquals(status, 200);
  });
}
