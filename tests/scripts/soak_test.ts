import { assertEquals } from "@std/assert";
import { Inspector } from "../helpers/inspector.ts";
import { complaintsAbout } from "../../scripts/soak/whole_program.ts";
import { TextLineStream } from "../helpers/text_lines.ts";

const HELD = {
  ...{ heapBytes: 30e6, rssBytes: 200e6, openFiles: 40, timers: 1 },
  ...{ entries: 20_000, mostEntries: 10_000, largest: [] },
};

Deno.test("a soak complains of each thing of which a process holds too much", () => {
  assertEquals(complaintsAbout(HELD, { ...HELD, heapBytes: 39e6, openFiles: 50 }), []);
  assertEquals(complaintsAbout(HELD, { ...HELD, timers: 6 }), ["timers grew by 5, more than 4"]);
  const grown = { heapBytes: 41e6, rssBytes: 241e6, openFiles: 60, mostEntries: 20_001 };
  assertEquals(complaintsAbout(HELD, { ...HELD, ...grown }).length, 4);
});

Deno.test("the inspector counts timers and entries in another process", async () => {
  const code = `globalThis.kept = new Map(Array.from({ length: 700 }, (_, i) => ["k" + i, i]));
    const timers = [setTimeout(() => {}, 1e6), setTimeout(() => {}, 1e6)];
    for await (const _ of Deno.stdin.readable);
    timers.forEach(clearTimeout);`;
  await using child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--inspect=127.0.0.1:0", "data:text/javascript," + encodeURIComponent(code)],
    ...{ stdin: "piped", stdout: "null", stderr: "piped" },
  }).spawn();
  const lines = child.stderr.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
  let held;
  for await (const line of lines) {
    const url = /Debugger listening on (\S+)/.exec(line)?.[1];
    if (url === undefined) continue;
    using inspector = await Inspector.open(url);
    // The inspector answers before the program has begun.
    while (held?.timers !== 2) held = await inspector.held();
    break;
  }
  await child.stdin.close();
  assertEquals([held?.mostEntries, held?.largest[0]], [700, "700 (k0)"]);
});
