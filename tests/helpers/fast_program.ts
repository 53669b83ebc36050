/**
 * The program, for whose process time passes faster. Arguments: how many seconds of its clock pass in
 * one, then those of the program.
 */
import { run } from "../../src/commands/run.ts";
import { systemClock } from "../../src/core/clock.ts";
import { denoRuntime } from "../../src/runtime/deno.ts";
import { fastClock } from "./fast_clock.ts";

if (import.meta.main) {
  const [speed = "1", ...args] = Deno.args;
  if (Number(speed) !== 1) Object.assign(systemClock, fastClock(Number(speed)));
  await run({ ...denoRuntime, args });
}
