import v8 from "node:v8";
import vm from "node:vm";

/** Collects all garbage, and returns the bytes in use, in the heap and beside it. */
export function liveBytes(): number {
  v8.setFlagsFromString("--expose-gc");
  const collect: unknown = vm.runInNewContext("gc");
  if (typeof collect !== "function") throw new Error("The garbage cannot be collected");
  collect();
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}
