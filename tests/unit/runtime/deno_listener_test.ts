import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { listen } from "../../../src/runtime/deno_listener.ts";
import { createLogger, silentLogger } from "../../../src/core/logger.ts";
import { UsageError } from "../../../src/core/errors.ts";
import { CutConnection } from "../../../src/runtime/runtime.ts";

const LOOPBACK = { host: "127.0.0.1", port: 0 };
const answer = () => Promise.resolve(new Response("hello"));

Deno.test("listen() serves on a free port", async () => {
  const server = listen(LOOPBACK, answer, silentLogger);
  const response = await fetch(`http://127.0.0.1:${server.addr.port}`);
  assertEquals(await response.text(), "hello");
  await server.shutdown();
});

Deno.test("listen() says what to type when the port is taken", async () => {
  const server = listen(LOOPBACK, answer, silentLogger);
  const taken = { ...LOOPBACK, port: server.addr.port };
  assertThrows(() => listen(taken, answer, silentLogger), UsageError, "--port <another>");
  await server.shutdown();
});

Deno.test("listen() says what to type when the address is not this machine's", () => {
  // Reserved for documentation (RFC 5737): no machine has it.
  const foreign = { host: "192.0.2.1", port: 0 };
  assertThrows(() => listen(foreign, answer, silentLogger), UsageError, "another --host");
});

Deno.test("listen() answers 500 and logs when a request is not handled", async () => {
  const lines: string[] = [];
  const log = createLogger({
    level: "debug",
    format: "text",
    redact: (text) => text,
    write: (line) => lines.push(line),
    now: () => 0,
  });
  const server = listen(LOOPBACK, () => Promise.reject(new Error("oh")), log);
  const response = await fetch(`http://127.0.0.1:${server.addr.port}`);
  await response.body?.cancel();
  assertEquals(response.status, 500);
  assertMatch(lines.join("\n"), /debug: A request failed.*oh/);
  await server.shutdown();
});

Deno.test("listen() closes a connection without a response where the handler says so", async () => {
  const cut = () => Promise.reject(new CutConnection());
  const server = listen(LOOPBACK, cut, silentLogger);
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.addr.port });
  await connection.write(new TextEncoder().encode("GET / HTTP/1.1\r\nhost: a\r\n\r\n"));
  assertEquals(await connection.read(new Uint8Array(100)).catch(() => null), null);
  connection.close();
  await server.shutdown();
});

Deno.test("listen() ends while a connection is being cut", async () => {
  for (const cutsFirst of [true, false]) {
    const asked = Promise.withResolvers<void>();
    const answered = Promise.withResolvers<Response>();
    const server = listen(LOOPBACK, () => {
      asked.resolve();
      return answered.promise;
    }, silentLogger);
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.addr.port });
    await connection.write(new TextEncoder().encode("GET / HTTP/1.1\r\nhost: a\r\n\r\n"));
    await asked.promise;
    if (cutsFirst) answered.reject(new CutConnection());
    const ending = server.shutdown();
    answered.reject(new CutConnection());
    await ending;
    connection.close();
  }
});

Deno.test("listen() says when it takes no more connections", async () => {
  const server = listen(LOOPBACK, answer, silentLogger);
  assert(server.isAccepting);
  assertEquals([server.openConnections, server.closedForRoom], [0, 0]);
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.addr.port });
  await connection.write(new TextEncoder().encode("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"));
  await connection.read(new Uint8Array(1_000));
  assertEquals(server.openConnections, 1);
  connection.close();
  await server.shutdown();
  assert(!server.isAccepting);
  assertEquals(server.openConnections, 0);
  await server.shutdown();
});
