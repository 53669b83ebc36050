import { assertEquals, assertRejects } from "@std/assert";
import type { ClientEvent } from "../../../src/api/types.ts";
import type { SessionEvent } from "../../../src/api/events.ts";
import { createRedact } from "../../../src/core/redact.ts";
import { ApiError, type ApiErrorInfo } from "../../../src/api/errors.ts";
import { ToolError } from "../../../src/core/errors.ts";
import { type ApiParts, FakeEvents, harness, httpError } from "../tools/support.ts";
import type { ServicesOptions } from "../../../src/tools/services.ts";

const MESSAGE: ClientEvent = { type: "user.message", content: [{ type: "text", text: "Hello" }] };
const INTERRUPT: ClientEvent = { type: "user.interrupt" };

/** The sender of a process, and what it works with. */
function opening(parts: ApiParts, options: Partial<ServicesOptions> = {}) {
  const { services: { eventSender }, clock, waiter } = harness(parts, options);
  const send = (event = MESSAGE, signal = new AbortController().signal, sessionId = "sesn_1") =>
    eventSender.send(sessionId, event, signal);
  return { send, clock, waiter };
}

/** How long the server takes to stamp what it takes up at once. */
const STAMP_MS = 50;

/**
 * A session whose sends end as `outcome` says; `arrives` whether they reach the events. Its clock runs
 * `skewMs` ahead. Sends to another session stay open.
 */
