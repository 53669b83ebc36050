import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { ApiError } from "../../../src/api/errors.ts";
import { ToolError } from "../../../src/core/errors.ts";
import { callTool } from "../../helpers/call_tool.ts";
import { createSession } from "../../../src/tools/create_session.ts";
import { TOOLS, VIEW_TOOLS } from "../../../src/tools/registry.ts";
import { type ApiParts, harness, httpError, session } from "../tools/support.ts";
import type { SessionFile } from "../../../src/api/resources.ts";
import type { CreateSessionParams } from "../../../src/api/types.ts";
import { getSession } from "../../../src/tools/get_session.ts";
import {
  createOwnerMarks,
  fileNotAvailable,
  notAvailable,
  OWNER_KEY,
} from "../../../src/access/policy.ts";
import { createSealer } from "../../../src/access/sealing.ts";
import { isDefaultTool } from "../../../src/session/pending_actions.ts";
import type { Principal } from "../../../src/access/principal.ts";

/** Sessions `sesn_mine` of an allowed agent, `sesn_theirs` of another, and no others. */
function guarded(parts: ApiParts = {}) {
  const retrieves: string[] = [];
  const opened = harness({
    ...parts,
    sessions: {
      retrieve: (id) => {
        retrieves.push(id);
        if (id === "sesn_mine") return Promise.resolve(session({ id, agent: { id: "agent_a" } }));
        if (id === "sesn_theirs") return Promise.resolve(session({ id, agent: "agent_b" }));
        if (id === "sesn_nobodys") return Promise.resolve(session({ id, agent: null }));
        return Promise.reject(httpError(id.startsWith("sesn_") ? 404 : 400, `No ${id}.`));
      },
      ...parts.sessions,
    },
  }, { allowedAgentIds: ["agent_a"], environmentId: "env_1" });
  return { retrieves, ...opened };
}

const SESSION_TOOLS = [...TOOLS, ...VIEW_TOOLS].filter(({ input }) => "session_id" in input.shape);
const AGENT_TOOLS = TOOLS.filter(({ input }) => "agent_id" in input.shape);

function argumentsFor(name: string, ids: Record<string, string>): Record<string, unknown> {
  return {
    ...ids,
    ...(name === "ask_agent" && { message: "Hi" }),
    ...(name === "list_thread_events" && { thread_id: "sthr_1" }),
    ...(name === "send_message" && { text: "Hi" }),
    ...(name === "confirm_tool_use" && { event_id: "sevt_1", tool_name: "bash", result: "deny" }),
    ...(name === "answer_tool_use" && { event_id: "sevt_1", proof: "p", result: "deny" }),
    ...(name === "submit_tool_result" && { event_id: "sevt_1", text: "Sunny." }),
  };
}

Deno.test("the allowlist covers every tool that takes an id", () => {
  assertEquals(SESSION_TOOLS.length + AGENT_TOOLS.length, 19);
});

for (
  const [tool, argument] of [
    ...SESSION_TOOLS.map((tool) => [tool, "session_id"] as const),
    ...AGENT_TOOLS.map((tool) => [tool, "agent_id"] as const),
  ]
) {
  Deno.test(`${tool.name} refuses each forbidden and unknown ${argument} in the same words`, async () => {
    const isSession = argument === "session_id";
    const ids = isSession
      ? ["sesn_theirs", "sesn_unknown", "malformed", "sesn_nobodys", "sesn_theirs"]
      : ["agent_b", "agent_unknown"];
    const { call, retrieves } = guarded();
    const texts = new Set<string>();
    for (const id of ids) {
      const result = await callTool(tool, argumentsFor(tool.name, { [argument]: id }), call());
      assertEquals(result.isError, true);
      texts.add(JSON.stringify(result.content));
    }
    assertEquals(texts.size, 1, [...texts].join("\n"));
    // Every refusal costs a look-up, as one of an unknown id does: its time tells nothing.
    assertEquals(retrieves.length, isSession ? ids.length : 0);
  });
}

