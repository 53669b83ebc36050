import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import type { FaultRule } from "../../../src/simulator/faults.ts";
import { parseFault, parseHabit } from "../../../src/simulator/flags.ts";
import { type Habits, hostedHabits } from "../../../src/simulator/habits.ts";
import { HABIT_VALUES } from "../../helpers/habits.ts";

const faults: readonly [string, FaultRule][] = [
  ["reset", { fault: { kind: "reset" } }],
  ["hang:DELETE", { fault: { kind: "hang" }, match: { method: "DELETE" } }],
  ["lost_ack:POST:/events:times=1", {
    fault: { kind: "lost_ack" },
    match: { method: "POST", path: /\/events$/ },
    times: 1,
  }],
  ["latency=2s", { fault: { kind: "latency", ms: 2000 } }],
  ["latency=1.5s:chance=2.5%", { fault: { kind: "latency", ms: 1500 }, chance: 0.025 }],
  ["slow_first_byte=300ms", { fault: { kind: "slow_first_byte", ms: 300 } }],
  ["slow_first_byte=300", { fault: { kind: "slow_first_byte", ms: 300 } }],
  ["status=529:from=3:GET", {
    fault: { kind: "status", status: 529 },
    from: 3,
    match: { method: "GET" },
  }],
  ["status=429+7", { fault: { kind: "status", status: 429, retryAfter: 7 } }],
  ["status=429+enforced_spend_limit_reached:user.message", {
    fault: { kind: "status", status: 429, code: "enforced_spend_limit_reached" },
    match: { event: "user.message" },
  }],
  ["status=429+ramp_limit_exceeded+7", {
    fault: { kind: "status", status: 429, retryAfter: 7, code: "ramp_limit_exceeded" },
  }],
  ["lost_ack:user.tool_confirmation:times=1", {
    fault: { kind: "lost_ack" },
    match: { event: "user.tool_confirmation" },
    times: 1,
  }],
  ["drop_after=0", { fault: { kind: "drop_after", events: 0 } }],
  ["end_after=2", { fault: { kind: "end_after", events: 2 } }],
  ["silence_after=2", { fault: { kind: "silence_after", events: 2 } }],
  ["malformed_frame=2:/sessions/*/events/stream", {
    fault: { kind: "malformed_frame", after: 2 },
    match: { path: /\/sessions\/[^/]+\/events\/stream$/ },
  }],
];
for (const [text, rule] of faults) {
  Deno.test(`parseFault() reads ${text}`, () => assertEquals(parseFault(text), rule));
}

const noFaults: readonly [string, RegExp][] = [
  ["resett", /'resett' is no fault: type one of latency, status, reset/],
  ["", /'' is no fault/],
  ["toString", /'toString' is no fault/],
  ["reset=1", /type it as reset$/],
  ["latency", /type it as latency=2s$/],
  ["latency=2h", /type it as latency=2s$/],
  ["latency=3601s", /type it as latency=2s$/],
  ["status=200", /type it as status=529$/],
  ["status=529+", /type it as status=529$/],
  ["status=529+7+8", /type it as status=529$/],
  ["status=529+Code", /type it as status=529$/],
  ["reset:agent.message", /'agent.message' in the fault/],
  ["drop_after=-1", /type it as drop_after=3$/],
  ["malformed_frame", /type it as malformed_frame=3$/],
  ["reset:get", /'get' in the fault 'reset:get': type GET, POST or DELETE/],
  ["reset:from=0", /'from=0'/],
  ["reset:chance=101%", /'chance=101%'/],
  ["reset:chance=0.2", /chance=20%$/],
  ["reset:", /'' in the fault/],
];
for (const [text, message] of noFaults) {
  Deno.test(`parseFault() says what to type instead of '${text}'`, () => {
    assertMatch(assertThrows(() => parseFault(text), RangeError).message, message);
  });
}

const NAMES = Object.keys(hostedHabits) as (keyof Habits)[];
for (const name of NAMES) {
  Deno.test(`parseHabit() reads every value of ${name}`, () => {
    for (const value of HABIT_VALUES[name]) {
      // A list with nothing in it is the habit of the hosted API.
      if (Array.isArray(value) && value.length === 0) continue;
      const text = Array.isArray(value) ? value.join("+") : String(value);
      assertEquals(parseHabit(`${name}=${text}`), { [name]: value });
    }
  });
}

const noHabits: readonly [string, RegExp][] = [
  ["interrupt=idle", /'interrupt' is no habit/],
  ["constructor=1", /'constructor' is no habit/],
  ["interrupts", /type interrupts=idle or silent or ignored$/],
  ["interrupts=loud", /type interrupts=idle or silent or ignored$/],
  ["archivedSendStatus=404", /type archivedSendStatus=400 or 409$/],
  ["neverStamps=yes", /type neverStamps=true or false$/],
  ["takeUpMs=soon", /type takeUpMs=milliseconds, such as 500$/],
  ["readRequestsPerMinute=-1", /type readRequestsPerMinute=a whole number$/],
  ["listIgnores=order+sort", /type listIgnores=order\+types/],
];
for (const [text, message] of noHabits) {
  Deno.test(`parseHabit() says what to type instead of '${text}'`, () => {
    assertMatch(assertThrows(() => parseHabit(text), RangeError).message, message);
  });
}
