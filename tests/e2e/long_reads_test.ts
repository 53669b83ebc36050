import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { SessionEvent } from "../../src/api/events.ts";
import { callServedTool } from "../../src/commands/mcp_call.ts";
import { ListServer } from "../helpers/list_server.ts";
import { processCost } from "../helpers/process_cost.ts";
import { sha256 } from "../../src/core/sha256.ts";
import { endpointAt, startHttp, TOKEN } from "../helpers/http_program.ts";
import { Spawned } from "../helpers/spawned.ts";

const MB = 1e6;
/**
 * The memory that reading all events of a session may take beyond that at rest. A page of them is 20 MB,
 * whose texts are dropped as they come in: what is needed at any time fits a heap of 60 MB, and what is
 * used up is collected when the runtime finds the time, on a busy machine some pages later. All events
 * at once would be 400 MB as bytes, and more than 1 GB as values.
 */
const MAX_GROWTH_MB = 128;
const SESSION = { session_id: "sesn_1" };

function messages(count: number, textOf: (n: number) => string): SessionEvent[] {
  const start = Date.parse("2026-11-23T09:00:00Z");
  return Array.from({ length: count }, (_, index) => ({
    id: `e${index}`,
    type: "agent.message",
    processed_at: new Date(start + index * 1_000).toISOString(),
    content: [{ type: "text", text: textOf(index) }],
  }));
}

/** The most memory that a process has while something runs, in megabytes over what it had before. */
async function growthOf(pid: number, run: () => Promise<void>): Promise<number> {
  const rest = (await processCost(pid))?.rssBytes ?? 0;
  let most = rest;
  let over = false;
  const watch = (async () => {
    while (!over) most = Math.max(most, (await processCost(pid))?.rssBytes ?? 0);
  })();
  try {
    await run();
  } finally {
    over = true;
    await watch;
  }
  return (most - rest) / MB;
}

Deno.test({
  name: "the search for an unknown after_id in 20,000 events of 20 KB takes little memory",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const text = "some words that an agent wrote, ".repeat(640);
    await using server = new ListServer(messages(20_000, () => text));
    const program = new Spawned([], {
      CMA_BASE_URL: server.url,
      ANTHROPIC_API_KEY: "k".repeat(40),
    });
    await program.initialize();
    const call = async (name: string, args: object) => {
      return JSON.stringify(await program.request("tools/call", { name, arguments: args }));
    };
    // What the first calls load is not what reading takes.
    await call("list_events", { ...SESSION, limit: 5 });
    await call("wait_for_idle", { ...SESSION, timeout_sec: 1 });
    for (
      const [name, args] of [
        ["list_events", { ...SESSION, after_id: "foreign" }],
        ["wait_for_idle", { ...SESSION, after_id: "foreign", timeout_sec: 60 }],
        ["list_events", { ...SESSION, after_id: "foreign" }],
      ] as const
    ) {
      let answer = "";
      const grownMb = await growthOf(program.pid, async () => {
        answer = await call(name, args);
      });
      assertStringIncludes(answer, "foreign");
      assertStringIncludes(answer, "leave after_id out");
      assert(grownMb < MAX_GROWTH_MB, `${name}: ${grownMb.toFixed(0)} MB more`);
    }
    await program.closeStdin();
    assertEquals((await program.ending()).code, 0);
  },
});

Deno.test("the search for an unknown after_id counts against the token's rate, and is not repeated", async () => {
  await using server = new ListServer(messages(100_000, (n) => `text ${n}`));
  const folder = await Deno.makeTempDir();
  const hash = sha256(TOKEN);
  const tokens = {
    tokens: [{ name: "limited", sha256: hash, rate_per_minute: 60, sessions: "all" }],
  };
  await Deno.writeTextFile(`${folder}/tokens.json`, JSON.stringify(tokens));
  const { program, url } = await startHttp([`--token-file=${folder}/tokens.json`], {
    MANAGED_AGENTS_MCP_TOKEN: "",
    CMA_BASE_URL: server.url,
    ANTHROPIC_API_KEY: "k".repeat(40),
  });
  try {
    const endpoint = endpointAt(url);
    const known = server.queries.length;
    await callServedTool(endpoint, "list_events", { ...SESSION, after_id: "e99900" });
    assert(server.queries.length - known <= 3, `${server.queries.length - known} requests`);

    const before = server.queries.length;
    const errors: string[] = [];
    for (let calls = 0; calls < 5; calls++) {
      await callServedTool(endpoint, "list_events", { ...SESSION, after_id: `foreign${calls}` })
        .catch((error) => errors.push(String(error)));
    }
    const requests = server.queries.length - before;
    assertEquals(errors.length, 5);
    assert(requests <= 60 + 5 * 3, `${requests} requests`);
    assertStringIncludes(errors.join(), "leave after_id out");
  } finally {
    program.kill("SIGTERM");
    await program.ending();
    await Deno.remove(folder, { recursive: true });
  }
});
