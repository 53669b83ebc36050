import { assertEquals } from "@std/assert";
import { MAX_PAGE_BYTES } from "../../scripts/sizes/limits.ts";
import { minifyCss, PAGE_MODULE, pageIsCurrent, pageModule } from "../../scripts/view.ts";

/** A page whose text means something to templates, quotes and markup. */
const PAGE = '<!doctype html>\n<script>"$&" + `${1}`;\\u2028\u2028</script>';

const moduleWith = (page: string) => [{ path: PAGE_MODULE, text: pageModule(page) }];

Deno.test("pageModule() holds every character of the page", async () => {
  const { SESSION_PAGE } = await import(
    `data:text/typescript,${encodeURIComponent(pageModule(PAGE))}`
  );
  assertEquals(SESSION_PAGE, PAGE);
});

Deno.test("pageIsCurrent() complains of another page, and of none", () => {
  assertEquals(pageIsCurrent(moduleWith(PAGE), PAGE), []);
  for (
    const files of [moduleWith(`${PAGE} `), [], [{ path: "other.ts", text: pageModule(PAGE) }]]
  ) {
    assertEquals(pageIsCurrent(files, PAGE).map(({ mend }) => mend), ["run 'deno task view'"]);
  }
});

Deno.test("pageIsCurrent() counts the bytes of the page as it is sent", () => {
  const most = "é".repeat(MAX_PAGE_BYTES / 2);
  assertEquals(pageIsCurrent(moduleWith(most), most), []);
  const [finding, ...others] = pageIsCurrent(moduleWith(`${most}.`), `${most}.`);
  assertEquals(others, []);
  assertEquals(
    finding?.message,
    `has a page of ${MAX_PAGE_BYTES + 1} bytes: at most ${MAX_PAGE_BYTES}`,
  );
});

Deno.test("minifyCss() leaves every selector, value and text as it is", () => {
  const css = `/* Comment, { with: signs; } */
.a > .b :hover, a:not( .c ) {
  margin: 0 auto;
  width: calc(1px + 2em);
  --fonts: "A,  b; c", serif;
  content: "{ } ,  ;}";
}

@media (width < 1px) and (hover: none) { .d::before { color: red !important; } }
`;
  assertEquals(
    minifyCss(css),
    '.a > .b :hover,a:not( .c ){margin:0 auto;width:calc(1px + 2em);--fonts:"A,  b; c",serif;' +
      'content:"{ } ,  ;}"}@media (width < 1px) and (hover: none){.d::before{color:red !important}}',
  );
});
