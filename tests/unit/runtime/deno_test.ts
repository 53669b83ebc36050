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

Deno.test("denoRuntime.usage() reads what this process uses", async () => {
  const { startedAtSec, residentBytes, cpuSec, ...rest } = await denoRuntime.usage();
  const nowSec = Date.now() / 1_000;
  assert(startedAtSec > nowSec - 3_600 && startedAtSec <= nowSec, String(startedAtSec));
  assert(residentBytes > 1e7 && residentBytes < 1e11, String(residentBytes));
  assert(cpuSec > 0 && cpuSec < 3_600, String(cpuSec));
  assertEquals(rest, {});
});

Deno.test("denoRuntime opens as many files as are wanted, and closes them", () => {
  const count = () => denoRuntime.countOpenableFiles(50);
  assertEquals([count(), count()], [50, 50]);
});
