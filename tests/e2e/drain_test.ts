import { assert, assertEquals } from "@std/assert";
import { listen } from "../../src/runtime/deno_listener.ts";
import { callServedTool } from "../../src/commands/mcp_call.ts";
import { systemClock } from "../../src/core/clock.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { BOUNDS } from "../../src/runtime/runtime.ts";
import { createSimulator } from "../../src/simulator/mod.ts";
import {
  endpointAt,
  type HttpProgram,
  openWait,
  startHttp,
  TOKEN,
} from "../helpers/http_program.ts";

/** An API of the test's own, whose answers to sent events it can hold back. */
function openApi() {
  const simulator = createSimulator({ clock: systemClock });
  const sent = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const server = listen({ host: "127.0.0.1", port: 0 }, async (request) => {
    const holdsBack = request.method === "POST" && request.url.endsWith("/events");
    const answer = await simulator.fetch(request);
    if (!holdsBack) return answer;
    sent.resolve();
    await gate.promise;
    return answer;
  }, silentLogger);
  const session_id = simulator.createSession({ scripted: false });
  simulator.emit(session_id, { type: "user.message", content: [{ type: "text", text: "Go" }] });
  simulator.emit(session_id, { type: "session.status_running" });
  const lastEvent = simulator.emit(session_id, {
    type: "agent.tool_use",
    name: "bash",
    input: {},
    evaluated_permission: "allow",
  });
  const env = {
    ANTHROPIC_API_KEY: "sk-ant-e2e-0123456789",
    CMA_BASE_URL: `http://127.0.0.1:${server.addr.port}`,
  };
  const close = async () => {
    gate.resolve();
    simulator.close();
    await server.shutdown();
  };
  return { session_id, lastEvent, env, sent: sent.promise, release: gate.resolve, close };
}

async function statusOf(url: string | URL, init?: RequestInit) {
  const response = await fetch(url, init);
  await response.body?.cancel();
  return [response.status, response.headers.get("retry-after")];
}

const call: RequestInit = {
  method: "POST",
  headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
  body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" }),
};

/** Asks until it is not ready any more: the signal travels beside the requests. */
async function untilNotReady({ url }: HttpProgram): Promise<(number | string | null)[]> {
  for (;;) {
    const answer = await statusOf(new URL("/ready", url));
    if (answer[0] !== 200) return answer;
  }
}

Deno.test("SIGTERM drains: not ready at once, no new calls, waits answered, others finished, exit 0", async () => {
  const api = openApi();
  const http = await startHttp([], api.env);
  const { program, url, endpoint } = http;
  const { session_id } = api;
  const wait = await openWait(endpoint, session_id);
  const sending = callServedTool(endpoint, "send_message", { session_id, text: "More" });
  await api.sent;
  assertEquals(await statusOf(new URL("/ready", url)), [200, null]);

  const startedAt = performance.now();
  program.kill("SIGTERM");
  assertEquals(await untilNotReady(http), [503, "5"]);
  assertEquals(await statusOf(url, call), [503, "5"]);
  assertEquals(await statusOf(new URL("/health", url)), [200, null]);
  const { status, last_event_id } = await wait.result;
  assertEquals(status, "timeout");
  assert(typeof last_event_id === "string" && last_event_id >= api.lastEvent);
  const ms = performance.now() - startedAt;
  assert(ms < program.promptMs, `It took ${ms} ms`);

  // The message is still on its way: its sender gets to know that it arrived.
  api.release();
  assertEquals((await sending).queued, true);
  assertEquals((await program.ending()).code, 0);
  const log = program.stderr.join("\n");
  assert(/Draining.* calls=2/.test(log) && /outcome=timeout/.test(log), log);
  await api.close();
});

Deno.test("a second signal ends a drain at once", async () => {
  const api = openApi();
  const http = await startHttp([], api.env);
  const { session_id } = api;
  const sending = callServedTool(endpointAt(http.url), "send_message", {
    session_id,
    text: "More",
  });
  const failed = sending.then(() => false, () => true);
  await api.sent;
  http.program.kill("SIGTERM");
  await untilNotReady(http);
  http.program.kill("SIGTERM");
  const { code, ms } = await http.program.ending();
  assertEquals(code, 130);
  assert(ms < http.program.promptMs, `It took ${ms} ms`);
  assert(await failed);
  await api.close();
});

