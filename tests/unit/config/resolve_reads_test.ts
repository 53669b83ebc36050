import { assertEquals } from "@std/assert";
import { readsFiles, resolveConfig } from "../../../src/config/resolve.ts";

const TOKEN = "t".repeat(32);
const ENV: Record<string, string> = {
  ANTHROPIC_API_KEY: "sk-ant-0123456789",
  MANAGED_AGENTS_MCP_TOKEN: TOKEN,
};
const LIST = JSON.stringify({ tokens: [{ name: "a", sha256: "0".repeat(64) }] });

const cases: readonly [reads: boolean, args: readonly string[], file?: string][] = [
  [false, []],
  [false, ["--simulate"]],
  [false, ["--http"]],
  // Read once, at the start.
  [false, ["--http", "--token-file", "token"], TOKEN],
  [false, ["--http", "--sealing-key-file", "k"], "q83vEjRWeJq83vEjRWeJq7zd7xIzRFVmd4iZqrvM3e8"],
  [false, ["token", "sealing-key"]],
  [true, ["--api-key-file", "key"], "sk-ant-0123456789"],
  [true, ["--http", "--token-file", "tokens.json"], LIST],
  [true, ["--http", "--tls-cert", "cert.pem", "--tls-key", "key.pem"]],
  [true, ["doctor"]],
  [true, ["config", "cursor"]],
  [false, ["demo"]],
  [false, ["simulator"]],
  [false, ["token", "new", "--name", "a"]],
  [false, ["health"]],
  [true, ["health", "--tls-cert", "cert.pem"]],
  [false, ["--help"]],
  [false, ["--version"]],
];
for (const [reads, args, file] of cases) {
  Deno.test(`'cma-mcp ${args.join(" ")}' ${reads ? "goes on reading" : "gives up reading"}`, async () => {
    const config = await resolveConfig(
      args,
      (name) => ENV[name],
      () => Promise.resolve(file ?? ""),
    );
    assertEquals(readsFiles(config), reads);
  });
}
