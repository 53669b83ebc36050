import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { createSealer } from "../../../src/access/sealing.ts";
import { ApiError } from "../../../src/api/errors.ts";
import { isMark } from "../../../src/api/metadata.ts";
import { PartlyDoneError, ToolError } from "../../../src/core/errors.ts";
import {
  type AskedSession,
  callBehind,
  KeyedCalls,
  type KeyedWork,
  type KeyMarks,
  metadataOf,
} from "../../../src/tools/keyed_calls.ts";
import { ManualClock } from "../../helpers/manual_clock.ts";

const KEYS = [1, 2].map((fill) => new Uint8Array(32).fill(fill));

/** Calls of one process, and what they did, in milliseconds since the start. */
function opened(sealingKeys: readonly Uint8Array<ArrayBuffer>[] = KEYS) {
  const clock = new ManualClock();
  const calls = new KeyedCalls({ clock, sealer: createSealer(sealingKeys) });
  const startedAt = clock.now();
  const did: string[] = [];
  const marks: (readonly KeyMarks[])[] = [];
  const note = (what: string) => did.push(`${what} ${clock.now() - startedAt}`);
  const once = (work: Partial<KeyedWork> = {}) =>
    calls.once({
      key: "k",
      plan: { message: "Hello" },
      caller: {},
      signal: new AbortController().signal,
      ...work,
      find: async (all, checkWanted) => {
        note("find");
        marks.push(all);
        return await work.find?.(all, checkWanted);
      },
      make: async (first, all, checkWanted) => {
        note("make");
        return await (work.make?.(first, all, checkWanted) ?? { sessionId: "sesn_1" });
      },
    });
  return {
    clock,
    calls,
    did,
    marks,
    once,
    run: (work?: Partial<KeyedWork>) => clock.runUntil(once(work)),
  };
}

const MADE = { asked: { sessionId: "sesn_1" }, isRepeated: false };
const REPEATED = { ...MADE, isRepeated: true };
const LOST = new ToolError("creation_unknown", "It is not known.");

Deno.test("a call is carried out once, and repeats of it get what it made", async () => {
  const { run, did } = opened();
  assertEquals([await run(), await run()], [MADE, REPEATED]);
  assertEquals(did, ["find 0", "make 0"]);
});

Deno.test("calls at the same time share what one of them makes, and end one by one", async () => {
  const { clock, once, did } = opened();
  const begun = Promise.withResolvers<void>();
  const make = async (): Promise<AskedSession> => {
    begun.resolve();
    await clock.sleep(5_000, new AbortController().signal);
    return { sessionId: "sesn_1" };
  };
  const cancel = new AbortController();
  const first = once({ make, signal: cancel.signal });
  const cancelled = assertRejects(() => first, DOMException, "Gone");
  await clock.runUntil(begun.promise);
  const others = [once({ make }), once({ make })];
  cancel.abort(new DOMException("Gone", "AbortError"));
  await cancelled;
  assertEquals(await clock.runUntil(Promise.all(others)), [REPEATED, REPEATED]);
  assertEquals(did, ["find 0", "make 0"]);
});

Deno.test("what an earlier call made elsewhere is found, and nothing is made", async () => {
  const { run, did } = opened();
  const asked = { sessionId: "sesn_there", others: ["sesn_2"] };
  const find = () => Promise.resolve(asked);
  assertEquals(await run({ find }), { asked, isRepeated: true });
  assertEquals(did, ["find 0"]);
});

