import { assert, assertEquals, assertMatch } from "@std/assert";
import { parse as parseToml } from "smol-toml";
import { parse as parseYaml } from "yaml";
import { z } from "zod";
import { CALLS_MS } from "../../src/commands/serve/drain.ts";
import { checkAddress } from "../../src/commands/serve/listen.ts";
import { resolveConfig } from "../../src/config/resolve.ts";
import { ENV_NAMES } from "../../src/config/settings.ts";
import { stagesOf, variablesOf } from "../e2e/dockerfile.ts";

const ROOT = new URL("../../", import.meta.url);

function read(path: string): Promise<string> {
  return Deno.readTextFile(new URL(path, ROOT));
}

const [, image = []] = stagesOf(await read("Dockerfile"));
const PORT = variablesOf(image).PORT ?? "none";

/** The least time in seconds from SIGTERM to the end with these settings. */
function drainSeconds(settings: Readonly<Record<string, string>>): number {
  return Number(settings.CMA_MCP_DRAIN_SECONDS) + CALLS_MS / 1_000 + 1;
}

/** Files that the settings name, by how their paths end. */
const FILES: readonly (readonly [string, string])[] = [
  ["api/key", "sk-ant-test-0123456789"],
  ["sealing/key", btoa("0123456789abcdefghijklmnopqrstuv")],
  ["sealing.key", btoa("0123456789abcdefghijklmnopqrstuv")],
];

/** An access file with a token, and one that also lets people in. */
const TOKENS = { tokens: [{ name: "ci", sha256: "0".repeat(64) }] };
const RULES = { ...TOKENS, rules: [{ name: "staff", issuer: "https://login.example.com" }] };

/** Has the program itself read the settings as the image's, and checks that it would serve. */
async function assertServes(
  settings: Readonly<Record<string, string>>,
  access: object = TOKENS,
): Promise<void> {
  const all: Readonly<Record<string, string>> = { ...variablesOf(image), ...settings };
  const config = await resolveConfig(["--http"], (name) => all[name], (path) => {
    const content = path.endsWith("access.json")
      ? JSON.stringify(access)
      : FILES.find(([end]) => path.endsWith(end))?.[1];
    return content === undefined ? Promise.reject(new Error(path)) : Promise.resolve(content);
  });
  assert(config.command === "serve" && config.http);
  assertEquals(config.http.listenAddress, "0.0.0.0");
  await checkAddress(config.http, { tryListen: () => Promise.resolve(undefined) });
}

/** What a platform's owner gives it beside its file. */
const SECRETS = {
  ANTHROPIC_API_KEY: "sk-ant-test-0123456789",
  MANAGED_AGENTS_MCP_TOKEN: "abcdefghijklmnopqrstuvwxyz-0123456789",
};

function assertSettings(names: readonly string[]): void {
  const known: readonly string[] = ENV_NAMES;
  for (const name of names) assert(known.includes(name), `${name} is no setting`);
}

