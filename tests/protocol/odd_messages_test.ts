import { assert, assertEquals, assertMatch } from "@std/assert";
import { createHttpHandler } from "../../src/http/handler.ts";
import { type App, openApp, serveStdioInProcess, TOKEN } from "./support.ts";

/** What answers a message: the error's code and its text, "result", or nothing. */
type Answered = readonly [number, string] | "result" | "nothing";

const MODERN = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientInfo": { name: "modern", version: "1" },
  "io.modelcontextprotocol/clientCapabilities": {},
};

const INITIALIZE = {
  jsonrpc: "2.0",
  id: 0,
  method: "initialize",
  params: {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "raw", version: "1" },
  },
};

function message(fields: object): Record<string, unknown> {
  return { jsonrpc: "2.0", id: 1, ...fields };
}

function initialize(params: unknown): Record<string, unknown> {
  return message({ method: "initialize", params });
}

function call(params: unknown): Record<string, unknown> {
  return message({ method: "tools/call", params });
}

const { clientInfo, capabilities, protocolVersion } = INITIALIZE.params;
const INVALID = -32_600;
const PARAMS = -32_602;

/** Every message is answered alike on both transports. */
const ODD: readonly [string, unknown, Answered][] = [
  ["params null", message({ method: "tools/list", params: null }), "result"],
  ["cursor null", message({ method: "tools/list", params: { cursor: null } }), "result"],
  ["arguments null", call({ name: "list_agents", arguments: null }), "result"],
  ["_meta null", call({ name: "list_agents", _meta: null }), "result"],
  ["progressToken null", call({ name: "list_agents", _meta: { progressToken: null } }), "result"],
  ["requestState null", call({ name: "list_agents", requestState: null }), "result"],
  [
    "a number as requestState",
    call({ name: "list_agents", requestState: 5 }),
    [PARAMS, "params.requestState must be a text"],
  ],
  ["a field beside params", message({ method: "ping", extra: 1 }), "result"],
  ["no jsonrpc", { id: 1, method: "ping" }, [INVALID, 'must have "jsonrpc": "2.0"']],
  ["jsonrpc 1.0", { jsonrpc: "1.0", id: 1, method: "ping" }, [INVALID, 'must have "jsonrpc"']],
  ["no method", message({}), [INVALID, "method is missing"]],
  ["a number as method", message({ method: 5 }), [INVALID, "method must be a text"]],
  ["a fraction as id", message({ method: "ping", id: 1.5 }), [INVALID, "id must be"]],
  ["an id beyond 2^53", message({ method: "ping", id: 2 ** 53 }), [INVALID, "below 2^53"]],
  ["an id far beyond", message({ method: "ping", id: 1e30 }), [INVALID, "below 2^53"]],
  ["an id below -2^53", message({ method: "ping", id: -(2 ** 53) }), [INVALID, "below 2^53"]],
  ["the largest id", message({ method: "ping", id: 2 ** 53 - 1 }), "result"],
  [
    "a progressToken beyond 2^53",
    call({ name: "x", _meta: { progressToken: 2 ** 60 } }),
    [PARAMS, "progressToken must be"],
  ],
  ["null as id", message({ method: "ping", id: null }), [INVALID, "id must be"]],
  ["a list as params", message({ method: "ping", params: [] }), [PARAMS, "params must be an obj"]],
  ["a text as _meta", call({ name: "x", _meta: "x" }), [PARAMS, "_meta must be an object"]],
  [
    "an object as progressToken",
    call({ name: "x", _meta: { progressToken: {} } }),
    [PARAMS, "progressToken must be"],
  ],
  ["a text", "ping", [INVALID, "must be a JSON object"]],
  ["null", null, [INVALID, "must be a JSON object"]],
  ["an empty batch", [], [INVALID, "1 to 50 messages"]],
  [
    "a batch with an id twice",
    [message({ method: "ping" }), message({ method: "ping" })],
    [INVALID, "different ids"],
  ],
  ["a batch of one", [message({ method: "ping" })], "result"],
  ["initialize without clientInfo", initialize({ protocolVersion, capabilities }), "result"],
  ["initialize without capabilities", initialize({ protocolVersion, clientInfo }), "result"],
  [
    "initialize with nulls",
    initialize({
      protocolVersion,
      capabilities: { roots: null, elicitation: null },
      clientInfo: { ...clientInfo, title: null },
    }),
    "result",
  ],
  [
    "initialize of a client without a version",
    initialize({ protocolVersion, capabilities, clientInfo: { name: "x" } }),
    "result",
  ],
  [
    "initialize without a protocol version",
    initialize({ capabilities, clientInfo }),
    [PARAMS, "Invalid params: params.protocolVersion is missing"],
  ],
  [
    "initialize with a text as clientInfo",
    initialize({ protocolVersion, capabilities, clientInfo: "x" }),
    [PARAMS, "Invalid params: params.clientInfo must be an object"],
  ],
  ["initialize without params", initialize(undefined), [PARAMS, "params is missing"]],
  ["a call without a name", call({}), [PARAMS, "params.name is missing"]],
  ["a call of a number", call({ name: 5 }), [PARAMS, "params.name must be a string"]],
  [
    "a text as arguments",
    call({ name: "list_agents", arguments: "{}" }),
    [PARAMS, "params.arguments must be an object"],
  ],
  ["a number as cursor", message({ method: "tools/list", params: { cursor: 5 } }), [
    PARAMS,
    "params.cursor must be a string",
  ]],
  ["an answer to nothing", message({ result: {} }), "nothing"],
  ["an unknown method", message({ method: "x/y" }), [-32_601, "not found"]],
  [
    "a modern call without a name",
    call({ _meta: MODERN }),
    [PARAMS, "params.name is missing"],
  ],
  [
    "a modern list with nulls",
    message({ method: "tools/list", params: { _meta: MODERN, cursor: null } }),
    "result",
  ],
];

