/**
 * Programs of the bench in processes of their own.
 *
 * @module
 */

import { SETTING_VARIABLES } from "../../../src/config/settings.ts";
import type { Listening } from "./program.ts";
import type { UpstreamRequests } from "./upstream_requests.ts";

const ROOT = new URL("../../../", import.meta.url);

/** How long a program may take to end by itself, in milliseconds. */
const END_MS = 5_000;

/** How a program is started. */
export interface Start {
  /** Of the runtime: `run`, its flags, the program, the program's own arguments. */
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** One of the programs beside this one. */
export function helperStart(program: string, ...args: readonly string[]): Start {
  const path = new URL(program, import.meta.url).pathname;
  return { args: ["run", "-q", "--no-prompt", "--allow-net=127.0.0.1", path, ...args] };
}

/** A baseline, told what to ask. */
export function baselineStart(
  program: string,
  upstream: UpstreamRequests,
  ...args: readonly string[]
): Start {
  return helperStart(program, JSON.stringify(upstream), ...args);
}

/** The program itself on stdio, with the permissions that it is shipped with. */
export function ourStdioStart(apiUrl: string): Start {
  // Empty variables count as unset, so that nothing of the caller's own settings plays a part.
  const unset = Object.fromEntries(SETTING_VARIABLES.map((name) => [name, ""]));
  return {
    args: ["run", "-q", "--no-prompt", "-P=serve", "src/main.ts"],
    env: { ...unset, ANTHROPIC_API_KEY: "bench-key", ANTHROPIC_BASE_URL: apiUrl },
  };
}

/** A program that runs: lines in, lines out. */
export class Child implements AsyncDisposable {
  readonly pid: number;
  readonly #child: Deno.ChildProcess;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #encoder = new TextEncoder();
  readonly #decoder = new TextDecoder();
  #unread = "";

  constructor({ args, env }: Start) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: [...args],
      cwd: ROOT,
      env: { ...env },
      stdin: "piped",
      stdout: "piped",
      // A server that logs writes its lines either way; who reads them must not disturb.
      stderr: "null",
    }).spawn();
    this.pid = this.#child.pid;
    this.#reader = this.#child.stdout.getReader();
    this.#writer = this.#child.stdin.getWriter();
  }

  async write(line: string): Promise<void> {
    await this.#writer.write(this.#encoder.encode(`${line}\n`));
  }

  /** @throws Error when the program ends instead */
  async readLine(): Promise<string> {
    for (;;) {
      const end = this.#unread.indexOf("\n");
      if (end >= 0) {
        const line = this.#unread.slice(0, end);
        this.#unread = this.#unread.slice(end + 1);
        return line;
      }
      const { done, value } = await this.#reader.read();
      if (done) throw new Error(`A program ended with ${(await this.#child.status).code}`);
      this.#unread += this.#decoder.decode(value, { stream: true });
    }
  }

  /** Ends the program by ending its standard input, or, when that does not help, by force. */
  async [Symbol.asyncDispose](): Promise<void> {
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), END_MS);
    await this.#writer.close().catch(() => {});
    await this.#reader.cancel().catch(() => {});
    await this.#child.status;
    clearTimeout(timer);
  }
}

/** A program that listens, and where. */
export async function startListening(
  start: Start,
): Promise<{ readonly child: Child; readonly origin: string }> {
  const child = new Child(start);
  try {
    const { port }: Listening = JSON.parse(await child.readLine());
    return { child, origin: `http://127.0.0.1:${port}` };
  } catch (error) {
    await child[Symbol.asyncDispose]();
    throw error;
  }
}
