import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { createApp } from "../../../../src/commands/serve/app.ts";
import { serveStdio, serveUnready } from "../../../../src/commands/serve/stdio.ts";
import type { UnreadyConfig } from "../../../../src/config/config.ts";
import { UsageError } from "../../../../src/core/errors.ts";
import { type RecordedProgram, recordProgram } from "../../../helpers/program.ts";

/** A program whose host hangs up at once. */
function hungUp(): RecordedProgram {
  const { protocol: { output } } = recordProgram();
  return recordProgram({ protocol: { input: () => ReadableStream.from([]), output } });
}

async function serving(program: RecordedProgram): Promise<void> {
  const server = { baseUrl: "http://127.0.0.1:1", maxWaits: 2 };
  const app = await createApp({ simulate: true, server }, program);
  try {
    await serveStdio(app, program);
  } finally {
    app.close();
  }
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
