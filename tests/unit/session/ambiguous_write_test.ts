import { assertEquals, assertRejects } from "@std/assert";
import { ApiError, type ApiErrorInfo } from "../../../src/api/errors.ts";
import { ToolError } from "../../../src/core/errors.ts";
import { findLostWrite, isAmbiguous, type Trace } from "../../../src/session/ambiguous_write.ts";
import { ManualClock } from "../../helpers/manual_clock.ts";

const AMBIGUOUS: readonly [string, unknown, boolean][] = [
  ["a timeout", new ApiError("lost", { kind: "timeout" }), true],
  ["a connection that was lost", new ApiError("lost", { kind: "connection_lost" }), true],
  ["status 500", new ApiError("failed", { kind: "http", status: 500 }), true],
  ["status 408", new ApiError("late", { kind: "http", status: 408 }), true],
  ["a status that cannot be read", new ApiError("odd", { kind: "http" }), true],
  ["a request that was not sent", new ApiError("refused", { kind: "not_sent" }), false],
  ["status 404", new ApiError("unknown", { kind: "http", status: 404 }), false],
  ["status 429", new ApiError("slow down", { kind: "http", status: 429 }), false],
  ["an error of this program", new TypeError("bug"), false],
];
for (const [name, error, expected] of AMBIGUOUS) {
  Deno.test(`isAmbiguous() is ${expected} for ${name}`, () => {
    assertEquals(isAmbiguous(error), expected);
  });
}

const LOST: ApiErrorInfo = { kind: "timeout" };

/** Looks for a lost write with checks that end as given, one after the other. */
function looking(
  checks: readonly (Trace<string> | undefined | Error)[],
  lost: ApiErrorInfo = LOST,
) {
  const clock = new ManualClock();
  const startedAt = clock.now();
  const controller = new AbortController();
  const checkedAt: number[] = [];
  const found = findLostWrite({
    clock,
    signal: controller.signal,
    lost: new ApiError("lost", lost),
    check: () => {
      const outcome = checks[checkedAt.length];
      checkedAt.push(clock.now() - startedAt);
      return outcome instanceof Error ? Promise.reject(outcome) : Promise.resolve(outcome);
    },
    unknownError: (doubt, cause) => new ToolError("unknown", JSON.stringify(doubt), { cause }),
  });
  return { clock, controller, checkedAt, found: () => clock.runUntil(found) };
}

Deno.test("findLostWrite() returns what the first check finds, at once", async () => {
  const { found, checkedAt } = looking([{ found: "sevt_1" }]);
  assertEquals([await found(), checkedAt], ["sevt_1", [0]]);
});

Deno.test("findLostWrite() checks again after a second", async () => {
  for (const first of [undefined, { alike: ["sevt_0"] }, new ApiError("down", LOST)]) {
    const { found, checkedAt } = looking([first, { found: "sevt_1" }]);
    assertEquals([await found(), checkedAt], ["sevt_1", [0, 1_000]]);
  }
});

const DOUBTS: readonly [string, Parameters<typeof looking>[0], string][] = [
  ["nothing is found", [undefined, undefined], '{"why":"on_its_way"}'],
  [
    "only what may be older is found",
    [undefined, { alike: ["sevt_0", "sevt_1"] }],
    '{"why":"look_alike","ids":["sevt_0","sevt_1"]}',
  ],
  ["the last check fails", [undefined, new ApiError("down", LOST)], '{"why":"unreadable"}'],
];
for (const [name, checks, doubt] of DOUBTS) {
  Deno.test(`findLostWrite() says that it does not know when ${name}`, async () => {
    const { message } = await assertRejects(looking(checks).found, ToolError);
    assertEquals(message, doubt);
  });
}

for (const status of [503, 529]) {
  Deno.test(`findLostWrite() throws the API's own ${status} when nothing is found`, async () => {
    const { found } = looking([undefined, undefined], { kind: "http", status, author: "api" });
    assertEquals((await assertRejects(found, ApiError)).status, status);
  });
}

Deno.test("findLostWrite() throws what is no error of the API, and the caller's reason", async () => {
  await assertRejects(looking([new TypeError("bug")]).found, TypeError, "bug");
  const { clock, controller, found } = looking([undefined, undefined]);
  const rejected = assertRejects(found, Error, "gone");
  controller.abort(new Error("gone"));
  await rejected;
  assertEquals(clock.pendingTimers, 0);
});
