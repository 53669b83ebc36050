import { assertEquals, assertRejects } from "@std/assert";
import { createApi } from "../../../src/api/client.ts";
import type { CredentialSource } from "../../../src/api/credentials.ts";
import { remoteUpstream, simulatedUpstream } from "../../../src/commands/upstream.ts";
import { UsageError } from "../../../src/core/errors.ts";
import { ManualClock } from "../../helpers/manual_clock.ts";
import { recordProgram } from "../../helpers/program.ts";

const KEY = "sk-ant-0123456789";

function remote(file: string | undefined, readFile: () => Promise<string>, proxy?: string) {
  const env = (name: string) => name === "HTTPS_PROXY" ? proxy : undefined;
  return remoteUpstream(
    "https://api.example.com",
    { kind: "api_key", value: KEY, ...(file !== undefined && { file }) },
    recordProgram({ readFile, env }),
  );
}

/** Asks a source as the client does, at first or after the API has refused the key. */
async function ask(source: CredentialSource, refresh = false) {
  return await source({ refresh });
}

Deno.test("remoteUpstream() goes through the proxy that the environment names", () => {
  const direct = remote(undefined, () => Promise.resolve(""));
  assertEquals([direct.baseUrl, direct.proxy], ["https://api.example.com", undefined]);
  const upstream = remote(undefined, () => Promise.resolve(""), "http://proxy.test:8080");
  assertEquals(upstream.proxy?.variable, "HTTPS_PROXY");
  direct.close();
  upstream.close();
});

Deno.test("remoteUpstream() reads a key's file again when the API refuses the key", async () => {
  let content = `${KEY}\n`;
  const { credential, close } = remote("key", () => Promise.resolve(content));
  assertEquals(await ask(credential), { kind: "api_key", value: KEY });
  content = `${KEY}-rotated\n`;
  assertEquals(await ask(credential, true), { kind: "api_key", value: `${KEY}-rotated` });
  close();
});

Deno.test("remoteUpstream() names the setting of a key's file that cannot be read", async () => {
  const error = Object.assign(new Error("os error 2"), { code: "ENOENT" });
  const { credential, close } = remote("/etc/key", () => Promise.reject(error));
  await assertRejects(() => ask(credential), UsageError, "'/etc/key' (--api-key-file)");
  close();
});

Deno.test("simulatedUpstream() answers in this process, with any key", async () => {
  const clock = new ManualClock();
  const { close, ...upstream } = await simulatedUpstream({ clock });
  const { data } = await createApi({ ...upstream, clock }).agents.list({ limit: 2 });
  assertEquals(data.length, 2);
  close();
});
