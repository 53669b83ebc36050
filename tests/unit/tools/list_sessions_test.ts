import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { Session } from "../../../src/api/resources.ts";
import type { ListSessionsParams } from "../../../src/api/types.ts";
import type { Principal } from "../../../src/access/principal.ts";
import { ToolError } from "../../../src/core/errors.ts";
import { listSessions } from "../../../src/tools/list_sessions.ts";
import type { ServicesOptions } from "../../../src/tools/services.ts";
import { entriesOf, harness, httpError, pageOf } from "./support.ts";

const NOW = Date.parse("2026-11-26T12:00:00Z");

/** Sessions, newest first, an hour apart; those of `agent_2` are every third. */
function sessions(count: number, fields: Partial<Session> = {}): Session[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `sesn_${index + 1}`,
    status: "idle",
    title: `Title ${index + 1}`,
    agent: { id: index % 3 === 2 ? "agent_2" : "agent_1", name: "One", version: 4 },
    environment_id: "env_1",
    metadata: { ticket: "OPS-7", cma_mcp_request: "TOKEN" },
    created_at: new Date(NOW - index * 3_600_000).toISOString(),
    updated_at: new Date(NOW).toISOString(),
    usage: { input_tokens: 1 },
    ...fields,
  }));
}

/** A server that ignores every filter. */
function workspace(all: readonly Session[], options: Partial<ServicesOptions> = {}) {
  const requests: ListSessionsParams[] = [];
  const opened = harness({
    sessions: {
      list: (params) => {
        requests.push(params);
        return Promise.resolve(pageOf(all, params));
      },
    },
  }, options);
  return { requests, ...opened };
}

function sessionIds(result: Record<string, unknown>): unknown[] {
  return entriesOf(result, "sessions").map(({ session_id }) => session_id);
}

function idsIn(all: readonly Session[]): string[] {
  return all.map(({ id }) => id);
}

async function walk(
  run: (args: Record<string, unknown>) => Promise<Record<string, unknown>>,
  args: Record<string, unknown>,
): Promise<{ ids: unknown[]; calls: number }> {
  const ids: unknown[] = [];
  let cursor: unknown;
  for (let calls = 1; calls <= 300; calls++) {
    const result = await run({ ...args, ...(cursor !== undefined && { cursor }) });
    assert(JSON.stringify(result).length <= 40_000);
    ids.push(...sessionIds(result));
    cursor = result.next_cursor;
    if (cursor === undefined) return { ids, calls };
  }
  throw new Error("The list does not end");
}

const CI: Principal = { id: "ci", agents: ["agent_2", "agent_3"] };

Deno.test("list_sessions shows what finds a session again, and no metadata", async () => {
  const [one] = sessions(1);
  assert(one);
  const { run, requests } = workspace([one]);
  assertEquals(await run(listSessions, {}), {
    sessions: [{
      session_id: "sesn_1",
      status: "idle",
      title: "Title 1",
      agent: { id: "agent_1", name: "One" },
      created_at: "2026-11-26T12:00:00.000Z",
      updated_at: "2026-11-26T12:00:00.000Z",
    }],
  });
  assertEquals(requests, [{
    agentId: undefined,
    statuses: undefined,
    createdAtGte: undefined,
    createdAtLt: undefined,
    order: "desc",
    limit: 20,
    page: undefined,
  }]);
});

Deno.test("list_sessions reads sessions that have nothing but an id", async () => {
  const { run } = workspace([{ id: "sesn_bare", agent: "agent_1" }, { id: "sesn_barer" }]);
  assertEquals((await run(listSessions, { status: "idle" })).sessions, [
    { session_id: "sesn_bare", status: "unknown", agent: { id: "agent_1" } },
    { session_id: "sesn_barer", status: "unknown", agent: {} },
  ]);
});

Deno.test("list_sessions marks the caller's own, archived ones, and where the console shows them", async () => {
  const all = sessions(3);
  const { run, services } = workspace(all, { consoleUrl: "https://console.example.com/sessions" });
  const metadata = await services.access.ownerMetadata({ principal: { id: "ci" } });
  all.splice(1, 1, { ...all[1], id: "sesn_mine", metadata, archived_at: "2026-11-26T12:00:00Z" });
  const list = async (principal?: Principal) =>
    entriesOf(
      await run(listSessions, { include_archived: true }, { ...(principal && { principal }) }),
      "sessions",
    ).map(({ mine, archived, console_url }) => [mine, archived, console_url]);
  const url = (id: string) => `https://console.example.com/sessions/${id}`;
  const plain = (n: number) => [undefined, undefined, url(`sesn_${n}`)];
  const [first, third] = [plain(1), plain(3)];
  assertEquals(await list({ id: "ci" }), [first, [true, true, url("sesn_mine")], third]);
  for (const other of [undefined, { id: "ops" }]) {
    assertEquals(await list(other), [first, [undefined, true, url("sesn_mine")], third]);
  }
  assertEquals(await list({ id: "ci", sessions: "own" }), [[true, true, url("sesn_mine")]]);
});

