import { assert, assertEquals } from "@std/assert";
import { denoRuntime } from "../../../src/runtime/deno.ts";

Deno.test("denoRuntime.executable() says how the source is run", async () => {
  const { command, args } = denoRuntime.executable();
  assertEquals(command, Deno.execPath());
  const main = args.at(-1) ?? "";
  assert(/src[/\\]main\.ts$/.test(main) && (await Deno.stat(main)).isFile, main);
  assertEquals(args.slice(0, -1), ["run", "--quiet", "-P=serve"]);
  const { os } = Deno.build;
  assertEquals(denoRuntime.os, os === "darwin" || os === "windows" ? os : "linux");
});

Deno.test("denoRuntime opens as many files as are wanted, and closes them", () => {
  const count = () => denoRuntime.countOpenableFiles(50);
  assertEquals([count(), count()], [50, 50]);
});
