import { assertEquals } from "@std/assert";
import type { ListEventsParams, ManagedAgentsApi } from "../../../src/api/types.ts";
import type { SessionEvent } from "../../../src/api/events.ts";
import { readEventStatus } from "../../../src/session/event_status.ts";
import { eventMaker } from "../../helpers/events.ts";

/** Reads the status from events that a server lists newest first, in pages of `pageSize`. */
async function statusOf(events: readonly SessionEvent[], pageSize = 100) {
  const requests: ListEventsParams[] = [];
  const newestFirst = events.toReversed();
  const list = (_sessionId: string, params: ListEventsParams) => {
    requests.push(params);
    const start = Number(params.page ?? 0);
    const end = start + pageSize;
    const next_page = end < newestFirst.length ? String(end) : null;
    return Promise.resolve({ data: newestFirst.slice(start, end), next_page });
  };
  const api = { events: { list } as unknown as ManagedAgentsApi["events"] };
  const status = await readEventStatus(api, "sesn_1", { exposeToolInputs: false });
  return { requests, ...status };
}

const e = eventMaker();
const ASKED = e.tool("bash", { evaluated_permission: "ask", input: { command: "ls" } });
const ASKS = e.asks(String(ASKED.id));
const STATUSES: readonly [string, SessionEvent[], string | undefined][] = [
  ["no events", [], undefined],
  ["a turn that ended", [e.user("q"), e.running(), e.text("a"), e.endTurn()], "idle"],
  ["a turn that runs", [e.user("q"), e.running(), e.text("a")], "running"],
  ["a message that was taken up", [e.user("q")], "running"],
  ["a call that waits for an answer", [e.user("q"), e.running(), ASKED, ASKS], "idle"],
  [
    "a turn whose outcome is to be revised",
    [
      ...[e.user("q"), e.running(), e.text("a")],
      ...[e.make("span.outcome_evaluation_end", { result: "needs_revision" }), e.endTurn()],
    ],
    undefined,
  ],
  ["a session that ended for good", [e.make("session.status_terminated")], "terminated"],
];
for (const [name, events, expected] of STATUSES) {
  Deno.test(`readEventStatus() of ${name} is ${expected}`, async () => {
    assertEquals((await statusOf(events)).status, expected);
  });
}

Deno.test("readEventStatus() tells why the session last went idle", async () => {
  const { lastStop } = await statusOf([e.user("q"), e.running(), e.idle("refusal"), e.user("r")]);
  assertEquals(lastStop?.type, "refusal");
});

Deno.test("readEventStatus() asks for the newest events of the types that it needs, once", async () => {
  const { requests } = await statusOf([e.user("q"), e.running(), e.endTurn()]);
  assertEquals(requests.map(({ order, page }) => [order, page]), [["desc", undefined]]);
  assertEquals(requests[0]?.types?.includes("session.status_idle"), true);
});

Deno.test("readEventStatus() reads back to a call that the session waits for", async () => {
  const events = [ASKED, e.text("a"), e.text("b"), ASKS];
  const { requests, pendingActions } = await statusOf(events, 1);
  assertEquals([requests.length, pendingActions.map(({ name }) => name)], [4, ["bash"]]);
});

Deno.test("readEventStatus() reads four pages at most, and names an unread call by its id", async () => {
  const events = [ASKED, e.text("a"), e.text("b"), e.text("c"), ASKS];
  const { requests, pendingActions } = await statusOf(events, 1);
  assertEquals(requests.length, 4);
  assertEquals(pendingActions.map(({ event_id, name }) => [event_id, name]), [
    [String(ASKED.id), undefined],
  ]);
});

Deno.test("readEventStatus() has no pending action once the session runs on", async () => {
  const { pendingActions } = await statusOf([e.user("q"), e.running(), ASKED, ASKS, e.running()]);
  assertEquals(pendingActions, []);
});

Deno.test("readEventStatus() has a custom tool pending while the session still runs", async () => {
  const custom = e.make("agent.custom_tool_use", { name: "book", input: {} });
  const { status, pendingActions } = await statusOf([e.user("q"), e.running(), custom]);
  assertEquals([status, pendingActions.map(({ name }) => name)], ["running", ["book"]]);
});
