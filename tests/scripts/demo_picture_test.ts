import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { DEMO_PATH, demoIsCurrent, demoSvg, recordDemo } from "../../scripts/docs/demo.ts";
import { svgTexts, terminalSvg } from "../../scripts/docs/terminal_svg.ts";

const recording = {
  title: "A title",
  command: "run it",
  lines: [
    { atMs: 0, text: "\x1b[1mBold\x1b[22m & <plain>" },
    { atMs: 2000, text: "12 4 6 89" },
  ],
  columns: 6,
  rows: 3,
};

Deno.test("terminalSvg() wraps lines behind spaces or where the terminal ends, and keeps their characters", () => {
  const svg = terminalSvg(recording);
  assertEquals(svgTexts(svg), ["$ run it", "Bold ", "&amp; ", "&lt;plain", ">", "12 4 ", "6 89"]);
  assertStringIncludes(svg, '<tspan class="b">Bold</tspan>');
});

Deno.test("terminalSvg() shows a line when it was printed, and stands still where that is asked for", () => {
  const svg = terminalSvg(recording);
  // 1.5 s for the command, 2 s to the last line, 9 s to read it.
  assertStringIncludes(svg, "@keyframes s2 { 0% { opacity: 0 } 28%, to { opacity: 1 } }");
  assertStringIncludes(svg, "s2 12500ms step-end 3 both");
  const outside = svg.replace(
    /@media \(prefers-reduced-motion: no-preference\) \{[\s\S]*\n\}\n/,
    "",
  );
  assert(!outside.includes("@keyframes"));
  assertStringIncludes(outside, ":target g { animation: none !important }");
  assert(!/<script|href|url\((?!#screen)/.test(svg));
});

Deno.test("recordDemo() plays the whole demo in its own time, the same in each run", async () => {
  const lines = await recordDemo();
  const seconds = (lines.at(-1)?.atMs ?? 0) / 1000;
  assert(seconds > 3 && seconds < 12, `It takes ${seconds} s`);
  assertEquals(svgTexts(demoSvg(await recordDemo())), svgTexts(demoSvg(lines)));
});

Deno.test("demoIsCurrent() complains about a picture of another demo", async () => {
  const text = demoSvg(await recordDemo());
  assertEquals(await demoIsCurrent([{ path: DEMO_PATH, text }]), []);
  const [finding] = await demoIsCurrent([{ path: DEMO_PATH, text: text.replace("Ask", "Tell") }]);
  assertEquals([finding?.path, finding?.mend], [DEMO_PATH, "run 'deno task docs'"]);
});
