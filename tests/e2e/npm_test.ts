import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { dirname } from "node:path";
import ts from "typescript";
import { z } from "zod";
import { readManifest } from "../../scripts/compile/build.ts";
import { makePackage, pack } from "../../scripts/npm/make.ts";
import { SIZE_LIMITS } from "../../scripts/sizes/limits.ts";
import { callServedTool } from "../../src/commands/mcp_call.ts";
import { SESSION_PAGE } from "../../src/mcp/session_page.ts";
import { endpointAt, TOKEN } from "../helpers/http_program.ts";
import { Spawned } from "../helpers/spawned.ts";
import { runProgram } from "./compiled.ts";

/** Paths of the Nodes that the package is tried on, separated by colons; that of the shell if unset. */
const NODES = (Deno.env.get("CMA_MCP_NODES") ?? await nodeOfShell() ?? "").split(":").filter(
  Boolean,
);

const NEEDS_NODE = { ignore: NODES.length === 0 || Deno.build.os === "windows" };

async function nodeOfShell(): Promise<string | undefined> {
  try {
    const args = ["-p", "process.execPath"];
    const { stdout } = await new Deno.Command("node", { args }).output();
    return new TextDecoder().decode(stdout).trim();
  } catch {
    return undefined;
  }
}

/** A folder of a user who has installed the package, and nothing else. */
interface Installed {
  readonly folder: string;
  readonly archive: string;
  /** Path of the program. */
  readonly program: string;
}

let installing: Promise<Installed> | undefined;

/** Packs the package and installs it, as a user does, once for all tests. */
function installed(): Promise<Installed> {
  return installing ??= (async () => {
    const folder = await Deno.makeTempDir();
    const { version } = await readManifest();
    await makePackage(`${folder}/npm`, { version, source: { commit: "0123456789ab", epoch: 0 } });
    const archive = await pack(`${folder}/npm`);
    const user = `${folder}/user`;
    await Deno.mkdir(user);
    await Deno.writeTextFile(`${user}/package.json`, "{}");
    const args = ["install", "--offline", "--no-audit", "--no-fund", "--prefix", user, archive];
    const { code, stderr } = await runProgram("npm", args, on(NODES[0] ?? ""));
    assertEquals(code, 0, stderr);
    return { folder: user, archive, program: `${user}/node_modules/.bin/cma-mcp` };
  })();
}

globalThis.addEventListener("unload", () => {
  installing?.then(({ folder }) => Deno.removeSync(dirname(folder), { recursive: true }));
});

/** An environment in which the program runs on a Node, and npm keeps what it has. */
function on(node: string): Record<string, string> {
  const { PATH, HOME = "" } = Deno.env.toObject();
  return { PATH: `${dirname(node)}:${PATH}`, HOME };
}

async function callTool(program: Spawned, name: string, args: object) {
  const { result } = await program.request("tools/call", { name, arguments: args });
  return z.object({ structuredContent: z.record(z.string(), z.unknown()) })
    .parse(result).structuredContent;
}

const agentsSchema = z.object({ agents: z.array(z.object({ id: z.string() })) });

async function test(
  name: string,
  run: (node: string, installed: Installed) => Promise<void>,
): Promise<void> {
  for (const node of NODES) {
    const { stdout } = await runProgram(node, ["--version"]);
    Deno.test(`on Node ${stdout.trim()}, ${name}`, NEEDS_NODE, async () => {
      await run(node, await installed());
    });
  }
}

Deno.test(
  "the npm package is one small archive without dependencies or install scripts",
  NEEDS_NODE,
  async () => {
    const { folder, archive } = await installed();
    const { size } = await Deno.stat(archive);
    assert(size <= SIZE_LIMITS["sizes.npm.archive"] * 1_000, `${size} bytes`);
    const modules = [...Deno.readDirSync(`${folder}/node_modules`)].map(({ name }) => name);
    assertEquals(modules.filter((name) => !name.startsWith(".")), ["cma-mcp"]);
    const manifest = await Deno.readTextFile(`${folder}/node_modules/cma-mcp/package.json`);
    const { scripts, dependencies } = JSON.parse(manifest);
    assertEquals([scripts, dependencies], [undefined, undefined]);
    const licences = await Deno.readTextFile(
      `${folder}/node_modules/cma-mcp/THIRD-PARTY-LICENSES.txt`,
    );
    assertMatch(licences, /^undici 7\.\d+\.\d+ \(MIT\)/m);
    // This is inside the page of the session view; what gives it its types alone is not.
    assertMatch(licences, /^marked \d+\.\d+\.\d+ \(MIT\)/m);
    assert(!licences.includes("ext-apps"));
  },
);