Deno.test("an allowed session is read once for all calls", async () => {
  const { services, retrieves } = guarded();
  for (let i = 0; i < 3; i++) await services.access.checkSession("sesn_mine", {});
  assertEquals(retrieves, ["sesn_mine"]);
});

Deno.test("a session whose agent could not be read is read again", async () => {
  let failing = true;
  const { services } = harness({
    sessions: {
      retrieve: () => failing ? Promise.reject(httpError(503)) : Promise.resolve(session()),
    },
  }, { allowedAgentIds: ["agent_1"] });
  await assertRejects(() => services.access.checkSession("sesn_1", {}), ApiError);
  failing = false;
  await services.access.checkSession("sesn_1", {});
});

Deno.test("without an allowlist everything is admitted without a request", async () => {
  const { services } = harness({});
  await services.access.checkSession("sesn_any", {});
  services.access.checkAgent("agent_any", {});
  assertEquals(services.access.allowedAgentIds({}), undefined);
});

Deno.test("an empty allowlist admits nothing", async () => {
  const { services } = harness({
    sessions: { retrieve: () => Promise.resolve(session()) },
  }, { allowedAgentIds: [] });
  await assertRejects(() => services.access.checkSession("sesn_1", {}), ToolError);
});

Deno.test("a session that was created here needs no request", async () => {
  const { run, services, retrieves } = guarded({
    sessions: { create: () => Promise.resolve(session({ id: "sesn_new" })) },
  });
  await run(createSession, { agent_id: "agent_a" });
  await services.access.checkSession("sesn_new", {});
  assertEquals(retrieves, []);
});

const SECRET = "s".repeat(32);

Deno.test("markOf() gives the same mark for the same name and secret only", async () => {
  const marks = createOwnerMarks({ bindingKey: SECRET });
  const mark = await marks.markOf("ci");
  assertEquals(await marks.markOf("ci"), mark);
  assertEquals(await createOwnerMarks({ bindingKey: SECRET }).markOf("ci"), mark);
  const others = [
    await marks.markOf("ops"),
    await marks.markOf(""),
    await createOwnerMarks({ bindingKey: `${SECRET}!` }).markOf("ci"),
    await createOwnerMarks().markOf("ci"),
    await createOwnerMarks().markOf("ci"),
  ];
  assertEquals(new Set([mark, ...others]).size, 6);
});

Deno.test("markOf() is HMAC-SHA256 over its purpose and the name, so that replicas agree", async () => {
  // Made with: printf 'cma-mcp session owner v1\nci' | openssl dgst -sha256 -hmac s…s -binary
  assertEquals(await createOwnerMarks({ bindingKey: SECRET }).markOf("ci"), EXPECTED_MARK);
});

const EXPECTED_MARK = "1s-NH2Itxb4Z6tQWGU9hRZf2RuGu05T8Iy7L1LPSzVA";

Deno.test("with sealing keys the first makes marks, and those of all and of the binding key are known", async () => {
  const keys = (...fills: number[]) => {
    const sealer = createSealer(fills.map((fill) => new Uint8Array(32).fill(fill)));
    return { sealed: () => sealer.macKeys("session owner") };
  };
  const bindingKey = SECRET;
  const old = await createOwnerMarks({ bindingKey }).markOf("ci");
  const first = await createOwnerMarks(keys(1)).markOf("ci");
  const marks = createOwnerMarks({ ...keys(2, 1), bindingKey });
  const mark = await marks.markOf("ci");
  assertEquals(await createOwnerMarks(keys(2)).markOf("ci"), mark);
  assertEquals(new Set([old, first, mark]).size, 3);
  assertMatch(mark, /^[\w-]{43}$/);
  for (const own of [old, first, mark]) {
    assertEquals([await marks.isMarkOf(own, "ci"), await marks.isMarkOf(own, "ops")], [
      true,
      false,
    ]);
  }
  const others = [
    await createOwnerMarks(keys(3)).markOf("ci"),
    await createOwnerMarks({ bindingKey: `${SECRET}!` }).markOf("ci"),
    ...["", "ci", `${mark}A`, mark.slice(1)],
  ];
  for (const other of others) assertEquals(await marks.isMarkOf(other, "ci"), false, other);
  // Without the binding key its marks are those of a stranger.
  assertEquals(await createOwnerMarks(keys(2, 1)).isMarkOf(old, "ci"), false);
});

