import { assert, assertEquals } from "@std/assert";
import { createApi } from "../../src/api/client.ts";
import { createLogger } from "../../src/core/logger.ts";
import { createRedact } from "../../src/core/redact.ts";
import { createServerFactory } from "../../src/mcp/server.ts";
import { createWaiter } from "../../src/session/waiter.ts";
import { createSimulator } from "../../src/simulator/mod.ts";
import { createServices } from "../../src/tools/services.ts";
import { createHttpHandler } from "../../src/http/handler.ts";
import { ManualClock, settle } from "../helpers/manual_clock.ts";

/** What must not be in a log: every one of them holds this word, and nothing else does. */
const MARK = "planted";
const KEY = `${MARK}-api-key-0123456789-0123456789`;
const TOKEN = `${MARK}-token-0123456789-0123456789-0123`;
const WRONG_TOKEN = `${MARK}-wrong-token-0123456789-0123456789`;
const MESSAGE = `The ${MARK} message, with "quotes",\na second line and {"a": 1}`;
const TITLE = `The ${MARK} title: "quoted"`;
const REPLY = `The ${MARK} reply`;
const INPUT = `cat /${MARK}/input`;

type Answer = (request: Request) => Promise<Response | undefined>;

/** The server over the simulator, with an API between the two that may fail in its own way. */
function open(format: "text" | "json") {
  const clock = new ManualClock();
  const simulator = createSimulator({ clock, apiKey: KEY, seed: 1 });
  const lines: string[] = [];
  const redact = createRedact([KEY, TOKEN]);
  const write = (line: string) => lines.push(line);
  const log = createLogger({
    level: "debug",
    format,
    redact: redact.loose,
    write,
    now: () => clock.now(),
  });
  const network: { answer: Answer } = { answer: () => Promise.resolve(undefined) };
  const api = createApi({
    baseUrl: "http://simulator.test",
    credential: () => ({ kind: "api_key", value: KEY }),
    fetch: async (request) =>
      await network.answer(request.clone()) ?? await simulator.fetch(request),
    clock,
    log,
  });
  const waiter = createWaiter({ api, clock, log, random: () => 0.5, exposeToolInputs: true });
  const services = createServices({ api, waiter, clock, log, redact, exposeToolInputs: true });
  const ready = () => Promise.resolve(true);
  const factory = createServerFactory(services, { version: "1.2.3" });
  const handler = createHttpHandler(factory, { tokens: [TOKEN], ready, log, clock });

  const until = async <T>(promise: Promise<T>): Promise<T> => {
    let settled = false;
    promise.then(() => settled = true, () => settled = true);
    while (!settled) {
      await new Promise<void>((resolve) => setTimeout(resolve, 0));
      await settle();
      if (!settled) await clock.advance(250);
    }
    return await promise;
  };
  const post = async (body: string, headers: Record<string, string> = {}) => {
    const request = new Request("http://127.0.0.1/mcp", {
      method: "POST",
      headers: {
        host: "127.0.0.1",
        authorization: `Bearer ${TOKEN}`,
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        "mcp-protocol-version": "2025-11-25",
        ...headers,
      },
      body,
    });
    return await until(handler.fetch(request).then((response) => response.text()));
  };
  const call = (name: string, args: unknown) =>
    post(JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: { name, arguments: args, _meta: { progressToken: 1 } },
    }));
  const close = async () => {
    waiter.close();
    await handler.close();
    simulator.close();
  };
  return { simulator, network, lines, post, call, close };
}

type Rig = ReturnType<typeof open>;

/** A session that has everything that must stay out of logs, and the calls of all tools on it. */
function everyCall({ simulator }: Rig): readonly [name: string, args: Record<string, unknown>][] {
  const session_id = simulator.createSession({ title: TITLE, scripted: false });
  simulator.emit(session_id, {
    type: "user.message",
    content: [{ type: "text", text: MESSAGE }],
  });
  simulator.emit(session_id, { type: "session.status_running" });
  simulator.emit(session_id, {
    type: "agent.tool_use",
    name: "bash",
    input: { command: INPUT },
    evaluated_permission: "allow",
  });
  simulator.emit(session_id, { type: "agent.message", content: [{ type: "text", text: REPLY }] });
  simulator.emit(session_id, {
    type: "session.status_idle",
    stop_reason: { type: "end_turn" },
  });
  const agent_id = simulator.agentId("quick");
  return [
    ["list_agents", { name_contains: MARK }],
    ["get_agent", { agent_id }],
    ["create_session", { agent_id, title: TITLE, message: MESSAGE }],
    ["send_message", { session_id, text: MESSAGE }],
    ["wait_for_idle", { session_id, timeout_sec: 2 }],
    ["get_session", { session_id }],
    ["list_events", { session_id }],
    ["interrupt", { session_id }],
    ["archive_session", { session_id }],
  ];
}

