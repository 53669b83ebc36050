// A bounded part of the matrix that `deno task faults` prints: real sockets, the program's client.
import { assertEquals } from "@std/assert";
import {
  OPERATIONS,
  playStreamCase,
  playWireCase,
  STREAM_STRIKES,
  STRIKES,
  TRANSPORTS,
} from "./wire_cases.ts";

/** Slow enough for the bounds to mean nothing to a busy machine where no bound is to be met. */
const UNHURRIED = 2;
/** Where a bound has to pass. */
const HURRIED = 5;

for (const transport of TRANSPORTS) {
  for (const strike of STRIKES.filter(({ blow }) => blow !== "mute")) {
    Deno.test(`${transport}: every call when its connection is ${strike.name}`, async () => {
      const reports = await Promise.all(
        OPERATIONS.map((operation) => playWireCase(operation, strike, transport, UNHURRIED)),
      );
      assertEquals(reports.flatMap(({ complaints }) => complaints), []);
    });
  }
}

const SAMPLE = [
  "agents.list",
  "events.list, retry: false",
  "sessions.archive",
  "events.send, a message",
];

Deno.test("tls: every call when its connection stops responding", async () => {
  const operations = OPERATIONS.filter(({ name }) => SAMPLE.includes(name));
  const cases = STRIKES.filter(({ blow }) => blow === "mute").flatMap((strike) =>
    operations.map((operation) => playWireCase(operation, strike, "tls", HURRIED))
  );
  assertEquals((await Promise.all(cases)).flatMap(({ complaints }) => complaints), []);
});

for (const transport of TRANSPORTS) {
  Deno.test(`${transport}: a wait whose connections break returns all text once`, async () => {
    const cases = STREAM_STRIKES.filter(({ name }) => !name.startsWith("mute"))
      .map((strike) => playStreamCase(strike, transport, HURRIED));
    assertEquals((await Promise.all(cases)).flatMap(({ complaints }) => complaints), []);
  });
}

Deno.test("plain: a wait whose connection stops responding returns all text once", async () => {
  const cases = STREAM_STRIKES.filter(({ name }) => name.startsWith("mute: "))
    .map((strike) => playStreamCase(strike, "plain", HURRIED));
  assertEquals((await Promise.all(cases)).flatMap(({ complaints }) => complaints), []);
});
