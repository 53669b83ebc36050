import { assert, assertEquals } from "@std/assert";
import { createApi } from "../../src/api/client.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { createWaiter } from "../../src/session/waiter.ts";
import { createSession } from "../../src/tools/create_session.ts";
import { listAgents } from "../../src/tools/list_agents.ts";
import { createServices } from "../../src/tools/services.ts";
import { steadyClock } from "../helpers/fast_clock.ts";

/** The tools in front of a real server whose lists of agents and environments never end. */
async function endless(
  pageOf: (page: string | null) => { data: unknown[]; next_page?: unknown },
  use: (tools: {
    agents(args?: Record<string, unknown>): Promise<Record<string, unknown>>;
    create(): Promise<Record<string, unknown>>;
    requests: string[];
  }) => Promise<void>,
): Promise<void> {
  const requests: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { pathname, searchParams } = new URL(request.url);
    requests.push(pathname);
    if (request.method === "POST") return Response.json({ id: "sesn_1", status: "idle" });
    return Response.json(pageOf(searchParams.get("page")));
  });
  const client = Deno.createHttpClient({});
  const clock = steadyClock();
  const api = createApi({
    baseUrl: `http://127.0.0.1:${server.addr.port}`,
    credential: () => ({ kind: "api_key", value: "test-key" }),
    fetch: (request) => fetch(request, { client }),
    clock,
  });
  const waiter = createWaiter({ api, clock, log: silentLogger });
  const services = createServices({ api, waiter, clock, log: silentLogger });
  const call = { signal: new AbortController().signal, services, requestId: "1" };
  try {
    await use({
      agents: (args = {}) => listAgents.run(args, call),
      create: () => createSession.run({ agent_id: "agent_1" }, call),
      requests,
    });
  } finally {
    waiter.close();
    await server.shutdown();
    client.close();
  }
}

const ONE = [{ id: "one_1", name: "Only" }];
const TWO = [{ id: "two_1", name: "First" }, { id: "two_2", name: "Second" }];

const CURSORS: readonly [name: string, next: (page: string | null) => unknown][] = [
  ["the same cursor for ever", () => "again"],
  ["two cursors in turns", (page) => page === "a" ? "b" : "a"],
  ["a new cursor for ever", (page) => `${Number(page ?? 0) + 1}`],
  ["its own cursor", (page) => page ?? "self"],
  ["an empty cursor", () => ""],
  ["null", () => null],
];

for (const [name, next] of CURSORS) {
  Deno.test(`a list of one page that gives ${name} has each entry once`, async () => {
    await endless((page) => ({ data: ONE, next_page: next(page) }), async (tools) => {
      // A session is created in the only environment there is.
      assertEquals((await tools.create()).session_id, "sesn_1");
      assert(tools.requests.length <= 4, tools.requests.join());
    });
    await endless((page) => ({ data: TWO, next_page: next(page) }), async (tools) => {
      const result = await tools.agents();
      assertEquals(
        Array.isArray(result.agents) && result.agents.map(({ id }) => id),
        ["two_1", "two_2"],
      );
      assertEquals([result.scanned, result.next_cursor], [2, undefined]);
      assert(tools.requests.length <= 3, tools.requests.join());
    });
  });

  Deno.test(`a list of no entries that gives ${name} ends`, async () => {
    await endless((page) => ({ data: [], next_page: next(page) }), async (tools) => {
      let calls = 0;
      let cursor: unknown;
      do {
        const result = await tools.agents(cursor === undefined ? {} : { cursor });
        cursor = result.next_cursor;
        calls++;
      } while (cursor !== undefined && calls < 5);
      // Pages without an entry may be followed by others: only each call is bounded.
      assert(tools.requests.length <= 5 * calls, `${tools.requests.length} requests`);
    });
  });
}
