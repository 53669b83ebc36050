import { assertEquals, assertRejects } from "@std/assert";
import {
  agentOf,
  environmentOf,
  fileOf,
  newestFirst,
  sessionOf,
  threadOf,
} from "../../../src/api/resources.ts";
import { ApiError } from "../../../src/api/errors.ts";
import { json, setup } from "./support.ts";

Deno.test("an odd field of an agent does not change its other fields", () => {
  const agent = agentOf({
    id: "agent_1",
    name: ["x"],
    description: 7,
    model: { id: null, speed: "fast" },
    version: "3",
    tools: [{ type: "mcp_toolset", name: null, mcp_server_name: "crm" }, null, "bash", 7],
    mcp_servers: {},
    skills: null,
    metadata: [],
    created_at: 1_795_510_800,
    archived_at: "0001-01-01T00:00:00Z",
  });
  assertEquals(agent?.version, 3);
  assertEquals([agent?.name, agent?.description, agent?.archived_at], [
    undefined,
    undefined,
    undefined,
  ]);
  assertEquals(agent?.model, { id: undefined, speed: "fast" });
  assertEquals(agent?.created_at, "2026-11-24T09:00:00.000Z");
  assertEquals(
    agent?.tools?.map(({ type, name, mcp_server_name }) => [type, name, mcp_server_name]),
    [
      ["mcp_toolset", undefined, "crm"],
      [undefined, "bash", undefined],
    ],
  );
});

Deno.test("an odd field of a session does not change its other fields", () => {
  const session = sessionOf({
    id: "sesn_1",
    status: [],
    title: {},
    agent: { id: "agent_1", version: "3", tools: [{ name: null }] },
    environment_id: 7,
    metadata: "none",
    archived_at: "",
  });
  assertEquals(session?.status, undefined);
  assertEquals([session?.title, session?.environment_id, session?.metadata], [
    undefined,
    undefined,
    undefined,
  ]);
  assertEquals(session?.archived_at, undefined);
  assertEquals(typeof session?.agent === "object" && session.agent?.version, 3);
  assertEquals(sessionOf({ id: "s", agent: "agent_1" })?.agent, "agent_1");
  assertEquals(sessionOf({ id: "s", agent: [] })?.agent, {
    ...{ id: undefined, name: undefined, description: undefined, model: undefined },
    ...{ version: undefined, tools: [] },
    ...{ created_at: undefined, updated_at: undefined, archived_at: undefined },
  });
});

Deno.test("an environment with an odd archived_at is not archived", () => {
  for (const archived_at of [null, "", [], {}, false, 0, "0001-01-01T00:00:00Z"]) {
    assertEquals(environmentOf({ id: "env_1", archived_at })?.archived_at, undefined);
  }
  assertEquals(
    environmentOf({ id: "env_1", archived_at: 1_795_510_800 })?.archived_at !== undefined,
    true,
  );
});

Deno.test("a created session is returned by its id, whatever else the response holds", async () => {
  const { api } = setup([json({ id: "sesn_1" })]);
  const made = await api.sessions.create({ agent: "agent_1", environmentId: "env_1" });
  assertEquals([made.id, made.status], ["sesn_1", undefined]);
});

Deno.test("a response may leave out the id that was asked for, but may not have another", async () => {
  const { api } = setup([json({ status: "idle" }), json({ name: "Agent" })]);
  assertEquals((await api.sessions.retrieve("sesn_1")).id, "sesn_1");
  assertEquals((await api.agents.retrieve("agent_1", {})).id, "agent_1");
  for (const body of [{}, [], { ok: true }, null, "idle"]) {
    const other = setup([json(body), json(body)]);
    await assertRejects(() => other.api.sessions.retrieve("sesn_1"), ApiError, "no session");
    await assertRejects(() => other.api.agents.retrieve("agent_1", {}), ApiError, "no agent");
  }
});

Deno.test("an archive with a 2xx response counts as done, whatever the body says", async () => {
  for (const body of [{ id: "sesn_1" }, {}, [], null, "ok"]) {
    const { api } = setup([json(body)]);
    assertEquals((await api.sessions.archive("sesn_1")).id, "sesn_1");
  }
});

for (const [word, status] of [["IDLE", "idle"], [" Running\n", "running"], [" ", undefined]]) {
  Deno.test(`sessionOf() reads the status ${JSON.stringify(word)} as ${status}`, () => {
    assertEquals(sessionOf({ id: "s", status: word })?.status, status);
  });
}

Deno.test("an odd field of a file does not change its other fields", () => {
  const file = fileOf({
    id: "file_1",
    filename: 7,
    mime_type: "text/plain",
    size_bytes: "12",
    downloadable: "yes",
    scope: { id: "sesn_1", type: "session" },
  });
  assertEquals([file?.filename, file?.mime_type, file?.size_bytes, file?.downloadable], [
    undefined,
    "text/plain",
    12,
    undefined,
  ]);
  assertEquals(file?.scope, { id: "sesn_1", type: "session" });
  // It would be the length of a response.
  assertEquals(fileOf({ id: "file_1", size_bytes: -1 })?.size_bytes, undefined);
  assertEquals(fileOf({ id: "file_1", size_bytes: 0 })?.size_bytes, 0);
  assertEquals(fileOf({ filename: "no id" }), undefined);
  assertEquals(fileOf({ filename: "no id" }, "file_1")?.id, "file_1");
  assertEquals(fileOf({}, "file_1"), undefined);
});

Deno.test("newestFirst() puts what has no date last", () => {
  const [a, b, c] = [{ created_at: "2026-01-01T00:00:00Z" }, {}, {
    created_at: "2026-02-01T00:00:00Z",
  }];
  assertEquals(newestFirst([b, a, c]), [c, a, b]);
});

Deno.test("an odd field of a thread does not change its other fields", () => {
  const thread = threadOf({
    id: "sthr_1",
    status: " IDLE",
    parent_thread_id: null,
    agent: { type: "advisor" },
    usage: 7,
    created_at: "yesterday",
  });
  assertEquals([thread?.status, thread?.parent_thread_id, thread?.created_at], [
    "idle",
    undefined,
    undefined,
  ]);
  assertEquals([thread?.agent, threadOf({ id: "sthr_2", agent: "Helper" })?.agent], [
    { type: "advisor" },
    "Helper",
  ]);
  assertEquals(threadOf({ status: "idle" }), undefined);
});

Deno.test("threads are also read from a list of that name", async () => {
  const { api } = setup([json({ threads: [{ id: "sthr_1" }] })]);
  const { data } = await api.threads.list("sesn_1", {});
  assertEquals(data.map(({ id }) => id), ["sthr_1"]);
});
