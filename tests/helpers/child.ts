/**
 * Starts programs that talk in lines, each in a process of its own. They end when their standard
 * input does.
 *
 * @module
 */

const ROOT = new URL("../../", import.meta.url);
/** Variables that the runtime itself needs. */
const RUNTIME_ENV = ["PATH", "HOME", "DENO_DIR", "SystemRoot", "LOCALAPPDATA"];
/** How long a program may take to end before it is killed, in milliseconds. */
const END_MS = 10_000;

/** Returns an environment for a program, without the caller's settings. */
export function cleanEnv(env: Readonly<Record<string, string>> = {}): Record<string, string> {
  const inherited = RUNTIME_ENV.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  });
  return { ...Object.fromEntries(inherited), ...env };
}

/** The program to start. */
export interface ChildOptions {
  /** The program, in place of `deno run`. */
  readonly command?: string;
  /** Its arguments; those of `deno run` are its own flags, the program, the program's arguments. */
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** `null` drops its standard error; `inherit`, the default, shows it. */
  readonly stderr?: "inherit" | "null";
  /** Kills it. */
  readonly signal?: AbortSignal;
}

/** A running program: lines in, lines out. */
export class Child implements AsyncDisposable {
  readonly pid: number;
  readonly #child: Deno.ChildProcess;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #encoder = new TextEncoder();
  readonly #decoder = new TextDecoder();
  #unread = "";

  constructor({ command, args, env, stderr = "inherit", signal }: ChildOptions) {
    this.#child = new Deno.Command(command ?? Deno.execPath(), {
      args: command === undefined ? ["run", "-q", "--no-prompt", ...args] : [...args],
      cwd: ROOT,
      clearEnv: true,
      env: cleanEnv(env),
      stdin: "piped",
      stdout: "piped",
      stderr,
      signal,
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

  /** Reads the next JSON message. @throws Error when the program ends instead */
  async receive<T>(): Promise<T> {
    const message: T = JSON.parse(await this.readLine());
    return message;
  }

  /** Sends a message, and receives the next. */
  async ask<T>(message: unknown): Promise<T> {
    await this.send(message);
    return await this.receive<T>();
  }

  /** Ends the program's standard input, and kills it if it does not end then. @returns its exit code */
  async end(): Promise<number> {
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), END_MS);
    await this.#writer.close().catch(() => {});
    await this.#reader.cancel().catch(() => {});
    const { code } = await this.#child.status;
    clearTimeout(timer);
    return code;
  }

  async close(): Promise<void> {
    await this.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }
}

/** A child that serves HTTP, by `serveUntilStdinEnds` in `child_server.ts`. */
export interface Listening<Address> extends AsyncDisposable {
  readonly child: Child;
  readonly url: string;
  /** Everything that it printed of itself. */
  readonly address: Address;
}

/** Starts a program that serves HTTP; resolves when it listens. */
export async function startListening<Address extends { readonly url: string }>(
  options: ChildOptions,
): Promise<Listening<Address>> {
  const child = new Child(options);
  try {
    const address = await child.receive<Address>();
    return { child, url: address.url, address, [Symbol.asyncDispose]: () => child.close() };
  } catch (error) {
    await child.close();
    throw error;
  }
}
