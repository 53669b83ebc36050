import { assert, assertEquals } from "@std/assert";
import { ASK_EXIT, ASK_EXIT_HELP, EXIT } from "../../../src/config/exit_codes.ts";

Deno.test("ASK_EXIT takes no code that all commands share, but for the turn that is over", () => {
  for (const [status, code] of Object.entries(ASK_EXIT)) {
    const isShared = Object.values(EXIT).some((shared) => shared === code);
    assertEquals(isShared, status === "idle", status);
  }
});

Deno.test("ASK_EXIT_HELP tells every code once, in order, and every status", () => {
  const codes = ASK_EXIT_HELP.map(([code]) => code);
  assertEquals(codes, [...new Set(codes)].sort((a, b) => a - b));
  const help = ASK_EXIT_HELP.map(([, meaning]) => meaning).join("\n");
  for (const status of Object.keys(ASK_EXIT)) assert(help.includes(status), status);
});

Deno.test("docs/terminal.md tells the same codes and statuses", async () => {
  const docs = await Deno.readTextFile(new URL("../../../docs/terminal.md", import.meta.url));
  const rows = new Map(
    [...docs.matchAll(/^\| (\d+) +\| (.*) \|$/gm)].map(([, code, text = ""]) =>
      [Number(code), text] as const
    ),
  );
  assertEquals([...rows.keys()], ASK_EXIT_HELP.map(([code]) => code));
  for (const [status, code] of Object.entries(ASK_EXIT)) {
    assert(rows.get(code)?.includes(`\`${status}\``), status);
  }
});
