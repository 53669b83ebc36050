import { assertEquals, assertRejects } from "@std/assert";
import type { ClientEvent } from "../../../src/api/types.ts";
import type { SessionEvent } from "../../../src/api/events.ts";
import { createRedact } from "../../../src/core/redact.ts";
import { ApiError, type ApiErrorInfo } from "../../../src/api/errors.ts";
import { ToolError } from "../../../src/core/errors.ts";
import { interrupt } from "../../../src/tools/interrupt.ts";
import { sendMessage } from "../../../src/tools/send_message.ts";
import { FakeLog, harness, httpError } from "./support.ts";

/** How long the server takes to stamp what it takes up at once. */
const STAMP_MS = 50;

/**
 * A session whose sends end as `outcome` says; `arrives` whether they reach the log. Its clock runs
 * `skewMs` ahead.
 */
function sending(outcome: "echo" | "silent" | ApiError, arrives = true, skewMs = 0) {
  const log = new FakeLog([]);
  const sent: ClientEvent[] = [];
  let primes = false;
  const opened = harness({
    events: {
      ...log.api,
      send: (_sessionId, events) => {
        const data: SessionEvent[] = [];
        for (const event of events) {
          if (!primes) sent.push(event);
          const at = opened.clock.wallTime() + skewMs + (primes ? 0 : STAMP_MS);
          const logged = {
            ...event,
            id: primes ? "sevt_0" : `sevt_${sent.length}`,
            processed_at: outcome instanceof ApiError || primes ? new Date(at).toISOString() : null,
          };
          if (arrives || primes) log.events.push(logged);
          data.push(logged);
        }
        if (outcome instanceof ApiError && !primes) return Promise.reject(outcome);
        return Promise.resolve({ data: outcome === "echo" || primes ? data : [] });
      },
    },
  });
  /** Another send, by which the server's clock becomes known. */
  const prime = async () => {
    primes = true;
    // Times of whole seconds may be cut ones.
    await opened.clock.advance(123);
    await opened.run(sendMessage, { session_id: "sesn_1", text: "Before" });
    await opened.run(interrupt, { session_id: "sesn_1" });
    primes = false;
    opened.waiter.rememberedSends.length = 0;
    await opened.clock.advance(10_000);
  };
  return { log, sent, prime, ...opened };
}

const MESSAGE = { session_id: "sesn_1", text: "Hello" };

Deno.test("send_message queues the text and tells the waiter to expect it", async () => {
  const { run, sent, waiter, log } = sending("echo");
  assertEquals(await run(sendMessage, MESSAGE), { queued: true, event_id: "sevt_1" });
  assertEquals(sent, [{ type: "user.message", content: [{ type: "text", text: "Hello" }] }]);
  assertEquals(waiter.rememberedSends, [["sesn_1", "sevt_1"]]);
  assertEquals(log.requests, []);
});

Deno.test("send_message looks once for the id that an API does not echo", async () => {
  const { run, log } = sending("silent");
  assertEquals(await run(sendMessage, MESSAGE), { queued: true, event_id: "sevt_1" });
  assertEquals(log.requests, [{ order: "desc", limit: 20, types: ["user.message"] }]);
});

Deno.test("send_message is queued without an id when neither echo nor log has one", async () => {
  const { run, waiter, log } = sending("silent", false);
  assertEquals(await run(sendMessage, MESSAGE), { queued: true });
  assertEquals(log.requests.length, 1);
  assertEquals(waiter.rememberedSends, [["sesn_1", undefined]]);
});

const LOST: readonly [string, ApiErrorInfo][] = [
  ["a timeout", { kind: "timeout" }],
  ["a broken connection", { kind: "connection_lost" }],
  ["status 500", { kind: "http", status: 500 }],
  ["status 529", { kind: "http", status: 529 }],
  ["status 408", { kind: "http", status: 408 }],
];