/** Failures that leave it open whether something was made, and others. */
const FAILURES: readonly [string, unknown, boolean][] = [
  ["an unknown creation", LOST, true],
  ["an unknown delivery", new ToolError("delivery_unknown", "It is not known."), true],
  ["a session without its message", new PartlyDoneError("sesn_1", "Made.", {}), true],
  ["a lost connection", new ApiError("Lost", { kind: "connection_lost" }), true],
  ["status 500", new ApiError("Fails", { kind: "http", status: 500 }), true],
  ["a fault of the program", new TypeError("a bug"), true],
  ["a refusal of the API", new ApiError("No", { kind: "http", status: 400 }), false],
  ["no connection", new ApiError("No", { kind: "not_sent" }), false],
  ["a refusal of its own", new ToolError("environment_required", "Choose."), false],
];
for (const [what, failure, isOpen] of FAILURES) {
  Deno.test(`a repeat after ${what} looks ${isOpen ? "three times" : "once"} before it makes anything`, async () => {
    const { run, did, clock } = opened();
    const make = () => Promise.reject(failure);
    const error = await run({ make }).catch((error) => error);
    assertEquals(error, failure);
    await clock.advance(10_000);
    assertEquals(await run(), MADE);
    const looks = isOpen ? ["find 10000", "find 12000", "find 16000"] : ["find 10000"];
    assertEquals(did, ["find 0", "make 0", ...looks, `make ${isOpen ? 16_000 : 10_000}`]);
  });
}

Deno.test("a repeat finds what shows late, and goes on with it", async () => {
  const { run } = opened();
  await run({ make: () => Promise.reject(LOST) }).catch(() => {});
  let looks = 0;
  const find = () => Promise.resolve(++looks < 3 ? undefined : { sessionId: "sesn_late" });
  assertEquals(await run({ find }), { asked: { sessionId: "sesn_late" }, isRepeated: true });
  assertEquals([looks, await run()], [3, { asked: { sessionId: "sesn_late" }, isRepeated: true }]);
});

Deno.test("what is in doubt stays so when a look fails, and nothing is made then", async () => {
  const { run, did } = opened();
  await run({ make: () => Promise.reject(LOST) }).catch(() => {});
  const failure = new ApiError("Down", { kind: "http", status: 503 });
  const error = await run({ find: () => Promise.reject(failure) }).catch((error) => error);
  assertEquals(error, failure);
  assertEquals(await run(), MADE);
  assertEquals(did, [
    "find 0",
    "make 0",
    "find 0",
    ...["find 0", "find 2000", "find 6000"],
    "make 6000",
  ]);
});

Deno.test("a first call whose look fails makes nothing, and leaves no doubt", async () => {
  const { run, did } = opened();
  await run({ find: () => Promise.reject(new Error("Down")) }).catch(() => {});
  assertEquals(await run(), MADE);
  assertEquals(did, ["find 0", "find 0", "make 0"]);
});

Deno.test("a call that is cancelled while it looks makes nothing, and the next one does", async () => {
  const { clock, once, run, did } = opened();
  const cancel = new AbortController();
  const begun = Promise.withResolvers<void>();
  const find = async () => {
    begun.resolve();
    await clock.sleep(1_000, new AbortController().signal);
    return undefined;
  };
  const gone = assertRejects(() => once({ find, signal: cancel.signal }), DOMException, "Gone");
  await clock.runUntil(begun.promise);
  cancel.abort(new DOMException("Gone", "AbortError"));
  await gone;
  await clock.advance(1_000);
  assertEquals([await run(), did], [MADE, ["find 0", "find 1000", "make 1000"]]);
});

Deno.test("what is in doubt stays so when the call that looks is cancelled", async () => {
  const { clock, once, run, did } = opened();
  await run({ make: () => Promise.reject(LOST) }).catch(() => {});
  const cancel = new AbortController();
  const gone = assertRejects(() => once({ signal: cancel.signal }), DOMException, "Gone");
  cancel.abort(new DOMException("Gone", "AbortError"));
  await gone;
  await clock.advance(10_000);
  did.length = 0;
  assertEquals(await run(), MADE);
  assertEquals(did, ["find 10000", "find 12000", "find 16000", "make 16000"]);
});

Deno.test("a key belongs to its arguments", async () => {
  const { run, did } = opened();
  await run();
  const error = await assertRejects(() => run({ plan: { message: "Other" } }), ToolError);
  assertEquals([error.code, did.length], ["key_reused", 2]);
});

Deno.test("a key belongs to its caller", async () => {
  const { run, did } = opened();
  const callers = [{}, { principal: { id: "a" } }, { principal: { id: "b" } }];
  for (const caller of callers) assertEquals(await run({ caller }), MADE);
  assertEquals(did.length, 6);
});

