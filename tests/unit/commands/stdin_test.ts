import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { readStdin } from "../../../src/commands/stdin.ts";
import { UsageError } from "../../../src/core/errors.ts";
import { recordProgram } from "../../helpers/program.ts";

function stdin(...chunks: (string | Uint8Array)[]) {
  const bytes = chunks.map((chunk) =>
    typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk
  );
  return { plainStdin: () => ReadableStream.from(bytes) };
}

const WHAT = { what: "claims", maxBytes: 10 };

Deno.test("readStdin() reads texts that come in parts, without the blank end", async () => {
  const [first, second] = [Uint8Array.of(0xe6, 0x97), Uint8Array.of(0xa5)];
  assertEquals(await readStdin(recordProgram(stdin("a", first, second, "\n\n")), WHAT), "a日");
});

Deno.test("readStdin() stops where there is more than wanted", async () => {
  const text = await readStdin(recordProgram(stdin("x".repeat(11), "y".repeat(9))), WHAT);
  assertEquals(text, "x".repeat(11));
});

Deno.test("readStdin() says what belongs there, at a terminal before and elsewhere when nothing comes", async () => {
  const program = recordProgram({ ...stdin("x"), stdinIsTerminal: true, os: "linux" });
  await readStdin(program, WHAT);
  assertStringIncludes(program.noted.join(), "Type the claims, then Ctrl+D");
  const windows = recordProgram({ ...stdin("x"), stdinIsTerminal: true, os: "windows" });
  await readStdin(windows, WHAT);
  assertStringIncludes(windows.noted.join(), "Ctrl+Z and Enter");
  await assertRejects(
    () => readStdin(recordProgram(stdin(" \n")), WHAT),
    UsageError,
    "pipe the claims into it",
  );
});
