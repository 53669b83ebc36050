import { assert, assertEquals } from "@std/assert";
import { listen } from "../../src/runtime/deno_listener.ts";
import { callServedTool } from "../../src/commands/mcp_call.ts";
import { createLogger } from "../../src/core/logger.ts";
import { createHttpHandler } from "../../src/http/handler.ts";
import { again, FUZZ_SEED } from "../helpers/fuzz.ts";
import { liveBytes } from "../helpers/garbage.ts";
import { createRandom } from "../helpers/random.ts";
import { sendRaw } from "../helpers/raw_http.ts";
import { openApp, TOKEN } from "../protocol/support.ts";
import { HEADS } from "./malformed_heads.ts";
import { type MalformedMessage, MESSAGES } from "./malformed_messages.ts";

/** Requests of each kind and round. */
const EACH = 15;
const ROUNDS = 4;
const AT_ONCE = 8;
const MAX_BODY_BYTES = 65_536;
/** Far below what it would take to keep the bodies of a round. */
const MAX_GROWTH_BYTES = 8 * 1024 * 1024;

/** A server as it is shipped, on a port, that tells of everything that went wrong in it. */
function serveStrictly() {
  const app = openApp();
  const failures: string[] = [];
  const log = createLogger({
    level: "error",
    format: "text",
    redact: (text) => text,
    write: (line) => failures.push(line),
    now: () => 0,
  });
  const handler = createHttpHandler(app.factory, {
    tokens: [TOKEN],
    maxBodyBytes: MAX_BODY_BYTES,
    ready: () => Promise.resolve(true),
    log,
    clock: app.clock,
  });
  let open = 0;
  const server = listen({ host: "127.0.0.1", port: 0 }, async (request, address) => {
    open++;
    try {
      return await handler.fetch(request, address);
    } catch (error) {
      failures.push(String(error));
      throw error;
    } finally {
      open--;
    }
  }, log);
  const { port } = server.addr;
  return {
    port,
    app,
    failures,
    openRequests: () => open,
    /** A good call from a good client, as a proof of health. */
    async goodCall() {
      const fetchThere = async ({ headers, body }: Request) =>
        await fetch(`http://127.0.0.1:${port}/mcp`, { method: "POST", headers, body });
      return await callServedTool({ token: TOKEN, fetch: fetchThere }, "list_agents", { limit: 3 });
    },
    async close() {
      await server.shutdown();
      await handler.close();
      app.close();
    },
  };
}

type Server = ReturnType<typeof serveStrictly>;

async function sendMessage(port: number, message: MalformedMessage): Promise<[number, string]> {
  const headers = new Headers({
    authorization: `Bearer ${TOKEN}`,
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
  });
  for (const [name, value] of Object.entries(message.headers ?? {})) {
    if (value === undefined) headers.delete(name);
    else headers.set(name, value);
  }
  // As bytes: a text would bring a content type of its own.
  const body = typeof message.body === "string"
    ? new TextEncoder().encode(message.body)
    : message.body;
  const response = await fetch(`http://127.0.0.1:${port}/mcp`, { method: "POST", headers, body });
  return [response.status, await response.text()];
}

/** Runs tasks, some at a time, in their order. */
async function runAll(tasks: readonly (() => Promise<void>)[]): Promise<void> {
  const waiting = [...tasks].reverse();
  const work = async () => {
    for (let task = waiting.pop(); task; task = waiting.pop()) await task();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

/** The mistakes of the server, each with what was sent. */
function judge(kind: string, sent: string, got: unknown, expected: readonly unknown[]): string[] {
  if (expected.includes(got)) return [];
  return [
    `${kind}: ${String(got)} is none of ${expected}; sent ${JSON.stringify(sent.slice(0, 120))}`,
  ];
}

/** Requests are made when they are sent, in their order, so that they are not held in memory. */
function headTasks(server: Server, seed: number, mistakes: string[]): (() => Promise<void>)[] {
  const good = { host: `127.0.0.1:${server.port}`, token: TOKEN };
  const random = createRandom(seed);
  const kinds = Object.entries(HEADS).flatMap((kind) => Array.from({ length: EACH }, () => kind));
  return kinds.map(([kind, make]) => async () => {
    const { bytes, halfClose, expected } = make(random, good);
    const sent = new TextDecoder("latin1").decode(bytes);
    const got = await sendRaw(server.port, bytes, { halfClose }).catch((error) => error);
    mistakes.push(...judge(kind, sent, got, expected));
  });
}

function messageTasks(server: Server, seed: number, mistakes: string[]): (() => Promise<void>)[] {
  const random = createRandom(seed);
  const kinds = Object.entries(MESSAGES).flatMap((kind) =>
    Array.from({ length: EACH }, () => kind)
  );
  return kinds.map(([kind, make]) => async () => {
    const message = make(random);
    const [status, answer] = await sendMessage(server.port, message);
    const sent = typeof message.body === "string" ? message.body : "bytes";
    mistakes.push(...judge(kind, sent, status, message.expected));
    const isWhole = answer.includes('"jsonrpc"') && !answer.includes("-32603");
    if (!isWhole || answer.includes(TOKEN) || / at .*\.ts:\d/.test(answer)) {
      mistakes.push(`${kind}: ${answer.slice(0, 300)}`);
    }
  });
}

Deno.test("a server answers thousands of malformed requests as it should, and stays healthy", async () => {
  const server = serveStrictly();
  await server.goodCall();
  const mistakes: string[] = [];
  let sent = 0;
  const memory: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    for (const tasksOf of [headTasks, messageTasks]) {
      const tasks = tasksOf(server, FUZZ_SEED + round, mistakes);
      await runAll(tasks);
      sent += tasks.length;
    }
    const { agents } = await server.goodCall();
    assert(Array.isArray(agents) && agents.length === 3);
    memory.push(liveBytes());
  }
  assert(sent >= 2_000, `${sent}`);
  assertEquals(mistakes, [], again(FUZZ_SEED));
  assertEquals(server.failures, []);
  assertEquals(server.openRequests(), 0);
  assertEquals([server.app.simulator.openStreams(), server.app.clock.pendingTimers], [0, 0]);
  // The first round fills pools and caches; from then on as much has to go as comes.
  const growth = (memory.at(-1) ?? 0) - (memory[0] ?? 0);
  assert(growth < MAX_GROWTH_BYTES, `Memory grew by ${growth} bytes`);
  await server.close();
});

Deno.test("a body that never comes is answered 408, and other clients are served meanwhile", async () => {
  const server = serveStrictly();
  const bytes = new TextEncoder().encode([
    "POST /mcp HTTP/1.1",
    `Host: 127.0.0.1:${server.port}`,
    `Authorization: Bearer ${TOKEN}`,
    "Content-Type: application/json",
    "Content-Length: 1000",
    "",
    "{",
  ].join("\r\n"));
  const slow = Array.from({ length: 50 }, () => sendRaw(server.port, bytes));
  while (server.openRequests() < slow.length) {
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  await server.goodCall();
  await server.app.clock.advance(30_000);
  assertEquals(new Set(await Promise.all(slow)), new Set([408]));
  assertEquals([server.openRequests(), server.app.clock.pendingTimers], [0, 0]);
  assertEquals(server.failures, []);
  await server.goodCall();
  await server.close();
});
