import { assertEquals } from "@std/assert";
import { LiveLine } from "../../../src/core/live_line.ts";
import { ManualClock } from "../../helpers/manual_clock.ts";

const EMPTY = "\r\x1b[2K";

function liveLine(isTerminal: boolean, columns?: number) {
  const clock = new ManualClock();
  const written: string[] = [];
  const write = (text: string) => written.push(text);
  const line = new LiveLine({ write, isTerminal, columns: () => columns, clock });
  return { line, written, clock };
}

Deno.test("LiveLine draws on a terminal at once, counts seconds, and goes away", async () => {
  const { line, written, clock } = liveLine(true);
  line.show("thinking");
  await clock.advance(1_000);
  line.show("writing");
  line.hide();
  line.hide();
  assertEquals(written, [
    `${EMPTY}thinking (0 s)`,
    `${EMPTY}thinking (1 s)`,
    `${EMPTY}writing (1 s)`,
    EMPTY,
  ]);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("LiveLine puts other lines above itself", () => {
  const { line, written } = liveLine(true);
  line.print("before");
  line.show("thinking");
  line.print("between");
  line.hide();
  line.print("after");
  assertEquals(written, [
    "before\n",
    `${EMPTY}thinking (0 s)`,
    `${EMPTY}between\n`,
    `${EMPTY}thinking (0 s)`,
    EMPTY,
    "after\n",
  ]);
});

Deno.test("LiveLine stays on one line of a narrow terminal", () => {
  const { line, written } = liveLine(true, 16);
  line.show("日本語のエージェント");
  line.hide();
  assertEquals(written[0], `${EMPTY}日本語の… (0 s)`);
});

Deno.test("LiveLine writes a line a second at most off a terminal, and only what has changed", async () => {
  const { line, written, clock } = liveLine(false);
  line.show("sending");
  line.show("thinking");
  await clock.advance(3_000);
  line.show("writing");
  await clock.advance(1_000);
  line.print("a note");
  line.hide();
  assertEquals(written, ["thinking (1 s)\n", "writing (4 s)\n", "a note\n"]);
  assertEquals(clock.pendingTimers, 0);
});
