import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import type { CreateSessionParams } from "../../../src/api/types.ts";
import { ApiError, type ApiErrorInfo } from "../../../src/api/errors.ts";
import { ToolError } from "../../../src/core/errors.ts";
import type { ToolCall } from "../../../src/tools/define.ts";
import { createSession } from "../../../src/tools/create_session.ts";
import { type ApiParts, type Harness, harness, httpError, session } from "./support.ts";

function creating(parts: ApiParts["sessions"] = {}, environmentId: string | null = "env_1") {
  const created: CreateSessionParams[] = [];
  const opened = harness({
    sessions: {
      create: (params) => {
        created.push(params);
        return Promise.resolve(session({ status: params.message ? "running" : "idle" }));
      },
      ...parts,
    },
  }, environmentId === null ? {} : { environmentId });
  return { created, ...opened };
}

async function create(
  { run, clock }: Harness,
  args: Record<string, unknown> = {},
  overrides: Partial<ToolCall> = {},
): Promise<Record<string, unknown>> {
  return await clock.runUntil(run(createSession, { agent_id: "agent_1", ...args }, overrides));
}

Deno.test("create_session creates an idle session in the configured environment", async () => {
  const opened = creating();
  assertEquals(await create(opened), { session_id: "sesn_1", status: "idle" });
  const [params] = opened.created;
  assertEquals(params?.agent, "agent_1");
  assertEquals(params?.environmentId, "env_1");
  assertEquals(params?.message, undefined);
  assertMatch(params?.metadata?.cma_mcp_request ?? "", /^[0-9a-f-]{36}$/);
});

Deno.test("create_session names the session's page where the console is known", async () => {
  const opened = harness({
    sessions: { create: () => Promise.resolve(session()) },
  }, { environmentId: "env_1", consoleUrl: "https://console.example/sessions" });
  const { console_url } = await create(opened);
  assertEquals(console_url, "https://console.example/sessions/sesn_1");
});

Deno.test("create_session passes message, title, version and environment on", async () => {
  const opened = creating();
  const result = await create(opened, {
    message: "Go",
    title: "Work",
    agent_version: 3,
    environment_id: "env_other",
  });
  assertEquals(result.status, "running");
  const { metadata: _, ...params } = opened.created[0] ?? {};
  assertEquals(params, {
    agent: { type: "agent", id: "agent_1", version: 3 },
    environmentId: "env_other",
    title: "Work",
    message: "Go",
  });
});

const LOST: readonly [string, ApiErrorInfo][] = [
  ["a timeout", { kind: "timeout" }],
  ["a broken connection", { kind: "connection_lost" }],
  ["an unreadable answer", { kind: "decode" }],
  ["status 500", { kind: "http", status: 500 }],
  ["status 529", { kind: "http", status: 529 }],
];

for (const [name, info] of LOST) {
  Deno.test(`create_session finds its session after ${name}, and makes no second one`, async () => {
    const created: CreateSessionParams[] = [];
    const lists: unknown[] = [];
    const opened = creating({
      create: (params) => {
        created.push(params);
        return Promise.reject(new ApiError("lost", info));
      },
      list: (params) => {
        lists.push(params);
        const mine = session({ id: "sesn_mine", metadata: { ...created[0]?.metadata } });
        const other = session({ id: "sesn_other", metadata: { cma_mcp_request: "another" } });
        // The list trails the creation.
        return Promise.resolve({ data: lists.length === 1 ? [other] : [other, mine] });
      },
    });
    assertEquals(await create(opened), {
      session_id: "sesn_mine",
      status: "idle",
      confirmed_by_list: true,
    });
    assertEquals(created.length, 1);
    assertEquals(lists[0], { agentId: "agent_1", order: "desc", limit: 20 });
  });
}

Deno.test("create_session without a response says that it may still take effect", async () => {
  for (
    const info of [{ kind: "timeout" }, { kind: "connection_lost" }, {
      kind: "http",
      status: 502,
    }] as const
  ) {
    let creates = 0;
    const opened = creating({
      create: () => {
        creates++;
        return Promise.reject(new ApiError("lost", info));
      },
      list: () => Promise.resolve({ data: [] }),
    });
    const error = await assertRejects(() => create(opened), ToolError, "still be on its way");
    assertEquals(error.code, "creation_unknown");
    assertEquals(creates, 1);
  }
});

Deno.test("create_session says that it does not know when the list fails as well", async () => {
  const opened = creating({
    create: () => Promise.reject(new ApiError("lost", { kind: "connection_lost" })),
    list: () => Promise.reject(httpError(503)),
  });
  const error = await assertRejects(() => create(opened), ToolError, "second session");
  assertEquals(error.code, "creation_unknown");
});

for (
  const error of [new ApiError("refused", { kind: "not_sent" }), httpError(400), httpError(429)]
) {
  Deno.test(`create_session throws the error of ${error.status ?? error.kind} without reading the list`, async () => {
    const opened = creating({ create: () => Promise.reject(error) });
    assertEquals(await assertRejects(() => create(opened), ApiError), error);
  });
}

Deno.test("create_session does not read the list when the caller aborts", async () => {
  const controller = new AbortController();
  const { run } = creating({
    create: () => {
      controller.abort(new Error("cancelled"));
      return Promise.reject(new ApiError("lost", { kind: "connection_lost" }));
    },
  });
  await assertRejects(
    () => run(createSession, { agent_id: "agent_1" }, { signal: controller.signal }),
    ApiError,
    "lost",
  );
});

/** A server that says `idle` although there is a first message, which the list shows after so many reads. */
function idleAtFirst(shownAfter: number, status = "idle") {
  let reads = 0;
  const list = () => ({
    data: ++reads > shownAfter ? [{ type: "user.message", id: "sevt_1", processed_at: null }] : [],
  });
  const opened = harness({
    sessions: {
      create: () => Promise.resolve({ id: "sesn_1" }),
      retrieve: () => Promise.resolve(session({ status })),
    },
    events: { list: () => Promise.resolve(list()) },
  }, { environmentId: "env_1" });
  return { ...opened, reads: () => reads };
}

Deno.test("create_session says that a server made the session without its first message", async () => {
  const opened = idleAtFirst(Infinity);
  const result = await create(opened, { message: "Go" });
  assertEquals([result.session_id, result.message_sent], ["sesn_1", false]);
  const unable = await create(idleAtFirst(Infinity), { message: "Go" }, { has: () => false });
  assertEquals(unable.next, "The API made the session without its first message.");
  assertMatch(String(result.next), /send_message/);
  assertEquals(opened.waiter.rememberedSends, []);
});

for (
  const [name, shownAfter, status] of [
    ["whose list shows it at once", 0, "idle"],
    ["whose list shows it late", 2, "idle"],
    ["that runs although its list is empty", Infinity, "running"],
  ] as const
) {
  Deno.test(`create_session does not report a missing first message for a session ${name}`, async () => {
    const opened = idleAtFirst(shownAfter, status);
    const result = await create(opened, { message: "Go" });
    assertEquals([result.session_id, result.message_sent], ["sesn_1", undefined]);
    assertEquals(opened.waiter.rememberedSends, [["sesn_1", undefined]]);
    assertEquals(opened.reads(), Math.min(shownAfter + 1, 3));
  });
}

Deno.test("create_session passes the API's 503 on when there is no such session", async () => {
  const declined = new ApiError("Down", { kind: "http", status: 503, author: "api" });
  const opened = creating({
    create: () => Promise.reject(declined),
    list: () => Promise.resolve({ data: [] }),
  });
  assertEquals(await assertRejects(() => create(opened), ApiError), declined);
});
