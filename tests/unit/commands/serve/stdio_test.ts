import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import type { AppConfig } from "../../../../src/commands/serve/app.ts";
import { serveStdio, serveUnready } from "../../../../src/commands/serve/stdio.ts";
import type { UnreadyConfig } from "../../../../src/config/config.ts";
import { UsageError } from "../../../../src/core/errors.ts";
import { ManualClock } from "../../../helpers/manual_clock.ts";
import { type RecordedProgram, recordProgram } from "../../../helpers/program.ts";
import { until } from "../../../helpers/until.ts";

const INITIALIZE = {
  jsonrpc: "2.0",
  id: 0,
  method: "initialize",
  params: {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "test", version: "0" },
  },
};
const INITIALIZED = { jsonrpc: "2.0", method: "notifications/initialized" };

const CONFIG: AppConfig = {
  simulate: true,
  server: { baseUrl: "http://127.0.0.1:1", maxWaits: 2 },
};

/** A program whose host writes these messages at once, and hangs up; and what it responds. */
function written(...messages: readonly object[]) {
  const responses: Record<string, unknown>[] = [];
  const { protocol } = recordProgram();
  const lines = messages.map((message) => `${JSON.stringify(message)}\n`).join("");
  const program = recordProgram({
    protocol: {
      input: () => ReadableStream.from([new TextEncoder().encode(lines)]),
      output: {
        ...protocol.output,
        write: (line) => responses.push(JSON.parse(line)) > 0,
      },
    },
  });
  return { program, responses };
}

/** A program whose host hangs up at once. */
function hungUp(): RecordedProgram {
  return written().program;
}

function serving(program: RecordedProgram): Promise<void> {
  return serveStdio(CONFIG, program);
}

Deno.test("serveStdio() says that it serves, and ends when the host hangs up", async () => {
  const program = hungUp();
  await serving(program);
  assertMatch(program.logged.join("\n"), /serves MCP on stdio/);
});

Deno.test("serveStdio() ends when the process is asked to end", async () => {
  const program = recordProgram();
  const served = serving(program);
  await program.loggedMatch(/serves MCP on stdio/);
  program.stop();
  await served;
});

Deno.test("serveStdio() tells a person at a terminal what to type", async () => {
  const program = { ...hungUp(), stdinIsTerminal: true };
  await serving(program);
  assertMatch(program.logged.join("\n"), /type 'cma-mcp config <host>'/);
});

const LIST = { jsonrpc: "2.0", id: 1, method: "tools/list" };
const CALL = { jsonrpc: "2.0", id: 2, method: "tools/call", params: { name: "list_agents" } };

Deno.test("serveStdio() serves what a host writes before the tools are loaded, in its order", async () => {
  const { program, responses } = written(INITIALIZE, INITIALIZED, LIST, { ...LIST, id: 3 });
  await serving(program);
  assertEquals(responses.map(({ id }) => id), [INITIALIZE.id, 1, 3]);
  for (const { result } of responses) assert(result);
});

Deno.test("serveStdio() serves a host that begins without a handshake", async () => {
  const { program, responses } = written({ ...LIST, id: 1 });
  await serving(program);
  assertEquals(responses.map(({ id, result }) => [id, typeof result]), [[1, "object"]]);
});

Deno.test("serveStdio() cancels a call that it has not begun yet when the host cancels it", async () => {
  const params = { requestId: CALL.id };
  const { program, responses } = written(
    ...[INITIALIZE, INITIALIZED, CALL],
    { jsonrpc: "2.0", method: "notifications/cancelled", params },
    LIST,
  );
  await serving(program);
  assertEquals(responses.map(({ id }) => id), [INITIALIZE.id, LIST.id]);
});

