import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { APPROVAL_PATH, approvalIsCurrent, approvalSvg } from "../../scripts/docs/approval.ts";
import { screenSvg, svgTexts } from "../../scripts/docs/terminal_svg.ts";

Deno.test("screenSvg() draws each line in its place, and needs nothing else", () => {
  const svg = screenSvg({
    title: "<A>",
    lines: ["\x1b[1mBold\x1b[0m & plain", "", "x"],
    columns: 12,
  });
  assertEquals(svgTexts(svg), ["Bold &amp; plain", "", "x"]);
  assertStringIncludes(svg, '<title id="t">&lt;A></title>');
  assertStringIncludes(svg, '<tspan class="b">Bold</tspan>');
  assert(!/<script|href|url\(|animation/.test(svg));
});

Deno.test("approvalSvg() shows the call in the four rows of a message, and no choice that is made", () => {
  const rows = svgTexts(approvalSvg());
  const head = rows.findIndex((row) => row.includes("Allow bash?"));
  assertStringIncludes(
    rows[head + 1] ?? "",
    "| {&quot;command&quot;:&quot;rm -r build &amp;&amp; npm ci",
  );
  assert(/^ {2}… \(\+\d more lines\)$/.test(rows[head + 3] ?? ""), rows[head + 3]);
  assertEquals(rows.filter((row) => /◯ (later|deny|allow)$/.test(row)).length, 3);
  assert(!rows.some((row) => row.includes("◉")));
});

Deno.test("approvalIsCurrent() complains about a picture of another form", () => {
  const text = approvalSvg();
  assertEquals(approvalIsCurrent([{ path: APPROVAL_PATH, text }]), []);
  const [finding] = approvalIsCurrent([{
    path: APPROVAL_PATH,
    text: text.replace("◯ deny", "◯ no"),
  }]);
  assertEquals([finding?.path, finding?.mend], [APPROVAL_PATH, "run 'deno task docs'"]);
});
