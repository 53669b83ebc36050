/**
 * `deno run -P=check scripts/measure.ts <executable>`: what an executable costs: its size, the time
 * until it has answered `initialize`, its memory when nothing happens.
 *
 * @module
 */

import { print, run } from "./compile/tools.ts";
import { median } from "./statistics.ts";

/** How often it is started; what counts is the middle. */
const RUNS = 9;
/** How long it may settle before its memory is read, in milliseconds. */
const SETTLE_MS = 500;

const INITIALIZE = JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "measure", version: "1.0.0" },
  },
});

interface Start {
  readonly ms: number;
  /** Resident, in MB; undefined where the system has no `ps`. */
  readonly megabytes?: number;
}

async function start(executable: string): Promise<Start> {
  const began = performance.now();
  const child = new Deno.Command(executable, {
    args: ["--simulate"],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(`${INITIALIZE}\n`));
  const reader = child.stdout.getReader();
  await reader.read();
  const ms = performance.now() - began;
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const { success, stdout } = await run("ps", ["-o", "rss=", "-p", `${child.pid}`]);
  await writer.close();
  await reader.cancel();
  await child.status;
  return { ms, ...(success && { megabytes: Number(stdout) * 1024 / 1e6 }) };
}

async function main(executable: string): Promise<void> {
  const { size } = await Deno.stat(executable);
  const starts: Start[] = [];
  for (let i = 0; i < RUNS; i++) starts.push(await start(executable));
  const memory = starts.flatMap(({ megabytes }) => megabytes ?? []);
  print(`size: ${(size / 1e6).toFixed(1)} MB`);
  print(`start until initialize is answered: ${median(starts.map(({ ms }) => ms)).toFixed(0)} ms`);
  print(
    memory.length > 0 ? `idle memory: ${median(memory).toFixed(0)} MB` : "idle memory: unknown",
  );
}

if (import.meta.main) {
  const [executable] = Deno.args;
  if (executable === undefined) {
    print("Name the executable: deno run -P=check scripts/measure.ts <executable>");
    Deno.exit(2);
  }
  await main(executable);
}