Deno.test("a session stays its owner's when the sealing key comes, is rotated, and goes", async () => {
  const key = (fill: number) => new Uint8Array(32).fill(fill);
  const servers = {
    "0.1.0": { bindingKey: SECRET },
    "with a key": { bindingKey: SECRET, sealingKeys: [key(1)] },
    "with a new key": { bindingKey: SECRET, sealingKeys: [key(2), key(1)] },
    "with the new key only": { bindingKey: SECRET, sealingKeys: [key(2)] },
  };
  const reached: Record<string, string[]> = {};
  for (const [maker, made] of Object.entries(servers)) {
    const { access } = harness({}, made).services;
    const metadata = await access.ownerMetadata({ principal: { id: "ci", sessions: "own" } });
    const retrieve = () => Promise.resolve(session({ metadata }));
    for (const [reader, options] of Object.entries(servers)) {
      const check = (id: string) =>
        harness({ sessions: { retrieve } }, options).services.access
          .checkSession("sesn_1", { principal: { id, sessions: "own" } });
      await assertRejects(() => check("ops"), ToolError);
      await check("ci").then(() => (reached[maker] ??= []).push(reader), () => {});
    }
  }
  assertEquals(reached, {
    "0.1.0": ["0.1.0", "with a key", "with a new key", "with the new key only"],
    "with a key": ["with a key", "with a new key"],
    "with a new key": ["with a new key", "with the new key only"],
    "with the new key only": ["with a new key", "with the new key only"],
  });
});

/** A server whose sessions are created in the environment that the test configures. */
function creating(environmentId?: string, parts: ApiParts = {}) {
  const created: CreateSessionParams[] = [];
  const opened = harness({
    sessions: {
      create: (params) => {
        created.push(params);
        return Promise.resolve(session({ id: `sesn_${created.length}` }));
      },
    },
    ...parts,
  }, { environmentId, bindingKey: SECRET });
  const create = (principal: Principal | undefined, environment_id?: string) =>
    opened.run(createSession, { agent_id: "agent_1", environment_id }, { principal });
  return { ...opened, create, created };
}

Deno.test("create_session marks sessions of every caller that the transport identifies", async () => {
  const { create, created } = creating("env_1");
  const marks = createOwnerMarks({ bindingKey: SECRET });
  const mark = await marks.markOf("ci");
  await create({ id: "ci", sessions: "own" });
  await create({ id: "ci", sessions: "all" });
  await create({ id: "ci" });
  await create({ id: "default" });
  await create(undefined);
  assertEquals(
    created.map(({ metadata }) => metadata?.[OWNER_KEY]),
    [mark, mark, mark, await marks.markOf("default"), undefined],
  );
});

Deno.test("a mark keeps nobody else from a session, but for callers with sessions of their own", async () => {
  const { create, services } = creating("env_1", {
    sessions: {
      create: () => Promise.resolve(session()),
      retrieve: () => Promise.reject(httpError(404)),
    },
  });
  await create({ id: "default" });
  const check = (principal?: Principal) =>
    services.access.checkSession("sesn_1", { ...(principal && { principal }) });
  for (const id of ["default", "ops"]) {
    await check({ id });
    await check({ id, sessions: "all", agents: ["agent_1"] });
  }
  await check();
  await check({ id: "default", sessions: "own" });
  await assertRejects(() => check({ id: "ops", sessions: "own" }), ToolError);
});

/** Limits of a caller, and whether it may reach a listed session, and calls it its own. */
const LISTED: readonly [string, Principal | undefined, boolean | undefined][] = [
  ["nobody in particular", undefined, false],
  ["the owner, without limits", { id: "ci" }, true],
  ["the owner, with its own sessions", { id: "ci", sessions: "own" }, true],
  ["another one with all", { id: "ops", sessions: "all", agents: ["agent_1"] }, false],
  ["another one with its own sessions", { id: "ops", sessions: "own" }, undefined],
  ["the owner, with other agents", { id: "ci", agents: ["agent_2"] }, undefined],
  ["the owner, with other environments", { id: "ci", environments: ["env_2"] }, undefined],
];

