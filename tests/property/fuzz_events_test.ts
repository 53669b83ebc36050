import { assert, assertEquals } from "@std/assert";
import { fc, fuzzRuns } from "../helpers/fuzz.ts";
import { decodeEvent, type SessionEvent } from "../../src/api/events.ts";
import { ApiError } from "../../src/api/errors.ts";
import { EventHistory } from "../../src/session/event_history.ts";
import { readEvent, showEvent, type TurnEvent } from "../../src/session/event_types.ts";
import { pollDelayMs } from "../../src/session/status_poll.ts";
import { verdictOf, type WaitStatus } from "../../src/session/verdict.ts";
import { describeActivity, progressOf } from "../../src/session/progress.ts";
import { buildResult } from "../../src/session/result.ts";
import { TurnReader } from "../../src/session/turn.ts";

const MAX_RESULT_CHARS = 40_000;

const TYPES = [
  "user.message",
  "user.interrupt",
  "user.tool_confirmation",
  "user.custom_tool_result",
  "user.define_outcome",
  "system.message",
  "agent.message",
  "agent.thinking",
  "agent.tool_use",
  "agent.mcp_tool_use",
  "agent.custom_tool_use",
  "agent.tool_result",
  "agent.mcp_tool_result",
  "span.model_request_start",
  "span.model_request_end",
  "session.status_running",
  "session.status_rescheduled",
  "session.status_idle",
  "session.status_terminated",
  "session.error",
  "session.thread_created",
  "session.thread_status_idle",
  "session.updated",
  "session.usage",
  "workflow_run.created",
  "workflow_run.status_ended",
  "__proto__",
  "toString",
] as const;

const STATUSES: readonly WaitStatus[] = [
  "idle",
  "requires_action",
  "retries_exhausted",
  "budget_reached",
  "refusal",
  "terminated",
  "deleted",
  "not_started",
  "timeout",
];

/** Few ids, so that events refer to each other, come twice and answer what was asked. */
const ids = fc.constantFrom("sevt_1", "sevt_2", "sevt_3", "sevt_4", "sevt_5", "sevt_6");
/** Texts that are short, long, or grow when they are written as JSON. */
const texts = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.constantFrom("x".repeat(700), "y".repeat(12_000), "z".repeat(35_000)),
  fc.constantFrom("\u0000".repeat(9_000), '"\\'.repeat(9_000), "\ud800".repeat(9_000)),
);
const content = fc.oneof(
  texts,
  fc.array(fc.record({ type: fc.constantFrom("text", "image"), text: texts }), { maxLength: 3 }),
);
const times = fc.oneof(
  fc.constant(null),
  fc.integer({ min: 1_790_000_000_000, max: 1_790_000_100_000 }).map((ms) =>
    new Date(ms).toISOString()
  ),
  fc.string({ maxLength: 5 }),
);
const stopReason = fc.record({
  type: fc.oneof(
    fc.constantFrom("end_turn", "requires_action", "budget_reached", "refusal"),
    texts,
  ),
  event_ids: fc.array(fc.oneof(ids, texts), { maxLength: 15 }),
}, { requiredKeys: [] });
const wild = fc.oneof(fc.jsonValue({ maxDepth: 2 }), texts);

/** Events of the right shape, and of nearly the right shape. */
const rawEvent = fc.record({
  type: fc.oneof({ weight: 20, arbitrary: fc.constantFrom(...TYPES) }, {
    weight: 1,
    arbitrary: texts,
  }),
  id: fc.oneof({ weight: 9, arbitrary: ids }, { weight: 1, arbitrary: wild }),
  processed_at: fc.oneof({ weight: 9, arbitrary: times }, { weight: 1, arbitrary: wild }),
  content: fc.oneof({ weight: 9, arbitrary: content }, { weight: 1, arbitrary: wild }),
  name: fc.oneof(fc.constant("bash"), texts, wild),
  mcp_server_name: fc.oneof(texts, wild),
  agent_name: texts,
  input: wild,
  evaluated_permission: fc.constantFrom("ask", "allow", 7),
  tool_use_id: fc.oneof(ids, texts),
  is_error: fc.oneof(fc.boolean(), wild),
  stop_reason: fc.oneof({ weight: 9, arbitrary: stopReason }, { weight: 1, arbitrary: wild }),
  stop_details: fc.oneof(fc.record({ category: texts, explanation: texts }), wild),
  error: fc.oneof(
    texts,
    fc.record({ type: texts, message: texts, retry_status: fc.record({ type: texts }) }),
    wild,
  ),
  session_thread_id: texts,
  workflow_run_id: fc.oneof(ids, wild),
}, { requiredKeys: ["type"] });

