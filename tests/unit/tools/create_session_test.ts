import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import type { CreateSessionParams } from "../../../src/api/types.ts";
import type { Principal } from "../../../src/access/principal.ts";
import { ApiError, type ApiErrorInfo } from "../../../src/api/errors.ts";
import { ToolError } from "../../../src/core/errors.ts";
import type { ToolCall } from "../../../src/tools/define.ts";
import { createSession } from "../../../src/tools/create_session.ts";
import type { ServicesOptions } from "../../../src/tools/services.ts";
import { type ApiParts, type Harness, harness, httpError, session } from "./support.ts";

function creating(parts: ApiParts["sessions"] = {}, environmentId: string | null = "env_1") {
  const created: CreateSessionParams[] = [];
  const opened = harness({
    sessions: {
      create: (params) => {
        created.push(params);
        return Promise.resolve(
          session({ status: params.message || params.attachments ? "running" : "idle" }),
        );
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

const DOCUMENT = { type: "document", source: { type: "file", file_id: "file_1" } } as const;

Deno.test("create_session passes images and documents on, with a text or without", async () => {
  const opened = creating();
  const url = "https://example.com/a.png";
  const image = { type: "image", source: { type: "url", url } } as const;
  await create(opened, {
    message: "Go",
    document_file_ids: ["file_1"],
    image_urls: [url],
  });
  const sent = () => opened.created.map(({ message, attachments }) => [message, attachments]);
  assertEquals(sent(), [["Go", [image, DOCUMENT]]]);
  assertEquals(opened.waiter.rememberedSends.length, 1);
});

Deno.test("create_session takes a document for a first message", async () => {
  const opened = idleAtFirst(0);
  const result = await create(opened, { document_file_ids: ["file_1"] });
  assertEquals(result.message_sent, undefined);
  assertEquals(opened.waiter.rememberedSends.length, 1);
  const dropped = await create(idleAtFirst(Infinity), { document_file_ids: ["file_1"] });
  assertEquals(dropped.message_sent, false);
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

Deno.test("create_session sends the caller's metadata, and its own marks last", async () => {
  const principal = { id: "alice", sessions: "own" } as const;
  const opened = creating();
  const result = await create(opened, { metadata: { ticket: "OPS-7" } }, { principal });
  const { metadata = {} } = opened.created[0] ?? {};
  assertEquals(Object.keys(metadata), ["ticket", "cma_mcp_request", "cma_mcp_owner"]);
  assertEquals(metadata.ticket, "OPS-7");
  assertEquals(result, { session_id: "sesn_1", status: "idle" });
});

const pairs = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [`key${at}`, "v"]));

for (
  const [name, metadata] of [
    ["13 pairs", pairs(13)],
    ["a key without characters", { "": "v" }],
    ["a key of 65 characters", { ["k".repeat(65)]: "v" }],
    ["a value of 513 characters", { key: "v".repeat(513) }],
    ["the key of a mark", { cma_mcp_owner: "v" }],
    ["a key that looks like a mark", { " Cma_Mcp_x": "v" }],
  ] as const
) {
  Deno.test(`create_session refuses metadata with ${name}, and makes nothing`, async () => {
    const opened = creating();
    const error = await assertRejects(() => create(opened, { metadata }), ToolError);
    assertEquals(error.code, "invalid_argument");
    assertEquals(
      error.message,
      "metadata must have at most 12 pairs: keys of 1 to 64 characters that do not begin with " +
        "cma_mcp_, values of at most 512.",
    );
    assertEquals(opened.created, []);
  });
}

Deno.test("create_session takes the largest metadata that leaves room for marks", async () => {
  const opened = creating();
  const metadata = { ...pairs(11), ["k".repeat(64)]: "v".repeat(512) };
  await create(opened, { metadata });
  const { cma_mcp_request: _, ...sent } = opened.created[0]?.metadata ?? {};
  assertEquals(sent, metadata);
});

Deno.test("create_session finds a lost session by its mark, whatever the caller's metadata", async () => {
  const created: CreateSessionParams[] = [];
  const opened = creating({
    create: (params) => {
      created.push(params);
      return Promise.reject(new ApiError("lost", { kind: "timeout" }));
    },
    list: () => {
      const like = session({ id: "sesn_like", metadata: { ticket: "OPS-7" } });
      const mine = session({ id: "sesn_mine", metadata: { ...created[0]?.metadata } });
      return Promise.resolve({ data: [like, mine] });
    },
  });
  const result = await create(opened, { metadata: { ticket: "OPS-7" } });
  assertEquals([result.session_id, created.length], ["sesn_mine", 1]);
});

const CSV = { fileId: "file_1", mountPath: "/mnt/session/uploads/in.csv" };

/** A server that shows what is mounted. */
const showing = (params: CreateSessionParams) =>
  session({
    resources: (params.files ?? []).map(({ fileId, mountPath }) => ({
      ...{ type: "file", id: "sesrsc_1", file_id: `copy of ${fileId}`, mount_path: mountPath },
    })),
  });

Deno.test("create_session mounts files, and says where", async () => {
  const created: CreateSessionParams[] = [];
  const opened = creating({
    create: (params) => {
      created.push(params);
      return Promise.resolve(showing(params));
    },
  });
  const files = { "in.csv": "file_1", "/data/b": "file_2" };
  assertEquals(await create(opened, { files }), {
    session_id: "sesn_1",
    status: "idle",
    mount_paths: ["/mnt/session/uploads/in.csv", "/data/b"],
  });
  assertEquals(created[0]?.files, [CSV, { fileId: "file_2", mountPath: "/data/b" }]);
});

Deno.test("create_session says so where the API does not show all files", async () => {
  const words = "The API's response does not show all files, so the agent may not find them.";
  const opened = creating();
  const { next, mount_paths } = await create(opened, { files: { "in.csv": "file_1" } });
  assertEquals([next, mount_paths], [words, ["/mnt/session/uploads/in.csv"]]);
  const some = creating({
    create: (params) => Promise.resolve(showing({ ...params, files: [CSV] })),
  });
  const files = { "in.csv": "file_1", "b.csv": "file_2" };
  assertEquals((await create(some, { files })).next, words);
  assertEquals((await create(creating(), { files: {} })).next, undefined);
});

Deno.test("create_session with a file that cannot be mounted makes nothing", async () => {
  const opened = creating();
  await assertRejects(() => create(opened, { files: { "../in.csv": "file_1" } }), ToolError);
  await assertRejects(() => create(opened, { files: { "in.csv": "no id" } }), ToolError);
  assertEquals(opened.created, []);
});

Deno.test("create_session finds a lost session with files, and makes no second one", async () => {
  const created: CreateSessionParams[] = [];
  const opened = creating({
    create: (params) => {
      created.push(params);
      return Promise.reject(new ApiError("lost", { kind: "connection_lost" }));
    },
    list: () => {
      const [params] = created;
      if (!params) return Promise.resolve({ data: [] });
      return Promise.resolve({ data: [{ ...showing(params), metadata: { ...params.metadata } }] });
    },
  });
  const result = await create(opened, { files: { "in.csv": "file_1" } });
  assertEquals(result, {
    session_id: "sesn_1",
    status: "idle",
    confirmed_by_list: true,
    mount_paths: ["/mnt/session/uploads/in.csv"],
  });
  assertEquals([created.length, created[0]?.files], [1, [CSV]]);
});

/** A server that shows the budget that a session was made with. */
function budgeting(options: Partial<ServicesOptions> = {}) {
  const created: CreateSessionParams[] = [];
  const opened = harness({
    sessions: {
      create: (params) => {
        created.push(params);
        return Promise.resolve(session({ budget: params.budget ?? null }));
      },
    },
  }, { environmentId: "env_1", ...options });
  const sent = () => created.map(({ budget }) => budget?.max_list_cost.amount);
  return { ...opened, sent };
}

Deno.test("create_session sends max_cost_usd in whole cents, and tells what holds", async () => {
  const opened = budgeting();
  assertEquals((await create(opened, { max_cost_usd: 0.299 })).max_cost_usd, 0.29);
  assertEquals((await create(opened, { max_cost_usd: "2.5" })).max_cost_usd, 2.5);
  for (const nothing of [null, "", undefined]) {
    assertEquals("max_cost_usd" in await create(opened, { max_cost_usd: nothing }), false);
  }
  assertEquals(opened.sent(), ["29", "250", undefined, undefined, undefined]);
  for (const wrong of [0, 0.009, -1, "$5", true]) {
    await assertRejects(
      () => create(opened, { max_cost_usd: wrong }),
      ToolError,
      "max_cost_usd must be a number of at least 0.01.",
    );
  }
  assertEquals(opened.sent().length, 5);
});

for (
  const [name, options, asked, sent] of [
    ["the operator's default where none is asked for", { maxCostUsd: 3 }, undefined, "300"],
    ["what is asked for beside a default", { maxCostUsd: 3 }, 7, "700"],
    ["the ceiling where nobody says", { maxCostCeilingUsd: 5 }, undefined, "500"],
    ["a default below the ceiling", { maxCostUsd: 3, maxCostCeilingUsd: 5 }, undefined, "300"],
    ["the ceiling for a default above", { maxCostUsd: 9, maxCostCeilingUsd: 5 }, undefined, "500"],
    ["what is asked for up to the ceiling", { maxCostCeilingUsd: 5 }, 5, "500"],
  ] as const
) {
  Deno.test(`create_session sends as budget ${name}`, async () => {
    const opened = budgeting(options);
    await create(opened, { max_cost_usd: asked });
    assertEquals(opened.sent(), [sent]);
  });
}

Deno.test("create_session refuses more than the operator's ceiling, and makes nothing", async () => {
  const opened = budgeting({ maxCostUsd: 3, maxCostCeilingUsd: 5 });
  const error = await assertRejects(() => create(opened, { max_cost_usd: 5.001 }), ToolError);
  assertEquals([error.code, error.message], [
    "invalid_argument",
    "max_cost_usd must be at most 5: this server's operator allows no more for a session.",
  ]);
  assertEquals(opened.sent(), []);
});

const TOKEN: Principal = { id: "ci", maxCostUsd: 4 };
const PERSON: Principal = {
  ...TOKEN,
  id: '["https://login.example.com","ann"]',
  person: { issuer: "https://login.example.com", subject: "ann", rule: "staff" },
};

for (
  const [name, options, asked, sent] of [
    ["the caller's own limit where none is asked for", {}, undefined, "400"],
    ["what the caller asks for within its limit", {}, 3.5, "350"],
    ["all of the caller's limit", {}, 4, "400"],
    ["the operator's default below the caller's limit", { maxCostUsd: 3 }, undefined, "300"],
    ["the caller's limit below the operator's default", { maxCostUsd: 9 }, undefined, "400"],
    ["the ceiling below the caller's limit", { maxCostCeilingUsd: 2 }, undefined, "200"],
    ["the caller's limit below the ceiling", { maxCostCeilingUsd: 5 }, undefined, "400"],
  ] as const
) {
  Deno.test(`create_session sends as budget ${name}`, async () => {
    for (const principal of [TOKEN, PERSON]) {
      const opened = budgeting(options);
      await create(opened, { max_cost_usd: asked }, { principal });
      assertEquals(opened.sent(), [sent]);
    }
  });
}

Deno.test("create_session refuses more than the caller's limit or the ceiling, and says whose it is", async () => {
  const refusal = async (principal: Principal, options: Partial<ServicesOptions> = {}) => {
    const opened = budgeting(options);
    const creating = create(opened, { max_cost_usd: 4.001 }, { principal });
    const { code, message } = await assertRejects(() => creating, ToolError);
    assertEquals([code, opened.sent()], ["invalid_argument", []]);
    return message;
  };
  const most = "max_cost_usd must be at most";
  assertEquals(await refusal(TOKEN), `${most} 4: your token allows no more for a session.`);
  assertEquals(await refusal(PERSON), `${most} 4: you may spend no more on a session.`);
  const own = await refusal(PERSON, { maxCostCeilingUsd: 5 });
  assertEquals(own, `${most} 4: you may spend no more on a session.`);
  const ceiling = await refusal(PERSON, { maxCostCeilingUsd: 2 });
  assertEquals(ceiling, `${most} 2: this server's operator allows no more for a session.`);
});

Deno.test("create_session says so where the API shows no budget for the session", async () => {
  const { next } = await create(creating(), { max_cost_usd: 5 });
  assertEquals(
    next,
    "The API's response shows no budget, so it may not bound what the session costs.",
  );
  const dropped = await create(idleAtFirst(Infinity), { message: "Go", max_cost_usd: 5 });
  assertMatch(String(dropped.next), /send_message\. The API's response shows no budget/);
});

const UNPRICED: readonly ApiErrorInfo[] = [
  { kind: "http", status: 400, errorCode: "model_not_budgetable" },
  { kind: "http", status: 400 },
];

for (const info of UNPRICED) {
  Deno.test(`create_session fails for a model without a price (code ${info.errorCode}), once`, async () => {
    const fail = async (
      args: Record<string, unknown>,
      options: Partial<ServicesOptions> = {},
      principal?: Principal,
    ) => {
      let creates = 0;
      const opened = harness({
        sessions: {
          create: () => {
            creates++;
            return Promise.reject(new ApiError("model_not_budgetable: no price", info));
          },
        },
      }, { environmentId: "env_1", ...options });
      const overrides = principal ? { principal } : {};
      const error = await assertRejects(() => create(opened, args, overrides), ToolError);
      assertEquals([error.code, creates], ["model_not_budgetable", 1]);
      return error.message;
    };
    const why = "The agent's model has no list price, so a session of it can have no budget.";
    assertEquals(await fail({ max_cost_usd: 5 }), `${why} Leave max_cost_usd out.`);
    for (const options of [{ maxCostUsd: 5 }, { maxCostCeilingUsd: 5 }]) {
      const message = await fail({}, options);
      assertMatch(message, /ask the operator for a server without --max-cost-usd/);
      assertEquals(await fail({ max_cost_usd: 1 }, options), message);
    }
    const own = [[TOKEN, /Your token gives .* a token without max_cost_usd/], [
      PERSON,
      /Every session of yours has a budget: .* for no limit/,
    ]] as const;
    for (const [principal, expected] of own) {
      assertMatch(await fail({}, {}, principal), expected);
      assertMatch(await fail({}, { maxCostUsd: 5 }, principal), /without --max-cost-usd/);
    }
  });
}
