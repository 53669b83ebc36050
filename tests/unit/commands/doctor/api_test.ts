import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { withoutConnections } from "../../../../src/api/connections.ts";
import type { FetchLike, ManagedAgentsApi } from "../../../../src/api/types.ts";
import {
  checkWorkspace,
  probe,
  type ProbeOptions,
  type WorkspaceSettings,
} from "../../../../src/commands/doctor/api.ts";
import { listen } from "../../../../src/runtime/deno_listener.ts";
import type { CredentialConfig, HttpConfig } from "../../../../src/config/config.ts";
import { silentLogger } from "../../../../src/core/logger.ts";
import { createSimulator } from "../../../../src/simulator/mod.ts";
import { makeCertificate } from "../../../helpers/certificate.ts";
import { ManualClock } from "../../../helpers/manual_clock.ts";
import { createApi } from "../../../../src/api/client.ts";
import type { Agent, Environment } from "../../../../src/api/resources.ts";
import { ApiError } from "../../../../src/api/errors.ts";
import { steadyClock } from "../../../helpers/fast_clock.ts";

const KEY = "sk-ant-a-key-for-tests";
const CREDENTIAL: CredentialConfig = { kind: "api_key", value: KEY };
const PROXY = { variable: "HTTPS_PROXY", address: "proxy.corp:8080" };

function optionsWith(fetch: FetchLike, overrides: Partial<ProbeOptions> = {}): ProbeOptions {
  return {
    baseUrl: "https://api.example.com",
    credential: CREDENTIAL,
    connections: withoutConnections(fetch),
    clock: new ManualClock(),
    signal: new AbortController().signal,
    ...overrides,
  };
}

/** `network:fail` and the like, and all words. */
async function probed(fetch: FetchLike, overrides: Partial<ProbeOptions> = {}) {
  const { findings, api } = await probe(optionsWith(fetch, overrides));
  const states = findings.map(({ check, status }) => `${check}:${status}`);
  const words = findings.map(({ message, cure }) => `${message}: ${cure ?? ""}`).join("\n");
  assert(!words.includes(KEY), "The key is told");
  return { states, words, accepted: api !== undefined };
}

function answering(status: number, body: unknown, headers: Record<string, string> = {}): FetchLike {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const type = typeof body === "string" ? "text/html" : "application/json";
  return () =>
    Promise.resolve(
      new Response(text, { status, headers: { "content-type": type, ...headers } }),
    );
}

function refusal(type: string, message: string) {
  return { type: "error", error: { type, message }, request_id: "req_1" };
}

Deno.test("probe() asks for one agent, as the API wants to be asked, and follows no redirect", async () => {
  const requests: Request[] = [];
  const simulator = createSimulator({ clock: new ManualClock(), apiKey: KEY });
  const { states, accepted } = await probed((request) => {
    requests.push(request);
    return simulator.fetch(request);
  });
  assertEquals(states, ["network:ok", "key:ok", "clock:skip"]);
  assertEquals([accepted, requests.length], [true, 1]);
  const [request] = requests;
  assertEquals(request?.url, "https://api.example.com/v1/agents?limit=1");
  assertEquals([request?.redirect, request?.headers.get("x-api-key")], ["manual", KEY]);
  simulator.close();
});

Deno.test("probe() checks the connection without a key, too", async () => {
  const simulator = createSimulator({ clock: new ManualClock() });
  let headers: Headers | undefined;
  const { states, accepted } = await probed((request) => {
    headers = request.headers;
    return simulator.fetch(request);
  }, { credential: undefined });
  assertEquals([states, accepted], [["network:ok", "clock:skip"], false]);
  assertEquals([headers?.get("x-api-key"), headers?.get("authorization")], [null, null]);
  simulator.close();
});

Deno.test("probe() names the proxy that it uses", async () => {
  const { words } = await probed(answering(200, { data: [] }), { proxy: PROXY });
  assertStringIncludes(words, "through the proxy proxy.corp:8080 (HTTPS_PROXY)");
});

