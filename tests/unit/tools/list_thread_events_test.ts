import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { SessionEvent } from "../../../src/api/events.ts";
import type { PageParams } from "../../../src/api/types.ts";
import { ToolError } from "../../../src/core/errors.ts";
import { MAX_RESULT_CHARS } from "../../../src/core/text.ts";
import { listThreadEvents } from "../../../src/tools/list_thread_events.ts";
import { entriesOf, events, harness, httpError, idsOf, pageOf } from "./support.ts";

function workspace(all: readonly SessionEvent[], options: { exposeToolInputs?: boolean } = {}) {
  const requests: [string, string, PageParams][] = [];
  const list = (session: string, thread: string, params: PageParams) => {
    requests.push([session, thread, params]);
    return Promise.resolve(pageOf(all, params));
  };
  const { run } = harness({ threads: { events: list } }, options);
  const ids = { session_id: "sesn_1", thread_id: "sthr_1" };
  return {
    requests,
    list: (args: Record<string, unknown> = {}) => run(listThreadEvents, { ...ids, ...args }),
  };
}

const CALL: SessionEvent = {
  id: "e1",
  type: "agent.tool_use",
  name: "bash",
  input: { command: "SECRET" },
  processed_at: "2026-11-23T09:00:00Z",
};

Deno.test("list_thread_events reads a thread to its end, then what is new", async () => {
  const all = events(5);
  const { list, requests } = workspace(all);
  const first = await list({ limit: 3 });
  assertEquals([idsOf(first), first.has_more], [["e1", "e2", "e3"], true]);
  const second = await list({ limit: 3, cursor: first.next_cursor });
  assertEquals([idsOf(second), second.has_more], [["e4", "e5"], false]);
  all.push(...events(2, 6));
  const third = await list({ cursor: second.next_cursor });
  assertEquals([idsOf(third), third.has_more], [["e6"], true]);
  const fourth = await list({ cursor: third.next_cursor });
  assertEquals([idsOf(fourth), fourth.has_more], [["e7"], false]);
  assertEquals(requests[0], ["sesn_1", "sthr_1", { limit: 3, page: undefined }]);
});

Deno.test("list_thread_events gives a cursor for a thread that has no event yet", async () => {
  const all: SessionEvent[] = [];
  const { list } = workspace(all);
  const first = await list();
  assertEquals([idsOf(first), first.has_more], [[], false]);
  all.push(...events(1));
  assertEquals(idsOf(await list({ cursor: first.next_cursor })), ["e1"]);
});

Deno.test("list_thread_events shows a queued event again, when it has its place", async () => {
  const all: SessionEvent[] = [...events(1), {
    id: "e2",
    type: "user.message",
    processed_at: null,
  }];
  const { list } = workspace(all);
  const first = await list();
  assertEquals(entriesOf(first, "events").map(({ id, queued }) => [id, queued]), [
    ["e1", undefined],
    ["e2", true],
  ]);
  all.splice(1, 1, ...events(1, 2));
  assertEquals(idsOf(await list({ cursor: first.next_cursor })), ["e2"]);
});

Deno.test("list_thread_events shows what tools are given only where the operator wants it", async () => {
  assert(!JSON.stringify(await workspace([CALL]).list()).includes("SECRET"));
  const shown = await workspace([CALL], { exposeToolInputs: true }).list();
  assertEquals(entriesOf(shown, "events")[0]?.input, { command: "SECRET" });
});

Deno.test("list_thread_events keeps to the size budget, and shows a long text in parts", async () => {
  const text = "word ".repeat(15_000);
  const long = (id: string) => ({
    ...events(1)[0],
    id,
    type: "agent.message",
    content: [{ type: "text", text }],
  });
  const { list } = workspace(Array.from({ length: 30 }, (_, n) => long(`e${n}`)));
  const seen: string[] = [];
  for (let cursor: unknown, more: unknown = true; more;) {
    const result = await list({ ...(cursor !== undefined && { cursor }) });
    assert(JSON.stringify(result).length <= MAX_RESULT_CHARS);
    seen.push(...idsOf(result));
    [cursor, more] = [result.next_cursor, result.has_more];
  }
  assertEquals(seen, Array.from({ length: 30 }, (_, n) => `e${n}`));

  let whole = "";
  let result = await list({ limit: 1 });
  for (let part = 0; part < 3; part++) {
    const [event] = entriesOf(result, "events");
    assertEquals(event?.id, "e0");
    whole += event?.text;
    result = await list({ limit: 1, cursor: result.next_cursor });
  }
  assertEquals([whole, idsOf(result)], [text, ["e1"]]);
});

Deno.test("list_thread_events says that the session has no such thread", async () => {
  for (const status of [404, 400]) {
    const { run } = harness({
      threads: { events: () => Promise.reject(httpError(status, "No.", "invalid_request_error")) },
    });
    const args = { session_id: "sesn_1", thread_id: "sthr_9" };
    const error = await assertRejects(() => run(listThreadEvents, args), ToolError);
    assertEquals([error.code, error.cause], ["not_available", undefined]);
    assertStringIncludes(error.message, "Use a thread_id from list_threads");
  }
});

Deno.test("list_thread_events says how to go on when the API no longer takes a cursor", async () => {
  let isRefused = false;
  const { run } = harness({
    threads: {
      events: (_session, _thread, params) =>
        isRefused
          ? Promise.reject(httpError(400, "No.", "invalid_request_error"))
          : Promise.resolve(pageOf(events(4), params)),
    },
  });
  const args = { session_id: "sesn_1", thread_id: "sthr_1", limit: 2 };
  const { next_cursor: cursor } = await run(listThreadEvents, args);
  isRefused = true;
  const error = await assertRejects(() => run(listThreadEvents, { ...args, cursor }), ToolError);
  assertStringIncludes(error.message, "Leave cursor out to start at the beginning");
});

Deno.test("list_thread_events passes on that the API is down", async () => {
  const { run } = harness({ threads: { events: () => Promise.reject(httpError(503)) } });
  const error = await assertRejects(() =>
    run(listThreadEvents, { session_id: "sesn_1", thread_id: "sthr_1" })
  );
  assert(!(error instanceof ToolError));
});
