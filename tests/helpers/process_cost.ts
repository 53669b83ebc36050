/**
 * Reads what another process costs: memory and processor time.
 *
 * @module
 */

import { run } from "../../scripts/compile/tools.ts";

/** Length of a kernel clock tick: `USER_HZ` is 100 on every Linux that the runtime supports. */
const TICK_MS = 10;
/** Positions of fields in `/proc/<pid>/stat` behind the program's name, which is field 2. */
const FIELD = { utime: 14 - 3, stime: 15 - 3 } as const;

/** The processor time and memory of a process. */
export interface ProcessCost {
  /** Processor time so far, in milliseconds, to the nearest ten. */
  readonly cpuMs: number;
  /** Resident memory in bytes. */
  readonly rssBytes: number;
}

/** Reads the cost of another process; undefined on systems other than Linux. */
export async function processCost(pid: number): Promise<ProcessCost | undefined> {
  const text = await readProc(pid, "stat", "status");
  if (text === undefined) return undefined;
  // The name stands in parentheses, and may hold anything.
  const fields = text.slice(text.indexOf(") ") + 2).split(" ");
  const ticks = Number(fields[FIELD.utime]) + Number(fields[FIELD.stime]);
  const kilobytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(text)?.[1]);
  return { cpuMs: ticks * TICK_MS, rssBytes: kilobytes * 1_024 };
}

/**
 * Reads the processor time, in milliseconds, of a process that has just started; undefined on systems
 * other than Linux. The scheduler counts nanoseconds, for which {@linkcode processCost} is too coarse,
 * but only for threads that still run.
 */
export async function startCpuMs(pid: number): Promise<number | undefined> {
  const text = await readProc(pid, "task/*/schedstat");
  const nanoseconds = text?.trim().split("\n").map((line) => Number(line.split(" ")[0]));
  return nanoseconds && nanoseconds.reduce((sum, value) => sum + value, 0) / 1e6;
}

/**
 * Reads the resident memory of another process in bytes; undefined where the system does not tell.
 */
export async function residentBytes(pid: number): Promise<number | undefined> {
  const { stdout } = await run("ps", ["-o", "rss=", "-p", String(pid)]);
  const kilobytes = Number(stdout);
  return kilobytes > 0 ? kilobytes * 1_024 : undefined;
}

/** Counts the files that a process has open, sockets included; undefined on systems other than Linux. */
export async function openFilesOf(pid: number): Promise<number | undefined> {
  if (Deno.build.os !== "linux") return undefined;
  const { stdout } = await run("ls", [`/proc/${pid}/fd`]);
  return stdout.split("\n").filter((name) => name !== "").length;
}

/** Reads files of `/proc/<pid>`; the runtime itself lets only a program with every permission. */
async function readProc(pid: number, ...files: readonly string[]): Promise<string | undefined> {
  if (Deno.build.os !== "linux") return undefined;
  const paths = files.map((file) => `/proc/${pid}/${file}`);
  const { success, stdout } = await run("sh", ["-c", `cat ${paths.join(" ")}`]);
  return success ? stdout : undefined;
}
