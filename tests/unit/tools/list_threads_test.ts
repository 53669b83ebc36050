import { assert, assertEquals } from "@std/assert";
import type { SessionThread } from "../../../src/api/resources.ts";
import type { ListThreadsParams } from "../../../src/api/types.ts";
import { MAX_RESULT_CHARS } from "../../../src/core/text.ts";
import { listThreads } from "../../../src/tools/list_threads.ts";
import { entriesOf, harness, pageOf } from "./support.ts";

function workspace(all: readonly SessionThread[]) {
  const requests: [string, ListThreadsParams][] = [];
  const list = (id: string, params: ListThreadsParams) => {
    requests.push([id, params]);
    return Promise.resolve(pageOf(all, params));
  };
  const { run } = harness({ threads: { list } });
  return {
    requests,
    list: (args: Record<string, unknown> = {}) =>
      run(listThreads, { session_id: "sesn_1", ...args }),
  };
}

const THREADS: readonly SessionThread[] = [
  {
    id: "sthr_1",
    status: "running",
    agent: { id: "agent_1", name: "Lead", system: "SECRET" },
    created_at: "2026-11-25T09:00:00Z",
    usage: { list_cost: { amount: "187", currency: "USD" } },
  },
  {
    id: "sthr_2",
    status: "idle",
    parent_thread_id: "sthr_1",
    agent: "Helper",
    archived_at: "2026-11-25T10:00:00Z",
  },
  { id: "sthr_3", parent_thread_id: "sthr_1", agent: { type: "advisor", model: "m" } },
  { id: "sthr_4" },
];

Deno.test("list_threads shows who works, what it has cost, and nothing of an agent's set-up", async () => {
  assertEquals(await workspace(THREADS).list(), {
    threads: [
      {
        thread_id: "sthr_1",
        agent: "Lead",
        status: "running",
        created_at: "2026-11-25T09:00:00Z",
        cost_usd: 1.87,
      },
      {
        thread_id: "sthr_2",
        agent: "Helper",
        parent_thread_id: "sthr_1",
        status: "idle",
        archived: true,
      },
      { thread_id: "sthr_3", agent: "advisor", parent_thread_id: "sthr_1", status: "unknown" },
      { thread_id: "sthr_4", status: "unknown" },
    ],
  });
});

Deno.test("list_threads filters by status, also where the server does not", async () => {
  const { list, requests } = workspace(THREADS);
  const result = await list({ status: "idle" });
  assertEquals(entriesOf(result, "threads").map(({ thread_id }) => thread_id), ["sthr_2"]);
  assertEquals(requests, [["sesn_1", { limit: 50, page: undefined, statuses: ["idle"] }]]);
});

Deno.test("list_threads reads on from its cursor, and keeps to the size budget", async () => {
  const { list } = workspace(
    Array.from({ length: 600 }, (_, n) => ({ id: `sthr_${n}`, agent: "n".repeat(1_000) })),
  );
  const seen: unknown[] = [];
  for (let cursor: unknown, page = 0; page === 0 || cursor !== undefined; page++) {
    const result = await list({ limit: 100, ...(cursor !== undefined && { cursor }) });
    assert(JSON.stringify(result).length <= MAX_RESULT_CHARS);
    seen.push(...entriesOf(result, "threads").map(({ thread_id }) => thread_id));
    cursor = result.next_cursor;
  }
  assertEquals(seen, Array.from({ length: 600 }, (_, n) => `sthr_${n}`));
});
