import { assert, assertEquals, assertRejects } from "@std/assert";
import { printNewSealingKey, printNewToken } from "../../../src/commands/token.ts";
import type { NewTokenConfig } from "../../../src/config/config.ts";
import { parseSealingKeys } from "../../../src/access/sealing_keys.ts";
import { parseTokenFile } from "../../../src/access/access_file.ts";
import { UsageError } from "../../../src/core/errors.ts";
import { silentLogger } from "../../../src/core/logger.ts";
import { createAuthenticator } from "../../../src/http/authenticate.ts";
import { createTokenRegistry } from "../../../src/access/tokens.ts";
import { sha256 } from "../../../src/core/sha256.ts";
import { ManualClock } from "../../helpers/manual_clock.ts";

async function printed(config: Partial<NewTokenConfig> = {}) {
  const lines: string[] = [];
  const program = { clock: new ManualClock(), print: (line: string) => lines.push(line) };
  const defaults = { command: "token", name: "ci", json: false, readOnly: false } as const;
  await printNewToken({ ...defaults, ...config }, program);
  const text = lines.join("\n");
  const secret = /^ {2}(cma_\S+)$/m.exec(text)?.[1] ?? "";
  const entry = /^ {2}\{[\s\S]*?^ {2}\}$/m.exec(text)?.[0] ?? "";
  return { text, secret, entry };
}

Deno.test("printNewToken() prints a secret that the printed entry lets in", async () => {
  const { secret, entry } = await printed();
  assert(/^cma_[A-Za-z0-9_-]{43}$/.test(secret), secret);
  const entries = parseTokenFile(`{ "tokens": [${entry}] }`, "'t'");
  const { authenticate } = createAuthenticator({
    tokens: createTokenRegistry(entries),
    clock: new ManualClock(),
    log: silentLogger,
  });
  const found = await authenticate(new Headers({ authorization: `Bearer ${secret}` }));
  assert("principal" in found && found.principal.id === "ci");
});

Deno.test("printNewToken() prints the secret once, and another one each time", async () => {
  const [first, second] = [await printed(), await printed()];
  assert(first.secret !== second.secret);
  assertEquals(first.text.split(first.secret).length, 2);
  assert(!first.entry.includes(first.secret));
});

Deno.test("printNewToken() puts the one agent of a token into the entry", async () => {
  const { entry } = await printed({ agent: "agent_1" });
  const [parsed] = parseTokenFile(`{ "tokens": [${entry}] }`, "'t'");
  assertEquals([parsed?.agent, parsed?.agents], ["agent_1", ["agent_1"]]);
});

Deno.test("printNewToken() puts every scope into the entry", async () => {
  const { entry, text } = await printed({
    expires: "2027-01-31T00:00:00Z",
    agents: ["agent_1"],
    environments: ["env_1"],
    files: ["file_1"],
    readOnly: true,
    scopes: ["agents:read"],
    tools: ["core"],
    maxCostUsd: 2.5,
  });
  const { sha256: _, ...fields } = JSON.parse(entry);
  assertEquals(fields, {
    name: "ci",
    expires: "2027-01-31T00:00:00Z",
    agents: ["agent_1"],
    environments: ["env_1"],
    files: ["file_1"],
    read_only: true,
    scopes: ["agents:read"],
    tools: ["core"],
    max_cost_usd: 2.5,
  });
  assertEquals(parseTokenFile(`{ "tokens": [${entry}] }`, "'t'")[0]?.maxCostUsd, 2.5);
  assert(text.includes('"sessions": "all"'), "a token that starts no session is told about");
});

Deno.test("printNewToken() makes no token that has expired already", async () => {
  const { message } = await assertRejects(
    () => printed({ expires: "2026-11-23T09:00:00Z" }),
    UsageError,
  );
  assert(message.includes("type a later one"));
});

Deno.test("printNewToken() prints the secret and the entry as JSON", async () => {
  const { text } = await printed({ json: true, agents: ["agent_1"] });
  const { secret, entry } = JSON.parse(text);
  assert(/^cma_[A-Za-z0-9_-]{43}$/.test(secret), secret);
  assertEquals(entry, { name: "ci", sha256: sha256(secret), agents: ["agent_1"] });
});

Deno.test("printNewSealingKey() prints a file of one key, another each time, and says what it is", () => {
  const printed: string[] = [];
  const noted: string[] = [];
  const program = {
    print: (line: string) => printed.push(line),
    note: (line: string) => noted.push(line),
  };
  printNewSealingKey(program);
  printNewSealingKey(program);
  assertEquals(new Set(printed).size, 2);
  for (const key of printed) {
    assertEquals(parseSealingKeys(`${key}\n`, "'k'").map(({ text }) => text), [key]);
    assert(!noted.join().includes(key));
  }
  assert(noted[0]?.includes("--sealing-key-file"));
});
