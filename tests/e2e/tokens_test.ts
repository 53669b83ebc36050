import { createHash } from "node:crypto";
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { ToolSetName } from "../../src/access/tool_sets.ts";
import { callMethod, callServedTool } from "../../src/commands/mcp_call.ts";
import { toolsOf } from "../../src/tools/registry.ts";
import { endpointAt } from "../helpers/http_program.ts";
import { Spawned } from "../helpers/spawned.ts";
import { replaceFile } from "../helpers/replace_file.ts";

/** Makes a token with the program itself; what it prints is all that anybody gets. */
async function newToken(...args: string[]): Promise<{ secret: string; entry: unknown }> {
  const program = new Spawned(["token", "new", ...args]);
  assertEquals((await program.ending()).code, 0, program.stderr.join());
  const text = program.stdout.join("\n");
  const secret = /^ {2}(cma_\S+)$/m.exec(text)?.[1];
  const entry = /^ {2}\{[\s\S]*?^ {2}\}$/m.exec(text)?.[0];
  assert(secret && entry, text);
  return { secret, entry: JSON.parse(entry) };
}

Deno.test("the program holds tokens to their scopes and to their sets of tools", async () => {
  const path = await Deno.makeTempFile({ suffix: ".json" });
  const all = await newToken("--name", "all");
  const reader = await newToken("--name", "reader", "--scopes", "sessions:read,agents:read");
  const actor = await newToken("--name", "actor", "--tools", "actions");
  const tokens = [all.entry, reader.entry, actor.entry];
  await Deno.writeTextFile(path, JSON.stringify({ tokens }));
  const args = ["--simulate", "--token-file", path, "--tools", "actions"];
  const program = new Spawned(["--http", "--port=0", ...args]);
  const url = await program.listening();
  const listed = async ({ secret }: { secret: string }) => {
    const { tools } = await callMethod(endpointAt(url, secret), "tools/list");
    assert(Array.isArray(tools));
    return tools.map(({ name }) => name);
  };
  const names = (...sets: ToolSetName[]) => toolsOf(sets).map(({ name }) => name);
  assertEquals(await listed(all), names("core", "actions"));
  assertEquals(await listed(reader), names("core", "actions"));
  assertEquals(await listed(actor), names("actions"));
  const call = ({ secret }: { secret: string }, name: string, args: Record<string, unknown>) =>
    callServedTool(endpointAt(url, secret), name, args);
  const { agents } = await call(reader, "list_agents", {});
  assert(Array.isArray(agents));
  const creation = { agent_id: agents[0].id };
  await assertRejects(
    () => call(reader, "create_session", creation),
    Error,
    "does not have the scope sessions:write, which create_session needs",
  );
  await assertRejects(() => call(actor, "list_agents", {}), Error, "Tool list_agents not found");
  await call(all, "create_session", creation);
  program.kill("SIGTERM");
  assertEquals((await program.ending()).code, 0);
  await Deno.remove(path);
});

Deno.test("the program serves the tokens of a file, and reads it again on SIGHUP while a wait goes on", async () => {
  const path = await Deno.makeTempFile({ suffix: ".json" });
  const write = (...tokens: unknown[]) => replaceFile(path, JSON.stringify({ tokens }));
  const [first, second] = await Promise.all([
    newToken("--name", "first"),
    newToken("--name", "second", "--read-only"),
  ]);
  await write(first.entry);
  const program = new Spawned(["--http", "--port=0", "--simulate", "--token-file", path]);
  const url = await program.listening();
  const [mine, theirs] = [endpointAt(url, first.secret), endpointAt(url, second.secret)];
  await assertRejects(() => callServedTool(theirs, "list_agents", {}), Error, "not accepted");

  const { agents } = await callServedTool(mine, "list_agents", { name_contains: "long wait" });
  assert(Array.isArray(agents));
  const agent_id = agents[0].id;
  const { session_id } = await callServedTool(mine, "create_session", {
    agent_id,
    message: "Begin.",
  });
  const open = Promise.withResolvers<void>();
  const wait = callServedTool(mine, "wait_for_idle", { session_id, timeout_sec: 600 }, {
    onProgress: () => open.resolve(),
  });
  await open.promise;

  await write(second.entry);
  // Windows has no such signal; there the next read finds the change, within seconds.
  if (Deno.build.os !== "windows") program.kill("SIGHUP");
  await program.logged("was read again");
  assertEquals(Array.isArray((await callServedTool(theirs, "list_agents", {})).agents), true);
  await assertRejects(() => callServedTool(mine, "list_agents", {}), Error, "not accepted");
  await assertRejects(
    () => callServedTool(theirs, "create_session", { agent_id }),
    Error,
    "only read",
  );
  const get = callServedTool(theirs, "get_session", { session_id });
  await assertRejects(() => get, Error, "does not exist or is not available");

  program.kill("SIGTERM");
  assertEquals((await wait).status, "timeout", "the wait outlived its token");
  assertEquals((await program.ending()).code, 0);
  const log = program.stderr.join("\n");
  assert(!log.includes(first.secret) && !log.includes(second.secret));
  await Deno.remove(path);
});

Deno.test("the program shows its callers neither their tokens nor its own secrets", async () => {
  const path = await Deno.makeTempFile({ suffix: ".json" });
  // A token of another maker, since those of this program are known by their shape.
  const token = "team-secret-of-another-maker-0001";
  const bindingKey = "binding-key-that-nobody-sends-0001";
  const sha256 = createHash("sha256").update(token).digest("hex");
  await Deno.writeTextFile(path, JSON.stringify({ tokens: [{ name: "team", sha256 }] }));
  const program = new Spawned(["--http", "--port=0", "--simulate", "--token-file", path], {
    CMA_MCP_BINDING_KEY: bindingKey,
  });
  const mine = endpointAt(await program.listening(), token);
  const { agents } = await callServedTool(mine, "list_agents", { name_contains: "script" });
  assert(Array.isArray(agents));
  const { session_id } = await callServedTool(mine, "create_session", {
    agent_id: agents[0].id,
    message: `say The token is ${token}, the key ${bindingKey}.`,
  });
  const { reply } = await callServedTool(mine, "wait_for_idle", { session_id });
  assertEquals(reply, "The token is [redacted], the key [redacted].");
  program.kill("SIGTERM");
  assertEquals((await program.ending()).code, 0);
  await Deno.remove(path);
});

Deno.test("the program does not start with a token file that cannot be used, and says why", async () => {
  const path = await Deno.makeTempFile({ suffix: ".json" });
  await Deno.writeTextFile(path, '{ "tokens": [{ "name": "ci", "sha256": "abc" }] }');
  const program = new Spawned(["--http", "--port=0", "--simulate", "--token-file", path]);
  assertEquals((await program.ending()).code, 2);
  assertEquals(program.stderr.length, 1);
  assert(program.stderr[0]?.includes('tokens[0] ("ci"): sha256 must be the SHA-256'));
  await Deno.remove(path);
});
