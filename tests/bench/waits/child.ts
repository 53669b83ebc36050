/**
 * A program of the benches in a process of its own: one JSON message a line, in and out. It ends
 * when its standard input does.
 *
 * @module
 */

import { TextLineStream } from "../../e2e/text_lines.ts";

const ROOT = new URL("../../../", import.meta.url);
/** What the runtime itself needs; nothing of the caller's settings leaks in. */
const RUNTIME_ENV = ["PATH", "HOME", "DENO_DIR", "SystemRoot", "LOCALAPPDATA"];
/** A program that has not ended by then, when it should, is ended. */
const GIVEN_UP_MS = 10_000;

/** What is started. */
export interface ChildOptions {
  /** Of `deno run`: its own flags, the program, the program's arguments. */
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** See the module. */
export class Child {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: AsyncIterator<string>;
  readonly #encoder = new TextEncoder();

  constructor({ args, env = {} }: ChildOptions) {
    const inherited = RUNTIME_ENV.flatMap((name) => {
      const value = Deno.env.get(name);
      return value === undefined ? [] : [[name, value]];
    });
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-q", "--no-prompt", ...args],
      cwd: ROOT,
      clearEnv: true,
      env: { ...Object.fromEntries(inherited), ...env },
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#lines = this.#child.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream())[Symbol.asyncIterator]();
  }

  async send(message: unknown): Promise<void> {
    await this.#writer.write(this.#encoder.encode(`${JSON.stringify(message)}\n`));
  }

  /**
   * The next message from it.
   *
   * @throws Error when it ends instead
   */
  async receive<T>(): Promise<T> {
    const { done, value } = await this.#lines.next();
    if (done) throw new Error("A program of the bench ended before its answer");
    const message: T = JSON.parse(value);
    return message;
  }

  /** Sends a message, and receives the next. */
  async ask<T>(message: unknown): Promise<T> {
    await this.send(message);
    return await this.receive<T>();
  }

  /** Ends it. */
  async close(): Promise<void> {
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), GIVEN_UP_MS);
    await this.#writer.close().catch(() => {});
    while (!(await this.#lines.next()).done) { /* what it still says */ }
    await this.#child.status;
    clearTimeout(timer);
  }
}
