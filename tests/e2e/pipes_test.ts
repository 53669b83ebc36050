import { assert, assertEquals, assertMatch } from "@std/assert";
import { freePort } from "../helpers/free_port.ts";
import { TOKEN } from "../helpers/http_program.ts";
import { Spawned } from "../helpers/spawned.ts";

const SIMULATE = ["--simulate"];
const PIPE_BYTES = 64 * 1024;

function unread(args: readonly string[], ...streams: ("stdout" | "stderr")[]): Spawned {
  return new Spawned(args, { MANAGED_AGENTS_MCP_TOKEN: TOKEN }, undefined, streams);
}

/** A request whose answer has about nine kilobytes. */
function listTools(id: number): string {
  return `${JSON.stringify({ jsonrpc: "2.0", id, method: "tools/list" })}\n`;
}

function lines(count: number, line: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => line(index)).join("");
}

Deno.test("the program on stdio goes on and ends when nobody reads its log", async () => {
  const program = unread(SIMULATE, "stderr");
  await program.initialize();
  // More than the pipe and every buffer on the way hold: each makes a line of about 100 bytes.
  await program.sendText(lines(6_000, (index) => `no message ${index}\n`));
  assert("result" in await program.request("ping"));
  program.kill("SIGTERM");
  const { code, ms } = await program.ending();
  assertEquals(code, 0);
  assert(ms < 8_000, `${ms} ms`);
});

Deno.test("the program says how much of its log was dropped, and loses no other line", async () => {
  const program = unread(SIMULATE, "stderr");
  await program.initialize();
  const sent = 20_000;
  await program.sendText(lines(sent, (index) => `no message ${index}\n`));
  await program.request("ping");
  program.readAll();
  const line = await program.logged("dropped: stderr was not read");
  const dropped = Number(/ lines=(\d+)/.exec(line)?.[1]);
  await program.closeStdin();
  assertEquals((await program.ending()).code, 0);
  const told = program.stderr.filter((line) => line.includes("A line on stdin cannot be read"));
  assert(dropped > 0);
  assertEquals(told.length + dropped, sent);
  for (const line of program.stderr) assertMatch(line, /^cma-mcp (info|warn): /);
});

Deno.test("the program over HTTP goes on and ends when nobody reads its log", async () => {
  const port = freePort();
  const program = unread(["--http", `--port=${port}`, "--simulate"], "stderr");
  const at = (path: string) => `http://127.0.0.1:${port}${path}`;
  await untilServed(at("/health"));
  for (let round = 0; round < 60; round++) {
    await Promise.all(Array.from({ length: 50 }, async () => {
      const response = await fetch(at("/mcp"), { method: "POST", body: "{}" });
      await response.body?.cancel();
      assertEquals(response.status, 401);
    }));
  }
  assertEquals((await (await fetch(at("/health"))).json()).status, "ok");
  program.kill("SIGTERM");
  const { code, ms } = await program.ending();
  assertEquals(code, 0);
  assert(ms < 9_000, `${ms} ms`);
});

/** Messages after which the program reads and writes its pipes in another way. */
const MANY = 20;

/** Sends lines that are no message, each once the one before it was read. */
async function sendUnreadable(program: Spawned, count: number): Promise<void> {
  const told = () => program.stderr.filter((line) => line.includes("cannot be read")).length;
  const before = told();
  for (let sent = 1; sent <= count; sent++) {
    await program.sendText("no message\n");
    await program.until(() => told() >= before + sent || undefined);
  }
}

for (const end of ["SIGTERM", "SIGINT", "the end of stdin"] as const) {
  for (const [after, count] of [["", 0], [", after many messages", MANY]] as const) {
    Deno.test(`the program ends on ${end} when nobody reads its answers${after}`, async () => {
      const program = unread(SIMULATE, "stdout");
      await program.logged("serves MCP");
      // The log tells of each of them; their error responses fit into the pipe.
      await sendUnreadable(program, count);
      await program.sendText(lines(100, listTools));
      // What comes after the answers that nobody reads is still heard.
      await sendUnreadable(program, 1);
      if (end === "the end of stdin") await program.closeStdin();
      else program.kill(end);
      const { code, ms } = await program.ending();
      assertEquals(code, 0);
      assert(ms < 8_000, `${ms} ms`);
    });
  }
}

Deno.test("the program ends with a log line when more responses are unread than the bound", async () => {
  const program = unread(SIMULATE, "stdout");
  for (let round = 0; round < 100; round++) {
    // It may have ended in the middle of them.
    await program.sendText(lines(100, listTools)).catch(() => {});
  }
  const { code } = await program.ending();
  assertEquals(code, 0);
  assertMatch(program.stderr.join("\n"), /not read/);
});

