import { assert, assertEquals, assertRejects } from "@std/assert";
import { systemClock } from "../../../src/core/clock.ts";
import { thisMachine } from "../../../src/runtime/machine.ts";

const SOURCE = new URL("../../../src/", import.meta.url);

Deno.test("thisMachine() knows how the source is run", async () => {
  const { executable, exists, os } = thisMachine(systemClock);
  assertEquals(executable.command, Deno.execPath());
  const main = executable.args.at(-1) ?? "";
  assert(/src[/\\]main\.ts$/.test(main) && await exists(main), main);
  assertEquals(executable.args.slice(0, -1), ["run", "--quiet", "-P=serve"]);
  assertEquals(
    os,
    Deno.build.os === "darwin" || Deno.build.os === "windows" ? Deno.build.os : "linux",
  );
});

Deno.test("thisMachine() reads a file with its byte order mark and its line ends", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, "\uFEFF{\r\n}");
    assertEquals(await thisMachine(systemClock).readText(path), "\uFEFF{\r\n}");
    await Deno.writeFile(path, new Uint8Array([0xff, 0xfe, 0x7b, 0x00]));
    await assertRejects(() => thisMachine(systemClock).readText(path), TypeError);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("thisMachine() tells a missing file from one that cannot be read", async () => {
  const { readText, exists } = thisMachine(systemClock);
  const missing = new URL("no/such/file", SOURCE).pathname;
  assertEquals([await readText(missing), await exists(missing)], [undefined, false]);
  const belowFile = new URL("main.ts/file", SOURCE).pathname;
  assertEquals([await readText(belowFile), await exists(belowFile)], [undefined, false]);
  // A folder is there, but is no text.
  assertEquals(await exists(SOURCE.pathname), true);
  await assertRejects(() => readText(SOURCE.pathname));
});
