import { assert, assertEquals, assertRejects } from "@std/assert";
import { ApiError } from "../../../src/api/errors.ts";
import { apiError, type FakeSession } from "../../helpers/fake_api.ts";
import { settle } from "../../helpers/manual_clock.ts";
import { setUp } from "./waiter_support.ts";

const DROPS: [string, (session: FakeSession) => void][] = [
  ["a reset", (session) => session.drop()],
  ["a clean early end", (session) => session.end()],
];

for (const [name, breakOff] of DROPS) {
  Deno.test(`wait() survives ${name}: no event is lost or repeated`, async () => {
    const t = setUp();
    t.session.emit(t.e.user("q"), t.e.running());
    const waiting = t.wait();
    await settle();
    t.session.emit(t.e.text("one"));
    await settle();
    breakOff(t.session);
    await settle();
    for (const event of [t.e.text("two"), t.e.text("three")]) t.session.record(event);
    await t.clock.advance(1_000);
    t.session.emit(t.e.text("four"), t.e.endTurn());
    const result = await waiting;
    assertEquals(result.reply, "one\n\ntwo\n\nthree\n\nfour");
    assertEquals(t.session.count("stream"), 2);
    await t.assertClean();
  });

  Deno.test(`wait() sees an end that happened during ${name}`, async () => {
    const t = setUp();
    t.session.emit(t.e.user("q"), t.e.running());
    const waiting = t.wait();
    await settle();
    breakOff(t.session);
    t.session.record(t.e.text("in the gap"));
    t.session.record(t.e.endTurn());
    const result = await t.clock.runUntil(waiting);
    assertEquals(result.reply, "in the gap");
    assert(result.elapsed_sec < 1);
    await t.assertClean();
  });
}

Deno.test("wait() replaces a stream that went silent", async () => {
  const t = setUp();
  t.session.emit(t.e.user("q"), t.e.running());
  const waiting = t.wait({ timeoutMs: 120_000 });
  await t.clock.advance(10_000);
  t.session.record(t.e.text("unheard"));
  t.session.record(t.e.endTurn());
  const result = await t.clock.runUntil(waiting);
  assertEquals(result.reply, "unheard");
  assert(result.elapsed_sec <= 36);
  await t.assertClean();
});

Deno.test("wait() keeps a stream that shows life by heartbeats alone", async () => {
  const t = setUp();
  t.session.emit(t.e.user("q"), t.e.running());
  t.session.status = "running";
  const waiting = t.wait({ timeoutMs: 120_000 });
  for (let i = 0; i < 7; i++) {
    await t.clock.advance(15_000);
    t.session.heartbeat();
  }
  t.session.emit(t.e.text("a"), t.e.endTurn());
  assertEquals((await waiting).reply, "a");
  assertEquals(t.session.count("stream"), 1);
  assert(t.session.requests.length <= 3, t.session.requests.join(" "));
  await t.assertClean();
});

Deno.test("wait() ends by a status poll when no idle event ever comes", async () => {
  const t = setUp();
  t.session.status = "running";
  const waiting = t.wait();
  await t.clock.advance(200);
  t.session.emit(
    t.e.user("q", { id: undefined }),
    t.e.make("span.model_request_start"),
    t.e.make("agent.message", { id: undefined, content: [{ type: "text", text: "a" }] }),
    t.e.make("span.model_request_end"),
  );
  t.session.status = "idle";
  const result = await t.clock.runUntil(waiting);
  assertEquals(result.status, "idle");
  assertEquals(result.reply, "a");
  assert(result.elapsed_sec < 10);
  await t.assertClean();
});

Deno.test("wait() does not end by a status that trails the stream", async () => {
  const t = setUp();
  t.session.status = "idle";
  const waiting = t.wait();
  t.session.emit(t.e.user("q"), t.e.running(), t.e.text("thinking aloud"));
  await t.clock.advance(4_000);
  t.session.status = "running";
  await t.clock.advance(20_000);
  t.session.heartbeat();
  t.session.emit(t.e.text("answer"), t.e.endTurn());
  assertEquals((await waiting).reply, "thinking aloud\n\nanswer");
  await t.assertClean();
});