const keys: readonly [string, number, unknown, CredentialConfig, string, string][] = [
  [
    "a wrong key",
    401,
    refusal("authentication_error", "invalid x-api-key"),
    CREDENTIAL,
    "ANTHROPIC_API_KEY is refused (401): invalid x-api-key",
    "make a key in the Claude Console",
  ],
  [
    "a wrong key that comes from a file",
    401,
    refusal("authentication_error", "invalid x-api-key"),
    { ...CREDENTIAL, file: "key.txt" },
    "The key of --api-key-file is refused",
    "make a key",
  ],
  [
    "a token in the place of a key",
    401,
    refusal("authentication_error", "invalid x-api-key"),
    { kind: "api_key", value: "sk-ant-oat-something" },
    "ANTHROPIC_API_KEY is refused",
    "set it as ANTHROPIC_AUTH_TOKEN",
  ],
  [
    "a wrong token",
    401,
    refusal("authentication_error", "no"),
    { kind: "auth_token", value: "a-token-of-somebody" },
    "ANTHROPIC_AUTH_TOKEN is refused",
    "make a key",
  ],
  [
    "no credit",
    402,
    refusal("billing_error", "low"),
    CREDENTIAL,
    "may not list agents (402)",
    "settle that under Billing",
  ],
  [
    "no access",
    403,
    refusal("permission_error", "not here"),
    CREDENTIAL,
    "may not list agents (403)",
    "a workspace that may use Managed Agents",
  ],
  [
    "a request that is not understood",
    400,
    refusal("invalid_request_error", "anthropic-beta: unknown"),
    CREDENTIAL,
    "may not list agents (400)",
    "up to date",
  ],
];
for (const [name, status, body, credential, message, cure] of keys) {
  Deno.test(`probe() reaches the API with ${name}, and says what to do`, async () => {
    const { states, words, accepted } = await probed(answering(status, body), { credential });
    assertEquals(states, ["network:ok", "key:fail", "clock:skip"]);
    assertStringIncludes(words, message);
    assertStringIncludes(words, cure);
    assertEquals(accepted, false);
  });
}

const answers: readonly [string, FetchLike, string, string, string][] = [
  [
    "a sign-in page",
    answering(200, "<html>Welcome to the hotel</html>"),
    "fail",
    "The server at https://api.example.com is not a Managed Agents API (200): The API's response " +
    "is not JSON (text/html)",
    "sign-in",
  ],
  [
    "a page that forbids",
    answering(403, "<html>no</html>"),
    "fail",
    "A filter or proxy before the API at https://api.example.com blocked the request (403)",
    "let through",
  ],
  [
    "a redirect",
    answering(302, {}, { location: "https://login.example.com/?next=secret" }),
    "fail",
    "redirect (302) to https://login.example.com, which is not followed",
    "check the base URL",
  ],
  ["a path that is not there", answering(404, {}), "fail", "does not serve Managed", "CMA_BASE"],
  [
    "a gateway that speaks as the API does",
    answering(404, refusal("not_found_error", "Not Found")),
    "fail",
    "https://api.example.com does not serve Managed Agents",
    "CMA_BASE_URL=https://api.anthropic.com",
  ],
  [
    "a proxy that wants a password",
    answering(407, {}),
    "fail",
    "wants a user name",
    "HTTPS_PROXY=",
  ],
  [
    "too many requests",
    answering(429, refusal("rate_limit_error", "slow down"), { "retry-after": "7" }),
    "warn",
    "rate limit is reached (429): slow down",
    "try again in 7 s",
  ],
  [
    "an overloaded API",
    answering(529, refusal("overloaded_error", "Overloaded")),
    "fail",
    "The API failed (529): Overloaded",
    "try again later",
  ],
  [
    "an API that says when it is back",
    answering(503, refusal("api_error", "Restarting"), { "retry-after": "90" }),
    "fail",
    "The API failed (503): Restarting",
    "try again in 90 s",
  ],
  [
    "an API that is back at once",
    answering(503, refusal("api_error", "Restarting"), { "retry-after": "0" }),
    "fail",
    "The API failed (503): Restarting",
    "try again in 1 s",
  ],
  [
    "a gateway's page",
    answering(502, "<h1>Bad</h1>"),
    "fail",
    "A proxy or gateway before the API at https://api.example.com failed (502)",
    "which proxy is in between",
  ],
];
for (const [name, fetch, status, message, cure] of answers) {
  Deno.test(`probe() reports ${name} in place of the API, and sends no more requests`, async () => {
    const { states, words, accepted } = await probed(fetch);
    assertEquals(states, [`network:${status}`, "clock:skip"]);
    assertStringIncludes(words, message);
    assertStringIncludes(words, cure);
    assertEquals(accepted, false);
  });
}