Deno.test("a body that arrives across SIGTERM begins nothing, and its sender gets 503", async () => {
  const api = openApi();
  const http = await startHttp([], api.env);
  const { session_id } = api;
  // A call that is held back keeps the drain open.
  const sending = callServedTool(endpointAt(http.url), "send_message", {
    session_id,
    text: "More",
  });
  await api.sent;
  const { hostname, port } = new URL(http.url);
  const connection = await Deno.connect({ hostname, port: Number(port) });
  const body = JSON.stringify({
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: { name: "archive_session", arguments: { session_id } },
  });
  const half = Math.floor(body.length / 2);
  await writeText(
    connection,
    `POST /mcp HTTP/1.1\r\nhost: ${hostname}\r\nauthorization: Bearer ${TOKEN}\r\n` +
      "content-type: application/json\r\naccept: application/json, text/event-stream\r\n" +
      `content-length: ${body.length}\r\n\r\n${body.slice(0, half)}`,
  );
  http.program.kill("SIGTERM");
  await untilNotReady(http);
  await writeText(connection, body.slice(half));
  const buffer = new Uint8Array(1_024);
  const count = await connection.read(buffer) ?? 0;
  assertEquals(new TextDecoder().decode(buffer.subarray(0, count)).slice(0, 12), "HTTP/1.1 503");
  connection.close();
  api.release();
  assertEquals((await sending).queued, true);
  assertEquals((await http.program.ending()).code, 0);
  await api.close();
});

async function writeText(connection: Deno.TcpConn, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
}

/** A connection that is kept for requests, as a proxy keeps it. */
class KeptConnection implements Disposable {
  readonly #connection: Deno.TcpConn;

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
  }

  static async open({ url }: HttpProgram): Promise<KeptConnection> {
    const { hostname, port } = new URL(url);
    return new KeptConnection(await Deno.connect({ hostname, port: Number(port) }));
  }

  async ask(): Promise<void> {
    const body = String(call.body);
    await writeText(
      this.#connection,
      `POST /mcp HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${TOKEN}\r\n` +
        "content-type: application/json\r\naccept: application/json, text/event-stream\r\n" +
        `content-length: ${body.length}\r\n\r\n${body}`,
    );
  }

  /** Reads a response. @returns its status and what becomes of the connection, or how that broke */
  async answer(): Promise<string> {
    const buffer = new Uint8Array(65_536);
    let text = "";
    while (!/\r\n\r\n(?:\{.*\}|[^]*\r\n0\r\n\r\n)$/.test(text)) {
      const count = await this.#connection.read(buffer).catch(String);
      if (typeof count !== "number") return `broken: ${count}`;
      text += new TextDecoder().decode(buffer.subarray(0, count));
    }
    const status = /^HTTP\/1\.1 (\d+)/.exec(text)?.[1];
    // Without the header the connection is kept (RFC 9112, section 9.3).
    return `${status} ${/^connection: (.*)\r$/im.exec(text)?.[1] ?? "keep-alive"}`;
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }
}

Deno.test("a server that drains keeps no connection on which it puts a request off", async () => {
  const api = openApi();
  const http = await startHttp([], api.env);
  const { session_id } = api;
  using kept = await KeptConnection.open(http);
  await kept.ask();
  assertEquals(await kept.answer(), "200 keep-alive");
  // A call that is held back keeps the drain open.
  const sending = callServedTool(endpointAt(http.url), "send_message", {
    session_id,
    text: "More",
  });
  await api.sent;
  http.program.kill("SIGTERM");
  await untilNotReady(http);
  await kept.ask();
  assertEquals(await kept.answer(), "503 close");
  api.release();
  assertEquals((await sending).queued, true);
  assertEquals((await http.program.ending()).code, 0);
  await api.close();
});

Deno.test({
  name:
    "requests that reach a server before it closes its port get answers, on whatever connection",
  ignore: Deno.build.os === "windows",
  async fn() {
    const api = openApi();
    const http = await startHttp(["--drain-seconds", "3"], api.env);
    using kept = await KeptConnection.open(http);
    await kept.ask();
    assertEquals(await kept.answer(), "200 keep-alive");
    http.program.kill("SIGTERM");
    await untilNotReady(http);
    // A machine that is busy with other things: the requests come while the server gets no time, and
    // when it goes on, it is about to close its port.
    http.program.kill("SIGSTOP");
    using fresh = await KeptConnection.open(http);
    using late = await KeptConnection.open(http);
    await Promise.all([kept.ask(), fresh.ask()]);
    await new Promise((resolve) => setTimeout(resolve, 3_200));
    const goesOnAt = performance.now();
    http.program.kill("SIGCONT");
    const answers = await Promise.all([kept.answer(), fresh.answer()]);
    assertEquals(answers, ["503 close", "503 close"]);
    // Who had just connected gets a moment for the request, which a busy machine may miss.
    await late.ask().catch(() => {});
    const isInTime = performance.now() - goesOnAt < BOUNDS.firstRequestMs;
    const lateAnswer = await late.answer();
    if (isInTime) assertEquals(lateAnswer, "503 close");
    assertEquals((await http.program.ending()).code, 0);
    await api.close();
  },
});
