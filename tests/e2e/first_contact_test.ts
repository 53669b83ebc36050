import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { systemClock } from "../../src/core/clock.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { listen } from "../../src/runtime/deno_listener.ts";
import { createSimulator } from "../../src/simulator/mod.ts";
import { Child } from "../helpers/child.ts";
import { freePort } from "../helpers/free_port.ts";
import { EXECUTABLE, Spawned } from "../helpers/spawned.ts";
import { TextLineStream } from "../helpers/text_lines.ts";

const MAIN = new URL("../../src/main.ts", import.meta.url).pathname;

/** What starts the program, as a shell would be told. */
const COMMAND = EXECUTABLE
  ? [EXECUTABLE]
  : [Deno.execPath(), "run", "--quiet", "--no-prompt", "-P=serve", MAIN];

/** Where the runtime keeps packages, which otherwise depends on the home directory. */
async function denoDir(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).denoDir;
}

/** A home directory of nobody's, and the variables that lead there. */
async function emptyHome() {
  const path = await Deno.makeTempDir();
  const env = { HOME: path, USERPROFILE: path, DENO_DIR: await denoDir() };
  return { path, env, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** The program with a terminal on all three streams, by way of util-linux's `script`. */
class OnTerminal {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reading: Promise<void>;
  #seen = "";
  #wake = () => {};

  constructor(args: readonly string[], env: Readonly<Record<string, string>>) {
    const words = [...COMMAND, ...args].map((word) => `'${word}'`).join(" ");
    this.#child = new Deno.Command("script", {
      args: ["-q", "-e", "-c", `exec ${words}`, "/dev/null"],
      clearEnv: true,
      env: { PATH: Deno.env.get("PATH") ?? "", TERM: "xterm", SHELL: "/bin/sh", ...env },
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#reading = this.#read();
  }

  async #read(): Promise<void> {
    for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      this.#seen += text;
      this.#wake();
    }
    this.#wake();
  }

  /** Resolves when the screen shows it. */
  async shows(pattern: RegExp): Promise<void> {
    let over = false;
    this.#reading.then(() => over = true);
    while (!pattern.test(this.#seen)) {
      if (over) throw new Error(`Never shown: ${pattern}; but ${this.#seen}`);
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await Promise.race([promise, this.#reading]);
    }
  }

  async type(keys: string): Promise<void> {
    await this.#writer.write(new TextEncoder().encode(keys));
  }

  /** What the screen has shown when the program has ended. */
  async ending(): Promise<{ readonly code: number; readonly screen: string }> {
    const { code } = await this.#child.status;
    await this.#reading;
    await this.#writer.close().catch(() => {});
    return { code, screen: this.#seen.replaceAll("\r\n", "\n") };
  }
}

const CTRL_C = "\x03";
const NEEDS_SCRIPT = { ignore: Deno.build.os !== "linux" };

Deno.test(
  "the program, started by hand, says what it is and what to do, until Ctrl+C (Linux)",
  NEEDS_SCRIPT,
  async () => {
    await using home = await emptyHome();
    const terminal = new OnTerminal([], { ...home.env, ANTHROPIC_API_KEY: "a-key-for-tests" });
    await terminal.shows(/Ctrl\+C ends it/);
    await terminal.type(CTRL_C);
    const { code, screen } = await terminal.ending();
    assertEquals(code, 0);
    const lines = screen.split("\n").filter((line) => line.startsWith("cma-mcp"));
    assertEquals(lines.length, 2);
    assertMatch(
      lines[0] ?? "",
      /serves MCP on stdio, with https:\/\/api\.anthropic\.com behind it/,
    );
    assertMatch(lines[1] ?? "", /'cma-mcp config <host>'.*'cma-mcp demo'/);
  },
);

Deno.test(
  "the program, started by hand without a key, says what to set (Linux)",
  NEEDS_SCRIPT,
  async () => {
    await using home = await emptyHome();
    const { code, screen } = await new OnTerminal([], home.env).ending();
    assertEquals(code, 2);
    assertEquals(screen.trim().split("\n").length, 1);
    assertMatch(screen, /^cma-mcp: No API key: set ANTHROPIC_API_KEY, or add --simulate/);
  },
);

Deno.test(
  "the program shows colours on a terminal, and none with NO_COLOR (Linux)",
  NEEDS_SCRIPT,
  async () => {
    await using home = await emptyHome();
    const args = ["doctor", "--simulate"];
    const coloured = await new OnTerminal(args, home.env).ending();
    assertStringIncludes(coloured.screen, "\x1b[32mok");
    assertEquals(coloured.code, 0);
    const plain = await new OnTerminal(args, { ...home.env, NO_COLOR: "1" }).ending();
    assertStringIncludes(plain.screen, "ok   agents");
    assert(!plain.screen.includes("\x1b"));
  },
);

/** Runs the program to its end. */
async function run(args: readonly string[], env: Readonly<Record<string, string>>) {
  const program = new Spawned(args, env);
  const { code } = await program.ending();
  const { stdout, stderr } = program;
  return { code, stdout, stderr, out: stdout.join("\n") };
}

Deno.test("the doctor finds a working API in order, with exit code 0", async () => {
  await using home = await emptyHome();
  const key = "sk-ant-e2e-0123456789";
  const simulator = createSimulator({ clock: systemClock, apiKey: key });
  const port = freePort();
  const server = listen(
    { host: "127.0.0.1", port },
    (request) => simulator.fetch(request),
    silentLogger,
  );
  const url = `http://127.0.0.1:${port}`;
  const env = { ...home.env, ANTHROPIC_API_KEY: key, CMA_BASE_URL: url };
  const good = await run(["doctor"], env);
  assertEquals(good.code, 0, good.out);
  assertEquals(good.stderr, [`Asking ${url}, for at most 10 s …`]);
  for (const check of ["network", "key", "clock", "agents", "environment", "allowlist"]) {
    assertMatch(good.out, new RegExp(`^ok {3}${check} `, "m"));
  }
  const refused = await run(["doctor", "--json"], { ...env, ANTHROPIC_API_KEY: "another-key" });
  assertEquals(refused.code, 1);
  const { ok, checks } = JSON.parse(refused.out);
  assertEquals(ok, false);
  assertEquals(checks.filter(({ status }: { status: string }) => status === "fail").length, 1);
  assert(!(good.out + refused.out).includes(key) && !refused.out.includes("another-key"));
  await server.shutdown();
  simulator.close();
  const gone = await run(["doctor"], env);
  assertEquals(gone.code, 1);
  assertStringIncludes(gone.out, `${url} refuses connections`);
});

Deno.test("the doctor reports a name that does not resolve, directly and behind a proxy", async () => {
  await using home = await emptyHome();
  const env = {
    ...home.env,
    ANTHROPIC_API_KEY: "a-key-for-tests",
    CMA_BASE_URL: "https://api.invalid",
  };
  const direct = await run(["doctor"], env);
  assertEquals(direct.code, 1);
  assertStringIncludes(direct.out, "api.invalid has no known address (DNS)");
  const proxied = await run(["doctor"], {
    ...env,
    HTTPS_PROXY: "http://me:secret@proxy.invalid:1",
  });
  assertStringIncludes(
    proxied.out,
    "The proxy proxy.invalid:1 (HTTPS_PROXY) has no known address",
  );
  assert(!proxied.out.includes("secret"));
});

Deno.test("the doctor says at once what it waits for when the network does not respond", async () => {
  await using home = await emptyHome();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const taken: Deno.Conn[] = [];
  const listening = (async () => {
    for await (const connection of listener) taken.push(connection);
  })();
  const url = `http://127.0.0.1:${listener.addr.port}`;
  const program = new Spawned(["doctor", "--max-waits=0"], {
    ...home.env,
    ANTHROPIC_API_KEY: "a-key-for-tests",
    CMA_BASE_URL: url,
  });
  // It would wait for ten seconds: both lines are there long before.
  await program.until(() =>
    program.stderr.find((line) => line.startsWith(`Asking ${url}, for at`))
  );
  await program.until(() => program.stdout.find((line) => line.startsWith("fail settings")));
  program.kill("SIGTERM");
  assertEquals((await program.ending()).code, 130);
  listener.close();
  await listening;
  for (const connection of taken) connection.close();
});

Deno.test("the doctor names a proxy that refuses, and one that wants a password", async () => {
  await using home = await emptyHome();
  const env = {
    ...home.env,
    ANTHROPIC_API_KEY: "a-key-for-tests",
    CMA_BASE_URL: "https://api.invalid",
  };
  const listener = Deno.listen({ hostname: "127.0.0.1", port: freePort() });
  const proxy = `http://127.0.0.1:${listener.addr.port}`;
  const refusing = (async () => {
    for await (const connection of listener) {
      await connection.read(new Uint8Array(1024));
      const answer = "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
      await connection.write(new TextEncoder().encode(answer));
      connection.close();
    }
  })();
  const locked = await run(["doctor"], { ...env, HTTPS_PROXY: proxy });
  assertMatch(locked.out, /The proxy 127\.0\.0\.1:\d+ \(\w+\) wants a user name and a password/);
  listener.close();
  await refusing;
  const refused = await run(["doctor"], { ...env, HTTPS_PROXY: proxy });
  assertMatch(refused.out, /The proxy 127\.0\.0\.1:\d+ \(HTTPS_PROXY\) refuses connections/);
});

Deno.test("the doctor checks the key, address and proxy of a host's entry", async () => {
  await using home = await emptyHome();
  const key = "sk-ant-of-the-entry-0123456789";
  const simulator = createSimulator({ clock: systemClock, apiKey: key });
  const server = listen(
    { host: "127.0.0.1", port: 0 },
    (request) => simulator.fetch(request),
    silentLogger,
  );
  const url = `http://127.0.0.1:${server.addr.port}`;
  const { out, stderr } = await run(["config", "claude-desktop"], home.env);
  const file = JSON.parse(out);
  const { "managed-agents": agents } = file.mcpServers;
  agents.env = { ANTHROPIC_API_KEY: key, CMA_BASE_URL: url };
  const path = /^Claude Desktop reads (.+)$/m.exec(stderr.join("\n"))?.[1] ?? "";
  await Deno.mkdir(path.replace(/[/\\][^/\\]+$/, ""), { recursive: true });
  await Deno.writeTextFile(path, JSON.stringify(file));
  // What the shell has does not count: neither its key nor its proxy, where nobody listens.
  const env = {
    ...home.env,
    ANTHROPIC_API_KEY: "the-key-of-the-shell",
    HTTP_PROXY: "http://127.0.0.1:9",
  };
  const good = await run(["doctor", "--host", "claude-desktop"], env);
  assertEquals(good.code, 0, good.out);
  assertMatch(good.out, /^ok {3}key +ANTHROPIC_API_KEY is accepted$/m);
  const plain = await run(["doctor"], { ...env, CMA_BASE_URL: url });
  assertEquals(plain.code, 1);
  assertMatch(plain.out, /The proxy 127\.0\.0\.1:9 \(HTTP_PROXY\) refuses connections/);
  assert(!(good.out + plain.out).includes(key));
  await server.shutdown();
  simulator.close();
});

Deno.test("the doctor accepts the entry that config has merged into a host's file", async () => {
  await using home = await emptyHome();
  const fresh = await run(["config", "cursor", "--merge"], home.env);
  assertEquals(fresh.code, 0);
  const file = `${home.path}/.cursor/mcp.json`;
  assertStringIncludes(fresh.stderr.join("\n").replaceAll("\\", "/"), file.replaceAll("\\", "/"));
  await Deno.mkdir(`${home.path}/.cursor`);
  // The program itself writes nothing: putting it there is the user's act.
  await Deno.writeTextFile(file, `${fresh.out}\n`);
  const unfilled = await run(["doctor", "--simulate"], home.env);
  assertEquals(unfilled.code, 1);
  assertMatch(unfilled.out, /^fail cursor .* still has <your API key>: put the key in its place$/m);
  const text = await Deno.readTextFile(file);
  await Deno.writeTextFile(file, text.replace("<your API key>", "a-key-for-tests"));
  const filled = await run(["doctor", "--simulate"], home.env);
  assertEquals(filled.code, 0);
  assertMatch(filled.out, /^ok {3}cursor .* starts this executable$/m);
  const removed = await run(["config", "cursor", "--remove"], home.env);
  assertEquals(JSON.parse(removed.out), { mcpServers: {} });
});

Deno.test("a host that starts what config prints gets responses", async () => {
  await using home = await emptyHome();
  const { out } = await run(["config", "claude-desktop", "--simulate"], home.env);
  const { command, args } = JSON.parse(out).mcpServers["managed-agents"];
  const child = new Deno.Command(command, {
    args,
    // A host starts it wherever it is itself.
    cwd: home.path,
    clearEnv: true,
    env: home.env,
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const writer = child.stdin.getWriter();
  const message = {
    jsonrpc: "2.0",
    id: 1,
    method: "initialize",
    params: {
      protocolVersion: "2025-06-18",
      capabilities: {},
      clientInfo: { name: "e2e", version: "1.0.0" },
    },
  };
  await writer.write(new TextEncoder().encode(`${JSON.stringify(message)}\n`));
  const reader = child.stdout.pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream()).getReader();
  const { value = "" } = await reader.read();
  assertStringIncludes(value, '"serverInfo"');
  await writer.close();
  assertEquals((await child.status).success, true);
  await reader.cancel();
});

Deno.test("config of the program refuses a broken file with one line and exit code 2", async () => {
  await using home = await emptyHome();
  await Deno.mkdir(`${home.path}/.cursor`);
  await Deno.writeTextFile(`${home.path}/.cursor/mcp.json`, '{ "mcpServers": {');
  const { code, stdout, stderr } = await run(["config", "cursor", "--merge"], home.env);
  assertEquals([code, stdout], [2, []]);
  assertEquals(stderr.length, 1);
  assertMatch(stderr[0] ?? "", /^cma-mcp: '.*mcp\.json' is not valid JSON \(line 1, column \d+/);
});

Deno.test("the program suggests the nearest command, and shows help for one", async () => {
  await using home = await emptyHome();
  const misspelt = await run(["docter"], home.env);
  assertEquals([misspelt.code, misspelt.stderr], [
    2,
    ["cma-mcp: Unknown command 'docter': did you mean 'doctor'?"],
  ]);
  const help = await run(["config", "--help"], home.env);
  assertEquals(help.code, 0);
  assertMatch(help.out, /^cma-mcp config <host> \[flags\]\n[\s\S]*--merge/);
});

Deno.test("the demo of the README plays with the permissions of its task", async () => {
  await using demo = new Child({ args: ["-P=demo", MAIN, "demo"] });
  let line = "";
  while (!line.startsWith("1. ")) line = await demo.readLine();
});
