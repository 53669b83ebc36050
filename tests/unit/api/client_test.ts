import { assertEquals, assertRejects } from "@std/assert";
import type { ManagedAgentsApi } from "../../../src/api/types.ts";
import { ToolError } from "../../../src/core/errors.ts";
import { json, KEY, setup, status, TestBody } from "./support.ts";

interface EndpointCase {
  readonly name: string;
  readonly call: (api: ManagedAgentsApi) => Promise<unknown>;
  readonly answer?: unknown;
  readonly method: string;
  /** Decoded, for reading. */
  readonly url: string;
  readonly body?: unknown;
}

const PAGE = { data: [], next_page: null };
const SESSION = { id: "sesn_1", status: "idle" };

const CASES: readonly EndpointCase[] = [
  {
    name: "agents.list() pages by cursor",
    call: (api) => api.agents.list({ limit: 100, page: "page_2" }),
    answer: PAGE,
    method: "GET",
    url: "/v1/agents?limit=100&page=page_2",
  },
  {
    name: "agents.retrieve() asks for the latest version",
    call: (api) => api.agents.retrieve("agent_1", {}),
    answer: { id: "agent_1" },
    method: "GET",
    url: "/v1/agents/agent_1",
  },
  {
    name: "agents.retrieve() asks for a version",
    call: (api) => api.agents.retrieve("agent/1", { version: 3 }),
    answer: { id: "agent/1" },
    method: "GET",
    url: "/v1/agents/agent%2F1?version=3",
  },
  {
    name: "environments.list() asks for a page",
    call: (api) => api.environments.list({ limit: 2 }),
    answer: PAGE,
    method: "GET",
    url: "/v1/environments?limit=2",
  },
  {
    name: "files.list() asks for the files of a session",
    call: (api) => api.files.list("sesn_1", { limit: 2, page: "page_2" }),
    answer: PAGE,
    method: "GET",
    url: "/v1/files?scope_id=sesn_1&limit=2&page=page_2",
  },
  {
    name: "files.retrieve() reads a file",
    call: (api) => api.files.retrieve("file/1"),
    answer: { filename: "a.txt" },
    method: "GET",
    url: "/v1/files/file%2F1",
  },
  {
    name: "threads.list() asks for the threads of a session",
    call: (api) => api.threads.list("sesn_1", { statuses: ["idle"], limit: 2, page: "page_2" }),
    answer: PAGE,
    method: "GET",
    url: "/v1/sessions/sesn_1/threads?statuses[]=idle&limit=2&page=page_2",
  },
  {
    name: "threads.events() asks for a thread's own events",
    call: (api) => api.threads.events("sesn_1", "sthr/1", { limit: 2, page: "page_2" }),
    answer: PAGE,
    method: "GET",
    url: "/v1/sessions/sesn_1/threads/sthr%2F1/events?limit=2&page=page_2",
  },
  {
    name: "sessions.list() filters by status",
    call: (api) => api.sessions.list({ statuses: ["idle", "running"] }),
    answer: PAGE,
    method: "GET",
    url: "/v1/sessions?statuses[]=idle&statuses[]=running",
  },
  {
    name: "sessions.create() sends only what is given",
    call: (api) => api.sessions.create({ agent: "agent_1", environmentId: "env_1" }),
    answer: SESSION,
    method: "POST",
    url: "/v1/sessions",
    body: { agent: "agent_1", environment_id: "env_1" },
  },
  {
    name: "sessions.create() sends the first message as an initial event",
    call: (api) =>
      api.sessions.create({
        agent: { type: "agent", id: "agent_1", version: 2 },
        environmentId: "env_1",
        title: "Report",
        metadata: { ticket: "OPS-7" },
        budget: { type: "limit", max_list_cost: { amount: "500", currency: "USD" } },
        message: "Summarise\nin.csv",
      }),
    answer: SESSION,
    method: "POST",
    url: "/v1/sessions",
    body: {
      agent: { type: "agent", id: "agent_1", version: 2 },
      environment_id: "env_1",
      title: "Report",
      metadata: { ticket: "OPS-7" },
      budget: { type: "limit", max_list_cost: { amount: "500", currency: "USD" } },
      initial_events: [
        { type: "user.message", content: [{ type: "text", text: "Summarise\nin.csv" }] },
      ],
    },
  },
  {
    name: "sessions.create() sends a first message of an image alone",
    call: (api) => {
      const attachments = [{ type: "image", source: { type: "file", file_id: "file_1" } }] as const;
      return api.sessions.create({ agent: "agent_1", environmentId: "env_1", attachments });
    },
    answer: SESSION,
    method: "POST",
    url: "/v1/sessions",
    body: {
      agent: "agent_1",
      environment_id: "env_1",
      initial_events: [{
        type: "user.message",
        content: [{ type: "image", source: { type: "file", file_id: "file_1" } }],
      }],
    },
  },
  {
    name: "sessions.retrieve() asks for one session",
    call: (api) => api.sessions.retrieve("sesn_1"),
    answer: SESSION,
    method: "GET",
    url: "/v1/sessions/sesn_1",
  },
  {
    name: "sessions.list() names its filters as the API does",
    call: (api) =>
      api.sessions.list({
        agentId: "agent_1",
        order: "desc",
        createdAtGte: "2026-11-23T09:00:00Z",
        createdAtLt: "2026-11-24T09:00:00Z",
        includeArchived: true,
        limit: 5,
      }),
    answer: PAGE,
    method: "GET",
    url: "/v1/sessions?agent_id=agent_1&order=desc&created_at[gte]=2026-11-23T09:00:00Z" +
      "&created_at[lt]=2026-11-24T09:00:00Z&include_archived=true&limit=5",
  },
  {
    name: "sessions.archive() posts no body",
    call: (api) => api.sessions.archive("sesn_1"),
    answer: SESSION,
    method: "POST",
    url: "/v1/sessions/sesn_1/archive",
  },
  {
    name: "events.list() filters by type and time",
    call: (api) =>
      api.events.list("sesn_1", {
        order: "asc",
        types: ["session.status_idle", "user.message"],
        createdAtGte: "2026-11-23T09:00:00Z",
        limit: 1000,
        page: "page_9",
      }),
    answer: PAGE,
    method: "GET",
    url: "/v1/sessions/sesn_1/events?order=asc&types[]=session.status_idle&types[]=user.message" +
      "&created_at[gte]=2026-11-23T09:00:00Z&limit=1000&page=page_9",
  },
  {
    name: "events.send() sends the events as they are",
    call: (api) =>
      api.events.send("sesn_1", [
        { type: "user.interrupt" },
        { type: "user.message", content: [{ type: "text", text: "Go" }] },
      ]),
    answer: { data: [] },
    method: "POST",
    url: "/v1/sessions/sesn_1/events",
    body: {
      events: [
        { type: "user.interrupt" },
        { type: "user.message", content: [{ type: "text", text: "Go" }] },
      ],
    },
  },
];

