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
  if (Deno.build.os !== "linux") return undefined;
  // The runtime lets only a program with every permission read these files.
  const { success, stdout } = await new Deno.Command("cat", {
    args: [`/proc/${pid}/stat`, `/proc/${pid}/status`],
    stderr: "null",
  }).output();
  if (!success) return undefined;
  const text = new TextDecoder().decode(stdout);
  // The name stands in parentheses, and may hold anything.
  const fields = text.slice(text.indexOf(") ") + 2).split(" ");
  const ticks = Number(fields[FIELD.utime]) + Number(fields[FIELD.stime]);
  const kilobytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(text)?.[1]);
  return { cpuMs: ticks * TICK_MS, rssBytes: kilobytes * 1_024 };
}

/**
 * Reads the resident memory of another process in bytes; undefined where the system does not tell.
 */
export async function residentBytes(pid: number): Promise<number | undefined> {
  try {
    const args = ["-o", "rss=", "-p", String(pid)];
    const { stdout } = await new Deno.Command("ps", { args, stderr: "null" }).output();
    const kilobytes = Number(new TextDecoder().decode(stdout));
    return kilobytes > 0 ? kilobytes * 1_024 : undefined;
  } catch {
    return undefined;
  }
}
