import { assert, assertEquals } from "@std/assert";
import type { Session } from "../../../src/api/resources.ts";
import type { ListSessionsParams, PageParams } from "../../../src/api/types.ts";
import { MAX_RESULT_CHARS } from "../../../src/core/text.ts";
import { agentResources, sessionResources } from "../../../src/tools/resource_lists.ts";
import { agents, entriesOf, harness, session } from "./support.ts";

function openedSessions(all: readonly Session[]) {
  const requests: ListSessionsParams[] = [];
  const list = (params: ListSessionsParams) => {
    requests.push(params);
    return Promise.resolve({ data: [...all], next_page: "more" });
  };
  return { ...harness({ sessions: { list } }), requests };
}

function made(minute: number, fields: Partial<Session> = {}): Session {
  const created_at = new Date(Date.UTC(2026, 10, 26, 9, minute)).toISOString();
  return session({ id: `sesn_${minute}`, created_at, ...fields });
}

Deno.test("the newest sessions are listed first, as transcripts, by one request", async () => {
  const updated_at = "2026-11-26T10:00:00Z";
  const { run, requests } = openedSessions([
    made(1),
    made(2, { title: "Sales\n\u202eof June", updated_at }),
  ]);
  const { resources } = await run(sessionResources, {});
  assertEquals(resources, [
    {
      uri: "cma://sessions/sesn_2/transcript",
      name: "Sales of June",
      title: "Transcript: Sales of June",
      description: "Session with One, idle, created 2026-11-26 09:02:00 UTC",
      mimeType: "text/markdown",
      annotations: { lastModified: updated_at },
    },
    {
      uri: "cma://sessions/sesn_1/transcript",
      name: "sesn_1",
      title: "Transcript: sesn_1",
      description: "Session with One, idle, created 2026-11-26 09:01:00 UTC",
      mimeType: "text/markdown",
    },
  ]);
  assertEquals(requests, [{ order: "desc", limit: 100 }]);
});

Deno.test("a caller of one agent asks for its sessions, and one of none for nothing", async () => {
  const { run, requests } = openedSessions([made(1), made(2, { agent: "agent_2" })]);
  const ask = (agents: string[]) => run(sessionResources, {}, { principal: { id: "ci", agents } });
  assertEquals(entriesOf(await ask(["agent_1"]), "resources").length, 1);
  assertEquals(requests.map(({ agentId }) => agentId), ["agent_1"]);
  assertEquals(await ask([]), { resources: [] });
  assertEquals(requests.length, 1);
});

Deno.test("the list of sessions is bounded, and has only what a URI can name", async () => {
  const title = "\u{1f600}".repeat(500);
  const many = Array.from(
    { length: 59 },
    (_, minute) => made(minute, { title, agent: { name: title } }),
  );
  const { run } = openedSessions([made(59, { id: "sesn/59" }), ...many]);
  const result = await run(sessionResources, {});
  const uris = entriesOf(result, "resources").map(({ uri }) => uri);
  assertEquals([uris.length, uris[0]], [50, "cma://sessions/sesn_58/transcript"]);
  assert(JSON.stringify(result).length < MAX_RESULT_CHARS);
});

function openedAgents(count: number) {
  const requests: PageParams[] = [];
  const list = (params: PageParams) => {
    requests.push(params);
    return Promise.resolve({ data: agents(count), next_page: "more" });
  };
  return { ...harness({ agents: { list } }), requests };
}

Deno.test("agents are listed with their description, by one request", async () => {
  const { run, requests } = openedAgents(2);
  const { resources } = await run(agentResources, {});
  assertEquals(
    resources,
    [1, 2].map((number) => ({
      uri: `cma://agents/agent_${number}`,
      name: `Agent ${number}`,
      title: `Agent: Agent ${number}`,
      description: "Does things.",
      mimeType: "application/json",
    })),
  );
  assertEquals(requests, [{ limit: 100 }]);
});

Deno.test("a caller of some agents gets those, also one that stands on another page", async () => {
  const { run, requests } = openedAgents(3);
  const ask = (agents: string[]) => run(agentResources, {}, { principal: { id: "ci", agents } });
  const names = entriesOf(await ask(["agent_2", "agent_9", "a/b"]), "resources")
    .map(({ uri, name }) => [uri, name]);
  assertEquals(names, [
    ["cma://agents/agent_2", "Agent 2"],
    ["cma://agents/agent_9", "agent_9"],
  ]);
  assertEquals(await ask([]), { resources: [] });
  assertEquals(requests.length, 1);
});

Deno.test("the list of agents is bounded", async () => {
  assertEquals(entriesOf(await openedAgents(90).run(agentResources, {}), "resources").length, 50);
  const words = "\u{1f600}".repeat(500);
  const data = agents(90).map((agent) => ({ ...agent, name: words, description: words }));
  const { run } = harness({ agents: { list: () => Promise.resolve({ data }) } });
  const size = JSON.stringify(await run(agentResources, {})).length;
  assert(size < MAX_RESULT_CHARS, `${size} characters`);
});