for (const { name, call, answer, method, url, body } of CASES) {
  Deno.test(name, async () => {
    const { api, requests, clock } = setup([json(answer)], { baseUrl: "https://api.test/prefix/" });
    await call(api);
    const [request] = requests;
    assertEquals(request?.method, method);
    const sent = new URL(request?.url ?? "");
    assertEquals(sent.pathname + decodeURIComponent(sent.search), `/prefix${url}`);
    const text = await request?.text() ?? "";
    assertEquals(text === "" ? undefined : JSON.parse(text), body);
    const expectedType = body === undefined ? null : "application/json";
    assertEquals(request?.headers.get("content-type") ?? null, expectedType);
    assertEquals(clock.pendingTimers, 0);
  });
}

Deno.test("every request carries key, version and beta, and follows no redirect", async () => {
  const { api, requests } = setup([json(PAGE)], { userAgent: "cma-mcp/9" });
  await api.agents.list({});
  const [request] = requests;
  assertEquals(Object.fromEntries(request?.headers ?? []), {
    "accept": "application/json",
    "anthropic-beta": "managed-agents-2026-04-01",
    "anthropic-version": "2023-06-01",
    "user-agent": "cma-mcp/9",
    "x-api-key": KEY,
  });
  assertEquals(request?.redirect, "manual");
});

