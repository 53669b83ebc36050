import { assert, assertEquals } from "@std/assert";
import { codeMarkdown, inlineMarkdown, quoteMarkdown } from "../../../src/core/markdown.ts";

const quoted = (text: string) => quoteMarkdown(text).markdown;

const CASES: readonly (readonly [what: string, text: string, markdown: string])[] = [
  ["nothing", "", ""],
  ["a line", "One.", "> One."],
  ["paragraphs", "One.\n\nTwo.\n", "> One.\n>\n> Two."],
  ["every line end", "a\r\nb\rc\nd", "> a\n> b\n> c\n> d"],
  ["a heading", "## User\nYes.", "> ## User\n> Yes."],
  ["a quotation", "> a", "> > a"],
  ["HTML", "<b>x</b><!-- y --><?z?>", "> &lt;b>x&lt;/b>&lt;!-- y -->&lt;?z?>"],
  ["HTML after a backslash", "\\<b>", "> \\&lt;b>"],
  ["less than", "1 < 2 << 3 <= 4", "> 1 < 2 << 3 <= 4"],
  ["an image", "![x](https://e.com/a.png)", "> ! [x](https://e.com/a.png)"],
  ["an image after a backslash", "\\![x](y)", "> \\! [x](y)"],
  ["a link", "[x](https://e.com)", "> [x](https://e.com)"],
  ["code", "```html\n<b>\n![x](y)\n```\n<b>", "> ```html\n> <b>\n> ![x](y)\n> ```\n> &lt;b>"],
  [
    "code of tildes",
    "~~~\n<b>\n```\n<b>\n~~~~\n<b>",
    "> ~~~\n> <b>\n> ```\n> <b>\n> ~~~~\n> &lt;b>",
  ],
  ["code that does not end", "```\n<b>", "> ```\n> <b>"],
  ["code with a shorter fence in it", "````\n```\n<b>\n````", "> ````\n> ```\n> <b>\n> ````"],
  ["code with an info string in it", "```\n```js\n<b>", "> ```\n> ```js\n> <b>"],
  ["a fence with a backtick behind it", "```a`b\n<b>", "> ```a`b\n> &lt;b>"],
  [
    "a fence after a sentence",
    "See:\n```c++\nvector<int>\n```",
    "> See:\n> ```c++\n> vector<int>\n> ```",
  ],
  ["the head of a table", "~~~|a|\n|-|-|\n<b>", "> ~~~|a|\n> |-|-|\n> &lt;b>"],
  ["a fence in a table", "|a|\n|-|\n```\n<b>", "> |a|\n> |-|\n> ```\n> &lt;b>"],
  ["a fence in a link's title", '[a]: /u "t\n```"\n<b>', '> [a]: /u "t\n> ```"\n> &lt;b>'],
  ["a fence after a title", '[a]: /u "t\n\n```\n<b>', '> [a]: /u "t\n>\n> ```\n> &lt;b>'],
  ["a fence after a table", "|a|\n|-|\n\n```\n<b>", "> |a|\n> |-|\n>\n> ```\n> <b>"],
  ["a fence in a list", "- ```\n<b>\n```\n<b>", "> - ```\n> &lt;b>\n> ```\n> &lt;b>"],
  ["an indented fence", "  ```\n```\n<b>", ">   ```\n> ```\n> &lt;b>"],
  ["code that an indented fence ends", "```\n<b>\n ```\n<b>", "> ```\n> <b>\n>  ```\n> &lt;b>"],
  [
    "code that an odd blank does not end",
    "```\n<b>\n```\u00a0\n<b>\n```\n<b>",
    "> ```\n> <b>\n> ```\u00a0\n> &lt;b>\n> ```\n> &lt;b>",
  ],
  [
    "controls",
    "a\u0000b\u001b[31mc\u0085d\u2028e\u000bf",
    "> a\\u0000b\\u001b[31mc\\u0085d\\u2028e\\u000bf",
  ],
  ["tabs and blanks", "\ta\u00a0b\u3000c", "> \ta\u00a0b\u3000c"],
  ["bidirectional and zero-width", "a\u202eb\u200bc", "> a\\u202eb\\u200bc"],
  ["a lone surrogate", "a\ud800b", "> a\\ud800b"],
  ["emoji", "❤️ 😀", "> ❤️ 😀"],
];
for (const [what, text, markdown] of CASES) {
  Deno.test(`quoteMarkdown() of ${what}`, () => assertEquals(quoted(text), markdown));
}

Deno.test("quoteMarkdown() takes whole lines as far as there is room", () => {
  const text = "one\ntwo\nthree\n";
  assertEquals(quoteMarkdown(text, 14), { markdown: "> one\n> two", chars: 8 });
  assertEquals(quoteMarkdown(text, 13), { markdown: "> one", chars: 4 });
  assertEquals(quoteMarkdown(text.slice(8)), { markdown: "> three", chars: 6 });
});

Deno.test("quoteMarkdown() parts a line that has no room at all", () => {
  for (
    const text of ["x".repeat(1_000), "<b>".repeat(300), "\u0001".repeat(300), "😀".repeat(300)]
  ) {
    let rest = text;
    let whole = "";
    for (let parts = 0; rest !== ""; parts++) {
      assert(parts < 1_000, rest);
      const { markdown, chars } = quoteMarkdown(rest, 60);
      assert(chars > 0 && JSON.stringify(markdown).length <= 60, markdown);
      assert(!markdown.includes("\n") && markdown.isWellFormed(), markdown);
      whole += rest.slice(0, chars);
      rest = rest.slice(chars);
    }
    assertEquals(whole, text);
  }
});

Deno.test("quoteMarkdown() takes one character where there is no room", () => {
  assertEquals(quoteMarkdown("😀😀", 1).chars, 2);
  assertEquals(quoteMarkdown("abc", 1).chars, 1);
});

Deno.test("names stay in their line, and mean nothing", () => {
  const name = "a\n## User\r<b>`c`[d](e)![f]&lt;\u202e\\";
  assertEquals(
    inlineMarkdown(name, 100),
    "a\\\\u000a## User\\\\u000d&lt;b>\\`c\\`\\[d\\](e)\\!\\[f\\]\\&lt;\\\\u202e\\\\",
  );
  assertEquals(codeMarkdown(name, 100), "`a\\u000a## User\\u000d<b>'c'[d](e)![f]&lt;\\u202e\\`");
  assertEquals([inlineMarkdown("x".repeat(9), 4), codeMarkdown("x".repeat(9), 4)], [
    "xxxx…",
    "`xxxx…`",
  ]);
});
