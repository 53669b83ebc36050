import { assertEquals } from "@std/assert";
import { watchFile } from "../../../src/access/token_file.ts";
import { ManualClock, settle } from "../../helpers/manual_clock.ts";

/** A watched file whose content is in the test's hands; without one it cannot be read. */
function watched(first?: string) {
  const clock = new ManualClock();
  const seen: string[] = [];
  let reads = 0;
  let content = first;
  const file = watchFile({
    path: "tokens.json",
    clock,
    readFile: (path) => {
      reads++;
      if (content === undefined) return Promise.reject(new Error(`no ${path}`));
      return Promise.resolve(content);
    },
    onContent: (text) => seen.push(text),
    onUnreadable: (error) => seen.push(String(error)),
  });
  return { clock, seen, file, reads: () => reads, write: (text?: string) => content = text };
}

Deno.test("watchFile() reports the content that it finds, and changes within three seconds", async () => {
  const { clock, seen, file, write } = watched("one");
  await settle();
  assertEquals(seen, ["one"]);
  await clock.advance(10_000);
  assertEquals(seen, ["one"]);
  write("two");
  await clock.advance(3_000);
  assertEquals(seen, ["one", "two"]);
  file.close();
});

Deno.test("watchFile() reads at once when it is asked to", async () => {
  const { seen, file, write } = watched("one");
  await settle();
  write("two");
  await file.check();
  assertEquals(seen, ["one", "two"]);
  file.close();
});

Deno.test("watchFile() reports a missing file once, and goes on when it is back", async () => {
  const { clock, seen, file, write } = watched("one");
  await settle();
  write(undefined);
  await clock.advance(9_000);
  assertEquals(seen, ["one", "Error: no tokens.json"]);
  write("one");
  await clock.advance(3_000);
  assertEquals(seen.length, 2);
  write("two");
  await clock.advance(3_000);
  assertEquals(seen.at(-1), "two");
  write(undefined);
  await clock.advance(3_000);
  assertEquals(seen.at(-1), "Error: no tokens.json");
  file.close();
});

Deno.test("watchFile() reads no more once it is closed, and leaves no timer", async () => {
  const { clock, seen, file, reads, write } = watched("one");
  await settle();
  const before = reads();
  file.close();
  write("two");
  await clock.advance(60_000);
  assertEquals([reads() - before, clock.pendingTimers], [0, 0]);
  assertEquals(seen, ["one"]);
});

Deno.test("watchFile() reports no content that comes after it was closed", async () => {
  const late = Promise.withResolvers<string>();
  const seen: string[] = [];
  const file = watchFile({
    path: "t",
    clock: new ManualClock(),
    readFile: () => late.promise,
    onContent: (text) => seen.push(text),
    onUnreadable: (error) => seen.push(String(error)),
  });
  await settle();
  file.close();
  late.resolve("late");
  await settle();
  assertEquals(seen, []);
});

Deno.test("watchFile() never reports older content after newer", async () => {
  const clock = new ManualClock();
  const seen: string[] = [];
  const answers = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
  let reads = 0;
  const file = watchFile({
    path: "t",
    clock,
    readFile: () => answers[reads++]?.promise ?? Promise.reject(new Error("one read too many")),
    onContent: (text) => seen.push(text),
    onUnreadable: (error) => seen.push(String(error)),
  });
  await settle();
  const checked = file.check();
  answers[1]?.resolve("new");
  await settle();
  answers[0]?.resolve("old");
  await checked;
  assertEquals(seen, ["old", "new"]);
  file.close();
});