Deno.test("wait() sees that a session was archived in mid-wait", async () => {
  const t = setUp();
  t.session.emit(t.e.user("q"), t.e.running(), t.e.text("part"));
  const waiting = t.wait({ timeoutMs: 300_000 });
  await t.clock.advance(1_000);
  t.session.status = "terminated";
  const result = await t.clock.runUntil(waiting);
  assertEquals(result.status, "terminated");
  assertEquals(result.reply, "part");
  await t.assertClean();
});

Deno.test("wait() says deleted when the session goes away in mid-wait", async () => {
  const t = setUp();
  t.session.emit(t.e.user("q"), t.e.running(), t.e.text("part"));
  const waiting = t.wait();
  await settle();
  t.session.before = () => {
    throw apiError(404);
  };
  t.session.end();
  const result = await t.clock.runUntil(waiting);
  assertEquals(result.status, "deleted");
  assertEquals(result.reply, "part");
  await t.assertClean();
});

Deno.test("wait() says deleted when a status poll finds the session gone and the stream stays open", async () => {
  const t = setUp();
  t.session.emit(t.e.user("q"), t.e.running(), t.e.text("part"));
  const waiting = t.wait();
  await settle();
  t.session.before = () => {
    throw apiError(404);
  };
  const result = await t.clock.runUntil(waiting);
  assertEquals([result.status, result.reply], ["deleted", "part"]);
  await t.assertClean();
});

Deno.test("wait() rejects with the API's refusal of a session it never knew", async () => {
  for (const status of [400, 401, 403, 404]) {
    const t = setUp();
    t.session.before = () => {
      throw apiError(status);
    };
    const error = await assertRejects(() => t.clock.runUntil(t.wait()), ApiError);
    assertEquals(error.status, status);
    await t.assertClean();
  }
});

Deno.test("wait() answers from history when streams are refused", async () => {
  const t = setUp();
  t.session.emit(t.e.user("q"), t.e.running(), t.e.text("a"), t.e.endTurn());
  t.session.before = (request) => {
    if (request === "stream") throw apiError(400);
  };
  assertEquals((await t.clock.runUntil(t.wait())).reply, "a");
  await t.assertClean();
});

Deno.test("wait() goes on after rate limits and server errors, and honours retry-after", async () => {
  const t = setUp();
  t.session.emit(t.e.user("q"), t.e.running());
  const waiting = t.wait({ timeoutMs: 120_000 });
  await settle();
  let refuse = true;
  t.session.before = () => {
    if (refuse) throw apiError(429, 20_000);
  };
  t.session.drop();
  await t.clock.advance(1_000);
  const tried = t.session.requests.length;
  await t.clock.advance(18_000);
  assert(t.session.requests.length <= tried + 1, "no request while the API asks to wait");
  refuse = false;
  t.session.record(t.e.text("a"));
  t.session.record(t.e.endTurn());
  assertEquals((await t.clock.runUntil(waiting)).reply, "a");
  await t.assertClean();
});

Deno.test("wait() that never reached the API says so at its deadline and keeps the cursor", async () => {
  const t = setUp();
  t.session.before = () => {
    throw new ApiError("refused", { kind: "not_sent" });
  };
  const result = await t.clock.runUntil(t.wait({ timeoutMs: 10_000, afterId: "sevt_9" }));
  assertEquals(result.status, "timeout");
  assertEquals(result.last_event_id, "sevt_9w1");
  assertEquals(result.errors[0]?.type, "api_unreachable");
  await t.assertClean();
});

Deno.test("wait() that is cancelled rejects with the reason and frees the stream at once", async () => {
  const t = setUp();
  t.session.emit(t.e.user("q"), t.e.running());
  const waiting = t.wait();
  await settle();
  assertEquals(t.session.openStreams.length, 1);
  t.controller.abort(new Error("the host cancelled"));
  await assertRejects(() => waiting, Error, "the host cancelled");
  await t.assertClean();
});

