import { assertEquals, assertMatch } from "@std/assert";
import { run } from "../../../src/commands/run.ts";
import { VERSION } from "../../../src/commands/version.ts";
import { denoRuntime } from "../../../src/runtime/deno.ts";
import type { Runtime } from "../../../src/runtime/runtime.ts";

/** Runs the program with a runtime that records what it does to the process. */
async function running(args: readonly string[], overrides: Partial<Runtime> = {}) {
  const decoder = new TextDecoder();
  let out = "";
  let err = "";
  let gaveUpReading = false;
  const exited = Promise.withResolvers<number>();
  const runtime: Runtime = {
    ...denoRuntime,
    args,
    env: () => undefined,
    stdinIsTerminal: true,
    writeOut: (bytes) => {
      out += decoder.decode(bytes);
      return Promise.resolve(bytes.byteLength);
    },
    writeErr: (bytes) => {
      err += decoder.decode(bytes);
      return Promise.resolve(bytes.byteLength);
    },
    onStop: () => {},
    onUnhandledError: () => {},
    giveUpReading: () => gaveUpReading = true,
    // A process that has ended does nothing more.
    exit: (code) => {
      exited.resolve(code);
      return new Promise(() => {}) as never;
    },
    ...overrides,
  };
  void run(runtime);
  const code = await exited.promise;
  return { code, out, err, gaveUpReading };
}

Deno.test("run() prints what a command says, and ends the process with 0", async () => {
  assertEquals(await running(["--version"]), {
    code: 0,
    out: `${VERSION}\n`,
    err: "",
    gaveUpReading: true,
  });
});

Deno.test("run() ends with 2 and one line on stderr when the command line is wrong", async () => {
  const { code, out, err } = await running(["--prot=1"]);
  assertEquals([code, out], [2, ""]);
  assertMatch(err, /^cma-mcp: [^\n]*--port[^\n]*\n$/);
});

Deno.test("run() does not repeat a key that stands in the place of something else", async () => {
  const key = "sk-ant-api03-0123456789abcdefABCDEF";
  const { code, err } = await running(["--base-url", key], {
    env: (name) => name === "ANTHROPIC_API_KEY" ? key : undefined,
  });
  assertEquals([code, err.includes(key)], [2, false]);
});

Deno.test("run() ends with 1 when the command fails", async () => {
  const { code, out } = await running(["health", "--port=1"]);
  assertEquals(code, 1);
  assertMatch(out, /\S/);
});

Deno.test("run() keeps the permission to read for a command that reads later", async () => {
  const env = (name: string) => name === "HOME" || name === "USERPROFILE" ? "/home/you" : undefined;
  const { code, gaveUpReading } = await running(["config", "cursor"], { env });
  assertEquals([code, gaveUpReading], [0, false]);
});

const FAILED_WRITES: readonly [string, Error, number, RegExp][] = [
  ["stdout is full", new Error("No space left"), 1, /^cma-mcp: .*stdout: No space left\n$/],
  ["its reader wants no more", Object.assign(new Error("gone"), { code: "EPIPE" }), 0, /^$/],
];
for (const [name, error, code, words] of FAILED_WRITES) {
  Deno.test(`run() ends with ${code} when ${name}`, async () => {
    const ended = await running(["--version"], { writeOut: () => Promise.reject(error) });
    assertEquals(ended.code, code);
    assertMatch(ended.err, words);
  });
}

Deno.test("run() ends at once with 130 when it is asked to end a second time", async () => {
  const listening = Promise.withResolvers<() => void>();
  const ended = Promise.withResolvers<void>();
  const codes: number[] = [];
  void running(["--simulate"], {
    stdin: () => new ReadableStream<Uint8Array>(),
    onStop: listening.resolve,
    exit: (code) => {
      codes.push(code);
      if (codes.length === 2) ended.resolve();
      return undefined as never;
    },
  });
  const stop = await listening.promise;
  stop();
  stop();
  await ended.promise;
  assertEquals(codes, [130, 0]);
});

Deno.test("run() ends a command whose output nobody reads any more, and does not wait for it", async () => {
  const home = (name: string) =>
    name === "HOME" || name === "USERPROFILE" ? "/home/you" : undefined;
  const response = Promise.withResolvers<Response>();
  const asked = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  const { code, err } = await running(["doctor", "--base-url=http://127.0.0.1:1"], {
    env: home,
    writeOut: () => Promise.reject(Object.assign(new Error("gone"), { code: "EPIPE" })),
    // An API that does not respond before the end.
    openHttpClient: () => ({
      fetch: () => {
        asked.resolve();
        return response.promise;
      },
      close: closed.resolve,
    }),
  });
  assertEquals(code, 0);
  assertMatch(err, /^(Asking [^\n]*\n)?$/);
  // The command still waits for its API: a real process has ended by now.
  await asked.promise;
  response.reject(new TypeError("gone"));
  await closed.promise;
});

Deno.test("run() hides the client's secret for introspection from its first line on", async () => {
  const secret = "k7q2zt9xw4-client-secret";
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, secret);
  const env: Readonly<Record<string, string>> = {
    ANTHROPIC_API_KEY: "sk-ant-api03-0123456789abcdefABCDEF",
    MANAGED_AGENTS_MCP_TOKEN: "a-bearer-token-0123456789-0123456789",
    CMA_MCP_PUBLIC_URL: "https://mcp.example.com",
    CMA_MCP_OAUTH_ISSUER: "https://login.example.com",
    CMA_MCP_OAUTH_INTROSPECTION_URL: "https://login.example.com/introspect",
    CMA_MCP_OAUTH_CLIENT_ID: "cma-mcp",
    CMA_MCP_OAUTH_CLIENT_SECRET_FILE: path,
    // A warning repeats it.
    ALLOWED_HOSTS: `*.${secret}.example.com`,
  };
  const { code, err } = await running(["--http", "--host=192.0.2.1", "--port=0"], {
    env: (name) => env[name],
    openHttpClient: () => ({ fetch: () => new Promise(() => {}), close: () => {} }),
  });
  await Deno.remove(path);
  // The address is none of this machine's.
  assertEquals(code, 2);
  assertMatch(err, /because ALLOWED_HOSTS has \*\.\[redacted\]\.example\.com/);
  assertEquals(err.includes(secret), false);
});