Deno.test("probe() names the variable of the proxy that wants a password, and the proxy", async () => {
  const { words } = await probed(answering(407, {}), {
    baseUrl: "http://api.example.com",
    proxy: { ...PROXY, variable: "HTTP_PROXY" },
  });
  assertStringIncludes(words, "(407), through the proxy proxy.corp:8080 (HTTP_PROXY): ");
  assertStringIncludes(words, "set HTTP_PROXY=http://<user>:<password>@<proxy>");
});

const NOW = new ManualClock().now();
const MINUTE = 60_000;
const skews: readonly [string, number, string, string][] = [
  ["agree", 0, "ok", "agrees"],
  ["are half a minute apart", MINUTE / 2, "ok", "agrees"],
  ["are an hour and more apart", -90 * MINUTE, "warn", "is 90 min fast"],
  ["are minutes apart", 12 * MINUTE, "warn", "is 12 min slow"],
  ["are days apart", 72 * 60 * MINUTE, "warn", "is 72 h slow"],
];
for (const [name, aheadMs, status, message] of skews) {
  Deno.test(`probe() compares the clocks when they ${name}`, async () => {
    const date = new Date(NOW + aheadMs).toUTCString();
    const { states, words } = await probed(answering(200, { data: [] }, { date }));
    assertEquals(states.at(-1), `clock:${status}`);
    assertStringIncludes(words, message);
  });
}

Deno.test("probe() does not read a date that is none", async () => {
  const { states } = await probed(answering(200, { data: [] }, { date: "yesterday" }));
  assertEquals(states.at(-1), "clock:skip");
});

