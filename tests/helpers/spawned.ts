import { CALLS_MS } from "../../src/commands/serve/drain.ts";
import { cleanEnv } from "./child.ts";
import { TextLineStream } from "./text_lines.ts";

const MAIN = new URL("../../src/main.ts", import.meta.url);
const ROOT = new URL("../../", import.meta.url);

/**
 * The executable under test; undefined for the program in `src`. A script that has compiled one
 * sets the variable, such as `.ci/run`.
 */
export const EXECUTABLE: string | undefined = Deno.env.get("CMA_MCP_EXECUTABLE");

/** True where that is the script of the npm package, which Node runs. */
export const IS_PACKAGE: boolean = EXECUTABLE?.endsWith(".cjs") ?? false;

/** Arguments of Deno that run the program in `src`. */
export const SOURCE_ARGS: readonly string[] = [
  "run",
  "--quiet",
  "--no-prompt",
  "-P=serve",
  MAIN.href,
];

/** Longest time for what a program that runs is to write, in milliseconds. */
const UNTIL_MS = 120_000;

/**
 * Longest time for a program to end: one that was asked to, after which a container engine kills, and
 * any other, in milliseconds.
 */
const END_MS = { asked: 10_000, other: 60_000 } as const;

/**
 * Longest time for an end that waits for nobody, in milliseconds, on a machine that has time for it;
 * and how many times as long as its start it may take on a busy one. A start takes far more work.
 */
const PROMPT = { ms: 2_500, starts: 3 } as const;

/** How a process ended. */
export interface Ending {
  readonly code: number;
  /** Milliseconds from the call of `ending` to the end. */
  readonly ms: number;
}

/** The program in a process of its own, with the permissions of a release. */
export class Spawned {
  readonly stdout: string[] = [];
  readonly stderr: string[] = [];
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #watchers = new Set<() => void>();
  readonly #unread: Set<"stdout" | "stderr">;
  #read: Promise<unknown>;
  #isAsked = false;
  readonly #startedAt = performance.now();
  #startMs: number | undefined;
  #nextId = 1;