Deno.test("fly.toml sets what the program knows, and gives it the time to drain", async () => {
  const text = await read("deploy/fly.toml");
  assertMatch(text, /^# Not run: /);
  const { env, files, kill_timeout, http_service, metrics } = z.object({
    kill_timeout: z.number(),
    env: z.record(z.string(), z.string()),
    files: z.array(z.object({ guest_path: z.string(), secret_name: z.string() })),
    http_service: z.object({
      internal_port: z.number(),
      force_https: z.literal(true),
      auto_stop_machines: z.literal("off"),
      checks: z.array(
        z.object({ path: z.literal("/ready"), interval: z.string().regex(/^\d+s$/) }),
      ),
    }),
    metrics: z.object({ port: z.number(), path: z.literal("/metrics") }),
  }).parse(parseToml(text));
  const secrets = [...text.matchAll(/^# {3}fly secrets set (.*)$/gm)].flatMap(([, set = ""]) =>
    [...set.matchAll(/\b([A-Z_]+)=/g)].map(([, name]) => name ?? "")
  );
  assertEquals(files.map(({ secret_name }) => secret_name), ["SEALING_KEY"]);
  assert(secrets.includes("SEALING_KEY"));
  assertSettings([...Object.keys(env), ...secrets.filter((name) => name !== "SEALING_KEY")]);
  assertEquals(files.map(({ guest_path }) => guest_path), [env.CMA_MCP_SEALING_KEY_FILE]);
  assertEquals([String(http_service.internal_port), env.PORT], [PORT, PORT]);
  assertEquals(String(metrics.port), env.CMA_MCP_METRICS_PORT);
  assert(kill_timeout >= drainSeconds(env) + 5);
  for (const { interval } of http_service.checks) {
    assert(Number(env.CMA_MCP_DRAIN_SECONDS) > Number.parseInt(interval), interval);
  }
  await assertServes({ ...env, ...SECRETS });
});

Deno.test("render.yaml sets what the program knows, and gives it the time to drain", async () => {
  const text = await read("deploy/render.yaml");
  assertMatch(text, /^# Not run: /);
  const { services: [service] } = z.object({
    services: z.tuple([z.object({
      type: z.literal("web"),
      runtime: z.literal("docker"),
      healthCheckPath: z.literal("/health"),
      maxShutdownDelaySeconds: z.number(),
      envVars: z.array(z.object({
        key: z.string(),
        value: z.string().optional(),
        sync: z.literal(false).optional(),
        generateValue: z.literal(true).optional(),
      })),
    })]),
  }).parse(parseYaml(text));
  const settings = Object.fromEntries(service.envVars.map(({ key, value }) => [key, value ?? ""]));
  assertSettings(Object.keys(settings));
  assertEquals(settings.PORT, PORT);
  assert(service.maxShutdownDelaySeconds >= drainSeconds(settings) + 5);
  // What is secret stands in no file.
  for (const { key, value } of service.envVars) {
    if (/KEY$|TOKEN$/.test(key)) assertEquals(value, undefined, key);
  }
  await assertServes({ ...settings, ...SECRETS });
});

Deno.test("railway.json asks for what the program serves", async () => {
  const { build, deploy } = z.object({
    build: z.object({ dockerfilePath: z.literal("Dockerfile") }),
    deploy: z.object({
      healthcheckPath: z.literal("/ready"),
      drainingSeconds: z.number().gte(drainSeconds({ CMA_MCP_DRAIN_SECONDS: "2" }) + 5),
    }),
  }).parse(JSON.parse(await read("deploy/railway.json")));
  assert(build && deploy);
  await assertServes({ ...SECRETS, ALLOWED_HOSTS: "*.up.railway.app" });
});

Deno.test("the page about Cloud Run sets what the program knows, and drains in time", async () => {
  const text = await read("docs/cloud-run.md");
  assertMatch(text, /^Not run by this project/m);
  const sets = [...text.matchAll(/(?:--set-env-vars='|--update-env-vars=|,)([A-Z_]+)=([^\s,']*)/g)]
    .map(([, name = "", value = ""]) => [name, value] as const);
  assertSettings(sets.map(([name]) => name));
  const settings = Object.fromEntries(sets);
  assertEquals(Object.keys(settings).length, 8);
  // Cloud Run kills ten seconds after SIGTERM.
  assert(drainSeconds(settings) < 10);
  for (const [name, path] of sets.filter(([name]) => name.endsWith("_FILE"))) {
    assert(text.includes(`${path}=cma-mcp-`), name);
  }
  const [deploy = "", update = ""] = text.split("## Then");
  const settingsIn = (part: string) =>
    Object.fromEntries(sets.filter(([name]) => part.includes(`${name}=`)));
  const { ALLOWED_HOSTS, ...kept } = settingsIn(deploy);
  await assertServes({ ...kept, ALLOWED_HOSTS: ALLOWED_HOSTS ?? "" });
  assert(update.includes("--remove-env-vars=ALLOWED_HOSTS"));
  const CMA_MCP_PUBLIC_URL = "https://cma-mcp-0123456789.europe-west1.run.app";
  await assertServes({ ...kept, ...settingsIn(update), CMA_MCP_PUBLIC_URL }, RULES);
});

Deno.test("every file to deploy has its row, which says how it was checked", async () => {
  const readme = await read("deploy/README.md");
  const rows = readme.split("\n").filter((line) => line.startsWith("| [")).map((line) => {
    const [, path = "", , checked = ""] = /^\| \[.*?\]\((.*?)\) *\|(.*?)\|(.*)\|$/.exec(line) ?? [];
    assertMatch(checked, /\b(run|validated)\b/, path);
    return path.replace(/(?<=kubernetes\/\w+\/).*/, "");
  });
  const files: string[] = [];
  for (const folder of ["", ...await foldersOf("deploy/")]) {
    for await (const { name, isFile } of Deno.readDir(new URL(`deploy/${folder}`, ROOT))) {
      if (isFile && name !== "README.md") files.push(folder + name);
    }
  }
  for (const file of files) {
    const named = rows.some((row) => row === file || (row.endsWith("/") && file.startsWith(row))) ||
      readme.includes(`](${file})`);
    assert(named, `deploy/README.md has no row for ${file}`);
  }
});

/** The folders below a folder, from there on. */
async function foldersOf(folder: string, from = ""): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder + from, ROOT))) {
    if (!isDirectory) continue;
    const inner = `${from}${name}/`;
    found.push(inner, ...await foldersOf(folder, inner));
  }
  return found;
}