Deno.test(
  "the npm package says which Node it needs on one that is too old",
  NEEDS_NODE,
  async () => {
    const { program } = await installed();
    const [node = ""] = NODES;
    const old = `Object.defineProperty(process.versions, "node", { value: "18.20.4" });`;
    const { code, stderr } = await runProgram(node, [
      "-e",
      `${old} require(${JSON.stringify(await Deno.realPath(program))})`,
    ]);
    assertEquals([code, stderr], [
      2,
      "cma-mcp: Node 18.20.4 is too old: install 20.18.1 or later\n",
    ]);
  },
);

await test(
  "the npm package prints its version, help, a token and a whole turn",
  async (node, { program }) => {
    const run = (...args: string[]) => runProgram(program, args, on(node));
    const { version } = await readManifest();
    assertEquals((await run("--version")).stdout, `${version} (0123456789ab)\n`);
    assertStringIncludes((await run("--help")).stdout, "cma-mcp --http");
    assertEquals((await run("token", "new", "--name", "laptop")).code, 0);
    const demo = await run("demo");
    assertEquals([demo.code, demo.stderr], [0, ""]);
    assertStringIncludes(demo.stdout, "wait_for_idle");
    const doctor = await run("doctor", "--simulate");
    assertEquals(doctor.code, 0, doctor.stdout + doctor.stderr);
    const refused = await run("--no-such-flag");
    assertEquals(refused.code, 2);
  },
);

await test(
  "config has hosts start the npm package as it was started",
  async (node, { program, archive }) => {
    const direct = await runProgram(program, ["config", "claude-code", "--simulate"], on(node));
    assertStringIncludes(direct.stdout, `-- ${await Deno.realPath(node)} ${program} --simulate`);
    // Npx itself runs on the shell's Node.
    const args = ["-y", "--offline", `--package=${archive}`, "cma-mcp"];
    const npx = await runProgram("npx", [...args, "config", "claude-code"], on(node));
    assertStringIncludes(npx.stdout, `-- npx -y file:${archive}`);
  },
);

await test(
  "the npm package plays a whole turn on stdio, and ends with its input",
  async (node, { program }) => {
    const spawned = new Spawned(["--simulate"], on(node), program);
    await spawned.initialize();
    const { agents } = agentsSchema.parse(await callTool(spawned, "list_agents", {}));
    const created = await callTool(spawned, "create_session", {
      agent_id: agents[0]?.id,
      message: "What is the time?",
    });
    const { session_id } = created;
    const ended = await callTool(spawned, "wait_for_idle", { session_id });
    assertEquals(ended.status, "idle");
    for (const line of spawned.stdout) assertEquals(JSON.parse(line).jsonrpc, "2.0", line);
    await spawned.closeStdin();
    assertEquals((await spawned.ending()).code, 0);
  },
);

await test(
  "the npm package plays a whole turn over HTTP, and ends with SIGTERM",
  async (node, { program }) => {
    const env = { ...on(node), MANAGED_AGENTS_MCP_TOKEN: TOKEN };
    const spawned = new Spawned(["--http", "--port=0", "--simulate"], env, program);
    const endpoint = endpointAt(await spawned.listening());
    const { agents } = agentsSchema.parse(await callServedTool(endpoint, "list_agents", {}));
    const { session_id } = await callServedTool(endpoint, "create_session", {
      agent_id: agents[0]?.id,
      message: "What is the time?",
    });
    const ended = await callServedTool(endpoint, "wait_for_idle", { session_id });
    assertEquals(ended.status, "idle");
    spawned.kill("SIGTERM");
    assertEquals((await spawned.ending()).code, 0);
  },
);

await test("the npm package serves the page of the session view", async (node, { program }) => {
  const spawned = new Spawned(["--simulate"], on(node), program);
  await spawned.initialize();
  const uri = "ui://cma-mcp/session.html";
  const { result } = await spawned.request("resources/read", { uri });
  const { contents: [page] } = z.object({
    contents: z.tuple([z.object({ mimeType: z.string(), text: z.string() })]),
  }).parse(result);
  assertEquals(page, { mimeType: "text/html;profile=mcp-app", text: SESSION_PAGE });
  await spawned.closeStdin();
  assertEquals((await spawned.ending()).code, 0);
});