function assertAnswered(answer: unknown, expected: Answered): void {
  if (expected === "nothing") return assertEquals(answer, undefined);
  assert(typeof answer === "object" && answer !== null);
  if (expected === "result") return assert("result" in answer, JSON.stringify(answer));
  const { error } = answer as { error?: { code: number; message: string } };
  assertEquals(error?.code, expected[0], JSON.stringify(answer));
  assert(error?.message.includes(expected[1]), error?.message);
  assert(!error?.message.includes("invalid_type"), error?.message);
}

/** A host at the other end of the pipes. */
function openStdio(app: App) {
  const pipes = serveStdioInProcess(app);
  const until = (condition: () => boolean) =>
    app.until((async () => {
      while (!condition()) await new Promise<void>((resolve) => setTimeout(resolve, 0));
    })());
  return {
    send: (...values: unknown[]) => {
      for (const value of values) pipes.stdin.write(`${JSON.stringify(value)}\n`);
    },
    write: (text: string | Uint8Array) => pipes.stdin.write(text),
    until,
    lines: pipes.lines,
    messages: () => pipes.lines.map((text): Record<string, unknown> => JSON.parse(text)),
    async close() {
      pipes.stdin.end();
      await app.until(pipes.closed);
      app.close();
    },
  };
}

const isModern = (value: unknown) => JSON.stringify(value)?.includes("2026-07-28");