  /**
   * @param executable the program to run, instead of {@linkcode EXECUTABLE}
   * @param unread streams that are not read until {@linkcode Spawned.readAll} is called
   * @param openFiles most files that it may have open, on systems that can limit them
   */
  constructor(
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
    executable: string | undefined = EXECUTABLE,
    unread: readonly ("stdout" | "stderr")[] = [],
    openFiles?: number,
  ) {
    const command = executable ?? Deno.execPath();
    const all = executable ? args : [...SOURCE_ARGS, ...args];
    const isLimited = openFiles !== undefined && Deno.build.os !== "windows";
    const limited = ["-c", `ulimit -n ${openFiles} && exec "$0" "$@"`, command, ...all];
    this.#child = new Deno.Command(isLimited ? "sh" : command, {
      args: isLimited ? limited : [...all],
      cwd: ROOT,
      clearEnv: true,
      env: cleanEnv(env),
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#unread = new Set(unread);
    this.#read = Promise.all(
      (["stdout", "stderr"] as const)
        .filter((name) => !this.#unread.has(name))
        .map((name) => this.#collect(this.#child[name], this[name])),
    );
  }

  get pid(): number {
    return this.#child.pid;
  }

  /**
   * Longest time for its end when it is to wait for nobody, in milliseconds: never more than that for
   * which it waits for calls that run.
   */
  get promptMs(): number {
    const { ms, starts } = PROMPT;
    return Math.min(Math.max(ms, starts * (this.#startMs ?? 0)), CALLS_MS);
  }

  /** Starts to read the streams that were left unread. */
  readAll(): void {
    const streams = [...this.#unread].map((name) => this.#collect(this.#child[name], this[name]));
    this.#unread.clear();
    this.#read = Promise.all([this.#read, ...streams]);
  }

  async #collect(stream: ReadableStream<Uint8Array>, lines: string[]): Promise<void> {
    const text = stream.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
    for await (const line of text) {
      this.#startMs ??= performance.now() - this.#startedAt;
      lines.push(line);
      for (const watch of [...this.#watchers]) watch();
    }
    for (const watch of [...this.#watchers]) watch();
  }

  /**
   * Calls `pick` after every line, and resolves with its first result that is not undefined.
   *
   * @param limitMs how long to wait for it; `Infinity` for as long as the program runs
   * @throws Error with the log when the program ends, or the time does
   */
  async until<T>(pick: () => T | undefined, limitMs = UNTIL_MS): Promise<T> {
    let found = pick();
    if (found !== undefined) return found;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const watch = () => {
      if (found !== undefined) return;
      try {
        found = pick();
      } catch (error) {
        reject(error);
      }
      if (found !== undefined) resolve(found);
    };
    const fail = (what: string) => reject(new Error(`${what}: ${this.stderr.join(" / ")}`));
    const timer = limitMs === Infinity
      ? undefined
      : setTimeout(() => fail(`It has not come within ${limitMs} ms`), limitMs);
    this.#watchers.add(watch);
    this.#read.then(() => {
      watch();
      fail("The program ended");
    }, reject);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#watchers.delete(watch);
    }
  }

  /**
   * Resolves with the first line of its log that has all these texts. A response may come before
   * the line that was written ahead of it: it takes another pipe.
   */
  logged(...texts: readonly string[]): Promise<string> {
    let seen = 0;
    return this.until(() => {
      while (seen < this.stderr.length) {
        const line = this.stderr[seen++] ?? "";
        if (texts.every((text) => line.includes(text))) return line;
      }
      return undefined;
    });
  }

  /** Resolves with the address of the MCP endpoint when the program listens; it must serve HTTP. */
  listening(): Promise<string> {
    return this.until(() =>
      /(?:It listens|Point clients) at (\S+?)[,;]/.exec(this.stderr.join("\n"))?.[1]
    );
  }

  /** Sends a JSON-RPC request; resolves with its response. */
  async request(method: string, params: object = {}): Promise<Record<string, unknown>> {
    const id = this.#nextId++;
    let seen = this.stdout.length;
    await this.send({ jsonrpc: "2.0", id, method, params });
    return await this.until(() => {
      while (seen < this.stdout.length) {
        const message: Record<string, unknown> = JSON.parse(this.stdout[seen++] ?? "");
        if (message.id === id) return message;
      }
      return undefined;
    });
  }

  /** Does the handshake of a host. */
  async initialize(): Promise<Record<string, unknown>> {
    const answer = await this.request("initialize", {
      protocolVersion: "2025-06-18",
      capabilities: {},
      clientInfo: { name: "e2e", version: "1.0.0" },
    });
    await this.send({ jsonrpc: "2.0", method: "notifications/initialized" });
    return answer;
  }

  async send(message: object): Promise<void> {
    await this.sendText(`${JSON.stringify(message)}\n`);
  }

  async sendText(text: string): Promise<void> {
    await this.#writer.write(new TextEncoder().encode(text));
  }

  /** Closes the reading end of the streams that were left unread. */
  async closeStdout(): Promise<void> {
    this.#unread.delete("stdout");
    await this.#child.stdout.cancel();
  }

  /** Closes its stdin, by which a host asks a program that it has heard of to end. */
  async closeStdin(): Promise<void> {
    await this.#writer.close();
    if (this.#startMs !== undefined) this.#isAsked = true;
  }

  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
    if (signal === "SIGTERM" || signal === "SIGINT") this.#isAsked = true;
  }

  /** Waits for the end of the process, and kills it when that does not come in time. */
  async ending(): Promise<Ending> {
    const start = performance.now();
    const timer = setTimeout(() => {
      try {
        this.#child.kill("SIGKILL");
      } catch {
        // It has ended this very moment.
      }
    }, this.#isAsked ? END_MS.asked : END_MS.other);
    const { code } = await this.#child.status;
    clearTimeout(timer);
    const ms = performance.now() - start;
    for (const name of this.#unread) await this.#child[name].cancel();
    await this.#read;
    await this.#writer.close().catch(() => {});
    return { code, ms };
  }
}
