/**
 * The whole program in a process of its own, with a client of each transport that can misbehave.
 *
 * @module
 */

import { cleanEnv } from "../../tests/helpers/child.ts";
import { apiAt, TOKEN } from "../../tests/helpers/http_program.ts";
import { type Held, Inspector } from "../../tests/helpers/inspector.ts";
import { openFilesOf, processCost } from "../../tests/helpers/process_cost.ts";
import { TextLineStream } from "../../tests/helpers/text_lines.ts";

const ROOT = new URL("../../", import.meta.url);
const FAST_PROGRAM = "tests/helpers/fast_program.ts";
const NPM_PACKAGE = "dist/npm/bin/cma-mcp.cjs";
/** How long the program may take to end before it is killed, in milliseconds. */
const END_MS = 20_000;

/** How the program is called. */
export type Transport = "http" | "stdio";
/** The protocol before 2026-07-28, with a handshake, and the one from then on, without. */
export type Era = "2025" | "2026";

/** What a call is to send. */
export interface Request {
  readonly era: Era;
  readonly tool: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly signal?: AbortSignal;
  /** Over HTTP, the token in place of the usual one. */
  readonly token?: string;
}

/** The answer to a call: a message of JSON-RPC, or the status of an HTTP response without one. */
export interface Answer {
  readonly result?: {
    readonly isError?: boolean;
    readonly structuredContent?: Readonly<Record<string, unknown>>;
    readonly content?: readonly { readonly text?: string }[];
  };
  readonly error?: { readonly code: number; readonly message: string };
  readonly status?: number;
}

/** What a process holds at rest, with what the system counts. */
export interface ProgramState extends Held {
  readonly rssBytes: number;
  readonly openFiles: number;
}

/** A running program, and a client of it. */
export interface ServedProgram extends AsyncDisposable {
  readonly transport: Transport;
  call(request: Request): Promise<Answer>;
  /** Sends what is no message; resolves when that is answered, or over stdio when it is sent. */
  sendGarbage(text: string): Promise<void>;
  state(): Promise<ProgramState>;
}

const MESSAGE_2026 = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientInfo": { name: "soak", version: "1.0.0" },
  "io.modelcontextprotocol/clientCapabilities": {},
};

function messageOf({ era, tool, args }: Request, id: number): string {
  const params = {
    name: tool,
    arguments: args,
    _meta: { progressToken: id, ...(era === "2026" && MESSAGE_2026) },
  };
  return JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params });
}

/** The options of {@linkcode serveProgram}. */
export interface ServeOptions {
  readonly apiUrl: string;
  readonly speed: number;
  /** True for the npm package on Node, which runs at the machine's speed. */
  readonly node: boolean;
  readonly args: readonly string[];
}

/** A process with its lines; what it says on stderr decides when it is ready. */
class Lines {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #encoder = new TextEncoder();
  readonly pid: number;
  onLine: (line: string) => void = () => {};

  constructor({ apiUrl, speed, node, args }: ServeOptions) {
    const program = node
      ? [NPM_PACKAGE]
      : ["run", "-A", "--inspect=127.0.0.1:0", FAST_PROGRAM, String(speed)];
    this.#child = new Deno.Command(node ? "node" : Deno.execPath(), {
      args: [...node ? ["--inspect=127.0.0.1:0"] : [], ...program, ...args],
      cwd: ROOT,
      clearEnv: true,
      env: cleanEnv({ ...apiAt(apiUrl), MANAGED_AGENTS_MCP_TOKEN: TOKEN }),
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.pid = this.#child.pid;
    this.#writer = this.#child.stdin.getWriter();
    this.#read(this.#child.stdout, (line) => this.onLine(line));
  }

  async #read(stream: ReadableStream<Uint8Array>, take: (line: string) => void): Promise<void> {
    const lines = stream.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
    for await (const line of lines) take(line);
  }

  /** Resolves with what each pattern finds on stderr. */
  async find(patterns: readonly RegExp[]): Promise<string[]> {
    const found: (string | undefined)[] = patterns.map(() => undefined);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const seen: string[] = [];
    this.#read(this.#child.stderr, (line) => {
      for (const [index, pattern] of patterns.entries()) {
        found[index] ??= pattern.exec(line)?.[1];
      }
      if (found.every((text) => text !== undefined)) resolve();
      else seen.push(line);
    });
    this.#child.status.then(() => reject(new Error(`It ended: ${seen.join(" / ")}`)));
    await promise;
    return found.map(String);
  }

  async write(line: string): Promise<void> {
    await this.#writer.write(this.#encoder.encode(`${line}\n`));
  }

  async end(): Promise<void> {
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), END_MS);
    this.#child.kill("SIGTERM");
    await this.#writer.close().catch(() => {});
    await this.#child.status;
    clearTimeout(timer);
  }
}