for (const [who, principal, isMine] of LISTED) {
  Deno.test(`admitListed() decides for ${who} without a request`, async () => {
    const { services } = harness({}, { bindingKey: SECRET });
    const { access } = services;
    const metadata = await access.ownerMetadata({ principal: { id: "ci" } });
    const listed = session({ environment_id: "env_1", metadata });
    const caller = { ...(principal && { principal }) };
    const admitted = await access.admitListed(listed, caller);
    assertEquals(admitted, isMine === undefined ? undefined : { isMine });
    // What was admitted is known from then on: no session can be read here.
    const isReached = access.checkSession("sesn_1", caller).then(() => true, () => false);
    assertEquals(await isReached, isMine !== undefined);
  });
}

Deno.test("admitListed() admits nothing of an agent that the server's own list lacks", async () => {
  const { access } = harness({}, { allowedAgentIds: ["agent_2"] }).services;
  assertEquals(await access.admitListed(session(), {}), undefined);
  assertEquals(await access.admitListed(session({ agent: null }), {}), undefined);
  assertEquals(await access.admitListed(session({ agent: "agent_2" }), {}), { isMine: false });
});

Deno.test("a session that was created here needs no request, for its owner and for others", async () => {
  let reads = 0;
  const { create, services } = creating("env_1", {
    sessions: {
      create: () => Promise.resolve(session({ id: "sesn_1" })),
      retrieve: () => {
        reads++;
        return Promise.reject(httpError(404));
      },
    },
  });
  await create({ id: "ci", sessions: "own" });
  await services.access.checkSession("sesn_1", { principal: { id: "ci", sessions: "own" } });
  await services.access.checkSession("sesn_1", { principal: { id: "x", agents: ["agent_1"] } });
  assertEquals(reads, 0);
  const others: Principal[] = [
    { id: "ops", sessions: "own" },
    { id: "ops", agents: ["agent_2"] },
    { id: "ops", environments: ["env_2"] },
  ];
  for (const principal of others) {
    await assertRejects(() => services.access.checkSession("sesn_1", { principal }), ToolError);
  }
});

/** Facts of a session, and whether a caller with scopes may reach it. */
const ADMISSION: readonly [string, Parameters<typeof session>[0], Partial<Principal>, boolean][] = [
  ["an agent in short form", { agent: "agent_1" }, { agents: ["agent_1"] }, true],
  ["no agent", { agent: null }, { agents: ["agent_1"] }, false],
  ["its environment", { environment_id: "env_1" }, { environments: ["env_1"] }, true],
  ["no environment", { environment_id: null }, { environments: ["env_1"] }, false],
  ["no metadata", { metadata: null }, { sessions: "own" }, false],
  ["a mark that is no text", { metadata: { [OWNER_KEY]: 1 } }, { sessions: "own" }, false],
  ["an empty mark", { metadata: { [OWNER_KEY]: "" } }, { sessions: "own" }, false],
  ["the name instead of the mark", { metadata: { [OWNER_KEY]: "ci" } }, { sessions: "own" }, false],
];

for (const [name, fields, scopes, admitted] of ADMISSION) {
  Deno.test(`a session with ${name} is ${admitted ? "" : "not "}within reach of its scope`, async () => {
    const { services } = harness({
      sessions: { retrieve: () => Promise.resolve(session(fields)) },
    });
    const check = services.access.checkSession("sesn_1", { principal: { id: "ci", ...scopes } });
    if (admitted) await check;
    else await assertRejects(() => check, ToolError, "does not exist or is not available");
  });
}

