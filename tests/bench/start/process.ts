/**
 * An MCP server on stdio in a process of its own, watched from its first moment.
 *
 * @module
 */

import { run } from "../../../scripts/compile/tools.ts";
import { Child, cleanEnv } from "../../helpers/child.ts";
import { INITIALIZE, INITIALIZED } from "../../helpers/stdio_program.ts";
import { residentBytes, startCpuMs } from "../../helpers/process_cost.ts";

const ROOT = new URL("../../../", import.meta.url);
/** A program that has not responded or ended by then is given up. */
const GIVEN_UP_MS = 30_000;

const LIST_TOOLS = { jsonrpc: "2.0", id: 1, method: "tools/list" } as const;

/** The response at which the timing of a start ends. */
export type Until = "initialize" | "tools/list";

/** A program to start. */
export interface Startable {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A server that has responded. */
export interface Started {
  /** Milliseconds from before it was spawned until the whole response was there. */
  readonly ms: number;
  /** Milliseconds of CPU that all its threads took for that; undefined outside Linux. */
  readonly cpuMs: number | undefined;
  /** Resident memory in bytes; undefined where the system does not tell. */
  residentBytes(): Promise<number | undefined>;
  /**
   * Closes its standard input, as a host that hangs up.
   *
   * @throws Error when it does not end well by itself
   */
  end(): Promise<void>;
}

/**
 * Starts a server and sends it `initialize`; where `until` wants more, also `tools/list`, at once after
 * the response.
 *
 * @throws Error when its response is wrong; it has ended then
 */
export async function startServer(
  what: Startable,
  until: Until = "initialize",
): Promise<Started> {
  const startedAt = performance.now();
  const signal = AbortSignal.timeout(GIVEN_UP_MS);
  const child = new Child({ ...what, stderr: "null", signal });
  try {
    const ask = async (...messages: readonly object[]) => {
      await child.write(messages.map((message) => JSON.stringify(message)).join("\n"));
      return await child.readLine();
    };
    const initialized = await ask(INITIALIZE);
    const listed = until === "tools/list" ? await ask(INITIALIZED, LIST_TOOLS) : undefined;
    const ms = performance.now() - startedAt;
    const cpuMs = await startCpuMs(child.pid);
    expectResult(initialized, INITIALIZE.id, "serverInfo");
    if (listed !== undefined) expectResult(listed, LIST_TOOLS.id, "tools");
    const end = async () => {
      const code = await child.end();
      if (code !== 0) throw new Error(`${what.command} did not end well: ${code}`);
    };
    return { ms, cpuMs, residentBytes: () => residentBytes(child.pid), end };
  } catch (error) {
    await child.close();
    const command = [what.command, ...what.args].join(" ");
    throw new Error(`'${command}' did not start: ${error}`, { cause: error });
  }
}

/** @throws Error when the line is not the response with this id, or lacks the field */
function expectResult(line: string, id: number, field: string): void {
  const response: { id?: unknown; result?: Record<string, unknown> } = JSON.parse(line);
  if (response.id !== id || !response.result?.[field]) throw new Error(`It responded: ${line}`);
}

/** Times a program from start to end; it must end with 0, and print something. */
export async function timeProgram(what: Startable): Promise<number> {
  const startedAt = performance.now();
  const env = cleanEnv(what.env);
  const { success, stdout } = await run(what.command, what.args, { cwd: ROOT, env });
  const ms = performance.now() - startedAt;
  if (!success || stdout.length === 0) throw new Error(`${what.command} ${what.args} failed`);
  return ms;
}