Deno.test("serveStdio() loads no tools for a host that only asks whether it is there", async () => {
  let files = 0;
  const { program, responses } = written({ jsonrpc: "2.0", id: 1, method: "ping" });
  const openHttpClient: typeof program.openHttpClient = (options) => {
    files++;
    return program.openHttpClient(options);
  };
  const credential = { kind: "api_key" as const, value: "sk-ant-key" };
  const config = { ...CONFIG, simulate: false, credential };
  await serveStdio(config, { ...program, openHttpClient });
  assertEquals([responses.length, files], [1, 0]);
});

Deno.test("serveStdio() throws what keeps the tools from being served", async () => {
  const { program } = written(INITIALIZE, INITIALIZED, LIST);
  // No key.
  const config = { ...CONFIG, simulate: false };
  await assertRejects(() => serveStdio(config, program), Error, "has a credential");
});

const REMOTE: AppConfig = {
  simulate: false,
  credential: { kind: "api_key", value: "sk-ant-key" },
  server: { baseUrl: "http://127.0.0.1:1" },
};

/** A program whose host writes these messages and stays, on a clock in the test's hands. */
function staying(...messages: readonly object[]) {
  const clock = new ManualClock();
  const clients = { opened: 0, closed: 0 };
  const host = new TransformStream<Uint8Array, Uint8Array>();
  const writer = host.writable.getWriter();
  for (const message of messages) {
    writer.write(new TextEncoder().encode(`${JSON.stringify(message)}\n`)).catch(() => {});
  }
  const responded = Promise.withResolvers<void>();
  const { protocol } = recordProgram();
  const program = recordProgram({
    clock,
    protocol: {
      input: () => host.readable,
      output: {
        ...protocol.output,
        write: () => {
          responded.resolve();
          return true;
        },
      },
    },
    openHttpClient: () => {
      clients.opened++;
      return { fetch: () => new Promise(() => {}), close: () => void clients.closed++ };
    },
  });
  return { clock, clients, program, writer, responded: responded.promise };
}

Deno.test("serveStdio() builds the app 20 ms after its first response, unasked", async () => {
  const { clock, program, responded } = staying(INITIALIZE);
  let ended = false;
  // Without a key the app cannot be built.
  const served = serveStdio({ ...REMOTE, credential: undefined }, program)
    .finally(() => ended = true);
  const failing = assertRejects(() => served, Error, "has a credential");
  await responded;
  await clock.advance(19);
  assertEquals(ended, false);
  await clock.advance(1);
  await failing;
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("serveStdio() reads the agents that are tools before any message comes", async () => {
  const { clients, program, writer } = staying();
  const config = { ...REMOTE, server: { ...REMOTE.server, publish: "all" as const } };
  const served = serveStdio(config, program);
  // Modules are imported meanwhile, which takes a busy machine seconds.
  await until(() => clients.opened > 0);
  await writer.close();
  await served;
  assertEquals(clients.closed, clients.opened);
});

Deno.test("serveStdio() looks whether it can make traces before any message comes", async () => {
  const { program, writer } = staying();
  const config = { ...REMOTE, server: { ...REMOTE.server, tracing: true } };
  await writer.close();
  await serveStdio(config, program);
  assertMatch(program.logged.join("\n"), /OTEL_DENO has no effect/);
});

const UNREADY: UnreadyConfig = {
  command: "unready",
  message: "Set ANTHROPIC_API_KEY",
  log: { level: "info", format: "text" },
};

Deno.test("serveUnready() notes what to set, and ends when the host hangs up", async () => {
  const program = hungUp();
  await serveUnready(UNREADY, program);
  assertEquals(program.noted, ["cma-mcp: Set ANTHROPIC_API_KEY"]);
});

Deno.test("serveUnready() ends when the process is asked to end", async () => {
  const program = recordProgram();
  const served = serveUnready(UNREADY, program);
  program.stop();
  await served;
});

Deno.test("serveUnready() throws at once where a person types", async () => {
  const program = recordProgram({ stdinIsTerminal: true });
  await assertRejects(() => serveUnready(UNREADY, program), UsageError, "Set ANTHROPIC_API_KEY");
  assertEquals(program.noted, []);
});
