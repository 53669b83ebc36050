import { assert, assertEquals, assertMatch } from "@std/assert";
import { health } from "../../../src/commands/health.ts";
import { resolveConfig } from "../../../src/config/resolve.ts";
import type { HealthConfig } from "../../../src/config/config.ts";
import { makeCertificate } from "../../helpers/certificate.ts";
import { ManualClock } from "../../helpers/manual_clock.ts";
import { recordProgram } from "../../helpers/program.ts";

async function configOf(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<HealthConfig> {
  const config = await resolveConfig(
    ["health", ...args],
    (name) => env[name],
    () => Promise.resolve(""),
  );
  if (config.command !== "health") throw new Error(`That is ${config.command}`);
  return config;
}

interface Seen {
  readonly alive: boolean;
  readonly printed: string;
}

async function ask(config: HealthConfig, readFile?: () => Promise<string>): Promise<Seen> {
  const program = recordProgram(readFile && { readFile });
  const alive = await health(config, program);
  return { alive, printed: program.printed.join("\n") };
}

/** Asks a server that answers everything with `status`. */
async function askServer(status: number, host = "127.0.0.1"): Promise<Seen & { url: string }> {
  let url = "";
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    url = request.url;
    return new Response(null, { status });
  });
  try {
    return { ...await ask(await configOf(["--host", host, "--port", `${server.addr.port}`])), url };
  } finally {
    await server.shutdown();
  }
}

Deno.test("health() is true for a server that answers 200, and says ok", async () => {
  const { alive, printed, url } = await askServer(200);
  assertEquals([alive, printed], [true, "ok"]);
  assertEquals(new URL(url).pathname, "/health");
});

Deno.test("health() asks loopback where the server listens on every interface", async () => {
  assertEquals((await askServer(200, "0.0.0.0")).alive, true);
});

for (const status of [204, 404, 500, 503]) {
  Deno.test(`health() is false for a server that answers ${status}, and says so`, async () => {
    const { alive, printed } = await askServer(status);
    assertEquals(alive, false);
    assertMatch(
      printed,
      new RegExp(`^127\\.0\\.0\\.1:\\d+ answers 'HTTP/1\\.1 ${status} .*', not 200$`),
    );
  });
}

Deno.test("health() is false where nothing listens, in one line", async () => {
  const { alive, printed } = await ask(await configOf(["--port", "1"]));
  assertEquals(alive, false);
  assertMatch(printed, /^127\.0\.0\.1:1 does not answer: .*$/);
});

/** A server of bytes: takes one connection and does with it what it is told. */
async function askRaw(
  serve: (connection: Deno.Conn) => Promise<void>,
  use: (config: HealthConfig) => Promise<void>,
): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const served = listener.accept().then(serve);
  try {
    await use(await configOf(["--port", `${listener.addr.port}`]));
    await served;
  } finally {
    listener.close();
  }
}

Deno.test("health() is false for a server that speaks no HTTP, and for one that hangs up", async () => {
  const answers = ["SSH-2.0-OpenSSH\r\n", "", "HTTP/1.1 2000 Odd\r\n", "x".repeat(5_000)];
  for (const answer of answers) {
    await askRaw(async (connection) => {
      await connection.read(new Uint8Array(1024));
      await connection.write(new TextEncoder().encode(answer)).catch(() => {});
      connection.close();
    }, async (config) => assertEquals((await ask(config)).alive, false, answer.slice(0, 20)));
  }
});

Deno.test("health() reads a status that comes in pieces", async () => {
  await askRaw(async (connection) => {
    for (const piece of ["HTTP/1.", "1 200", " OK\r\n\r\n"]) {
      await connection.write(new TextEncoder().encode(piece));
    }
    await connection.read(new Uint8Array(1024));
    connection.close();
  }, async (config) => assertEquals((await ask(config)).alive, true));
});

Deno.test("health() gives up after three seconds with a server that says nothing", async () => {
  const clock = new ManualClock();
  const asked = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  await askRaw(async (connection) => {
    await connection.read(new Uint8Array(1024));
    asked.resolve();
    await ended.promise;
    connection.close();
  }, async (config) => {
    const program = recordProgram({ clock });
    const answer = health(config, program);
    await asked.promise;
    await clock.advance(2_999);
    assertEquals(program.printed, []);
    await clock.advance(1);
    assertEquals(await answer, false);
    ended.resolve();
  });
});

Deno.test("health() asks over TLS where the server has a certificate, whatever name is on it", async () => {
  const { cert, key } = await makeCertificate();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, cert, key, onListen: () => {} },
    () => new Response(),
  );
  const args = ["--port", `${server.addr.port}`, "--tls-cert", "cert.pem"];
  try {
    assertEquals((await ask(await configOf(args), () => Promise.resolve(cert))).alive, true);
    // Without TLS, the server hangs up.
    assertEquals((await ask(await configOf(args.slice(0, 2)))).alive, false);
    const unreadable = await ask(
      await configOf(args),
      () => Promise.reject(new Error("No such file")),
    );
    assertEquals(unreadable.alive, false);
    assert(unreadable.printed.includes("No such file"));
  } finally {
    await server.shutdown();
  }
});

Deno.test("health takes host and port from where the server takes them", async () => {
  assertEquals(await configOf([], { HOST: "0.0.0.0", PORT: "8080" }), {
    command: "health",
    listenAddress: "0.0.0.0",
    port: 8080,
    certFile: undefined,
  });
  assertEquals((await configOf(["--port", "81"], { PORT: "8080" })).port, 81);
  assertEquals((await configOf([])).port, 3000);
});

Deno.test("health() gives up on a certificate file that cannot be read to its end", async () => {
  const clock = new ManualClock();
  const program = recordProgram({ clock, readFile: () => new Promise(() => {}) });
  const config = { ...await configOf(["--port", "1"]), certFile: "pipe.pem" };
  assertEquals(await clock.runUntil(health(config, program)), false);
  assertMatch(program.printed.join(), /does not answer: No answer in 3000 ms/);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("health() gives up on a server that takes connections and says nothing", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const taken = listener.accept();
  const clock = new ManualClock();
  const program = recordProgram({ clock });
  const asking = health(await configOf(["--port", `${listener.addr.port}`]), program);
  using connection = await taken;
  // The request has come: from here on nothing does.
  await connection.read(new Uint8Array(1024));
  assertEquals(await clock.runUntil(asking), false);
  assertMatch(program.printed.join(), /does not answer: No answer in 3000 ms/);
});

Deno.test("health() without a certificate says that the server speaks TLS", async () => {
  const { cert, key } = await makeCertificate();
  const options = { hostname: "127.0.0.1", port: 0, cert, key, onListen: () => {} };
  await using server = Deno.serve(options, () => new Response());
  const { alive, printed } = await ask(await configOf(["--port", `${server.addr.port}`]));
  assertEquals(alive, false);
  assertMatch(printed, /it speaks TLS: name its certificate with --tls-cert$/);
});
