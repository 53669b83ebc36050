/**
 * Programs in processes of their own that talk in lines. One ends when its standard input does.
 *
 * @module
 */

const ROOT = new URL("../../", import.meta.url);
/** What the runtime itself needs. */
const RUNTIME_ENV = ["PATH", "HOME", "DENO_DIR", "SystemRoot", "LOCALAPPDATA"];
/** A program that has not ended by then, when it should, is ended, in milliseconds. */
const END_MS = 10_000;

/** The environment of a program that is started: nothing of the caller's settings leaks in. */
export function cleanEnv(env: Readonly<Record<string, string>> = {}): Record<string, string> {
  const inherited = RUNTIME_ENV.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  });
  return { ...Object.fromEntries(inherited), ...env };
}

/** What is started. */
export interface ChildOptions {
  /** Of `deno run`: its own flags, the program, the program's arguments. */
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** `null` drops what it writes there; `inherit`, the default, shows it. */
  readonly stderr?: "inherit" | "null";
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

  constructor({ args, env, stderr = "inherit" }: ChildOptions) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-q", "--no-prompt", ...args],
      cwd: ROOT,
      clearEnv: true,
      env: cleanEnv(env),
      stdin: "piped",
      stdout: "piped",
      stderr,
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

  /** Sends a JSON message. */
  async send(message: unknown): Promise<void> {
    await this.write(JSON.stringify(message));
  }

  /** The next JSON message. @throws Error when the program ends instead */
  async receive<T>(): Promise<T> {
    const message: T = JSON.parse(await this.readLine());
    return message;
  }

  /** Sends a message, and receives the next. */
  async ask<T>(message: unknown): Promise<T> {
    await this.send(message);
    return await this.receive<T>();
  }

  /** Ends the program by ending its standard input, or, when that does not help, by force. */
  async close(): Promise<void> {
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), END_MS);
    await this.#writer.close().catch(() => {});
    await this.#reader.cancel().catch(() => {});
    await this.#child.status;
    clearTimeout(timer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