for (const [name, info] of LOST) {
  for (const tool of [sendMessage, interrupt]) {
    const args = tool === sendMessage ? MESSAGE : { session_id: "sesn_1" };
    Deno.test(`${tool.name} finds in the log what ${name} hid, and sends once`, async () => {
      const { run, clock, sent, waiter, prime } = sending(new ApiError("lost", info));
      await prime();
      assertEquals(await clock.runUntil(run(tool, args)), {
        queued: true,
        event_id: "sevt_1",
        confirmed_by_log: true,
      });
      assertEquals(sent.length, 1);
      assertEquals(waiter.rememberedSends, [["sesn_1", "sevt_1"]]);
    });

    const code = "delivery_unknown";
    Deno.test(`${tool.name} says ${code} when the log shows nothing after ${name}, and sends once`, async () => {
      const { run, clock, sent, log } = sending(new ApiError("lost", info), false);
      const error = await assertRejects(() => clock.runUntil(run(tool, args)), ToolError);
      assertEquals(error.code, code);
      assertEquals(sent.length, 1);
      assertEquals(log.requests.length, 4);
    });

    Deno.test(`${tool.name} names what may be it when ${name} hid it and nothing tells its age`, async () => {
      const { run, clock, sent } = sending(new ApiError("lost", info));
      const error = await assertRejects(() => clock.runUntil(run(tool, args)), ToolError, "sevt_1");
      assertEquals(error.code, code);
      assertEquals(sent.length, 1);
    });
  }
}

for (const status of [503, 529]) {
  const declined = () =>
    new ApiError("Down for maintenance", { kind: "http", status, answeredBy: "api" });

  Deno.test(`send_message passes status ${status} of the API on when the log shows nothing`, async () => {
    for (const readable of [true, false]) {
      const { run, clock, sent, log } = sending(declined(), false);
      if (!readable) {
        Object.defineProperty(log.events, "filter", {
          value: () => {
            throw declined();
          },
        });
      }
      const error = await assertRejects(() => clock.runUntil(run(sendMessage, MESSAGE)), ApiError);
      assertEquals([error.status, error.message], [status, "Down for maintenance"]);
      assertEquals(sent.length, 1);
    }
  });

  Deno.test(`send_message finds in the log what status ${status} of the API hid`, async () => {
    const { run, clock, sent, prime } = sending(declined());
    await prime();
    const result = await clock.runUntil(run(sendMessage, MESSAGE));
    assertEquals(result.event_id, "sevt_1");
    assertEquals(sent.length, 1);
  });
}

Deno.test("send_message says that it does not know when the log cannot be read", async () => {
  const { run, clock } = harness({
    events: {
      send: () => Promise.reject(new ApiError("lost", { kind: "timeout" })),
      list: () => Promise.reject(httpError(503)),
    },
  });
  const error = await assertRejects(
    () => clock.runUntil(run(sendMessage, MESSAGE)),
    ToolError,
    "list_events",
  );
  assertEquals(error.code, "delivery_unknown");
});

for (const error of [httpError(400), httpError(404), httpError(409), httpError(429)]) {
  Deno.test(`send_message passes status ${error.status} on without looking`, async () => {
    const { run, log } = sending(error);
    assertEquals(await assertRejects(() => run(sendMessage, MESSAGE), ApiError), error);
    assertEquals(log.requests, []);
  });
}

Deno.test("send_message passes a refused connection on: nothing can have arrived", async () => {
  const { run, log } = sending(new ApiError("refused", { kind: "not_sent" }));
  await assertRejects(() => run(sendMessage, MESSAGE), ApiError, "refused");
  assertEquals(log.requests, []);
});

Deno.test("send_message does not take an earlier message with the same text for a lost one", async () => {
  const lost = new ApiError("lost", { kind: "timeout" });
  const { run, clock, log } = sending(lost, false);
  const content = [{ type: "text", text: "Hello" }];
  log.events.push({
    id: "sevt_old",
    type: "user.message",
    processed_at: new Date(clock.now() - 120_000).toISOString(),
    content,
  });
  await assertRejects(() => clock.runUntil(run(sendMessage, MESSAGE)), ToolError, "not known");
});

Deno.test("send_message does not take its own message of a moment ago for a lost one", async () => {
  const log = new FakeLog([]);
  let sends = 0;
  const { run, clock } = harness({
    events: {
      ...log.api,
      send: (_id, [event]) => {
        sends++;
        if (sends > 1) return Promise.reject(new ApiError("lost", { kind: "timeout" }));
        const logged = { type: "user.message", ...event, id: "sevt_first", processed_at: null };
        log.events.push(logged);
        return Promise.resolve({ data: [logged] });
      },
    },
  });
  await run(sendMessage, MESSAGE);
  await assertRejects(() => clock.runUntil(run(sendMessage, MESSAGE)), ToolError, "not known");
});

