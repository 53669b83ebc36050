import { assertEquals, assertStringIncludes } from "@std/assert";
import { readmeOutside } from "../../scripts/release/readme.ts";

const REPOSITORY = { owner: "Example", name: "agents" };
const outside = (text: string) => readmeOutside(text, "1.2.3", REPOSITORY);

Deno.test("readmeOutside() leads to the files of the version in the repository", () => {
  const files = "https://github.com/Example/agents";
  assertEquals(
    outside("[a](docs/a.md#b), [c][d]\n\n[d]: LICENSE\n"),
    `[a](${files}/blob/v1.2.3/docs/a.md#b), [c][d]\n\n[d]: ${files}/blob/v1.2.3/LICENSE\n`,
  );
  assertEquals(outside('<img src="a.svg">'), `<img src="${files}/raw/v1.2.3/a.svg">`);
  assertStringIncludes(outside("git clone https://github.com/OWNER/REPOSITORY"), files);
});

Deno.test("readmeOutside() leaves links alone that lead elsewhere, or to a heading", () => {
  const text =
    '[a](https://a.test/b) [c](#d) [e](mailto:f@g.test) <img src="https://h.test/i.svg">\n';
  assertEquals(outside(text), text);
});