const events = fc.array(rawEvent, { maxLength: 25 }).map((list) =>
  list.flatMap((event) => decodeEvent(event) ?? [])
);

function readerOf(log: EventHistory, afterId: string | undefined): TurnReader {
  const reader = new TurnReader(log, afterId);
  reader.update();
  return reader;
}

/** Every event once, or twice where it was queued first. */
function assertEachOnce(entries: readonly TurnEvent[]): void {
  const stamped = entries.filter((event) => !event.queued).map(({ key }) => key);
  const queued = entries.filter((event) => event.queued).map(({ key }) => key);
  assertEquals(new Set(stamped).size, stamped.length);
  assertEquals(new Set(queued).size, queued.length);
}

/** Adds in one of the ways in which a feed does. */
function take(log: EventHistory, way: number, batch: readonly SessionEvent[]): void {
  const read = batch.map(readEvent);
  if (way % 3 === 0) read.forEach((event) => log.add(event));
  else if (way % 3 === 1) log.merge(read);
  else log.prepend(read);
}

const feeding = fc.array(fc.tuple(fc.nat(2), events), { minLength: 1, maxLength: 4 });

Deno.test("any events give a history that has each once, and the turn that a new reader works out", () => {
  fc.assert(
    fc.property(feeding, fc.option(ids, { nil: undefined }), (batches, afterId) => {
      const log = new EventHistory();
      const live = new TurnReader(log, afterId);
      for (const [way, batch] of batches) {
        take(log, way, batch);
        live.update();
        assertEachOnce(log.entries);
      }
      assertEquals(live.turn, readerOf(log, afterId).turn);
      for (const status of [undefined, "idle", "running", "terminated"]) {
        const stands = verdictOf(
          live.turn,
          status === undefined ? undefined : { status, steadyMs: 3_000 },
        );
        const delayMs = pollDelayMs(live.turn, stands, 2);
        assert(delayMs >= 300 && delayMs <= 240_000);
        if (!stands.over) assert(describeActivity(live.turn, stands.waitingFor).length < 2_000);
      }
    }),
    fuzzRuns(1_500),
  );
});

Deno.test("any events give a result within its budget, whatever they hold", () => {
  fc.assert(
    fc.property(
      events,
      fc.boolean(),
      fc.option(ids, { nil: undefined }),
      (list, expose, afterId) => {
        const log = new EventHistory();
        log.merge(list.map(readEvent));
        const { turn } = readerOf(log, afterId);
        for (const status of STATUSES) {
          const result = buildResult({
            sessionId: "sesn_1",
            afterId,
            status,
            turn,
            elapsedMs: 1_234,
            complete: expose,
            wasRead: list.length > 0,
            connectionError: new ApiError("x".repeat(2_000), { kind: "connection_lost" }),
            doing: "thinking",
            exposeToolInputs: expose,
            consoleUrl: `https://console.example/${"x".repeat(200)}`,
            has: () => expose,
          });
          const { length } = JSON.stringify(result);
          assert(length <= MAX_RESULT_CHARS, `${length} characters`);
        }
      },
    ),
    fuzzRuns(1_500),
  );
});

Deno.test("progressOf() and showEvent() of any event are bounded", () => {
  fc.assert(
    fc.property(rawEvent, (raw) => {
      const event = decodeEvent(raw);
      if (!event) return;
      const told = progressOf(readEvent(event)) ?? "";
      // A text's beginning is kept long, so that secrets are found in it before what is sent is cut.
      assert(told.length <= 1_050, `${told.length} characters of progress`);
      const view = showEvent(event, { exposeToolInputs: false, maxFieldChars: 2_000 });
      JSON.stringify(view);
    }),
    fuzzRuns(1_000),
  );
});
