import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { z } from "zod";
import { listen } from "../../src/runtime/deno_listener.ts";
import { systemClock } from "../../src/core/clock.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { createSimulator } from "../../src/simulator/mod.ts";
import { Spawned } from "../helpers/spawned.ts";
import { INITIALIZE, INITIALIZED } from "../helpers/stdio_program.ts";
import { streamsAre } from "../helpers/upstream_process.ts";

const toolAnswer = z.object({
  result: z.object({
    isError: z.boolean().optional(),
    structuredContent: z.record(z.string(), z.unknown()).optional(),
    content: z.array(z.object({ text: z.string() })),
  }),
});

async function call(program: Spawned, name: string, args: object, progressToken?: string) {
  const _meta = progressToken ? { _meta: { progressToken } } : {};
  const answer = await program.request("tools/call", { name, arguments: args, ..._meta });
  return toolAnswer.parse(answer).result;
}

async function startSession(program: Spawned, agent: string): Promise<string> {
  const { structuredContent } = await call(program, "list_agents", { name_contains: agent });
  const { agents } = z.object({ agents: z.array(z.object({ id: z.string() })) })
    .parse(structuredContent);
  const created = await call(program, "create_session", {
    agent_id: agents[0]?.id,
    message: "What is the time?",
  });
  return z.object({ session_id: z.string() }).parse(created.structuredContent).session_id;
}

/** Starts a wait that will not end by itself soon; resolves when it runs. */
async function openWait(program: Spawned): Promise<void> {
  const session_id = await startSession(program, "long wait");
  await program.send({
    jsonrpc: "2.0",
    id: "open",
    method: "tools/call",
    params: {
      name: "wait_for_idle",
      arguments: { session_id, timeout_sec: 600 },
      _meta: { progressToken: "open" },
    },
  });
  await program.until(() => program.stdout.find((line) => line.includes("notifications/progress")));
}

function assertOnlyJsonRpc(program: Spawned): void {
  assert(program.stdout.length > 0);
  for (const line of program.stdout) assertEquals(JSON.parse(line).jsonrpc, "2.0", line);
}

Deno.test("the program plays a whole turn on stdio, and stdout is JSON-RPC line by line", async () => {
  const program = new Spawned(["--simulate"]);
  const { result } = await program.initialize();
  assertStringIncludes(JSON.stringify(result), "SIMULATED");
  const listed = await program.request("tools/list");
  const { tools } = z.object({ tools: z.array(z.object({ name: z.string() })) })
    .parse(listed.result);
  assertEquals(tools.length, 9);

  const session_id = await startSession(program, "quick");
  const outcome = await call(program, "wait_for_idle", { session_id }, "p");
  assertEquals(outcome.structuredContent?.status, "idle");
  assertStringIncludes(String(outcome.structuredContent?.reply), "What is the time?");

  await program.closeStdin();
  assertEquals((await program.ending()).code, 0);
  assertOnlyJsonRpc(program);
  assertMatch(
    program.stderr.join("\n"),
    /^cma-mcp info: Version \S+ serves MCP on stdio.*SIMULATOR/,
  );
});