for (const status of [401, 403]) {
  Deno.test(`wait() reports a key that is refused for good during the wait (${status})`, async () => {
    const t = setUp();
    t.session.emit(t.e.user("q"), t.e.running(), t.e.text("part"));
    t.session.status = "running";
    const waiting = t.wait();
    await settle();
    t.session.before = () => {
      throw apiError(status);
    };
    t.session.drop();
    const startedAt = t.clock.now();
    const error = await assertRejects(() => t.clock.runUntil(waiting), ApiError);
    assertEquals(error.status, status);
    assert(t.clock.now() - startedAt < 20_000);
    await t.assertClean();
  });

  Deno.test(`wait() reports a key that is refused for good while the stream stays open (${status})`, async () => {
    const t = setUp();
    t.session.emit(t.e.user("q"), t.e.running(), t.e.tool("bash"));
    t.session.status = "running";
    const waiting = t.wait({ timeoutMs: 25_000 });
    await t.clock.advance(3_000);
    t.session.before = () => {
      throw apiError(status);
    };
    const error = await assertRejects(() => t.clock.runUntil(waiting), ApiError);
    assertEquals(error.status, status);
    await t.assertClean();
  });

  Deno.test(`wait() says at its deadline that its key is refused (${status})`, async () => {
    const t = setUp();
    t.session.emit(t.e.user("q"), t.e.running(), t.e.tool("bash"));
    t.session.status = "running";
    const waiting = t.wait({ timeoutMs: 17_000 });
    await t.clock.advance(3_000);
    t.session.before = () => {
      throw apiError(status);
    };
    const result = await t.clock.runUntil(waiting);
    assertEquals([result.status, result.errors.at(-1)?.type], ["timeout", "api_unreachable"]);
    await t.assertClean();
  });

  Deno.test(`wait() goes on by the list when status polls alone are refused (${status})`, async () => {
    const t = setUp();
    t.session.emit(t.e.user("q"), t.e.running(), t.e.tool("bash"));
    t.session.before = (request) => {
      if (request === "retrieve") throw apiError(status);
    };
    const waiting = t.wait({ timeoutMs: 120_000 });
    await t.clock.advance(60_000);
    assert(t.session.requests.length <= 6, t.session.requests.join(" "));
    t.session.emit(t.e.toolResult(t.session.log.at(-1)?.id ?? ""), t.e.text("done"), t.e.endTurn());
    assertEquals((await t.clock.runUntil(waiting)).reply, "done");
    await t.assertClean();
  });

  Deno.test(`wait() outlasts refused status polls while the stream stays open (${status})`, async () => {
    const t = setUp();
    t.session.emit(t.e.user("q"), t.e.running(), t.e.tool("bash"));
    t.session.status = "running";
    const waiting = t.wait({ timeoutMs: 60_000 });
    await t.clock.advance(3_000);
    t.session.before = () => {
      throw apiError(status);
    };
    await t.clock.advance(14_500);
    t.session.before = () => {};
    await t.clock.advance(10_000);
    t.session.emit(t.e.toolResult(t.session.log.at(-1)?.id ?? ""), t.e.text("done"), t.e.endTurn());
    assertEquals((await t.clock.runUntil(waiting)).reply, "done");
    await t.assertClean();
  });

  Deno.test(`wait() goes on while a key is being replaced (${status})`, async () => {
    const t = setUp();
    t.session.emit(t.e.user("q"), t.e.running());
    t.session.status = "running";
    const waiting = t.wait();
    await settle();
    t.session.before = () => {
      throw apiError(status);
    };
    t.session.drop();
    await t.clock.advance(2_000);
    t.session.before = () => {};
    t.session.record(t.e.text("done"));
    t.session.record(t.e.endTurn());
    assertEquals((await t.clock.runUntil(waiting)).reply, "done");
    await t.assertClean();
  });

  Deno.test(`wait() goes on by the list when only streams are refused (${status})`, async () => {
    const t = setUp();
    t.session.emit(t.e.user("q"), t.e.running());
    t.session.status = "running";
    const waiting = t.wait();
    await settle();
    t.session.before = (request) => {
      if (request === "stream") throw apiError(status);
    };
    t.session.drop();
    await t.clock.advance(30_000);
    t.session.record(t.e.text("done"));
    t.session.record(t.e.endTurn());
    assertEquals((await t.clock.runUntil(waiting)).reply, "done");
    await t.assertClean();
  });
}

Deno.test("wait() says deleted when a server's 404 in mid-wait has its own form", async () => {
  const t = setUp();
  t.session.emit(t.e.user("q"), t.e.running(), t.e.text("part"));
  const waiting = t.wait();
  await settle();
  t.session.before = () => {
    throw new ApiError("Session not found", { kind: "http", status: 404, author: "api" });
  };
  t.session.end();
  const result = await t.clock.runUntil(waiting);
  assertEquals([result.status, result.reply], ["deleted", "part"]);
  await t.assertClean();
});