/** A SOCKS proxy that serves the API itself to its first client. */
async function serveBehindSocks(listener: Deno.TcpListener): Promise<string> {
  using connection = await listener.accept();
  const buffer = new Uint8Array(4_096);
  const read = async () => buffer.slice(0, await connection.read(buffer) ?? 0);
  await read();
  // No sign-in.
  await connection.write(Uint8Array.of(5, 0));
  const wanted = await read();
  await connection.write(Uint8Array.of(5, 0, 0, 1, 0, 0, 0, 0, 0, 0));
  await read();
  const body = JSON.stringify({ data: [{ id: "agent_1", name: "Behind it" }] });
  const head = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n`;
  const response = `${head}content-length: ${body.length}\r\n\r\n${body}`;
  await connection.write(new TextEncoder().encode(response));
  // A name, its length before it, and a port behind it.
  return new TextDecoder().decode(wanted.slice(5, -2));
}

for (const scheme of ["socks5", "socks5h"]) {
  await test(`the npm package goes through a proxy of ${scheme}`, async (node, { program }) => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const serving = serveBehindSocks(listener);
    const { code, stdout, stderr } = await runProgram(program, ["agents"], {
      ...on(node),
      ANTHROPIC_API_KEY: "a-key",
      CMA_BASE_URL: "http://api.test.invalid",
      ALL_PROXY: `${scheme}://127.0.0.1:${listener.addr.port}`,
    });
    assertEquals(code, 0, stderr);
    assertMatch(stdout, /^agent_1 +Behind it/);
    assertEquals(await serving, "api.test.invalid");
  });
}

/** Returns the first line of the request with which a proxy's first client begins. */
async function firstLine(listener: Deno.TcpListener): Promise<string> {
  using connection = await listener.accept();
  const buffer = new Uint8Array(4_096);
  const head = new TextDecoder().decode(buffer.slice(0, await connection.read(buffer) ?? 0));
  return head.slice(0, head.indexOf("\r\n"));
}

await test("the npm package asks a proxy for a tunnel to HTTPS", async (node, { program }) => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using child = new Deno.Command(program, {
    args: ["agents"],
    clearEnv: true,
    env: {
      ...on(node),
      ANTHROPIC_API_KEY: "a-key",
      CMA_BASE_URL: "https://api.test.invalid",
      HTTPS_PROXY: `http://127.0.0.1:${listener.addr.port}`,
    },
    stdin: "null",
    stdout: "null",
    stderr: "null",
    signal: AbortSignal.timeout(60_000),
  }).spawn();
  const line = await Promise.race([firstLine(listener), child.status.then(() => "nothing")]);
  assertEquals(line, "CONNECT api.test.invalid:443 HTTP/1.1");
});

/** What a program that uses the library may say: a server's whole turn in one process. */
const LIBRARY = `
import {
  createApi, createServices, silentLogger, systemClock, createRedact, ToolError,
} from "cma-mcp";
import { createSimulator } from "cma-mcp/simulator";
const simulator = createSimulator({ clock: systemClock });
const api = createApi({
  baseUrl: "http://simulator.invalid",
  credential: () => ({ kind: "api_key", value: "any" }),
  fetch: (request) => simulator.fetch(request),
  clock: systemClock,
  log: silentLogger,
  redact: createRedact([]),
});
`;

await test("a plain module imports the library and the simulator", async (node, { folder }) => {
  const path = `${folder}/consumer.mjs`;
  const use = `const { data } = await api.agents.list({});
console.log(data.length > 0, typeof createServices, typeof ToolError);`;
  await Deno.writeTextFile(path, LIBRARY + use);
  const { code, stdout, stderr } = await runProgram(node, [path]);
  assertEquals([code, stdout, stderr], [0, "true function function\n", ""]);
});

Deno.test("the library has types for a module of TypeScript", NEEDS_NODE, async () => {
  const { folder } = await installed();
  const path = `${folder}/consumer.mts`;
  await Deno.writeTextFile(
    path,
    `${LIBRARY}
const page: { readonly data: readonly { readonly id: string }[] } = await api.agents.list({});
// @ts-expect-error: an agent's id is a string
const wrong: number | undefined = page.data[0]?.id;
export { createServices, ToolError, wrong };
`,
  );
  const program = ts.createProgram([path], {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2024,
    lib: ["lib.esnext.d.ts", "lib.dom.d.ts"],
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
  });
  const said = ts.getPreEmitDiagnostics(program).map(({ messageText }) =>
    ts.flattenDiagnosticMessageText(messageText, "\n")
  );
  assertEquals(said, []);
});