for (
  const [name, ages] of [["sent seconds before", [10_000]], ["of which there are two", [
    0,
    0,
  ]]] as const
) {
  Deno.test(`send_message does not take somebody else's same text ${name} for a lost one`, async () => {
    const { run, clock, log } = sending(new ApiError("lost", { kind: "connection_lost" }), false);
    log.events.push(...ages.map((age, index) => ({
      id: `sevt_theirs${index}`,
      type: "user.message",
      processed_at: new Date(clock.now() - age).toISOString(),
      content: [{ type: "text", text: "Hello" }],
    })));
    const error = await assertRejects(() => clock.runUntil(run(sendMessage, MESSAGE)), ToolError);
    assertEquals(error.code, "delivery_unknown");
  });
}

for (const skewMs of [-300_000, -60_000, -5_000, 0, 5_000, 60_000, 300_000]) {
  const lost = () => new ApiError("lost", { kind: "connection_lost" });

  Deno.test(`send_message finds a lost one by a server's clock that is ${skewMs} ms ahead`, async () => {
    const { run, clock, prime } = sending(lost(), true, skewMs);
    await prime();
    assertEquals((await clock.runUntil(run(sendMessage, MESSAGE))).event_id, "sevt_1");
  });

  for (const ageMs of [0, 20, 999, 2_000, 5_000, 20_000, 60_000, 250_000, 300_000]) {
    Deno.test(`send_message takes nobody's text of ${ageMs} ms ago for its own, at ${skewMs} ms skew`, async () => {
      for (const primed of [false, true]) {
        const { run, clock, log, prime, sent } = sending(lost(), false, skewMs);
        await clock.advance(777_777);
        if (primed) await prime();
        log.events.push({
          id: "sevt_theirs",
          type: "user.message",
          processed_at: new Date(clock.wallTime() + skewMs - ageMs).toISOString(),
          content: [{ type: "text", text: "Hello" }],
        });
        const error = await assertRejects(
          () => clock.runUntil(run(sendMessage, MESSAGE)),
          ToolError,
        );
        assertEquals([error.code, sent.length], ["delivery_unknown", 1]);
      }
    });
  }
}

for (const ms of [-3_600_000, -1_000, 1_000, 3_600_000]) {
  Deno.test(`send_message trusts no clock of this machine that was set by ${ms} ms`, async () => {
    const { run, clock, log, prime } = sending(new ApiError("lost", { kind: "timeout" }), false);
    await prime();
    clock.correct(ms);
    for (const at of [clock.now(), clock.wallTime()]) {
      log.events.push({
        id: `sevt_theirs${at}`,
        type: "user.message",
        processed_at: new Date(at - 10).toISOString(),
        content: [{ type: "text", text: "Hello" }],
      });
      await assertRejects(() => clock.runUntil(run(sendMessage, MESSAGE)), ToolError, "not known");
      await clock.advance(120_000);
    }
  });
}

Deno.test("send_message takes one event for one of two lost messages of the same text", async () => {
  const { run, clock, prime, log } = sending(new ApiError("lost", { kind: "timeout" }), false);
  await prime();
  const first = run(sendMessage, MESSAGE).catch((error) => error);
  const second = run(sendMessage, MESSAGE).catch((error) => error);
  log.events.push({
    id: "sevt_one",
    type: "user.message",
    processed_at: new Date(clock.wallTime() + STAMP_MS).toISOString(),
    content: [{ type: "text", text: "Hello" }],
  });
  for (const result of [await clock.runUntil(first), await clock.runUntil(second)]) {
    assertEquals(result.code, "delivery_unknown");
  }
});

Deno.test("send_message stops looking when the caller goes away", async () => {
  const { run, clock } = sending(new ApiError("lost", { kind: "timeout" }), false);
  const controller = new AbortController();
  const running = run(sendMessage, MESSAGE, { signal: controller.signal });
  const rejected = assertRejects(() => running, Error, "gone");
  await clock.advance(500);
  controller.abort(new Error("gone"));
  await rejected;
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("send_message recognises a message with a secret, of which the log shows the rest", async () => {
  const redact = createRedact(["hunter2-secret"]);
  const log = new FakeLog([]);
  const { run, clock } = harness({
    events: {
      ...log.api,
      send: (_id, [event]) => {
        const content = "My password is [redacted]";
        log.events.push({ ...event, type: "user.message", id: "sevt_1", content });
        return Promise.reject(new ApiError("lost", { kind: "timeout" }));
      },
    },
  }, { redact });
  const text = "My password is hunter2-secret";
  await assertRejects(
    () => clock.runUntil(run(sendMessage, { session_id: "sesn_1", text })),
    ToolError,
    "event sevt_1 with the same content",
  );
});
