import { assert, assertEquals, assertThrows } from "@std/assert";
import { ToolError } from "../../../src/core/errors.ts";
import { callTool } from "../../helpers/call_tool.ts";
import {
  chargeFileCheck,
  createCallLimits,
  createRateLimiter,
  mayReadPage,
} from "../../../src/access/limits.ts";
import { personId, type Principal } from "../../../src/access/principal.ts";
import { TOOLS } from "../../../src/tools/registry.ts";
import { ManualClock, settle } from "../../helpers/manual_clock.ts";
import { type ApiParts, harness } from "../tools/support.ts";

function codeOf(run: () => unknown): string {
  return assertThrows(run, ToolError).code;
}

Deno.test("enter() gives a caller as many places as it may have, and takes them back", () => {
  const limits = createCallLimits();
  const ci = { principal: { id: "ci", maxCalls: 2 } };
  const [first] = [limits.enter("call", ci), limits.enter("call", ci)];
  assertEquals(codeOf(() => limits.enter("call", ci)), "too_many_calls");
  first();
  first();
  limits.enter("call", ci);
  assertEquals(codeOf(() => limits.enter("call", ci)), "too_many_calls");
});

Deno.test("enter() counts waits and other calls separately", () => {
  const limits = createCallLimits();
  const ci = { principal: { id: "ci", maxCalls: 1, maxWaits: 1 } };
  const leaveWait = limits.enter("wait", ci);
  limits.enter("call", ci);
  assertEquals(codeOf(() => limits.enter("wait", ci)), "too_many_waits");
  assertEquals(codeOf(() => limits.enter("call", ci)), "too_many_calls");
  leaveWait();
  limits.enter("wait", ci);
});

Deno.test("enter() does not let one caller use up another's places", () => {
  const limits = createCallLimits();
  limits.enter("call", { principal: { id: "ci", maxCalls: 1 } });
  limits.enter("call", { principal: { id: "ops", maxCalls: 1 } });
  limits.enter("call", {});
});

Deno.test("enter() bounds the calls of all together, but not their waits", () => {
  const limits = createCallLimits(2);
  const leave = limits.enter("call", { principal: { id: "ci" } });
  limits.enter("call", {});
  for (let i = 0; i < 10; i++) limits.enter("wait", {});
  const { message } = assertThrows(() => limits.enter("call", {}), ToolError);
  assert(message.startsWith("This server already has 2 calls running"), message);
  leave();
  limits.enter("call", {});
});

Deno.test("enter() takes several places at once, or none of them, and frees them all", () => {
  const limits = createCallLimits(3);
  const ci = { principal: { id: "ci", maxCalls: 3, maxWaits: 3 } };
  for (const [kind, refusal] of [["call", "too_many_calls"], ["wait", "too_many_waits"]] as const) {
    for (const round of [1, 2]) {
      const leave = limits.enter(kind, ci, 2);
      assertEquals([round, codeOf(() => limits.enter(kind, ci, 2))], [round, refusal]);
      limits.enter(kind, ci)();
      leave();
    }
  }
});

Deno.test("stats() counts the calls that run, and no waits", () => {
  const limits = createCallLimits(5);
  const leave = limits.enter("call", {}, 2);
  limits.enter("wait", {});
  limits.enter("call", { principal: { id: "ci" } });
  assertEquals(limits.stats(), { running: 3, max: 5 });
  leave();
  assertEquals(limits.stats(), { running: 1, max: 5 });
});

Deno.test("enter() that refuses takes no place", () => {
  const limits = createCallLimits(1);
  const leave = limits.enter("call", {});
  for (let i = 0; i < 3; i++) assertThrows(() => limits.enter("call", {}), ToolError);
  leave();
  limits.enter("call", {});
});

/** Calls of one caller that do not end before the test says so. */
function held(name: string, principal: Principal, parts: ApiParts = {}) {
  const opened = harness(parts);
  const tool = TOOLS.find((candidate) => candidate.name === name);
  assert(tool);
  const start = (args: unknown, signal = new AbortController().signal) =>
    callTool(tool, args, opened.call({ principal, signal }));
  return { ...opened, start };
}

function textOf({ content }: Awaited<ReturnType<typeof callTool>>): string {
  const [block] = content;
  return block?.type === "text" ? block.text : "";
}

