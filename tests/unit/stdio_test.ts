import { assertEquals } from "@std/assert";
import { McpServer } from "@modelcontextprotocol/server";
import { silentLogger } from "../../src/core/logger.ts";
import { serveStdioTransport } from "../../src/stdio.ts";

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