Deno.test("a call is remembered for ten minutes after its end, and then looked for", async () => {
  const { run, did, clock } = opened();
  await run();
  await clock.advance(599_999);
  await run();
  assertEquals(did.length, 2);
  await clock.advance(1);
  await run();
  assertEquals(did, ["find 0", "make 0", "find 600000", "make 600000"]);
});

Deno.test("an event that was sent for one key is no message of another's", async () => {
  const { run, calls, marks } = opened();
  await run({ make: () => Promise.resolve({ sessionId: "sesn_1", eventId: "sevt_1" }) });
  await run({ key: "other" });
  const [own = [], other = []] = marks;
  assertEquals([own, other].map((all) => calls.isOfAnother("sevt_1", all)), [false, true]);
  assertEquals(calls.isOfAnother("sevt_2", other), false);
});

/** The marks of a call, by what it is made of. */
async function marksOf(work: Partial<KeyedWork>, sealingKeys = KEYS): Promise<readonly KeyMarks[]> {
  const { run, marks } = opened(sealingKeys);
  await run(work);
  return marks[0] ?? [];
}

Deno.test("marks are the same on every replica, and tell nothing of what they are made of", async () => {
  const caller = { principal: { id: "mia" } };
  const [first, second] = await marksOf({ caller });
  assert(first && second);
  assertEquals([first, second], [...await marksOf({ caller })]);
  const metadata = metadataOf(first);
  for (const [key, value] of Object.entries(metadata)) {
    assert(isMark(key) && /^[\w-]{43}$/.test(value), `${key}: ${value}`);
  }
  const others = [{}, { caller, key: "l" }, { caller, plan: { message: "Hi" } }];
  for (const work of others) {
    const [other] = await marksOf(work);
    assertNotEquals(other?.args, first.args);
    if (!("plan" in work)) assertNotEquals(other?.key, first.key);
  }
});

Deno.test("callBehind() knows sessions by every sealing key, and calls with other arguments", async () => {
  const [current] = await marksOf({});
  const [other] = await marksOf({ plan: { message: "Other" } });
  const [strange] = await marksOf({ key: "l" });
  assert(current && other && strange);
  // Made before the keys were changed, or after.
  for (const keys of [KEYS, KEYS.toReversed(), KEYS.slice(0, 1)]) {
    const all = await marksOf({}, keys);
    assertEquals(
      [current, other, strange].map((marks) => callBehind(metadataOf(marks), all)),
      ["same", "other", undefined],
    );
    assertEquals(callBehind({ ...metadataOf(current), whose: "mine" }, all), "same");
  }
  const all = await marksOf({}, [new Uint8Array(32).fill(9)]);
  assertEquals(
    [metadataOf(current), {}, null, undefined].map((metadata) => callBehind(metadata, all)),
    [undefined, undefined, undefined, undefined],
  );
});

for (
  const [step, looks] of [["find", ["find 0"]], [
    "make",
    [0, 2_000, 6_000].map((ms) => `find ${ms}`),
  ]] as const
) {
  Deno.test(`a write in ${step}() is left out where every call has gone, and the next one begins anew`, async () => {
    const { once, run, did, clock } = opened();
    const { promise: begun, resolve: markBegun } = Promise.withResolvers<void>();
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    let writes = 0;
    const wait = async (checkWanted: () => void) => {
      markBegun();
      await gate;
      checkWanted();
      writes++;
      return { sessionId: "sesn_gone" };
    };
    const cancel = new AbortController();
    const gone = once({
      signal: cancel.signal,
      ...(step === "find"
        ? { find: (_, checkWanted) => wait(checkWanted) }
        : { make: (_, __, checkWanted) => wait(checkWanted) }),
    });
    await clock.runUntil(begun);
    cancel.abort(new DOMException("Cancelled", "AbortError"));
    await assertRejects(() => gone, DOMException, "Cancelled");
    const before = did.length;
    open();
    assertEquals(await run(), MADE);
    // What may have written something before leaves the outcome in doubt.
    assertEquals([writes, did.slice(before, -1)], [0, [...looks]]);
  });
}