Deno.test("a session is read once for all callers that may reach it", async () => {
  const mark = await createOwnerMarks({ bindingKey: SECRET }).markOf("ci");
  let reads = 0;
  const { services } = harness({
    sessions: {
      retrieve: () => {
        reads++;
        return Promise.resolve(session({ metadata: { [OWNER_KEY]: mark } }));
      },
    },
  }, { bindingKey: SECRET });
  const callers: Principal[] = [
    { id: "ci", sessions: "own" },
    { id: "all", sessions: "all", agents: ["agent_1"] },
    { id: "ci", sessions: "own" },
  ];
  for (const principal of callers) await services.access.checkSession("sesn_1", { principal });
  assertEquals(reads, 1);
});

Deno.test("a caller whose reach is not limited costs no request", async () => {
  const { services } = harness({});
  for (const principal of [undefined, { id: "default" }, { id: "all", sessions: "all" as const }]) {
    await services.access.checkSession("sesn_1", { principal });
  }
});

Deno.test("a session that cannot be read is an API error, not a refusal", async () => {
  const { run } = harness({ sessions: { retrieve: () => Promise.reject(httpError(503)) } });
  const principal: Principal = { id: "ci", sessions: "own" };
  const { name } = await assertRejects(
    () => run(getSession, { session_id: "sesn_1" }, { principal }),
    Error,
  );
  assertEquals(name, "ApiError");
});

/** Files by id: what each belongs to. `sesn_mine` is of agent_a, which `ci` may reach. */
const FILES: Readonly<Record<string, SessionFile>> = {
  file_mine: { id: "file_mine", scope: { id: "sesn_mine", type: "session" } },
  file_untyped: { id: "file_untyped", scope: { id: "sesn_mine" } },
  file_theirs: { id: "file_theirs", scope: { id: "sesn_theirs", type: "session" } },
  file_of_gone: { id: "file_of_gone", scope: { id: "sesn_gone", type: "session" } },
  file_uploaded: { id: "file_uploaded" },
  file_null: { id: "file_null", scope: undefined },
  file_odd: { id: "file_odd", scope: { id: 7, type: "session" } },
  file_of_vault: { id: "file_of_vault", scope: { id: "sesn_mine", type: "vault" } },
};

/** Sessions and files, and the requests that checks make. */
function filed(options: Parameters<typeof harness>[1] = {}) {
  const requests: string[] = [];
  const opened = harness({
    sessions: {
      retrieve: (id) => {
        requests.push(id);
        if (id === "sesn_mine") return Promise.resolve(session({ id, agent: "agent_a" }));
        if (id === "sesn_theirs") return Promise.resolve(session({ id, agent: "agent_b" }));
        return Promise.reject(httpError(404));
      },
    },
    files: {
      retrieve: (id) => {
        requests.push(id);
        const file = FILES[id];
        return file ? Promise.resolve(file) : Promise.reject(httpError(id === "" ? 400 : 404));
      },
    },
  }, options);
  const ci: Principal = { id: "ci", agents: ["agent_a"] };
  const check = (id: string, principal: Principal | undefined = ci, named: string[] = []) =>
    opened.services.access.checkFile(id, { ...(principal && { principal }) }, named);
  return { ...opened, ci, check, requests };
}

Deno.test("a file is within reach with the session that it belongs to", async () => {
  const { check, requests } = filed();
  await check("file_mine");
  await check("file_untyped");
  assertEquals(requests, ["file_mine", "sesn_mine", "file_untyped"], "a session is read once");
  await check("file_theirs", undefined, ["sesn_theirs"]);
  assertEquals(requests.slice(3), ["file_theirs"], "the session named was checked before");
});

Deno.test("every other file is refused alike, for as many requests", async () => {
  const refused = [
    ...["file_theirs", "file_of_gone", "file_uploaded", "file_null", "file_odd"],
    ...["file_of_vault", "file_unknown"],
  ];
  for (const named of [[], ["sesn_mine"]]) {
    const { check, requests } = filed();
    const told = new Set<string>();
    for (const id of [...refused, ...refused]) {
      const before = requests.length;
      const error = await assertRejects(() => check(id, undefined, named), ToolError);
      told.add(`${error.code} ${error.message} for ${requests.length - before} requests`);
    }
    assertEquals(told.size, 1, [...told].join("\n"));
    assertStringIncludes([...told].join(), "not_available That file does not exist or is not");
  }
});