/** Answers about the account or the API itself, which say nothing of the session. */
const GENERAL = [401, 429, 500, 529];

/** An error answer that quotes all that the API could: what it was sent, and what it holds. */
async function quoting(request: Request, status: number): Promise<Response> {
  const sent = await request.text();
  const about = GENERAL.includes(status) ? "" : ` in session '${TITLE}'`;
  const error = { type: "some_error", message: `Cannot take ${sent}${about}` };
  const headers = { "request-id": `req_${status}` };
  return Response.json({ type: "error", error }, { status, headers });
}

const reset = () => new TypeError("fetch failed", { cause: new Error("connection reset") });

/** What goes wrong between server and API. */
const TROUBLES: Readonly<Record<string, Answer>> = {
  none: () => Promise.resolve(undefined),
  ...Object.fromEntries(
    [400, 401, 403, 404, 409, 413, 422, 429, 500, 529].map((status): [string, Answer] => {
      return [`status ${status}`, (request) => quoting(request, status)];
    }),
  ),
  "a reset": () => Promise.reject(reset()),
  "a write that nobody answers": async (request) => {
    if (request.method === "POST") throw reset();
    return await Promise.resolve(undefined);
  },
  "an answer that is not JSON": () => Promise.resolve(new Response(`<p>${TITLE}</p>`)),
  "an answer of another shape": () => Promise.resolve(Response.json({ title: TITLE, data: 3 })),
  "a broken stream": (request) => {
    const broken = `event: error\ndata: {"type":"error","error":{"message":"'${REPLY}'"}}\n\n` +
      `data: {"type": ${REPLY}\n\n`;
    const headers = { "content-type": "text/event-stream" };
    const isStream = new URL(request.url).pathname.endsWith("/stream");
    return Promise.resolve(isStream ? new Response(broken, { headers }) : undefined);
  },
};

function assertClean(lines: readonly string[]): void {
  const leaks = lines.filter((line) => line.toLowerCase().includes(MARK));
  assertEquals(leaks, []);
  assert(lines.length > 0);
}

for (const format of ["text", "json"] as const) {
  for (const [name, answer] of Object.entries(TROUBLES)) {
    Deno.test(`no ${format} log line of any tool holds a secret or a text when the API fails: ${name}`, async () => {
      const rig = open(format);
      for (const [tool, args] of everyCall(rig)) {
        rig.network.answer = answer;
        await rig.call(tool, args);
        const own = rig.lines.filter((line) => line.includes("Tool call") && line.includes(tool));
        assert(own.length > 0, `No line of ${tool}`);
      }
      assertClean(rig.lines);
      await rig.close();
    });
  }

  Deno.test(`no ${format} log line holds a secret or a text when a call is wrong`, async () => {
    const rig = open(format);
    for (const [tool, args] of everyCall(rig)) {
      await rig.call(tool, { ...args, [MESSAGE]: TITLE });
      await rig.call(tool, Object.fromEntries(Object.keys(args).map((key) => [key, MESSAGE])));
      await rig.call(tool, MESSAGE);
      await rig.call(`${tool} ${MARK}`, args);
    }
    const line = JSON.stringify({ jsonrpc: "2.0", id: MESSAGE, method: MESSAGE, params: TITLE });
    for (
      const body of [MESSAGE, `{"text": "${MARK}`, JSON.stringify([MESSAGE]), line, `[${line}]`]
    ) {
      await rig.post(body);
    }
    const named = JSON.stringify({
      jsonrpc: "2.0",
      id: MESSAGE,
      method: "tools/call",
      params: { name: "list_agents", arguments: {}, _meta: { progressToken: MESSAGE } },
    });
    await rig.post(named, { "x-request-id": `no id: ${MARK} %` });
    await rig.post("{}", { authorization: `Bearer ${WRONG_TOKEN}` });
    await rig.post("{}", { authorization: "", "x-api-key": WRONG_TOKEN });
    await rig.post("{}", { host: "another.example" });
    await rig.post("{}", { origin: `https://${MARK}.example` });
    assertClean(rig.lines);
    await rig.close();
  });
}
