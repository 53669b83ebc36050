import { assert, assertEquals } from "@std/assert";
import { openTokens, parseTokenFile } from "../../../src/access/access_file.ts";
import { ManualClock, settle } from "../../helpers/manual_clock.ts";
import { recordProgram } from "../../helpers/program.ts";

/** The text of a file that lists one token. */
function listOf(name: string): string {
  return JSON.stringify({ tokens: [{ name, sha256: "a".repeat(64) }] });
}

/** Opens the token `one`, of a file that is read as the test says. */
function opened(readFile: (path: string) => Promise<string>) {
  const clock = new ManualClock();
  const program = recordProgram({ clock, readFile });
  const accessFile = { path: "tokens.json", entries: parseTokenFile(listOf("one"), "'t'") };
  const { registry, close } = openTokens({ accessFile }, program);
  const names = () => registry.current().map(({ name }) => name).join();
  return { clock, program, names, close };
}

/** A file whose content is in the test's hands; without one it cannot be read. */
function openedFile(first: string | undefined) {
  let [content, reads] = [first, 0];
  const list = opened((path) => {
    reads++;
    return content === undefined
      ? Promise.reject(new Error(`no ${path}`))
      : Promise.resolve(content);
  });
  return { ...list, reads: () => reads, write: (text?: string) => content = text };
}

Deno.test("openTokens() takes up a change within three seconds, also one made before it opened", async () => {
  const { clock, program, names, write, close } = openedFile(listOf("since"));
  await settle();
  assertEquals(names(), "since");
  await clock.advance(10_000);
  assertEquals(program.logged.length, 1);
  write(listOf("two"));
  await clock.advance(3_000);
  assertEquals([names(), program.logged.length], ["two", 2]);
  close();
});

Deno.test("openTokens() reports a missing file once, and goes on when it is back", async () => {
  const { clock, program, names, write, close } = openedFile(listOf("one"));
  await settle();
  write(undefined);
  await clock.advance(9_000);
  assertEquals([names(), program.logged.length], ["one", 1]);
  assert(program.logged[0]?.includes("Cannot read 'tokens.json' (--token-file)"));
  write(listOf("one"));
  await clock.advance(3_000);
  assertEquals(program.logged.length, 1);
  write(listOf("two"));
  await clock.advance(3_000);
  assertEquals(names(), "two");
  write(undefined);
  await clock.advance(3_000);
  assert(program.logged.at(-1)?.includes("Cannot read 'tokens.json'"));
  assertEquals([names(), program.logged.length], ["two", 3]);
  close();
});

Deno.test("openTokens() reads no more once it is closed, and leaves no timer", async () => {
  const { clock, program, names, reads, write, close } = openedFile(listOf("one"));
  await settle();
  const before = reads();
  close();
  write(listOf("two"));
  program.reload();
  await clock.advance(60_000);
  assertEquals([reads() - before, clock.pendingTimers, names()], [0, 0, "one"]);
});

for (const [name, end] of [["a content", listOf("late")], ["an error", undefined]] as const) {
  Deno.test(`openTokens() ignores ${name} that comes after it was closed`, async () => {
    const late = Promise.withResolvers<string>();
    const { program, names, close } = opened(() => late.promise);
    await settle();
    close();
    if (end === undefined) late.reject(new Error("gone"));
    else late.resolve(end);
    await settle();
    assertEquals([names(), program.logged], ["one", []]);
  });
}

Deno.test("openTokens() never takes older content after newer", async () => {
  const answers = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
  let reads = 0;
  const { program, names, close } = opened(() =>
    answers[reads++]?.promise ?? Promise.reject(new Error("one read too many"))
  );
  await settle();
  program.reload();
  answers[1]?.resolve(listOf("new"));
  await settle();
  assertEquals(names(), "one");
  answers[0]?.resolve(listOf("old"));
  await settle();
  assertEquals(names(), "new");
  assertEquals(program.logged.length, 2);
  close();
});
