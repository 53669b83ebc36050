import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { z } from "zod";
import { accessFields } from "../../src/access/access_file.ts";
import {
  accessFieldTable,
  commandTables,
  installButtons,
  npmInstall,
  renderParts,
  settingTable,
  toolSetTables,
  toolTable,
} from "../../scripts/house/documents.ts";

Deno.test("toolTable() marks optional parameters and gives the first sentence", () => {
  const tool = {
    name: "get_thing",
    description: "Gets a thing | or two. Then more.",
    annotations: { readOnlyHint: true },
    input: z.object({
      thing_id: z.string(),
      limit: z.number().default(5),
      all: z.boolean().optional(),
    }),
  };
  assertEquals(
    toolTable([tool]).split("\n").at(-1),
    "| `get_thing` | Gets a thing \\| or two.<br>Takes `thing_id`, `limit?`, `all?` |",
  );
});

Deno.test("toolSetTables() puts opt-in sets below the tools that are always there, empty ones nowhere", () => {
  const tool = {
    name: "get_thing",
    description: "Gets a thing.",
    annotations: { readOnlyHint: true },
    input: z.object({}),
  };
  const tables = toolSetTables({ core: [tool], extra: [tool], empty: [] }).split("\n\n");
  assertEquals(tables, [toolTable([tool]), "Set `extra`, opt-in:", toolTable([tool])]);
});

Deno.test("toolTable() says which tools write", () => {
  const tool = {
    name: "do_it",
    description: "Does it.",
    annotations: { readOnlyHint: false },
    input: z.object({ id: z.string() }),
  };
  assertStringIncludes(toolTable([tool]), "**Writes.** Does it.<br>Takes `id`");
});

Deno.test("settingTable() gives all spellings, and the default if there is one", () => {
  const line = { flag: "", env: ["A", "B"], fallback: "none", help: "Sets it", httpOnly: false };
  const flag = { flag: "--c", env: ["C"], fallback: "", help: "Does it", httpOnly: true };
  assertEquals(settingTable([line, flag]).split("\n").slice(-2), [
    "| `A`<br>`B`   | Sets it (none) |",
    "| `--c`<br>`C` | Does it        |",
  ]);
});

Deno.test("commandTables() leaves out commands that have no flags of their own", () => {
  const tables = commandTables();
  assertStringIncludes(tables, "### cma-mcp doctor\n");
  assert(!tables.includes("--help"));
});

Deno.test("npmInstall() tells nobody to run a name that is not published", () => {
  const name = "a-name";
  const runs = /^(npx -y|npm install -g) a-name/m;
  assert(!runs.test(npmInstall({ name, isPublished: false })));
  assertStringIncludes(npmInstall({ name, isPublished: false }), "./dist/a-name-*.tgz");
  assert(runs.test(npmInstall({ name, isPublished: true })));
});

Deno.test("installButtons() links only to a name that is published", () => {
  const name = "a-name";
  assert(!installButtons({ name, isPublished: false }).includes("https://"));
  const links = installButtons({ name, isPublished: true });
  assertStringIncludes(links, "[Add to VS Code](https://insiders.vscode.dev/redirect?url=");
  const [, config = ""] = /cursor\.com\/install-mcp\?name=[^&]+&config=([^)]+)\)/.exec(links) ?? [];
  const { command, args } = JSON.parse(atob(decodeURIComponent(config)));
  assertEquals([command, args], ["npx", ["-y", name]]);
});

Deno.test("renderParts() replaces what is between the markers and nothing else", () => {
  const text = "before\n<!-- generated:a -->\nold $& text\n<!-- end -->\nafter\n";
  const rendered = renderParts("a.md", text, { a: "new $& text" });
  assertEquals(rendered, "before\n<!-- generated:a -->\n\nnew $& text\n\n<!-- end -->\nafter\n");
  assertEquals(renderParts("a.md", rendered, { a: "new $& text" }), rendered);
});

Deno.test("renderParts() fails for unknown and for missing parts", () => {
  const text = "<!-- generated:a -->\n<!-- end -->\n";
  assertThrows(() => renderParts("b.md", text, {}), Error, "b.md asks for an unknown part: a");
  assertThrows(
    () => renderParts("b.md", text, { a: "", b: "" }),
    Error,
    "b.md has no place for: b",
  );
});

Deno.test("accessFieldTable() has every field of tokens and rules, with its bounds and defaults", () => {
  const lines = accessFieldTable(accessFields()).split("\n").slice(2);
  const cells = lines.map((line) => line.split("|").map((cell) => cell.trim()).slice(1, -1));
  const row = (name: string) => cells.find(([field]) => field === `\`${name}\``);
  const [, places, , , leftOut] = row("name") ?? [];
  assertEquals([places, leftOut], ["rules, tokens", "required"]);
  assertEquals(row("sha256")?.[1], "tokens");
  assertEquals(row("values")?.[1], "rules");
  assertEquals(row("max_waits")?.slice(3), [
    "a whole number from 1 to 100000",
    "that of the server",
  ]);
  assertEquals(cells.filter((each) => each.length !== 5 || each.includes("")), []);
  const names = new Set(accessFields().map(({ name }) => name));
  assertEquals(cells.length, names.size);
});