const FILTERS: readonly [Record<string, unknown>, Partial<ListSessionsParams>, string[]][] = [
  [{ agent_id: "agent_2" }, { agentId: "agent_2" }, ["sesn_3"]],
  [{ status: "running" }, { statuses: ["running"] }, ["sesn_2"]],
  [{ include_archived: true }, { includeArchived: true }, ["sesn_1", "sesn_2", "sesn_3", "sesn_4"]],
  [
    { created_after: "2026-11-26T11:00:00Z" },
    { createdAtGte: "2026-11-26T11:00:00Z" },
    ["sesn_1", "sesn_2"],
  ],
  [
    { created_before: "2026-11-26T13:00:00+02:00" },
    { createdAtLt: "2026-11-26T13:00:00+02:00" },
    ["sesn_3"],
  ],
  [{ created_before: "2026-11-26" }, { createdAtLt: "2026-11-26T00:00:00Z" }, []],
];

for (const [args, asked, expected] of FILTERS) {
  Deno.test(`list_sessions filters by ${JSON.stringify(args)}, also where the server does not`, async () => {
    const [one, two, three, four] = sessions(4);
    assert(one && two && three && four);
    const all = [one, { ...two, status: "running" }, three, { ...four, archived_at: "2026-11-26" }];
    const { run, requests } = workspace(all);
    assertEquals(sessionIds(await run(listSessions, args)), expected);
    assertEquals({ ...requests[0], ...asked }, requests[0]);
  });
}

for (const argument of ["created_after", "created_before"]) {
  Deno.test(`list_sessions refuses a day that there is not as ${argument}`, async () => {
    const { run, requests } = workspace([]);
    for (const day of ["2026-13-01", "2026-02-30"]) {
      await assertRejects(
        () => run(listSessions, { [argument]: day }),
        ToolError,
        `${argument} must be a date`,
      );
    }
    assertEquals(requests, []);
  });
}

Deno.test("list_sessions shows a page newest first where the server does not", async () => {
  const { run } = workspace(sessions(5).toReversed());
  assertEquals(sessionIds(await run(listSessions, {})), idsIn(sessions(5)));
});

for (const limit of [1, 7, 20, 100]) {
  Deno.test(`list_sessions walks 250 sessions once through with limit ${limit}`, async () => {
    const all = sessions(250);
    const { run } = workspace(all);
    assertEquals(await walk((args) => run(listSessions, args), { limit }), {
      ids: idsIn(all),
      calls: Math.ceil(250 / limit),
    });
    const own = all.filter((_, index) => index % 3 === 2);
    const bound = await walk((args) => run(listSessions, args, { principal: CI }), { limit });
    assertEquals(bound.ids, idsIn(own));
  });
}

Deno.test("list_sessions stops in the middle of a page without losing or repeating a session", async () => {
  const all = sessions(250);
  const { run } = harness({
    sessions: { list: () => Promise.resolve({ data: all, next_page: null }) },
  });
  const { ids, calls } = await walk((args) => run(listSessions, args), { limit: 40 });
  assertEquals([ids, calls], [idsIn(all), 7]);
});

Deno.test("list_sessions finds its place again when sessions were added before it", async () => {
  let all = sessions(10);
  const { run } = harness({
    sessions: { list: () => Promise.resolve({ data: all, next_page: null }) },
  });
  const first = await run(listSessions, { limit: 4 });
  all = [{ id: "sesn_new", created_at: new Date(NOW + 1).toISOString() }, ...all];
  const { next_cursor: cursor } = first;
  assertEquals(sessionIds(await run(listSessions, { cursor })), idsIn(sessions(10).slice(4)));
});

Deno.test("list_sessions ends at a server that gives the same page for every cursor", async () => {
  const all = sessions(20);
  let pages = 0;
  const { run } = harness({
    sessions: { list: () => Promise.resolve({ data: all, next_page: `p_${++pages}` }) },
  });
  const { ids, calls } = await walk((args) => run(listSessions, args), {});
  assertEquals(ids, idsIn(all));
  assert(calls < 10, `${calls} calls`);
});

Deno.test("list_sessions reads five pages at most and says how to go on", async () => {
  const all = sessions(1_000, { agent: "agent_1" });
  all.push({ id: "sesn_mine", agent: "agent_3" });
  const { run, requests } = workspace(all);
  const result = await run(listSessions, {}, { principal: CI });
  assertEquals(sessionIds(result), []);
  assertEquals(requests.map(({ limit }) => limit), [20, 100, 100, 100, 100]);
  const found = await walk((args) => run(listSessions, args, { principal: CI }), {});
  assertEquals(found, { ids: ["sesn_mine"], calls: 3 });
});

