import { assert, assertEquals } from "@std/assert";
import { Output, Turns } from "../../../src/core/output.ts";
import { ManualClock, settle } from "../../helpers/manual_clock.ts";

/** A pipe that takes so many bytes at a time, and none until it is opened. */
function pipe(bytesAtOnce = Infinity) {
  let open = Promise.withResolvers<void>();
  let failure: Error | undefined;
  const taken: string[] = [];
  const decoder = new TextDecoder();
  return {
    taken,
    text: () => taken.join(""),
    open: () => open.resolve(),
    shut: () => void (open = Promise.withResolvers<void>()),
    fail: (error?: Error) => void (failure = error),
    async write(bytes: Uint8Array): Promise<number> {
      await open.promise;
      if (failure) throw failure;
      const count = Math.min(bytes.byteLength, bytesAtOnce);
      taken.push(decoder.decode(bytes.subarray(0, count), { stream: true }));
      return count;
    },
  };
}

Deno.test("an Output writes everything in order, in as few writes as it takes", async () => {
  const { write, open, taken, text } = pipe();
  const output = new Output({ write, maxQueuedBytes: 1_000 });
  for (let i = 0; i < 10; i++) assert(output.write(`line ${i}\n`));
  open();
  await output.drained();
  assertEquals(taken.length, 1);
  assertEquals(text(), Array.from({ length: 10 }, (_, i) => `line ${i}\n`).join(""));
});

Deno.test("an Output goes on after a write that took only a part", async () => {
  const { write, open, text } = pipe(3);
  const output = new Output({ write, maxQueuedBytes: 1_000 });
  open();
  output.write("one ☃\n");
  output.write("two\n");
  await output.drained();
  output.write("three\n");
  await output.drained();
  assertEquals(text(), "one ☃\ntwo\nthree\n");
});

Deno.test("an Output drops whole texts beyond its bound, and tells how many", async () => {
  const { write, open, text } = pipe();
  const told: number[] = [];
  const output = new Output({
    write,
    maxQueuedBytes: 20,
    onDropped: (texts) => {
      told.push(texts);
      output.write(`${texts}!\n`);
    },
  });
  const taken = Array.from({ length: 10 }, (_, i) => output.write(`text${i}\n`));
  assertEquals(taken, [true, true, true, ...Array(7).fill(false)]);
  assertEquals(told, []);
  open();
  await output.drained();
  assertEquals([told, text()], [[7], "text0\ntext1\ntext2\n7!\n"]);
  assert(output.write("after\n"));
  await output.drained();
  assertEquals([told, text()], [[7], "text0\ntext1\ntext2\n7!\nafter\n"]);
});

Deno.test("an Output counts texts that a full disk refused, and goes on afterwards", async () => {
  const { write, open, fail, text } = pipe();
  const told: number[] = [];
  const output = new Output({ write, maxQueuedBytes: 1_000, onDropped: (n) => told.push(n) });
  open();
  fail(new Error("No space left on device"));
  output.write("one\n");
  output.write("two\n");
  await output.drained();
  assertEquals([output.failure instanceof Error, told], [true, []]);
  fail();
  output.write("three\n");
  await output.drained();
  assertEquals([told, text()], [[2], "three\n"]);
});

Deno.test("an Output with a pause gathers texts, and drained() does not wait for the pause", async () => {
  const clock = new ManualClock();
  const { write, open, taken } = pipe();
  open();
  const output = new Output({ write, maxQueuedBytes: 100_000, pause: { ms: 10, clock } });
  output.write("first\n");
  await settle();
  assertEquals(taken, ["first\n"]);
  output.write("a\n");
  await settle();
  output.write("b\n");
  await clock.advance(9);
  assertEquals(taken.length, 1);
  await clock.advance(1);
  assertEquals(taken.slice(1), ["a\nb\n"]);
  output.write("c\n");
  await settle();
  await output.drained();
  output.write("d\n");
  await settle();
  await output.flush(clock, 500);
  assertEquals(taken.slice(2), ["c\n", "d\n"]);
  output.write("e\n");
  await settle();
  output.write("f".repeat(64 * 1024));
  await settle();
  assertEquals([taken.slice(4).join("").length, clock.pendingTimers], [64 * 1024 + 2, 0]);
});

Deno.test("flush() waits as long as the reader reads, and no longer", async () => {
  const clock = new ManualClock();
  const { write, open, shut, text } = pipe(1);
  const output = new Output({ write, maxQueuedBytes: 1_000 });
  output.write("abc");
  let flushed = false;
  const flush = output.flush(clock, 500).then(() => flushed = true);
  await clock.advance(499);
  assertEquals(flushed, false);
  await clock.advance(1);
  assertEquals(flushed, true);
  open();
  await output.flush(clock, 500);
  assertEquals(text(), "abc");
  shut();
  output.write("d");
  await settle();
  await clock.advance(0);
  const last = output.flush(clock, 500);
  open();
  await clock.runUntil(last);
  await flush;
  assertEquals([text(), clock.pendingTimers], ["abcd", 0]);
});

for (let ticks = 0; ticks < 12; ticks++) {
  Deno.test(`an Output writes a text that comes ${ticks} microtasks after the last write ended`, async () => {
    const first = Promise.withResolvers<void>();
    const taken: string[] = [];
    const output = new Output({
      write: async (bytes) => {
        if (taken.push(new TextDecoder().decode(bytes)) === 1) await first.promise;
        return bytes.byteLength;
      },
      maxQueuedBytes: 1_000,
    });
    output.write("a");
    await settle();
    first.resolve();
    for (let tick = 0; tick < ticks; tick++) await undefined;
    output.write("b");
    await settle();
    assertEquals(taken, ["a", "b"]);
  });
}

Deno.test("Turns let one stream finish before another begins", async () => {
  const seen: string[] = [];
  const streamOf = (name: string, ms: number) =>
    new Output({
      write: async (bytes) => {
        await clock.sleep(ms);
        seen.push(`${name}: ${new TextDecoder().decode(bytes)}`);
        return bytes.byteLength;
      },
      maxQueuedBytes: 1_000,
    });
  const clock = new ManualClock();
  const [out, err] = [streamOf("out", 10), streamOf("err", 30)];
  const turns = new Turns(clock, 500);
  const say = (output: Output, text: string) => turns.take(output, () => void output.write(text));
  say(err, "1");
  say(err, "2");
  say(out, "3");
  say(err, "4");
  await clock.runUntil(turns.done());
  await clock.runUntil(Promise.all([out.drained(), err.drained()]));
  assertEquals(seen, ["err: 12", "out: 3", "err: 4"]);
});

Deno.test("Turns go on when nobody reads a stream", async () => {
  const clock = new ManualClock();
  const stuck = new Output({ write: () => new Promise(() => {}), maxQueuedBytes: 1_000 });
  const { write, open, text } = pipe();
  open();
  const out = new Output({ write, maxQueuedBytes: 1_000 });
  const turns = new Turns(clock, 500);
  turns.take(stuck, () => void stuck.write("note"));
  turns.take(out, () => void out.write("result"));
  await clock.runUntil(turns.done().then(() => out.drained()));
  assertEquals(text(), "result");
});
