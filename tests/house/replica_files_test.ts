import { assert, assertEquals, assertMatch } from "@std/assert";
import { fileURLToPath } from "node:url";
import { parse as parseYaml } from "yaml";
import { z } from "zod";
import { CALLS_MS } from "../../src/commands/serve/drain.ts";
import { ENV_NAMES } from "../../src/config/settings.ts";
import { printLines } from "../../scripts/table.ts";
import { stagesOf, variablesOf, wordsOf } from "../e2e/dockerfile.ts";
import { settingsOf } from "../helpers/settings_file.ts";

const ROOT = new URL("../../", import.meta.url);
const DEPLOY = fileURLToPath(new URL("deploy", ROOT));

function read(path: string): Promise<string> {
  return Deno.readTextFile(new URL(path, ROOT));
}

const [, image = []] = stagesOf(await read("Dockerfile"));
const shared = settingsOf(await read("deploy/cma-mcp.env"));
/** Seconds of the drain of a server that is no longer on loopback. */
const DEFAULT_DRAIN_SECONDS = 2;
/** The most seconds from SIGTERM to the end. */
const ENDS_SECONDS = Number(shared.CMA_MCP_LAME_DUCK_SECONDS) +
  Number(shared.CMA_MCP_DRAIN_SECONDS ?? DEFAULT_DRAIN_SECONDS) + CALLS_MS / 1_000 + 1;

function assertSettings(names: readonly string[]): void {
  const known: readonly string[] = ENV_NAMES;
  for (const name of names) assert(known.includes(name), `${name} is no setting`);
}

/** Runs a program. @returns its output, or undefined and a loud line where it is not installed */
async function run(command: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { success, stdout, stderr } = await new Deno.Command(command, {
      args: [...args],
      cwd: DEPLOY,
    }).output();
    const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    assert(success, said);
    return said;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    printLines([`SKIPPED: ${command} is not installed, so it checks no file of deploy`]);
    return undefined;
  }
}

const replicaSchema = z.strictObject({
  image: z.literal("ghcr.io/OWNER/cma-mcp:0.1.0"),
  command: z.array(z.string()),
  env_file: z.literal("cma-mcp.env"),
  environment: z.record(z.string(), z.string()),
  volumes: z.tuple([z.literal("./secrets:/secrets:ro")]),
  read_only: z.literal(true),
  cap_drop: z.tuple([z.literal("ALL")]),
  security_opt: z.tuple([z.literal("no-new-privileges:true")]),
  ulimits: z.object({ nofile: z.number() }),
  mem_limit: z.string(),
  pids_limit: z.number(),
  healthcheck: z.object({ test: z.array(z.string()), interval: z.string() }).loose(),
  restart: z.literal("unless-stopped"),
  stop_grace_period: z.string(),
  logging: z.object({}).loose(),
});

Deno.test("compose.yaml runs two replicas without rights, with settings that the program knows", async () => {
  const { services } = z.object({
    services: z.strictObject({
      "cma-mcp-1": replicaSchema,
      "cma-mcp-2": replicaSchema,
      caddy: z.object({ environment: z.record(z.string(), z.string()) }).loose(),
    }),
  }).loose().parse(parseYaml(await read("deploy/compose.yaml")));
  const replica = services["cma-mcp-1"];
  assertEquals(services["cma-mcp-2"], replica);
  const { PORT = "none", HOST } = variablesOf(image);
  assertEquals(HOST, "0.0.0.0");
  assertEquals(services.caddy.environment, {
    CMA_MCP_REPLICAS: `cma-mcp-1:${PORT} cma-mcp-2:${PORT}`,
  });
  assertSettings([...Object.keys(shared), ...Object.keys(replica.environment)]);
  assertEquals(replica.command, wordsOf(image.find(({ name }) => name === "CMD")?.text ?? ""));
  assertEquals(["CMD", ...wordsOf(image.find(({ name }) => name === "ENTRYPOINT")?.text ?? "")], [
    ...replica.healthcheck.test.slice(0, -1),
  ]);
  assert(parseInt(replica.stop_grace_period) > ENDS_SECONDS + 5);
  // Behind the public URL's own name, which the server accepts without a further setting.
  const name = new URL(shared.CMA_MCP_PUBLIC_URL ?? "").hostname;
  assert((await read("deploy/caddy/Caddyfile")).includes(`\n${name} {`));
  assert((await read("deploy/nginx/cma-mcp.conf")).includes(`server_name ${name};`));
});

Deno.test("compose.yaml is accepted by docker-compose", async () => {
  const said = await run("docker-compose", ["config"]);
  if (said !== undefined) assertMatch(said, /cma-mcp-2:/);
});

Deno.test("a proxy learns from /ready that a replica will end before calls are put off", async () => {
  const caddyfile = await read("deploy/caddy/Caddyfile");
  const seconds = (name: string) => Number(RegExp(`${name} (\\d+)s`).exec(caddyfile)?.[1]);
  const learns = seconds("health_interval") + seconds("health_timeout");
  assert(Number(shared.CMA_MCP_LAME_DUCK_SECONDS) > learns, `${learns}`);
});

const UNIT = "cma-mcp@.service";

Deno.test("the systemd unit gives the program what it needs, and the time to end", async () => {
  const text = await read(`deploy/systemd/${UNIT}`);
  const all = (name: string) =>
    [...text.matchAll(RegExp(`^${name}=(.*)$`, "gm"))].map(([, value = ""]) => value);
  const settings = all("Environment").flatMap((value) => value.split(" "))
    .map((setting) => setting.split("="));
  assertSettings(settings.map(([name = ""]) => name));
  const credentials = all("LoadCredential").map((value) => value.split(":")[0] ?? "");
  const files = settings.map(([, value = ""]) => value).filter((value) => value.startsWith("%d/"));
  assertEquals(files.map((file) => file.slice(3)), credentials);
  assert(Number(all("TimeoutStopSec")[0]) > ENDS_SECONDS + 5);
  // The program's 400 waits take two connections each, and V8 writes machine code.
  assert(Number(all("LimitNOFILE")[0]) >= 2 * 400 + 64);
  assertEquals(all("MemoryDenyWriteExecute"), []);
});

Deno.test("the systemd unit is accepted by systemd-analyze, and lets little out", async () => {
  const folder = await Deno.makeTempDir();
  try {
    // An instance, and a program that is there.
    const file = `${folder}/cma-mcp@3001.service`;
    const text = await read(`deploy/systemd/${UNIT}`);
    await Deno.writeTextFile(file, text.replaceAll("/usr/local/bin/cma-mcp", "/bin/true"));
    const verified = await run("systemd-analyze", ["verify", "--man=no", file]);
    if (verified === undefined) return;
    assertEquals(verified, "");
    // In tenths of the scale from 0, where nothing is exposed, to 10.
    const most = 15;
    await run("systemd-analyze", [
      ...["security", "--no-pager", "--offline=true", `--threshold=${most}`, file],
    ]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