for (const [name, value, expected] of ODD) {
  Deno.test(`stdio answers ${name}`, async () => {
    const stdio = openStdio(openApp());
    if (!JSON.stringify(value).includes("initialize") && !isModern(value)) stdio.send(INITIALIZE);
    stdio.send(value, message({ id: "after", method: "ping" }));
    await stdio.until(() => stdio.lines.some((line) => line.includes('"after"')));
    const expects = expected === "nothing" ? 0 : 1;
    await stdio.until(() => stdio.messages().filter(isAnswer).length >= expects);
    const answers = stdio.messages().filter(isAnswer);
    assert(answers.length <= 1, JSON.stringify(answers));
    assertAnswered(answers[0], expected);
    await stdio.close();
  });

  Deno.test(`HTTP answers ${name}`, async () => {
    const app = openApp();
    const log = app.services.log;
    const ready = () => Promise.resolve(true);
    const options = { tokens: [TOKEN], ready, log, clock: app.clock };
    const http = createHttpHandler(app.factory, options);
    const headers = new Headers({
      host: "localhost",
      authorization: `Bearer ${TOKEN}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
    });
    if (isModern(value)) {
      const { method, params } = value as { method: string; params: { name?: string } };
      headers.set("mcp-protocol-version", "2026-07-28");
      headers.set("mcp-method", method);
      headers.set("mcp-name", params.name ?? "");
    }
    const body = JSON.stringify(value);
    const request = new Request("http://localhost/mcp", { method: "POST", headers, body });
    const response = await app.until(http.fetch(request));
    const text = await app.until(response.text());
    const json = /^data: (.*)$/m.exec(text)?.[1] ?? text;
    assertAnswered(json === "" ? undefined : JSON.parse(json), expected);
    await app.until(http.close());
    app.close();
  });
}

function isAnswer({ id }: Record<string, unknown>): boolean {
  return id !== 0 && id !== "after";
}

Deno.test("stdio answers what is no JSON, skips byte order marks, and logs why", async () => {
  const app = openApp();
  const stdio = openStdio(app);
  stdio.write("\ufeff");
  stdio.send(INITIALIZE);
  stdio.write('hello\n\n  \n{"jsonrpc":\r\n');
  stdio.write(Uint8Array.of(0x22, 0xff, 0x22, 0x0a));
  stdio.write(`${"[".repeat(100_000)}\n`);
  stdio.write(`{${Array.from({ length: 20_000 }, (_, i) => `"k${i}":1`).join()}}\n`);
  stdio.send({ jsonrpc: "2.0", method: "notifications/x", params: [] });
  stdio.send(message({ id: 2, method: "ping" }));
  await stdio.until(() => stdio.lines.some((line) => line.includes('"id":2')));
  const errors = stdio.messages().filter(({ id }) => id === null);
  const codes = errors.map(({ error }) => (error as { code: number }).code);
  assertEquals(codes, [-32_700, -32_700, -32_700, INVALID, INVALID]);
  assert("result" in (stdio.messages().find(({ id }) => id === 0) ?? {}));
  const told = app.log.filter((line) => line.includes("A line on stdin cannot be read"));
  assertEquals(told.length, 6);
  assert(!told.join().includes("hello"));
  await stdio.close();
});

Deno.test("stdio answers a line that is too long by its id, and lives on", async () => {
  const app = openApp();
  const stdio = openStdio(app);
  stdio.send(INITIALIZE);
  const text = "x".repeat(12 * 1024 * 1024);
  const params = { name: "send_message", arguments: { text } };
  stdio.send({ jsonrpc: "2.0", id: 5, method: "tools/call", params });
  stdio.send({ method: "tools/call", params, jsonrpc: "2.0", id: "six" });
  stdio.send({ method: "tools/call", params, id: 7, jsonrpc: "2.0" });
  // Whose id stands in a text only, or nowhere that can be seen, is answered without one.
  stdio.send({ jsonrpc: "2.0", method: "tools/call", params: { text: `${text},"id":8}` } });
  stdio.send(message({ id: 9, method: "ping" }));
  await stdio.until(() => stdio.lines.some((line) => line.includes('"id":9')));
  const errors = stdio.messages().filter((answer) => "error" in answer);
  assertEquals(errors.map(({ id }) => id), [5, "six", 7, null]);
  for (const { error } of errors) assertMatch(JSON.stringify(error), /-32600.*too long: at most/);
  const told = app.log.filter((line) => /cannot be read .*bytes=1258\d+/.test(line));
  assertEquals(told.length, 4, told.join("\n"));
  await stdio.close();
});

Deno.test("stdio serves both eras side by side, in any order", async () => {
  const stdio = openStdio(openApp());
  const modern = (id: number) => message({ id, method: "tools/list", params: { _meta: MODERN } });
  stdio.send(modern(1));
  stdio.send({ ...INITIALIZE, id: 2 });
  stdio.send({ jsonrpc: "2.0", method: "notifications/initialized" });
  stdio.send(
    message({ id: 3, method: "tools/list" }),
    modern(4),
    message({ id: 5, method: "ping" }),
  );
  await stdio.until(() => stdio.lines.length >= 5);
  const results = new Map(stdio.messages().map(({ id, result }) => [id, result]));
  for (const id of [1, 2, 3, 4, 5]) assert(results.get(id), `${id}: ${stdio.lines}`);
  const isModernResult = (id: number) => "resultType" in Object(results.get(id));
  assertEquals([1, 3, 4].map(isModernResult), [true, false, true]);
  await stdio.close();
});

for (const era of ["2025-11-25", "2026-07-28"]) {
  const meta = era === "2026-07-28" ? MODERN : {};
  Deno.test(`stdio, ${era}: a cancellation that could mean two calls ends neither`, async () => {
    const app = openApp();
    const stdio = openStdio(app);
    if (era === "2025-11-25") stdio.send(INITIALIZE);
    const sessions = [1, 2].map(() => {
      const session = app.simulator.createSession({ scripted: false });
      app.simulator.emit(session, { type: "session.status_running" });
      return session;
    });
    const wait = (id: number, session: string | undefined) =>
      message({
        id,
        method: "tools/call",
        params: {
          name: "wait_for_idle",
          arguments: { session_id: session, timeout_sec: 30 },
          _meta: meta,
        },
      });
    const cancel = (requestId: number) =>
      stdio.send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId } });
    stdio.send(wait(1, sessions[0]), wait(1, sessions[1]));
    await stdio.until(() => app.simulator.openStreams() === 2);
    cancel(1);
    stdio.send(message({ id: 7, method: "ping" }));
    await stdio.until(() => stdio.lines.some((line) => line.includes('"id":7')));
    assertEquals(app.simulator.openStreams(), 2);
    assert(app.log.some((line) => line.includes("Several running calls have the id")));
    await stdio.until(() => stdio.messages().filter(({ id }) => id === 1).length === 2);
    // Of one call there is no doubt.
    stdio.send(wait(1, sessions[0]));
    await stdio.until(() => app.simulator.openStreams() === 1);
    cancel(1);
    await stdio.until(() => app.simulator.openStreams() === 0);
    await stdio.close();
  });
}
