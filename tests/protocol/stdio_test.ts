import { assert, assertEquals } from "@std/assert";
import { openApp, serveStdioInProcess } from "./support.ts";

function line(message: Record<string, unknown>): string {
  return `${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`;
}

const INITIALIZE = line({
  id: 0,
  method: "initialize",
  params: {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "raw", version: "0" },
  },
});

function call(id: number, name: string, args: unknown, meta?: unknown): string {
  return line({
    id,
    method: "tools/call",
    params: { name, arguments: args, ...(meta !== undefined && { _meta: meta }) },
  });
}

async function untilTrue(app: ReturnType<typeof openApp>, condition: () => boolean) {
  await app.until((async () => {
    while (!condition()) await new Promise<void>((resolve) => setTimeout(resolve, 0));
  })());
}

Deno.test("stdio: closed standard input ends the connection at once, with a wait open", async () => {
  const app = openApp();
  const pipes = serveStdioInProcess(app);
  const session_id = app.simulator.createSession({ scripted: false });
  app.simulator.emit(session_id, { type: "session.status_running" });
  pipes.stdin.write(INITIALIZE);
  pipes.stdin.write(line({ method: "notifications/initialized" }));
  pipes.stdin.write(call(1, "wait_for_idle", { session_id, timeout_sec: 600 }));
  await untilTrue(app, () => app.simulator.openStreams() === 1);
  const before = app.clock.now();
  pipes.stdin.end();
  await app.until(pipes.closed);
  await untilTrue(app, () => app.simulator.openStreams() === 0);
  assert(app.clock.now() - before < 2_000);
  app.close();
  assertEquals(app.clock.pendingTimers, 0);
});

Deno.test("stdio: close() ends the connection, twice as well as once", async () => {
  const app = openApp();
  const pipes = serveStdioInProcess(app);
  pipes.stdin.write(INITIALIZE);
  await untilTrue(app, () => pipes.lines.length === 1);
  await pipes.close();
  await pipes.close();
  await pipes.closed;
  app.close();
});

Deno.test("stdio: every line is a JSON-RPC message, and progress comes before its result", async () => {
  const app = openApp();
  const pipes = serveStdioInProcess(app);
  const session_id = app.simulator.createSession({ agent: "slow" });
  pipes.stdin.write(INITIALIZE);
  pipes.stdin.write(line({ method: "notifications/initialized" }));
  pipes.stdin.write("this is not JSON\n");
  pipes.stdin.write(line({ id: 1, method: "tools/list" }));
  pipes.stdin.write(call(2, "send_message", { session_id, text: "multi\nline ☃" }));
  await untilTrue(app, () => pipes.lines.length >= 3);
  pipes.stdin.write(call(3, "wait_for_idle", { session_id }, { progressToken: "tok" }));
  await untilTrue(app, () => pipes.lines.some((text) => text.includes('"id":3')));
  await app.clock.advance(60_000);
  const messages = pipes.lines.map((text): Record<string, unknown> => JSON.parse(text));
  for (const message of messages) assertEquals(message.jsonrpc, "2.0");
  const kinds = messages.map(({ id, method }) => method ?? `result ${id}`);
  const progress = kinds.filter((kind) => kind === "notifications/progress");
  assert(progress.length >= 2, kinds.join());
  assertEquals(kinds.at(-1), "result 3");
  assertEquals(kinds.filter((kind) => kind === "result 3").length, 1);
  for (const message of messages.filter(({ method }) => method === "notifications/progress")) {
    assert(JSON.stringify(message.params).includes('"progressToken":"tok"'));
  }
  await pipes.close();
  app.close();
});

Deno.test("stdio: the tool list promises no changes, and may be cached", async () => {
  const app = openApp();
  const pipes = serveStdioInProcess(app);
  pipes.stdin.write(line({
    id: 1,
    method: "server/discover",
    params: {
      _meta: {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
      },
    },
  }));
  pipes.stdin.write(line({
    id: 2,
    method: "tools/list",
    params: {
      _meta: {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
      },
    },
  }));
  await untilTrue(app, () => pipes.lines.length === 2);
  const [discovered, listed] = pipes.lines;
  assert(discovered?.includes('"tools":{"listChanged":false}'), discovered);
  assert(listed?.includes('"ttlMs":3600000') && listed.includes('"cacheScope":"public"'), listed);
  assert((listed?.length ?? 0) < 12_000, `${listed?.length} characters`);
  await pipes.close();
  app.close();
});

for (const era of ["2025-11-25", "2026-07-28"]) {
  Deno.test(`stdio, ${era}: null in place of all arguments means that there are none`, async () => {
    const app = openApp();
    const pipes = serveStdioInProcess(app);
    const isModern = era === "2026-07-28";
    if (!isModern) {
      pipes.stdin.write(INITIALIZE);
      pipes.stdin.write(line({ method: "notifications/initialized" }));
    }
    pipes.stdin.write(call(
      1,
      "list_agents",
      null,
      isModern
        ? {
          "io.modelcontextprotocol/protocolVersion": era,
          "io.modelcontextprotocol/clientCapabilities": {},
        }
        : undefined,
    ));
    await untilTrue(app, () => pipes.lines.some((answer) => JSON.parse(answer).id === 1));
    const answer = pipes.lines.find((answer) => JSON.parse(answer).id === 1) ?? "";
    assert(answer.includes("agent_") && !answer.includes('"error"'), answer);
    await pipes.close();
    app.close();
  });
}

Deno.test("stdio: a message is one line also for readers that split at U+2028", async () => {
  const app = openApp();
  const pipes = serveStdioInProcess(app);
  const text = "a\u2028b\u2029c\u0085d";
  const session_id = app.simulator.createSession({ scripted: false });
  app.simulator.emit(session_id, { type: "session.status_running" });
  app.simulator.emit(session_id, { type: "agent.message", content: [{ type: "text", text }] });
  const stop_reason = { type: "end_turn" };
  app.simulator.emit(session_id, { type: "session.status_idle", stop_reason });
  pipes.stdin.write(INITIALIZE);
  pipes.stdin.write(line({ method: "notifications/initialized" }));
  pipes.stdin.write(call(3, "wait_for_idle", { session_id }));
  await untilTrue(app, () => pipes.lines.some((text) => text.includes('"id":3')));
  const answer = pipes.lines.find((text) => text.includes('"id":3')) ?? "";
  assertEquals(/[\u0085\u2028\u2029]/.test(answer), false);
  assertEquals(JSON.parse(answer).result.structuredContent.reply, text);
  await pipes.close();
  app.close();
});
