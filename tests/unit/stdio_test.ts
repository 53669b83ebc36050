import { assert, assertEquals } from "@std/assert";
import { McpServer, Server } from "@modelcontextprotocol/server";
import { silentLogger } from "../../src/core/logger.ts";
import { serveStdioTransport } from "../../src/stdio.ts";
import { settle } from "../helpers/manual_clock.ts";

const FAILURES: readonly [string, Error, string][] = [
  ["a host that has gone", new Deno.errors.BrokenPipe("Broken pipe"), "stdout is closed"],
  ["the same as Node tells it", Object.assign(new Error(), { code: "EPIPE" }), "stdout is closed"],
  [
    "a full disk",
    new Error("No space left on device (os error 28)"),
    "stdout cannot be written: Error: No space left on device (os error 28)",
  ],
];

for (const [name, failure, expected] of FAILURES) {
  Deno.test(`serveStdioTransport() ends when a write fails, and says why: ${name}`, async () => {
    const reasons: unknown[] = [];
    const failed = Promise.withResolvers<void>();
    const connection = serveStdioTransport(() => new McpServer({ name: "test", version: "0" }), {
      log: { ...silentLogger, error: (_message, fields) => reasons.push(fields?.reason) },
      input: new ReadableStream<Uint8Array>(),
      output: { write: () => true, failure, failed: failed.promise },
    });
    failed.resolve();
    await connection.closed;
    assertEquals(reasons, [expected]);
  });
}

/** A client of 2025-11-25 that is asked while its call runs, line by line. */
function askedClient() {
  const logged: [string, string, unknown][] = [];
  const sent: Record<string, unknown>[] = [];
  const answers: unknown[] = [];
  const withdrawing = new AbortController();
  const input = new TransformStream<Uint8Array, Uint8Array>();
  const writer = input.writable.getWriter();
  const server = () => {
    const made = new Server({ name: "test", version: "0" }, { capabilities: { tools: {} } });
    made.setRequestHandler("tools/call", async (_request, { mcpReq }) => {
      const requestedSchema = { type: "object" as const, properties: {} };
      const params = { message: "?", requestedSchema };
      const { signal } = withdrawing;
      await mcpReq.send({ method: "elicitation/create", params }, { signal })
        .then((answer) => answers.push(answer), () => answers.push("withdrawn"));
      return { content: [] };
    });
    return made;
  };
  const keep = (level: string) => (message: string, fields?: unknown) => {
    logged.push([level, message, fields]);
  };
  const connection = serveStdioTransport(server, {
    log: { ...silentLogger, info: keep("info"), debug: keep("debug") },
    input: input.readable,
    output: {
      write: (line) => {
        sent.push(JSON.parse(line));
        return true;
      },
      failure: undefined,
      failed: new Promise(() => {}),
    },
  });
  const write = async (message: object) => {
    await writer.write(new TextEncoder().encode(`${JSON.stringify(message)}\n`));
    await settle();
  };
  return {
    ...{ logged, sent, answers, withdrawing, write },
    /** Makes a call, and returns the id of the question that it leads to. */
    async call() {
      const params = {
        protocolVersion: "2025-11-25",
        capabilities: { elicitation: {} },
        clientInfo: { name: "raw", version: "0" },
      };
      await write({ jsonrpc: "2.0", id: 0, method: "initialize", params });
      await write({ jsonrpc: "2.0", method: "notifications/initialized" });
      await write({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "x" } });
      const question = sent.find(({ method }) => method === "elicitation/create");
      assert(question);
      return question.id;
    },
    async close() {
      await writer.close();
      await connection.closed;
    },
  };
}

/** The lines of the log at level info, and those that are for an audit. */
function linesAt(level: string, logged: readonly [string, string, unknown][]) {
  return logged.filter(([at]) => at === level).map(([, message, fields]) => ({ message, fields }));
}

const ANSWER = { action: "accept", content: { secret: "words of the person" } };

Deno.test("serveStdioTransport() takes an answer to its question, once", async () => {
  const client = askedClient();
  const id = await client.call();
  await client.write({ jsonrpc: "2.0", id, result: ANSWER });
  assertEquals(client.answers, [ANSWER]);
  assertEquals(linesAt("info", client.logged), []);
  await client.write({ jsonrpc: "2.0", id, result: ANSWER });
  assertEquals(client.answers, [ANSWER]);
  assertEquals(linesAt("info", client.logged).length, 1);
  await client.close();
});

Deno.test("serveStdioTransport() takes an answer whose id became a text on its way", async () => {
  const client = askedClient();
  const id = await client.call();
  await client.write({ jsonrpc: "2.0", id: String(id), result: ANSWER });
  assertEquals(client.answers, [ANSWER]);
  await client.close();
});

Deno.test("serveStdioTransport() drops an answer that comes too late, and logs it without its content", async () => {
  const client = askedClient();
  const id = await client.call();
  // Clients with SDK 1.x cannot cancel a request with the id 0.
  assertEquals(id, 1);
  client.withdrawing.abort("Too late.");
  await settle();
  assertEquals(client.answers, ["withdrawn"]);
  assertEquals(client.sent.filter(({ method }) => method === "notifications/cancelled"), [{
    jsonrpc: "2.0",
    method: "notifications/cancelled",
    params: { requestId: id, reason: "Too late." },
  }]);
  await client.write({ jsonrpc: "2.0", id, result: ANSWER });
  assertEquals(linesAt("info", client.logged), [{
    message: "An answer came too late",
    fields: { audit: true, request_id: String(id) },
  }]);
  assert(!JSON.stringify(client.logged).includes("words of the person"));
  await client.close();
});

Deno.test("serveStdioTransport() does not take an error for a late answer, nor repeat any text as an id", async () => {
  const client = askedClient();
  const id = await client.call();
  client.withdrawing.abort("Too late.");
  await settle();
  await client.write({ jsonrpc: "2.0", id, error: { code: -32_800, message: "Cancelled" } });
  assertEquals(linesAt("info", client.logged), []);
  await client.write({ jsonrpc: "2.0", id: "any words at all", result: ANSWER });
  const [line] = linesAt("info", client.logged);
  assertEquals(line?.fields, { audit: true, request_id: undefined });
  await client.close();
});