for (const args of [SIMULATE, ["--log-level=loud"]]) {
  Deno.test(`the program with ${args} ends when the host closes its end of stdout alone`, async () => {
    const program = unread(args, "stdout");
    await program.closeStdout();
    await program.sendText(listTools(1));
    const { code, ms } = await program.ending();
    assert(code === 0 || code === 2, `${code}`);
    assert(ms < 8_000, `${ms} ms`);
    assertMatch(program.stderr.join("\n"), /stdout is closed/);
  });
}

Deno.test("a slow reader gets every answer and log line, also those before the end", async () => {
  const program = unread(SIMULATE, "stdout", "stderr");
  const count = 100;
  await program.sendText(lines(count, listTools));
  await program.sendText(lines(2_000, (index) => `no message ${index}\n`));
  program.readAll();
  await program.until(() => program.stdout.length >= count + 2_000 || undefined);
  program.kill("SIGTERM");
  assertEquals((await program.ending()).code, 0);
  const answered = program.stdout.map((line) => JSON.parse(line)).filter(({ id }) => id !== null);
  assertEquals(answered.map(({ id }) => id), Array.from({ length: count }, (_, id) => id));
  assert(program.stdout.join("").length > 2 * PIPE_BYTES);
  const told = program.stderr.filter((line) => line.includes("A line on stdin cannot be read"));
  assertEquals(told.length, 2_000);
});

/** What can stand where a host's file is to be, and what is said of it. */
const ODD_FILES: readonly [string, readonly string[], RegExp][] = [
  ["a pipe that nobody writes to", ["mkfifo"], /nothing came of it in time/],
  ["a folder", ["mkdir"], /it is a folder/],
];
for (const [name, [make = ""], sentence] of ODD_FILES) {
  for (const command of ["config claude-desktop --merge", "doctor --host claude-desktop"]) {
    Deno.test({
      name: `${command} ends when the host's file is ${name}`,
      ignore: Deno.build.os !== "linux",
      async fn() {
        await withHome(make, async (env) => {
          const program = new Spawned(command.split(" "), env);
          const { code } = await program.ending();
          assert(code === 1 || code === 2, `${code}`);
          assertMatch([...program.stderr, ...program.stdout].join("\n"), sentence);
        });
      },
    });
  }
}

Deno.test({
  name: "a command that waits for a pipe ends on SIGTERM",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await withHome("mkfifo", async (env, pipe) => {
      const program = new Spawned(["doctor", "--simulate"], env);
      const writer = await silentWriter(pipe);
      program.kill("SIGTERM");
      const { code, ms } = await program.ending();
      await writer.stdin.close();
      await writer.status;
      assertEquals(code, 130);
      assert(ms < 4_000, `${ms} ms`);
    });
  },
});

async function withHome(
  make: string,
  run: (env: Readonly<Record<string, string>>, path: string) => Promise<void>,
): Promise<void> {
  const home = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${home}/.config/Claude`, { recursive: true });
    const path = `${home}/.config/Claude/claude_desktop_config.json`;
    await new Deno.Command(make, { args: [path] }).output();
    // The runtime under the tests keeps its own cache where it is.
    const cache = Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`;
    await run({ HOME: home, DENO_DIR: cache, XDG_CONFIG_HOME: "" }, path);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

/** A writer of a pipe who writes nothing; resolves once somebody has opened it to read. */
async function silentWriter(pipe: string): Promise<Deno.ChildProcess> {
  const script = 'exec 3>"$0" && echo opened && read _';
  const writer = new Deno.Command("sh", {
    args: ["-c", script, pipe],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const reader = writer.stdout.getReader();
  await reader.read();
  await reader.cancel();
  return writer;
}

async function untilServed(url: string): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    try {
      await (await fetch(url)).body?.cancel();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
  throw new Error(`${url} is not served`);
}

Deno.test("the demo ends at once, with exit code 0, when its reader has gone", async () => {
  // Its turn takes some seconds, of which one that is read at the same time has most before it.
  const read = unread(["demo"]);
  const program = unread(["demo"], "stdout");
  await program.closeStdout();
  const { code } = await program.ending();
  const isThrough = (line: string) => line.includes("The reply (status: idle)");
  assert(!read.stdout.some(isThrough), "it has played its turn to the end");
  assertEquals([code, program.stderr], [0, []]);
  assertEquals((await read.ending()).code, 0);
  assert(read.stdout.some(isThrough), read.stdout.join("\n"));
});
