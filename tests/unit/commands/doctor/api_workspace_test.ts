import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { ManagedAgentsApi } from "../../../../src/api/types.ts";
import { createApi } from "../../../../src/api/client.ts";
import type { Agent, Environment } from "../../../../src/api/resources.ts";
import { checkWorkspace, type WorkspaceSettings } from "../../../../src/commands/doctor/api.ts";
import type { HttpConfig } from "../../../../src/config/config.ts";
import { ApiError } from "../../../../src/api/errors.ts";
import { createSimulator } from "../../../../src/simulator/mod.ts";
import { ManualClock } from "../../../helpers/manual_clock.ts";

const ARCHIVED = "2026-01-01T00:00:00Z";

interface Contents {
  readonly agents?: readonly Agent[];
  readonly environments?: readonly Environment[];
  /** Entries per page, however many are asked for. */
  readonly pageSize?: number;
  readonly error?: Error;
}

/** A workspace that is asked through the API's interface. */
function workspace({ agents = [], environments = [], pageSize = 100, error }: Contents) {
  const asked: string[] = [];
  const pageOf = <T>(name: string, all: readonly T[], page = "0") => {
    asked.push(name);
    if (error) return Promise.reject(error);
    const end = Number(page) + pageSize;
    const next_page = end < all.length ? String(end) : null;
    return Promise.resolve({ data: all.slice(Number(page), end), next_page });
  };
  const api: Pick<ManagedAgentsApi, "agents" | "environments"> = {
    agents: {
      list: ({ page }) => pageOf("agents", agents, page),
      retrieve: (agentId) => {
        asked.push(agentId);
        const found = agents.find(({ id }) => id === agentId);
        if (found) return Promise.resolve(found);
        const status = agentId.startsWith("agent_") ? 404 : 400;
        return Promise.reject(error ?? new ApiError("Not found.", { kind: "http", status }));
      },
    },
    environments: { list: ({ page }) => pageOf("environments", environments, page) },
  };
  return { api, asked };
}

async function check(contents: Contents, settings: WorkspaceSettings = {}) {
  const findings = await checkWorkspace(workspace(contents).api, settings, {});
  const [agents, environment, allowlist] = findings.map(({ check, status, message, cure }) => ({
    state: `${check}:${status}`,
    words: cure === undefined ? message : `${message}: ${cure}`,
  }));
  return { agents, environment, allowlist, count: findings.length };
}

const AGENT = { id: "agent_1", name: "One" };
const ENVIRONMENT = { id: "env_1", name: "Main" };
const SECOND = { id: "env_2" };
const many = (count: number) => Array.from({ length: count }, (_, n) => ({ id: `env_${n}` }));

const agentCases: readonly [string, Contents, string, string][] = [
  ["one", { agents: [AGENT] }, "agents:ok", "1 agent can be listed"],
  ["many", { agents: [AGENT, AGENT, AGENT], pageSize: 2 }, "agents:ok", "2 agents or more can"],
  [
    "archived ones",
    { agents: [AGENT, { ...AGENT, archived_at: ARCHIVED }] },
    "agents:ok",
    "1 agent can be listed",
  ],
  ["none", {}, "agents:warn", "make one in the Claude Console"],
];
for (const [name, contents, state, words] of agentCases) {
  Deno.test(`checkWorkspace() counts ${name} of the agents`, async () => {
    const { agents } = await check(contents);
    assertEquals(agents?.state, state);
    assertStringIncludes(agents?.words ?? "", words);
  });
}

const environmentCases: readonly [string, Contents, string | undefined, string, string][] = [
  ["the only one", { environments: [ENVIRONMENT] }, undefined, "ok", "env_1 (Main), the only one"],
  [
    "the only one that is not archived",
    { environments: [{ ...SECOND, archived_at: ARCHIVED }, ENVIRONMENT] },
    undefined,
    "ok",
    "env_1 (Main), the only one",
  ],
  ["none", {}, undefined, "fail", "no session can start: make one in the Claude Console"],
  [
    "two",
    { environments: [ENVIRONMENT, SECOND] },
    undefined,
    "warn",
    "There are 2 environments: every new session has to name its own: " +
    "set CLAUDE_ENVIRONMENT_ID to one of env_1 (Main), env_2",
  ],
  ["many", { environments: many(9) }, undefined, "warn", "env_4 and 4 more"],
  [
    "more than are looked at",
    { environments: many(12), pageSize: 2 },
    undefined,
    "warn",
    "There are 10 or more environments",
  ],
  ["the configured one", { environments: [ENVIRONMENT, SECOND] }, "env_2", "ok", "run in env_2"],
  [
    "the configured one on a later page",
    { environments: many(5), pageSize: 2 },
    "env_4",
    "ok",
    "run in env_4",
  ],
  [
    "a configured one that does not exist",
    { environments: [ENVIRONMENT] },
    "env_9",
    "fail",
    "The environment env_9 does not exist in the key's workspace: use one of env_1 (Main)",
  ],
  [
    "a configured one that is archived",
    { environments: [{ ...ENVIRONMENT, archived_at: ARCHIVED }] },
    "env_1",
    "fail",
    "The environment env_1 is archived: make one in the Claude Console",
  ],
  [
    "a configured one behind the last page that is looked at",
    { environments: many(12), pageSize: 2 },
    "env_11",
    "warn",
    "env_11 is not among the first 10 environments",
  ],
];
for (const [name, contents, environmentId, status, words] of environmentCases) {
  Deno.test(`checkWorkspace() resolves the environment when there is ${name}`, async () => {
    const { environment } = await check(contents, { environmentId });
    assertEquals(environment?.state, `environment:${status}`);
    assertStringIncludes(environment?.words ?? "", words);
  });
}