Deno.test("a caller with limits may name the files of no session that its token lists, and no others", async () => {
  const { check, requests, ci } = filed();
  const listing = { ...ci, files: ["file_uploaded", "file_theirs", "file_unknown"] };
  await check("file_uploaded", listing);
  assertEquals(requests, ["file_uploaded"]);
  for (const id of ["file_theirs", "file_unknown", "file_null"]) {
    await assertRejects(() => check(id, listing), ToolError, "That file does not exist");
  }
  const listed = filed({ allowedAgentIds: ["agent_a"] });
  await listed.check("file_uploaded", { id: "free", files: ["file_uploaded"] });
});

Deno.test("callers without limits reach every file without a request, unless the server has a list", async () => {
  const { check, requests } = filed();
  for (const id of [...Object.keys(FILES), "file_unknown"]) await check(id, { id: "free" });
  assertEquals(requests, []);
  const listed = filed({ allowedAgentIds: ["agent_a"] });
  await listed.check("file_mine", { id: "free" });
  for (const id of ["file_theirs", "file_uploaded", "file_unknown"]) {
    await assertRejects(() => listed.check(id, { id: "free" }), ToolError, "That file does not");
  }
});

Deno.test("a file that could not be checked is no refusal", async () => {
  const failing = harness({ files: { retrieve: () => Promise.reject(httpError(503)) } });
  const principal: Principal = { id: "ci", sessions: "own" };
  await assertRejects(
    () => failing.services.access.checkFile("file_1", { principal }, []),
    ApiError,
  );
  const { check, ci } = filed();
  const { services } = harness({
    sessions: { retrieve: () => Promise.reject(httpError(503)) },
    files: { retrieve: (id) => Promise.resolve({ ...FILES.file_mine, id }) },
  });
  await assertRejects(
    () => services.access.checkFile("file_1", { principal: ci }, []),
    ApiError,
  );
  await check("file_mine");
});

Deno.test("each check of a file counts against the caller's rate", async () => {
  const { check, requests, ci } = filed();
  let left = 1;
  const charge = (count: number) => (left -= count) < 0 ? 4_000 : 0;
  await check("file_mine", { ...ci, charge });
  const { code, message } = await assertRejects(
    () => check("file_mine", { ...ci, charge }),
    ToolError,
  );
  assertEquals(code, "rate_limited");
  assertStringIncludes(message, "name fewer, or try again in 4 s");
  assertEquals(requests, ["file_mine", "sesn_mine"]);
});

Deno.test("notAvailable() names only tools that the caller has", () => {
  const error = notAvailable();
  const fact = "That agent or session does not exist or is not available through this server.";
  assertEquals(
    error.messageFor((tool) => tool !== "list_sessions"),
    `${fact} Use an agent_id from list_agents or a session_id from create_session.`,
  );
  assertEquals(
    error.messageFor(() => true),
    `${fact} Use an agent_id from list_agents or a session_id from list_sessions.`,
  );
  const reader = error.messageFor((tool) => tool === "list_agents");
  assertEquals(reader, `${fact} Use an agent_id from list_agents.`);
  assertEquals(error.messageFor(() => false), fact);
  const isAsking = (tool: string) => ["ask_agent", "wait_for_any"].includes(tool);
  assertEquals(error.messageFor(isAsking), `${fact} Use a session_id from ask_agent.`);
});

Deno.test("fileNotAvailable() names list_session_files only to callers who have it", () => {
  const error = fileNotAvailable();
  const fact = "That file does not exist or is not available through this server.";
  assertEquals(
    error.messageFor(() => true),
    `${fact} Use a file_id from list_session_files, and the same session_id to read it.`,
  );
  assertEquals(
    error.messageFor(isDefaultTool),
    `${fact} Use the id of a file that belongs to this session, or to another one that you may reach.`,
  );
});