Deno.test("the program ends promptly when stdin closes, also while a wait is open", async () => {
  const program = new Spawned(["--simulate"]);
  await program.initialize();
  await openWait(program);
  await program.closeStdin();
  const { code, ms } = await program.ending();
  assertEquals(code, 0);
  assert(ms < program.promptMs, `It took ${ms} ms`);
  assertOnlyJsonRpc(program);
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(`the program answers an open wait and ends promptly on ${signal}`, async () => {
    const program = new Spawned(["--simulate"]);
    await program.initialize();
    await openWait(program);
    program.kill(signal);
    const { code, ms } = await program.ending();
    assertEquals(code, 0);
    assert(ms < program.promptMs, `It took ${ms} ms`);
    assertOnlyJsonRpc(program);
    const answer = program.stdout.map((line) => JSON.parse(line)).find(({ id }) => id === "open");
    assertEquals(toolAnswer.parse(answer).result.structuredContent?.status, "timeout");
  });
}

Deno.test("the program reaches an API over the network, and keeps the key to itself", async () => {
  const key = "sk-ant-e2e-0123456789";
  const simulator = createSimulator({ clock: systemClock, apiKey: key });
  const server = listen(
    { host: "127.0.0.1", port: 0 },
    (request) => simulator.fetch(request),
    silentLogger,
  );
  const program = new Spawned(["--log-level", "debug"], {
    ANTHROPIC_API_KEY: key,
    CMA_BASE_URL: `http://127.0.0.1:${server.addr.port}`,
  });
  await program.initialize();
  const session_id = await startSession(program, "quick");
  const outcome = await call(program, "wait_for_idle", { session_id });
  assertEquals(outcome.structuredContent?.status, "idle");
  await openWait(program);
  await streamsAre({ state: () => ({ openStreams: simulator.openStreams() }) }, 1);
  await program.closeStdin();
  assertEquals((await program.ending()).code, 0);
  const output = [...program.stdout, ...program.stderr].join("\n");
  assert(!output.includes(key));
  await server.shutdown();
  simulator.close();
});

Deno.test("the program answers with a tool error when the API cannot be reached", async () => {
  const key = "plain-looking-secret-key";
  const program = new Spawned(["--log-level", "debug"], {
    ANTHROPIC_API_KEY: key,
    // Port 1 is taken by nothing; the connection is refused at once.
    CMA_BASE_URL: "http://127.0.0.1:1",
  });
  await program.initialize();
  const answer = await call(program, "get_agent", { agent_id: "agent_1" });
  assertEquals(answer.isError, true);
  await program.closeStdin();
  assertEquals((await program.ending()).code, 0);
  assert(![...program.stdout, ...program.stderr].join("\n").includes(key));
});

Deno.test("the program answers in order what a host writes at once, before its tools are loaded", async () => {
  const program = new Spawned(["--simulate"]);
  const list = (id: number) => ({ jsonrpc: "2.0", id, method: "tools/list" });
  const messages = [INITIALIZE, INITIALIZED, list(1), list(2)];
  await program.sendText(messages.map((message) => `${JSON.stringify(message)}\n`).join(""));
  await program.closeStdin();
  assertEquals((await program.ending()).code, 0);
  const responses = program.stdout.map((line) => JSON.parse(line));
  assertEquals(responses.map(({ id }) => id), [INITIALIZE.id, 1, 2]);
  assertEquals(responses[2].result.tools.length, 9);
});

Deno.test("the program survives input that is not JSON-RPC", async () => {
  const program = new Spawned(["--simulate"]);
  await program.send(["not", "a", "request"]);
  const { result } = await program.initialize();
  assert(result !== undefined);
  await program.closeStdin();
  assertEquals((await program.ending()).code, 0);
  assertOnlyJsonRpc(program);
});

Deno.test("the program on stdio answers a call that runs when it is told to end", async () => {
  const simulator = createSimulator({ clock: systemClock });
  const server = listen(
    { host: "127.0.0.1", port: 0 },
    (request) => simulator.fetch(request),
    silentLogger,
  );
  const session_id = simulator.createSession();
  simulator.faults.add({ match: { method: "POST" }, fault: { kind: "latency", ms: 700 } });
  const program = new Spawned([], {
    ANTHROPIC_API_KEY: "e2e-key",
    CMA_BASE_URL: `http://127.0.0.1:${server.addr.port}`,
  });
  await program.initialize();
  const answered = call(program, "send_message", { session_id, text: "Hello" });
  while (!simulator.requests.some(({ method }) => method === "POST")) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  program.kill("SIGTERM");
  assertEquals((await answered).structuredContent?.queued, true);
  assertEquals((await program.ending()).code, 0);
  simulator.close();
  await server.shutdown();
});

Deno.test("the program answers a last message without a line end, and logs a cut one", async () => {
  for (const [last, answered] of [['"method":"ping"}', true], ['"method":"pi', false]] as const) {
    const program = new Spawned(["--simulate"]);
    await program.initialize();
    await program.sendText(`{"jsonrpc":"2.0","id":"last",${last}`);
    await program.closeStdin();
    assertEquals((await program.ending()).code, 0);
    const answers = program.stdout.map((line) => JSON.parse(line));
    assertEquals(answers.some(({ id, result }) => id === "last" && result), answered);
    const told = program.stderr.some((line) => line.includes("A line on stdin cannot be read"));
    assertEquals(told, !answered);
  }
});