Deno.test("probe() gives up on an API that does not answer, after ten seconds", async () => {
  const clock = new ManualClock();
  const simulator = createSimulator({ clock });
  simulator.faults.add({ fault: { kind: "hang" } });
  const start = clock.now();
  const { findings } = await clock.runUntil(probe(optionsWith(simulator.fetch, { clock })));
  assertEquals(clock.now() - start, 10_000);
  assertEquals(findings.map(({ check, status }) => `${check}:${status}`), ["network:fail"]);
  assertStringIncludes(findings[0]?.message ?? "", "within 10 s");
  simulator.close();
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("probe() ends at once when the program is asked to end", async () => {
  const controller = new AbortController();
  const fetch: FetchLike = (request) =>
    new Promise((_, reject) => {
      request.signal.addEventListener("abort", () => reject(request.signal.reason));
    });
  const clock = new ManualClock();
  const running = probe(optionsWith(fetch, { clock, signal: controller.signal }));
  controller.abort(new Error("asked to end"));
  await assertRejects(() => running, Error, "asked to end");
  assertEquals(clock.pendingTimers, 0);
});

/** Probes over the real network of this machine, with the runtime's own fetch. */
async function probedFor(baseUrl: string, init: { client?: Deno.HttpClient } = {}) {
  const clock = steadyClock();
  return await probed((request) => fetch(request, init), { baseUrl, clock });
}

const answer = () => Promise.resolve(Response.json({ data: [] }));
const ANY = { host: "127.0.0.1", port: 0 };

Deno.test("probe() reports that nothing listens", async () => {
  // Any other free port may be somebody's a moment later.
  const { states, words } = await probedFor("http://127.0.0.1:2");
  assertEquals(states, ["network:fail"]);
  assertStringIncludes(words, "http://127.0.0.1:2 refuses connections");
});

Deno.test("probe() reports a certificate of an unknown authority, and accepts a trusted one", async () => {
  const certificate = await makeCertificate();
  const server = listen({ ...ANY, certificate }, answer, silentLogger);
  const url = `https://127.0.0.1:${server.addr.port}`;
  const unknown = await probedFor(url);
  assertEquals(unknown.states, ["network:fail"]);
  assertStringIncludes(unknown.words, "signed by an unknown authority");
  using client = Deno.createHttpClient({ caCerts: [certificate.cert] });
  const trusted = await probedFor(url, { client });
  assertEquals(trusted.states, ["network:ok", "key:ok", "clock:ok"]);
  const other = await probedFor(url.replace("127.0.0.1", "localhost"), { client });
  assertStringIncludes(other.words, "is for another name (TLS)");
  await server.shutdown();
});

Deno.test("probe() reports plain HTTP where TLS is expected, and the reverse", async () => {
  const plain = listen(ANY, answer, silentLogger);
  const certificate = await makeCertificate();
  const secure = listen({ ...ANY, certificate }, answer, silentLogger);
  const tlsToPlain = await probedFor(`https://127.0.0.1:${plain.addr.port}`);
  assertStringIncludes(tlsToPlain.words, "does not speak TLS");
  const plainToTls = await probedFor(`http://127.0.0.1:${secure.addr.port}`);
  assertStringIncludes(plainToTls.words, "does not speak plain HTTP");
  await plain.shutdown();
  await secure.shutdown();
});

Deno.test("probe() reports a connection that is closed without a response", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const closing = (async () => {
    for await (const connection of listener) connection.close();
  })();
  const { port } = listener.addr;
  const { words } = await probedFor(`http://127.0.0.1:${port}`);
  assertStringIncludes(words, `The connection to http://127.0.0.1:${port} broke: try again`);
  listener.close();
  await closing;
});

Deno.test("probe() does not accept a response that breaks off or never ends", async () => {
  const head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{";
  for (const ends of [true, false]) {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
    const clock = new ManualClock();
    const serving = (async () => {
      const connection = await listener.accept();
      await connection.read(new Uint8Array(4_096));
      await connection.write(new TextEncoder().encode(head));
      if (ends) connection.close();
      return connection;
    })();
    const asking = probed((request) => fetch(request, { client }), {
      baseUrl: `http://127.0.0.1:${listener.addr.port}`,
      clock,
    });
    const connection = await serving;
    const { states, accepted } = await (ends ? asking : clock.runUntil(asking));
    assertEquals([states, accepted], [["network:fail"], false]);
    if (!ends) connection.close();
  }
});

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
  ["one", { agents: [AGENT] }, "agents:ok", "1 agent can be listed: agent_1 (One)"],
  [
    "many",
    { agents: [AGENT, AGENT, AGENT], pageSize: 2 },
    "agents:ok",
    "2 agents or more can be listed: agent_1 (One), agent_1 (One)",
  ],
  [
    "archived ones",
    { agents: [AGENT, { ...AGENT, archived_at: ARCHIVED }] },
    "agents:ok",
    "1 agent can be listed: agent_1 (One)",
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
  token: "t",
  allowedHosts: [],
  allowedOrigins: [],
};
const archivedAgent = { id: "agent_2", archived_at: ARCHIVED };
const allowlistCases: readonly [string, WorkspaceSettings, string, string][] = [
  ["none on stdio", {}, "ok", "every agent of the workspace"],
  ["none over HTTP", { http: HTTP }, "skip", "reach every agent"],
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
  Deno.test(`checkWorkspace() reads the agents of an allowlist with ${name}`, async () => {
    const { allowlist } = await check({ agents: [AGENT, archivedAgent] }, settings);
    assertEquals(allowlist?.state, `allowlist:${status}`);
    assertStringIncludes(allowlist?.words ?? "", words);
  });
}

Deno.test("checkWorkspace() says which agents cannot be published, where they are named", async () => {
  const cases: readonly [WorkspaceSettings["publish"], string | undefined][] = [
    [undefined, undefined],
    ["all", undefined],
    [["agent_1"], "publish:ok 1 agent can be published as tools"],
    [["agent_1", "agent_2"], "publish:warn agent_2 is archived: take it out of --publish"],
    [
      ["agent_9"],
      "publish:fail agent_9 does not exist in the key's workspace: take it out of --publish, or use " +
      "a key of its workspace",
    ],
  ];
  for (const [publish, expected] of cases) {
    const { api } = workspace({ agents: [AGENT, archivedAgent] });
    const [, , , finding] = await checkWorkspace(api, { publish }, {});
    const { check, status, message, cure } = finding ?? {};
    const words = cure === undefined ? message : `${message}: ${cure}`;
    assertEquals(finding && `${check}:${status} ${words}`, expected);
  }
});

Deno.test("checkWorkspace() reads every agent of a long allowlist once", async () => {
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

Deno.test("checkWorkspace() throws errors of this program, and does not report them as the API's", async () => {
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