async function stateOf(pid: number, inspector: Inspector): Promise<ProgramState> {
  const held = await inspector.held();
  const { rssBytes = NaN } = await processCost(pid) ?? {};
  return { ...held, rssBytes, openFiles: await openFilesOf(pid) ?? NaN };
}

const DEBUGGER = /Debugger listening on (\S+)/;
const LISTENING = /(?:It listens|Point clients) at (\S+?)[,;]/;

async function serveHttp(options: ServeOptions): Promise<ServedProgram> {
  const lines = new Lines({ ...options, args: ["--http", "--port=0", ...options.args] });
  const [debuggerUrl = "", url = ""] = await lines.find([DEBUGGER, LISTENING]);
  const inspector = await Inspector.open(debuggerUrl);
  let id = 0;
  const post = (body: string, headers: Record<string, string>, signal?: AbortSignal) =>
    fetch(url, {
      method: "POST",
      headers: {
        authorization: `Bearer ${TOKEN}`,
        accept: "application/json, text/event-stream",
        "content-type": "application/json",
        ...headers,
      },
      body,
      signal,
    });
  return {
    transport: "http",
    async call(request) {
      const { era, tool, token, signal } = request;
      const response = await post(messageOf(request, ++id), {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(era === "2026" && {
          "mcp-protocol-version": "2026-07-28",
          "mcp-method": "tools/call",
          "mcp-name": tool,
        }),
      }, signal);
      const text = await response.text();
      if (!response.ok) return { status: response.status };
      const json = text.startsWith("{")
        ? text
        : [...text.matchAll(/^data: (\{.+)$/gm)].at(-1)?.[1] ?? "{}";
      return JSON.parse(json) as Answer;
    },
    async sendGarbage(text) {
      await (await post(text, {})).body?.cancel();
    },
    state: () => stateOf(lines.pid, inspector),
    async [Symbol.asyncDispose]() {
      inspector[Symbol.dispose]();
      await lines.end();
    },
  };
}

async function serveStdio(options: ServeOptions): Promise<ServedProgram> {
  const lines = new Lines(options);
  const pending = new Map<number, (answer: Answer) => void>();
  lines.onLine = (line) => {
    const message = JSON.parse(line) as Answer & { readonly id?: number };
    pending.get(message.id ?? -1)?.(message);
  };
  const [debuggerUrl = ""] = await lines.find([DEBUGGER]);
  const inspector = await Inspector.open(debuggerUrl);
  let id = 0;
  const ask = async (line: string, ofId: number): Promise<Answer> => {
    const answer = new Promise<Answer>((resolve) => pending.set(ofId, resolve));
    await lines.write(line);
    return await answer.finally(() => pending.delete(ofId));
  };
  const clientInfo = { name: "soak", version: "1.0.0" };
  const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo };
  const first = { jsonrpc: "2.0", id: ++id, method: "initialize", params };
  await ask(JSON.stringify(first), first.id);
  await lines.write(JSON.stringify({ jsonrpc: "2.0", method: "notifications/initialized" }));
  return {
    transport: "stdio",
    async call(request) {
      const { signal } = request;
      const requestId = ++id;
      const cancelled = new Promise<never>((_, reject) => {
        signal?.addEventListener("abort", () => {
          const method = "notifications/cancelled";
          lines.write(JSON.stringify({ jsonrpc: "2.0", method, params: { requestId } }));
          pending.delete(requestId);
          reject(signal.reason);
        }, { once: true });
      });
      return await Promise.race([ask(messageOf(request, requestId), requestId), cancelled]);
    },
    sendGarbage: (text) => lines.write(text.replaceAll("\n", " ")),
    state: () => stateOf(lines.pid, inspector),
    async [Symbol.asyncDispose]() {
      inspector[Symbol.dispose]();
      await lines.end();
    },
  };
}

/** Starts the program; resolves when it can be called. */
export function serveProgram(transport: Transport, options: ServeOptions): Promise<ServedProgram> {
  return transport === "http" ? serveHttp(options) : serveStdio(options);
}
