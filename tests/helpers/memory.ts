import { systemClock } from "../../src/core/clock.ts";

/** Returns the memory in use, after a collection if `--v8-flags=--expose-gc` allows one. */
export async function settledMemory(): Promise<{ rss: number; heapUsed: number }> {
  const gc: unknown = Reflect.get(globalThis, "gc");
  for (let i = 0; i < 3; i++) {
    if (typeof gc === "function") gc();
    await systemClock.sleep(200);
  }
  const { rss, heapUsed } = Deno.memoryUsage();
  return { rss, heapUsed };
}
