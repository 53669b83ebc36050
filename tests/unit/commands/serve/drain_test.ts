import { assertEquals } from "@std/assert";
import { drain } from "../../../../src/commands/serve/drain.ts";
import { InFlight } from "../../../../src/commands/serve/telemetry.ts";
import { createLogger } from "../../../../src/core/logger.ts";
import { ManualClock, settle } from "../../../helpers/manual_clock.ts";

/** The parts of a server that write down what happens to them. */
function open() {
  const clock = new ManualClock();
  const calls = new InFlight();
  const steps: string[] = [];
  const answersOut = Promise.withResolvers<void>();
  const parts = {
    clock,
    calls,
    handler: {
      fetch: () => Promise.resolve(new Response()),
      announceEnd: () => void steps.push("announce"),
      drain: () => void steps.push("refuse"),
      isDraining: false,
      close: () => Promise.resolve(void steps.push("cancel")),
    },
    waiter: { close: () => void steps.push("end waits") },
    shutdown: () => {
      steps.push("stop listening");
      return answersOut.promise;
    },
    log: createLogger({
      level: "info",
      format: "text",
      redact: (text) => text,
      write: (line) => steps.push(line.replace("cma-mcp ", "")),
      now: () => 0,
    }),
  };
  const call = () => {
    const gate = Promise.withResolvers<void>();
    void calls.track(() => gate.promise);
    return gate.resolve;
  };
  let over = false;
  const begin = () => {
    const done = drain(parts).then(() => over = true);
    return done;
  };
  return { clock, steps, parts, call, begin, answersOut: answersOut.resolve, isOver: () => over };
}

const REFUSED = ["refuse", "end waits"];

Deno.test("drain() of a server that nobody uses ends at once", async () => {
  const { steps, begin, answersOut, clock } = open();
  answersOut();
  await begin();
  assertEquals(steps, [...REFUSED, "stop listening", "cancel"]);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("drain() refuses at once, and listens until the last call is over", async () => {
  const { steps, call, begin, answersOut, isOver, clock } = open();
  const [first, second] = [call(), call()];
  const done = begin();
  const said = "info: Draining: calls that run get their answers calls=2";
  assertEquals(steps, [said, ...REFUSED]);
  first();
  await clock.advance(7_000);
  assertEquals(steps, [said, ...REFUSED]);
  second();
  await settle();
  assertEquals(steps, [said, ...REFUSED, "stop listening"]);
  assertEquals(isOver(), false);
  answersOut();
  await done;
  assertEquals(steps.at(-1), "cancel");
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("drain() cuts off calls that do not end, and says how many", async () => {
  const { steps, call, begin, answersOut, clock } = open();
  call();
  const done = begin();
  await clock.advance(7_999);
  assertEquals(steps.includes("stop listening"), false);
  await clock.advance(1);
  answersOut();
  await done;
  assertEquals(steps.slice(-3), ["warn: Calls are cut off calls=1", "stop listening", "cancel"]);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("drain() ends although a client does not read its response", async () => {
  const { steps, begin, isOver, clock } = open();
  const done = begin();
  await clock.advance(799);
  assertEquals([isOver(), steps.includes("cancel")], [false, false]);
  await clock.advance(1);
  await done;
  assertEquals(steps.at(-1), "cancel");
});

Deno.test("drain() goes on listening for as long as the end is announced", async () => {
  const { steps, parts, answersOut, clock } = open();
  answersOut();
  const done = drain({ ...parts, announceMs: 2_000 });
  await clock.advance(1_999);
  assertEquals(steps, REFUSED);
  await clock.advance(1);
  await done;
  assertEquals(steps, [...REFUSED, "stop listening", "cancel"]);
});

Deno.test("drain() works on for as long as load balancers need to go elsewhere", async () => {
  const { steps, parts, answersOut, clock, call } = open();
  answersOut();
  const done = drain({ ...parts, lameDuckMs: 5_000, announceMs: 2_000 });
  const announced = [
    "announce",
    "info: Ending soon: until then all goes on, and /ready answers 503 ms=5000",
  ];
  const answered = call();
  await clock.advance(4_999);
  assertEquals(steps, announced);
  await clock.advance(1);
  const said = "info: Draining: calls that run get their answers calls=1";
  assertEquals(steps, [...announced, said, ...REFUSED]);
  answered();
  await clock.advance(2_000);
  await done;
  assertEquals(steps, [...announced, said, ...REFUSED, "stop listening", "cancel"]);
  assertEquals(clock.pendingTimers, 0);
});