function sending(outcome: "echo" | "silent" | ApiError, arrives = true, skewMs = 0) {
  const list = new FakeEvents([]);
  const sent: ClientEvent[] = [];
  let primes = false;
  const opened = opening({
    events: {
      ...list.api,
      send: (sessionId, events) => {
        if (sessionId !== "sesn_1") return new Promise(() => {});
        const data: SessionEvent[] = [];
        for (const event of events) {
          if (!primes) sent.push(event);
          const at = opened.clock.wallTime() + skewMs + (primes ? 0 : STAMP_MS);
          const logged = {
            ...event,
            id: primes ? "sevt_0" : `sevt_${sent.length}`,
            processed_at: outcome instanceof ApiError || primes ? new Date(at).toISOString() : null,
          };
          if (arrives || primes) list.events.push(logged);
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
    await opened.send({ type: "user.message", content: [{ type: "text", text: "Before" }] });
    await opened.send(INTERRUPT);
    primes = false;
    opened.waiter.rememberedSends.length = 0;
    await opened.clock.advance(10_000);
  };
  return { list, sent, prime, ...opened };
}

Deno.test("send() returns the id that the API echoes, and tells the waiter to expect the event", async () => {
  const { send, sent, waiter, list } = sending("echo");
  assertEquals(await send(), { queued: true, event_id: "sevt_1" });
  assertEquals(sent, [{ type: "user.message", content: [{ type: "text", text: "Hello" }] }]);
  assertEquals(waiter.rememberedSends, [["sesn_1", "sevt_1"]]);
  assertEquals(list.requests, []);
});

Deno.test("send() looks once in the list for the id that an API does not echo", async () => {
  const { send, list } = sending("silent");
  assertEquals(await send(), { queued: true, event_id: "sevt_1" });
  assertEquals(list.requests, [{ order: "desc", limit: 20, types: ["user.message"] }]);
});

Deno.test("send() returns no id when neither the echo nor the list has one", async () => {
  const { send, waiter, list } = sending("silent", false);
  assertEquals(await send(), { queued: true });
  assertEquals(list.requests.length, 1);
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
  for (const event of [MESSAGE, INTERRUPT]) {
    Deno.test(`send() of a ${event.type} sends once, and finds it in the list after ${name}`, async () => {
      const { send, clock, sent, waiter, prime } = sending(new ApiError("lost", info));
      await prime();
      assertEquals(await clock.runUntil(send(event)), {
        queued: true,
        event_id: "sevt_1",
        confirmed_by_log: true,
      });
      assertEquals(sent.length, 1);
      assertEquals(waiter.rememberedSends, [["sesn_1", "sevt_1"]]);
    });

    const code = "delivery_unknown";
    Deno.test(`send() of a ${event.type} throws ${code} when the list does not show it after ${name}`, async () => {
      const { send, clock, sent, list } = sending(new ApiError("lost", info), false);
      const error = await assertRejects(() => clock.runUntil(send(event)), ToolError);
      assertEquals(error.code, code);
      assertEquals(sent.length, 1);
      assertEquals(list.requests.length, 4);
    });

    Deno.test(`send() of a ${event.type} names the event that may be it when nothing tells its age after ${name}`, async () => {
      const { send, clock, sent } = sending(new ApiError("lost", info));
      const error = await assertRejects(() => clock.runUntil(send(event)), ToolError, "sevt_1");
      assertEquals(error.code, code);
      assertEquals(sent.length, 1);
    });
  }
}

for (const status of [503, 529]) {
  const declined = () =>
    new ApiError("Down for maintenance", { kind: "http", status, author: "api" });

  Deno.test(`send() throws the API's own ${status} when the list does not show the event`, async () => {
    for (const readable of [true, false]) {
      const { send, clock, sent, list } = sending(declined(), false);
      if (!readable) {
        Object.defineProperty(list.events, "filter", {
          value: () => {
            throw declined();
          },
        });
      }
      const error = await assertRejects(() => clock.runUntil(send()), ApiError);
      assertEquals([error.status, error.message], [status, "Down for maintenance"]);
      assertEquals(sent.length, 1);
    }
  });

  Deno.test(`send() finds the event in the list although the API answered ${status}`, async () => {
    const { send, clock, sent, prime } = sending(declined());
    await prime();
    const result = await clock.runUntil(send());
    assertEquals(result.event_id, "sevt_1");
    assertEquals(sent.length, 1);
  });
}

Deno.test("send() throws delivery_unknown when the list cannot be read", async () => {
  const { send, clock } = opening({
    events: {
      send: () => Promise.reject(new ApiError("lost", { kind: "timeout" })),
      list: () => Promise.reject(httpError(503)),
    },
  });
  const error = await assertRejects(
    () => clock.runUntil(send()),
    ToolError,
    "Before sending again, look for it with list_events",
  );
  assertEquals(error.code, "delivery_unknown");
  const unable = error.messageFor(() => false);
  assertEquals(unable.endsWith("Sending again may deliver it a second time."), true, unable);
});

for (const error of [httpError(400), httpError(404), httpError(409), httpError(429)]) {
  Deno.test(`send() throws the error of status ${error.status} without reading the list`, async () => {
    const { send, list } = sending(error);
    assertEquals(await assertRejects(() => send(), ApiError), error);
    assertEquals(list.requests, []);
  });
}

Deno.test("send() throws the error of a refused connection without reading the list", async () => {
  const { send, list } = sending(new ApiError("refused", { kind: "not_sent" }));
  await assertRejects(() => send(), ApiError, "refused");
  assertEquals(list.requests, []);
});

Deno.test("send() does not take an earlier message with the same text for the lost one", async () => {
  const lost = new ApiError("lost", { kind: "timeout" });
  const { send, clock, list } = sending(lost, false);
  const content = [{ type: "text", text: "Hello" }];
  list.events.push({
    id: "sevt_old",
    type: "user.message",
    processed_at: new Date(clock.now() - 120_000).toISOString(),
    content,
  });
  await assertRejects(() => clock.runUntil(send()), ToolError, "not known");
});

Deno.test("send() does not take its own message of a moment ago for the lost one", async () => {
  const list = new FakeEvents([]);
  let sends = 0;
  const { send, clock } = opening({
    events: {
      ...list.api,
      send: (_id, [event]) => {
        sends++;
        if (sends > 1) return Promise.reject(new ApiError("lost", { kind: "timeout" }));
        const logged = { type: "user.message", ...event, id: "sevt_first", processed_at: null };
        list.events.push(logged);
        return Promise.resolve({ data: [logged] });
      },
    },
  });
  await send();
  await assertRejects(() => clock.runUntil(send()), ToolError, "not known");
});

for (
  const [name, ages] of [["sent seconds before", [10_000]], ["of which there are two", [
    0,
    0,
  ]]] as const
) {
  Deno.test(`send() does not take another client's message with the same text ${name} for the lost one`, async () => {
    const { send, clock, list } = sending(new ApiError("lost", { kind: "connection_lost" }), false);
    list.events.push(...ages.map((age, index) => ({
      id: `sevt_theirs${index}`,
      type: "user.message",
      processed_at: new Date(clock.now() - age).toISOString(),
      content: [{ type: "text", text: "Hello" }],
    })));
    const error = await assertRejects(() => clock.runUntil(send()), ToolError);
    assertEquals(error.code, "delivery_unknown");
  });
}

for (const skewMs of [-300_000, -60_000, -5_000, 0, 5_000, 60_000, 300_000]) {
  const lost = () => new ApiError("lost", { kind: "connection_lost" });

  Deno.test(`send() recognises a lost message by its stamp when the server's clock is ${skewMs} ms ahead`, async () => {
    const { send, clock, prime } = sending(lost(), true, skewMs);
    await prime();
    assertEquals((await clock.runUntil(send())).event_id, "sevt_1");
  });

  for (const ageMs of [0, 20, 999, 2_000, 5_000, 20_000, 60_000, 250_000, 300_000]) {
    Deno.test(`send() does not take a message stamped ${ageMs} ms ago for its own when the server's clock is ${skewMs} ms ahead`, async () => {
      for (const primed of [false, true]) {
        const { send, clock, list, prime, sent } = sending(lost(), false, skewMs);
        await clock.advance(777_777);
        if (primed) await prime();
        list.events.push({
          id: "sevt_theirs",
          type: "user.message",
          processed_at: new Date(clock.wallTime() + skewMs - ageMs).toISOString(),
          content: [{ type: "text", text: "Hello" }],
        });
        const error = await assertRejects(
          () => clock.runUntil(send()),
          ToolError,
        );
        assertEquals([error.code, sent.length], ["delivery_unknown", 1]);
      }
    });
  }
}

for (const ms of [-3_600_000, -1_000, 1_000, 3_600_000]) {
  Deno.test(`send() does not take an older message for the lost one after the system clock was set by ${ms} ms`, async () => {
    const { send, clock, list, prime } = sending(new ApiError("lost", { kind: "timeout" }), false);
    await prime();
    clock.correct(ms);
    for (const at of [clock.now(), clock.wallTime()]) {
      list.events.push({
        id: `sevt_theirs${at}`,
        type: "user.message",
        processed_at: new Date(at - 10).toISOString(),
        content: [{ type: "text", text: "Hello" }],
      });
      await assertRejects(() => clock.runUntil(send()), ToolError, "not known");
      await clock.advance(120_000);
    }
  });
}

Deno.test("send() throws delivery_unknown for two lost messages with the same text and one event", async () => {
  const { send, clock, prime, list } = sending(new ApiError("lost", { kind: "timeout" }), false);
  await prime();
  const first = send().catch((error) => error);
  const second = send().catch((error) => error);
  list.events.push({
    id: "sevt_one",
    type: "user.message",
    processed_at: new Date(clock.wallTime() + STAMP_MS).toISOString(),
    content: [{ type: "text", text: "Hello" }],
  });
  for (const result of [await clock.runUntil(first), await clock.runUntil(second)]) {
    assertEquals(result.code, "delivery_unknown");
  }
});

/** A message with the same text as {@linkcode MESSAGE}, and an image. */
const withImage = (file_id: string): ClientEvent => ({
  type: "user.message",
  content: [{ type: "text", text: "Hello" }, { type: "image", source: { type: "file", file_id } }],
});

Deno.test("send() tells two lost messages with the same text apart by their images", async () => {
  const { send, clock, prime } = sending(new ApiError("lost", { kind: "timeout" }));
  await prime();
  const found = ["file_1", "file_2"].map((id) => send(withImage(id)));
  const ids = await clock.runUntil(Promise.all(found));
  assertEquals(ids.map(({ event_id }) => event_id), ["sevt_1", "sevt_2"]);
});

Deno.test("send() does not take a message with another image for the lost one", async () => {
  const { send, clock, prime, list } = sending(new ApiError("lost", { kind: "timeout" }), false);
  await prime();
  const lost = send(withImage("file_1"));
  list.events.push({
    ...withImage("file_2"),
    id: "sevt_other",
    processed_at: new Date(clock.wallTime() + STAMP_MS).toISOString(),
  });
  await assertRejects(() => clock.runUntil(lost), ToolError, "still be on its way");
});

Deno.test("send() finds its lost message while another session is sent the same text", async () => {
  const { send, clock, prime } = sending(new ApiError("lost", { kind: "timeout" }));
  await prime();
  void send(MESSAGE, undefined, "sesn_2");
  assertEquals((await clock.runUntil(send())).event_id, "sevt_1");
});

Deno.test("send() stops looking when the caller aborts", async () => {
  const { send, clock } = sending(new ApiError("lost", { kind: "timeout" }), false);
  const controller = new AbortController();
  const running = send(MESSAGE, controller.signal);
  const rejected = assertRejects(() => running, Error, "gone");
  await clock.advance(500);
  controller.abort(new Error("gone"));
  await rejected;
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("send() recognises a message whose secret is redacted in the list", async () => {
  const redact = createRedact(["hunter2-secret"]);
  const list = new FakeEvents([]);
  const { send, clock } = opening({
    events: {
      ...list.api,
      send: (_id, [event]) => {
        const content = "My password is [redacted]";
        list.events.push({ ...event, type: "user.message", id: "sevt_1", content });
        return Promise.reject(new ApiError("lost", { kind: "timeout" }));
      },
    },
  }, { redact });
  const text = "My password is hunter2-secret";
  await assertRejects(
    () => clock.runUntil(send({ type: "user.message", content: [{ type: "text", text }] })),
    ToolError,
    "event sevt_1 with the same content",
  );
});

for (
  const [why, info] of [
    ["was lost", { kind: "timeout" }],
    // Which alone would say that nothing was taken.
    ["is a refusal of the API's own", { kind: "http", status: 503, author: "api" }],
  ] as const
) {
  for (
    const [what, content] of [
      ["all of which is withheld", [{ type: "redacted" }]],
      ["a part of which is withheld", [{ type: "text", text: "Hel" }, { type: "redacted" }]],
      ["of which two texts are joined", [{ type: "text", text: "HelloBye" }]],
    ] as const
  ) {
    Deno.test(`send() does not say that a message was not sent whose response ${why}, beside one ${what}`, async () => {
      const { send, clock, prime, list, sent } = sending(new ApiError("lost", info), false);
      await prime();
      const texts = ["Hello", "Bye"].map((text) => ({ type: "text", text }) as const);
      const waiting = send({ type: "user.message", content: texts });
      list.events.push({
        id: "sevt_withheld",
        type: "user.message",
        processed_at: new Date(clock.wallTime() + STAMP_MS).toISOString(),
        content,
      });
      const error = await assertRejects(() => clock.runUntil(waiting), ToolError, "sevt_withheld");
      assertEquals([error.code, sent.length], ["delivery_unknown", 1]);
    });
  }
}

Deno.test("send() tells two lost messages apart by how their texts are parted", async () => {
  const { send, clock, prime } = sending(new ApiError("lost", { kind: "timeout" }));
  await prime();
  const messages = [["a", "b"], ["a", "c"]].map((texts): ClientEvent => ({
    type: "user.message",
    content: texts.map((text) => ({ type: "text", text })),
  }));
  const found = await clock.runUntil(Promise.all(messages.map((message) => send(message))));
  assertEquals(found.map(({ event_id }) => event_id), ["sevt_1", "sevt_2"]);
});

Deno.test("send() does not take a message whose content is withheld for one that has no echo", async () => {
  const { send, list, clock, prime } = sending("silent", false);
  await prime();
  const waiting = send();
  list.events.push({
    id: "sevt_withheld",
    type: "user.message",
    processed_at: new Date(clock.wallTime() + STAMP_MS).toISOString(),
    content: [{ type: "redacted" }],
  });
  assertEquals(await waiting, { queued: true });
});

Deno.test("send() takes no answer whose content is withheld for the lost one", async () => {
  const lost = new ApiError("lost", { kind: "timeout" });
  const { send, list, clock, sent } = sending(lost, false);
  const answer = {
    type: "user.custom_tool_result",
    custom_tool_use_id: "sevt_call",
    content: [{ type: "text", text: "Sunny" }],
    is_error: false,
  } as const;
  list.events.push({ ...answer, id: "sevt_withheld", content: [{ type: "redacted" }] });
  const error = await assertRejects(() => clock.runUntil(send(answer)), ToolError);
  assertEquals([error.code, sent.length], ["delivery_unknown", 1]);
});
