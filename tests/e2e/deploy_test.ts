import { assert, assertEquals } from "@std/assert";
import { parse as parseYaml } from "yaml";
import { z } from "zod";
import { apiAt, startHttp } from "../helpers/http_program.ts";
import { settingsOf } from "../helpers/settings_file.ts";
import { inFolder } from "./compiled.ts";

const FOLDER = new URL("../../deploy/kubernetes/", import.meta.url);

function read(path: string): Promise<string> {
  return Deno.readTextFile(new URL(path, FOLDER));
}

const exampleSchema = z.object({
  configMapGenerator: z.tuple([z.object({ literals: z.array(z.string()) })]),
});
const ingressSchema = z.object({
  spec: z.object({
    rules: z.tuple([z.object({
      host: z.string(),
      http: z.object({ paths: z.array(z.object({ path: z.string() })) }),
    })]),
  }),
});

/** The files of the secret, as an operator makes them. */
const FILES = {
  "api.key": "sk-ant-test-0123456789",
  "sealing.key": btoa("0123456789abcdefghijklmnopqrstuv"),
  "access.json": await read("example/access.json"),
};

Deno.test("the program starts with the settings of the Kubernetes example, and serves its paths", () =>
  inFolder(async (folder) => {
    for (const [name, content] of Object.entries(FILES)) {
      await Deno.writeTextFile(`${folder}/${name}`, content);
    }
    const example = exampleSchema.parse(parseYaml(await read("example/kustomization.yaml")));
    const [{ literals }] = example.configMapGenerator;
    const settings = {
      ...settingsOf(await read("base/settings.env")),
      ...settingsOf(literals.join("\n")),
    };
    const env = Object.fromEntries(
      Object.entries(settings).map((
        [name, value],
      ) => [name, value.replace("/etc/cma-mcp", folder)]),
    );
    // A port that nobody listens on.
    const { ANTHROPIC_BASE_URL = "" } = apiAt("http://127.0.0.1:9");
    await using server = await startHttp([], {
      ...env,
      ANTHROPIC_BASE_URL,
      CMA_MCP_METRICS_PORT: "0",
      CMA_MCP_DRAIN_SECONDS: "0",
      MANAGED_AGENTS_MCP_TOKEN: "",
    });
    const get = async (path: string) => {
      const response = await fetch(new URL(path, server.url));
      return { status: response.status, text: await response.text() };
    };
    assertEquals((await get("/health")).status, 200);
    assertEquals((await get("/ready")).status, 503);
    const { spec: { rules: [{ host, http }] } } = ingressSchema.parse(
      parseYaml(await read("example/ingress.yaml")),
    );
    assertEquals(env.CMA_MCP_PUBLIC_URL, `https://${host}`);
    assertEquals(http.paths.map(({ path }) => path), [
      "/mcp",
      "/files",
      "/.well-known/oauth-protected-resource",
    ]);
    const metadata = await get("/.well-known/oauth-protected-resource/mcp");
    assertEquals(metadata.status, 200);
    const { resource, authorization_servers } = JSON.parse(metadata.text);
    assertEquals([resource, authorization_servers], [
      `https://${host}/mcp`,
      [env.CMA_MCP_OAUTH_ISSUER],
    ]);
    const refused = await fetch(server.url, { method: "POST", body: "{}" });
    await refused.body?.cancel();
    assertEquals(refused.status, 401);
    const log = server.program.stderr.join("\n");
    assert(!/"level":"(error)"/.test(log), log);
  }));