Deno.test("a token goes out as a bearer token with its beta, and no key beside it", async () => {
  const { api, requests } = setup([json(PAGE)], {
    credential: () => Promise.resolve({ kind: "auth_token", value: "tok.en-1" }),
  });
  await api.agents.list({});
  const headers = requests[0]?.headers;
  assertEquals(headers?.get("authorization"), "Bearer tok.en-1");
  assertEquals(headers?.get("anthropic-beta"), "managed-agents-2026-04-01,oauth-2025-04-20");
  assertEquals(headers?.has("x-api-key"), false);
});

Deno.test("streams ask for an event stream, as it comes", async () => {
  const body = new TestBody();
  const { api, requests } = setup([body.respondAsStream()]);
  const stream = await api.events.stream("sesn_1");
  const [request] = requests;
  assertEquals(request?.url, "https://api.test/v1/sessions/sesn_1/events/stream");
  assertEquals(request?.headers.get("accept"), "text/event-stream");
  assertEquals(request?.headers.get("accept-encoding"), "identity");
  assertEquals(request?.headers.get("x-api-key"), KEY);
  stream.close();
});

Deno.test("ids that would change the path are refused without a request", async () => {
  const { api, requests } = setup([]);
  const calls = [
    () => api.agents.retrieve("", {}),
    () => api.sessions.retrieve(".."),
    () => api.sessions.archive("."),
    () => api.events.list("", {}),
    () => api.events.send("..", [{ type: "user.interrupt" }]),
    () => api.events.stream(""),
  ];
  for (const call of calls) await assertRejects(call, ToolError, "is not an id");
  assertEquals(requests.length, 0);
});

Deno.test("events.send() takes an accepted send without a body for done", async () => {
  const { api } = setup([status(202), json({ accepted: true }), json({ data: null })]);
  for (let i = 0; i < 3; i++) {
    const { data } = await api.events.send("sesn_1", [{ type: "user.interrupt" }]);
    assertEquals(data, []);
  }
});

Deno.test("events.send() returns the echo", async () => {
  const event = { id: "sevt_1", type: "user.interrupt", processed_at: null };
  const { api } = setup([json({ data: [event] })]);
  assertEquals((await api.events.send("sesn_1", [{ type: "user.interrupt" }])).data, [event]);
});

const WRAPPED: readonly object[] = [
  { id: "sesn_9", status: "idle" },
  { session: { id: "sesn_9", status: "idle" } },
  { data: { id: "sesn_9", status: "idle" } },
  { id: "req_1", session: { id: "sesn_9", status: "idle" } },
  { session_id: "sesn_9", status: "idle" },
  { session: "sesn_9", status: "idle" },
];

for (const body of WRAPPED) {
  Deno.test(`sessions: ${JSON.stringify(body)} reads as a session`, async () => {
    const { api } = setup([json(body), json(body), json(body)]);
    const params = { agent: "agent_1", environmentId: "env_1" };
    for (
      const { id, status } of [
        await api.sessions.create(params),
        await api.sessions.retrieve("sesn_9"),
        await api.sessions.archive("sesn_9"),
      ]
    ) assertEquals([id, status], ["sesn_9", "idle"]);
  });
}

Deno.test("sessions: a response that wraps the session needs no id in it", async () => {
  const { api } = setup([json({ session: { status: "running" } })]);
  const { id, status } = await api.sessions.retrieve("sesn_9");
  assertEquals([id, status], ["sesn_9", "running"]);
});

Deno.test("threads.events() leaves out events of other sessions, and those that come twice", async () => {
  const event = (id: string, session_id: string) => ({ id, type: "agent.message", session_id });
  const { api } = setup([
    json({ data: [event("e1", "sesn_1"), event("e2", "sesn_2"), event("e1", "sesn_1")] }),
  ]);
  const { data } = await api.threads.events("sesn_1", "sthr_1", {});
  assertEquals(data.map(({ id }) => id), ["e1"]);
});