const HTTP: HttpConfig = {
  listenAddress: "127.0.0.1",
  port: 0,
  tokens: ["t"],
  allowedHosts: [],
  allowedOrigins: [],
};
const archivedAgent = { id: "agent_2", archived_at: ARCHIVED };
const allowlistCases: readonly [string, WorkspaceSettings, string, string][] = [
  ["none on stdio", {}, "ok", "every agent of the workspace"],
  ["none over HTTP", { http: HTTP }, "skip", "see what 'settings' says"],
  ["agents that are there", { allowedAgentIds: ["agent_1"] }, "ok", "1 agent can be reached, no"],
  [
    "an archived one",
    { allowedAgentIds: ["agent_1", "agent_2"] },
    "warn",
    "agent_2 is archived: take it out of ALLOWED_AGENT_IDS",
  ],
  [
    "one that does not exist",
    { allowedAgentIds: ["agent_9", "agent_2"] },
    "fail",
    "agent_9 does not exist in the key's workspace: take it out",
  ],
  [
    "one that is no id of an agent",
    { allowedAgentIds: ["my-agent", "agent_8"] },
    "fail",
    "my-agent, agent_8 do not exist",
  ],
];
for (const [name, settings, status, words] of allowlistCases) {
  Deno.test(`checkWorkspace() looks up an allowlist with ${name}`, async () => {
    const { allowlist } = await check({ agents: [AGENT, archivedAgent] }, settings);
    assertEquals(allowlist?.state, `allowlist:${status}`);
    assertStringIncludes(allowlist?.words ?? "", words);
  });
}

Deno.test("checkWorkspace() looks up every agent of a long allowlist once", async () => {
  const ids = Array.from({ length: 35 }, (_, n) => `agent_${n}`);
  const { api, asked } = workspace({ agents: ids.map((id) => ({ id })) });
  await checkWorkspace(api, { allowedAgentIds: ids }, {});
  assertEquals(asked.filter((name) => name.startsWith("agent_")).sort(), [...ids].sort());
});

Deno.test("checkWorkspace() says what the API refuses, for each check", async () => {
  const error = new ApiError("Overloaded", { kind: "http", status: 529 });
  const { agents, environment, allowlist, count } = await check({ error }, {
    allowedAgentIds: ["agent_1"],
  });
  assertEquals(count, 3);
  for (const finding of [agents, environment, allowlist]) {
    assertStringIncludes(finding?.state ?? "", ":fail");
    assertStringIncludes(finding?.words ?? "", "The API does not tell: Overloaded");
  }
});

Deno.test("checkWorkspace() does not take a mistake of this program for the API's", async () => {
  await assertRejects(() => check({ error: new RangeError("a bug") }), RangeError);
});

Deno.test("checkWorkspace() ends with the program's signal", async () => {
  const signal = AbortSignal.abort(new Error("asked to end"));
  const { api } = workspace({ error: new ApiError("cut off", { kind: "connection_lost" }) });
  await assertRejects(() => checkWorkspace(api, {}, { signal }), Error, "asked to end");
});

/** One path of the API fails in every try. */
const faults: readonly [string, RegExp, string][] = [
  ["agents", /^\/v1\/agents$/, "agents:fail environment:ok allowlist:ok"],
  ["environments", /^\/v1\/environments$/, "agents:ok environment:fail allowlist:ok"],
  ["an agent of the allowlist", /^\/v1\/agents\/./, "agents:ok environment:ok allowlist:fail"],
];
for (const [name, path, expected] of faults) {
  Deno.test(`checkWorkspace() survives a simulated API that fails on ${name}`, async () => {
    const clock = new ManualClock();
    const simulator = createSimulator({ clock });
    simulator.faults.add({ match: { path }, fault: { kind: "status", status: 500 } });
    const api = createApi({
      baseUrl: "http://simulator.test",
      credential: () => ({ kind: "api_key", value: "any" }),
      fetch: simulator.fetch,
      clock,
    });
    const settings = { allowedAgentIds: [simulator.agentId("quick")] };
    const found = await clock.runUntil(checkWorkspace(api, settings, { timeoutMs: 20_000 }));
    assertEquals(found.map(({ check, status }) => `${check}:${status}`).join(" "), expected);
    simulator.close();
  });
}