Deno.test("wait_for_idle takes one of the caller's waits, and cancelling frees it", async () => {
  const { start, waiter } = held("wait_for_idle", { id: "ci", maxWaits: 1 });
  waiter.wait = ({ signal }) =>
    new Promise((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  const cancel = new AbortController();
  const first = start({ session_id: "sesn_1" }, cancel.signal);
  await settle();
  const refused = await start({ session_id: "sesn_2" });
  assertEquals(refused.isError, true);
  assert(
    textOf(refused).startsWith("Your token has as many waits open as it may (1)"),
    textOf(refused),
  );
  cancel.abort();
  assertEquals((await first).isError, true);
  const again = new AbortController();
  const second = start({ session_id: "sesn_2" }, again.signal);
  await settle();
  assert(textOf(await start({ session_id: "sesn_3" })).includes("waits open"));
  again.abort();
  await second;
});

Deno.test("other tools take one of the caller's calls, until they end or fail", async () => {
  const answers: PromiseWithResolvers<never>[] = [];
  const { start } = held("get_agent", { id: "ci", maxCalls: 1 }, {
    agents: {
      retrieve: () => {
        const answer = Promise.withResolvers<never>();
        answers.push(answer);
        return answer.promise;
      },
    },
  });
  const first = start({ agent_id: "agent_1" });
  await settle();
  const refused = await start({ agent_id: "agent_1" });
  assert(
    textOf(refused).startsWith("Your token has as many calls running as it may (1)"),
    textOf(refused),
  );
  answers[0]?.reject(new Error("broken"));
  await first;
  const second = start({ agent_id: "agent_1" });
  await settle();
  assertEquals(answers.length, 2);
  answers[1]?.reject(new Error("broken"));
  await second;
});

Deno.test("a call with wrong arguments takes no place", async () => {
  const { start } = held("get_agent", { id: "ci", maxCalls: 1 }, {
    agents: { retrieve: () => Promise.resolve({ id: "agent_1" }) },
  });
  await start({});
  assertEquals((await start({ agent_id: "agent_1" })).isError, undefined);
});

function limiter() {
  const clock = new ManualClock();
  const { take } = createRateLimiter(clock);
  const spend = (name: string, perMinute: number, times: number) =>
    Array.from({ length: times }, () => take(name, perMinute)).filter((ms) => ms === 0).length;
  return { clock, take, spend };
}

Deno.test("take() allows a minute's requests at once, then one at a time", async () => {
  const { clock, take, spend } = limiter();
  assertEquals(spend("ci", 60, 100), 60);
  assertEquals(take("ci", 60), 1_000);
  await clock.advance(999);
  assertEquals(take("ci", 60), 1);
  await clock.advance(1);
  assertEquals([take("ci", 60), take("ci", 60)], [0, 1_000]);
});

Deno.test("take() saves up a minute's requests and no more", async () => {
  const { clock, spend } = limiter();
  assertEquals(spend("ci", 10, 20), 10);
  await clock.advance(3_600_000);
  assertEquals(spend("ci", 10, 20), 10);
});

Deno.test("take() grants a request after the time that it named, at any rate", async () => {
  for (const perMinute of [1, 7, 59, 333, 1_000_000]) {
    const { clock, take, spend } = limiter();
    assertEquals(spend("ci", perMinute, perMinute), perMinute);
    for (let i = 0; i < 5; i++) {
      const waitMs = take("ci", perMinute);
      assert(waitMs > 0 || perMinute === 1_000_000);
      await clock.advance(waitMs);
      assertEquals(take("ci", perMinute), 0, `${perMinute} a minute`);
    }
  }
});

Deno.test("take() counts each name by itself", () => {
  const { spend } = limiter();
  assertEquals([spend("ci", 5, 9), spend("ops", 5, 9)], [5, 5]);
});

Deno.test("take() spends several at once or none", async () => {
  const { clock, take } = limiter();
  assertEquals(take("ci", 10, 8), 0);
  assertEquals(take("ci", 10, 3), 6_000);
  assertEquals(take("ci", 10, 2), 0);
  await clock.advance(6_000);
  assertEquals(take("ci", 10, 1), 0);
});

Deno.test("take() follows a rate that the operator changes", () => {
  const { spend, take } = limiter();
  assertEquals(spend("ci", 100, 10), 10);
  assertEquals(spend("ci", 5, 10), 5);
  assertEquals(take("ci", 6), 10_000);
});

Deno.test("take() survives a clock that goes backwards", () => {
  let now = 1_000_000;
  const { take } = createRateLimiter({ now: () => now });
  assertEquals(take("ci", 1), 0);
  now = 0;
  assertEquals(take("ci", 1), 60_000);
  now = 60_000;
  assertEquals(take("ci", 1), 0);
});

Deno.test("mayReadPage() counts each page against the caller's rate, and refuses without an error", () => {
  let left = 1;
  const charge = (requests: number) => (left -= requests) < 0 ? 4_000 : 0;
  const caller = { principal: { id: "ci", charge } };
  assertEquals([mayReadPage(caller), mayReadPage(caller)], [true, false]);
  assertEquals([mayReadPage({}), mayReadPage({ principal: { id: "ci" } })], [true, true]);
});

Deno.test("buckets that must be full again are dropped, so that people do not fill the memory", async () => {
  const clock = new ManualClock();
  const { take, size } = createRateLimiter(clock);
  for (let second = 0; second < 300; second++) {
    for (let one = 0; one < 10; one++) take(`person ${second} ${one}`, 5);
    await clock.advance(1_000);
  }
  assert(size() <= 610, String(size()));
  assertEquals(take("person 299 0", 5, 5) > 0, true);
});

Deno.test("a bucket in use is not dropped, and keeps none that is full again", async () => {
  const clock = new ManualClock();
  const { take, size } = createRateLimiter(clock);
  for (const name of ["alice", "bob"]) take(name, 1);
  await clock.advance(50_000);
  take("alice", 1);
  await clock.advance(20_000);
  assertEquals([take("carol", 1), size()], [0, 2]);
});

Deno.test("what limits a person says so to the person, and speaks of no token", () => {
  const person = { issuer: "https://login.example.com", subject: "alice" };
  const principal = {
    id: personId(person),
    person,
    maxWaits: 1,
    maxCalls: 1,
    charge: () => 4_000,
  };
  const limits = createCallLimits();
  limits.enter("wait", { principal });
  limits.enter("call", { principal });
  const texts = [
    () => limits.enter("wait", { principal }),
    () => limits.enter("wait", { principal }, 2),
    () => limits.enter("call", { principal }),
    () => chargeFileCheck({ principal }),
  ].map((refused) => assertThrows(refused, ToolError).message);
  assertEquals(texts, [
    "You have as many waits open as you may (1): let one end, or cancel it, then call again.",
    "You may wait for at most 1 session(s) at once: name no more.",
    "You have as many calls running as you may (1): call again when one has ended.",
    "To check these files takes more requests to the API than you may make now: name fewer, or try " +
    "again in 4 s.",
  ]);
});