Deno.test("list_sessions goes no further than the caller's rate, and keeps what it has", async () => {
  const { run, requests } = workspace(sessions(500));
  let left = 2;
  const charge = (count: number) => (left -= count) < 0 ? 4_000 : 0;
  const principal: Principal = { ...CI, charge };
  const result = await run(listSessions, { limit: 100 }, { principal });
  // The first page of a call is part of the call; the others count.
  assertEquals(requests.length, 3);
  assertEquals(sessionIds(result), idsIn(sessions(300).filter((_, index) => index % 3 === 2)));
  const before = requests.length;
  const next = await run(
    listSessions,
    { limit: 100, cursor: result.next_cursor },
    { principal: { ...CI, charge } },
  );
  assertEquals([sessionIds(next).length, requests.length - before], [33, 1]);
  assert(next.next_cursor !== undefined);
});

Deno.test("list_sessions asks the API for the only agent that the caller may reach", async () => {
  const { run, requests } = workspace(sessions(6));
  const principal: Principal = { id: "ci", agents: ["agent_2"] };
  assertEquals(sessionIds(await run(listSessions, {}, { principal })), ["sesn_3", "sesn_6"]);
  assertEquals(requests.map(({ agentId }) => agentId), ["agent_2"]);
});

Deno.test("list_sessions makes no request for a caller that may reach no agent", async () => {
  const { run, requests } = workspace(sessions(3));
  const principal: Principal = { id: "ci", agents: [] };
  assertEquals(await run(listSessions, {}, { principal }), { sessions: [] });
  assertEquals(requests, []);
});

Deno.test("list_sessions clips titles and stays within the size budget", async () => {
  const all = sessions(100, { title: "t".repeat(500), agent: { id: "a", name: "n".repeat(256) } });
  const { run } = workspace(all, { consoleUrl: `https://console.example.com/${"c".repeat(100)}` });
  const { ids, calls } = await walk((args) => run(listSessions, args), { limit: 100 });
  assertEquals(ids, idsIn(all));
  assert(calls > 1);
});

Deno.test("a cursor of list_sessions shows nothing of the place that it leads to", async () => {
  const { run } = workspace(sessions(50));
  const { next_cursor } = await run(listSessions, { limit: 3 }, { principal: CI });
  const bytes = atob(String(next_cursor).replaceAll("-", "+").replaceAll("_", "/"));
  for (const secret of ["sesn_", "p_", "agent"]) assert(!bytes.includes(secret), secret);
});

Deno.test("a cursor of list_sessions opens for its caller and its filters only", async () => {
  const { run, requests } = workspace(sessions(50));
  const filters = { agent_id: "agent_2", status: "idle", limit: 2 };
  const { next_cursor: cursor } = await run(listSessions, filters, { principal: CI });
  const before = requests.length;
  const told = async (args: Record<string, unknown>, principal?: Principal) => {
    const call = () => run(listSessions, args, { ...(principal && { principal }) });
    const { code, message } = await assertRejects(call, ToolError);
    assertEquals([code, requests.length], ["invalid_argument", before]);
    return message;
  };
  const others: (Principal | undefined)[] = [undefined, { ...CI, id: "ops" }];
  for (const other of others) {
    assertStringIncludes(await told({ ...filters, cursor }, other), "your last list_sessions");
  }
  for (const wrong of ["nonsense", "%%%", "x".repeat(9_000), `${cursor}A`, "e30"]) {
    assertStringIncludes(await told({ ...filters, cursor: wrong }, CI), "your last list_sessions");
  }
  for (
    const change of [{ agent_id: "agent_3" }, { status: "running" }, { include_archived: true }]
  ) {
    assertStringIncludes(await told({ ...filters, cursor, ...change }, CI), "pass the same ones");
  }
  // Another number of sessions is no other list.
  const rest = await run(listSessions, { ...filters, limit: 5, cursor }, { principal: CI });
  assertEquals(sessionIds(rest), ["sesn_9", "sesn_12", "sesn_15", "sesn_18", "sesn_21"]);
});

Deno.test("a cursor of list_sessions opens at another replica with the same sealing key", async () => {
  const sealingKeys = [new Uint8Array(32).fill(1)];
  const [here, there, elsewhere] = [{ sealingKeys }, { sealingKeys }, {}]
    .map((options) => workspace(sessions(5), options));
  assert(here && there && elsewhere);
  const { next_cursor: cursor } = await here.run(listSessions, { limit: 3 });
  assertEquals(sessionIds(await there.run(listSessions, { cursor })), ["sesn_4", "sesn_5"]);
  await assertRejects(() => elsewhere.run(listSessions, { cursor }), ToolError);
});

Deno.test("list_sessions fails when a page cannot be read", async () => {
  const { run } = harness({ sessions: { list: () => Promise.reject(httpError(503)) } });
  await assertRejects(() => run(listSessions, {}), Error, "No.");
});
