import { assert } from "@std/assert";
import { PassThrough } from "node:stream";
import {
  Client as ModernClient,
  deserializeMessage,
  type ElicitRequestFormParams,
  type ElicitResult,
  isSpecType,
  type JSONRPCMessage,
  serializeMessage,
  StreamableHTTPClientTransport as ModernHttpTransport,
  type Transport,
} from "@modelcontextprotocol/client";
import { Client as OldClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as OldHttpTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { ElicitRequestSchema as OldElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { InMemoryTransport as OldInMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { createApi } from "../../src/api/client.ts";
import { createLogger } from "../../src/core/logger.ts";
import { createRedact } from "../../src/core/redact.ts";
import { createServerFactory } from "../../src/mcp/server.ts";
import { createWaiter } from "../../src/session/waiter.ts";
import { createSimulator, type Simulator } from "../../src/simulator/mod.ts";
import type { ClientInfo } from "../../src/tools/define.ts";
import { createServices, type Services, type ServicesOptions } from "../../src/tools/services.ts";
import { createHttpHandler, type HttpHandler } from "../../src/http/handler.ts";
import { serveStdioTransport } from "../../src/stdio.ts";
import { ManualClock, settle } from "../helpers/manual_clock.ts";

export const TOKEN = "protocol-test-token-0123456789abcdef";
export const API_KEY = "sk-ant-protocol-test-key";

/** The whole app over a simulator whose time is in the test's hands. */
export interface App {
  readonly simulator: Simulator;
  readonly clock: ManualClock;
  readonly services: Services;
  /** The same API and clock under other options. */
  servicesWith(options: Partial<ServicesOptions>): Services;
  readonly factory: ReturnType<typeof createServerFactory>;
  /** Lines of the operator's log. */
  readonly log: readonly string[];
  /** Lets time pass until the promise settles, in steps of so many milliseconds. */
  until<T>(promise: Promise<T>, stepMs?: number): Promise<T>;
  close(): void;
}

export function openApp(options: Partial<ServicesOptions> = {}): App {
  const clock = new ManualClock();
  const simulator = createSimulator({ clock, apiKey: API_KEY, seed: 1 });
  const lines: string[] = [];
  const redact = createRedact([TOKEN, API_KEY]);
  const log = createLogger({
    level: "debug",
    format: "text",
    redact: redact.loose,
    write: (line) => lines.push(line),
    now: () => clock.now(),
  });
  const api = createApi({
    baseUrl: "http://simulator.test",
    credential: () => ({ kind: "api_key", value: API_KEY }),
    fetch: (request) => simulator.fetch(request),
    clock,
    log,
  });
  const waiter = createWaiter({ api, clock, log, random: () => 0.5 });
  const servicesWith = (more: Partial<ServicesOptions>) =>
    createServices({ api, waiter, clock, log, redact, ...more });
  const services = servicesWith(options);
  return {
    services,
    servicesWith,
    simulator,
    clock,
    factory: createServerFactory(services, { version: "1.2.3", simulated: true }),
    log: lines,
    until: (promise, stepMs = 50) => passTimeUntil(clock, promise, stepMs),
    close() {
      waiter.close();
      simulator.close();
    },
  };
}

/** Far more than any test needs: twenty-five virtual minutes. */
const MAX_STEPS = 30_000;

/**
 * Time passes in steps as long as the promise is pending. Sockets need real turns of the event loop
 * in between, so every step gives them one.
 */
async function passTimeUntil<T>(
  clock: ManualClock,
  promise: Promise<T>,
  stepMs: number,
): Promise<T> {
  let settled = false;
  promise.then(() => settled = true, () => settled = true);
  for (let steps = 0; !settled; steps++) {
    if (steps > MAX_STEPS) throw new Error("The promise does not settle");
    await new Promise<void>((resolve) => setTimeout(resolve, 0));
    await settle();
    if (!settled) await clock.advance(stepMs);
  }
  return await promise;
}

/** What a test needs of a client, whichever it is. */
export interface TestClient {
  listTools(): Promise<{ tools: readonly { name: string }[] }>;
  call(
    name: string,
    args: Record<string, unknown>,
    options?: { signal?: AbortSignal; onProgress?: (progress: ProgressSeen) => void },
  ): Promise<CallResult>;
  listResources(): Promise<{ resources: readonly { uri: string; name: string }[] }>;
  listTemplates(): Promise<{ resourceTemplates: readonly { uriTemplate: string }[] }>;
  readResource(uri: string): Promise<{ contents: readonly ResourceContents[] }>;
  hasResources(): boolean;
  /** The extensions that the server declares. */
  extensions(): unknown;
  instructions(): string | undefined;
  serverVersion(): { name: string; version: string } | undefined;
  close(): Promise<void>;
}

/** What a resource holds: text, or bytes in base64. */
export interface ResourceContents {
  readonly uri: string;
  readonly mimeType?: string;
  readonly text?: string;
  readonly blob?: string;
}

export interface ProgressSeen {
  readonly progress: number;
  readonly message?: string;
}

export interface CallResult {
  readonly text: string;
  readonly structured: Record<string, unknown> | undefined;
  /** What stands in the content beside the text. */
  readonly blocks: readonly unknown[];
  readonly isError: boolean;
  /** What hosts keep from models. */
  readonly meta: Readonly<Record<string, unknown>>;
}

/** Checks the shape that all results share: one text, which is the structured content. */
function readResult(result: unknown): CallResult {
  if (typeof result !== "object" || result === null || !("content" in result)) {
    throw new Error(`No content in ${JSON.stringify(result)}`);
  }
  const { content } = result;
  const [block, ...blocks] = Array.isArray(content) ? content : [];
  if (block?.type !== "text" || typeof block.text !== "string") {
    throw new Error(`No text in ${JSON.stringify(result)}`);
  }
  const structured = "structuredContent" in result ? result.structuredContent : undefined;
  return {
    text: block.text,
    structured: typeof structured === "object" && structured !== null
      ? { ...structured }
      : undefined,
    blocks,
    isError: "isError" in result && result.isError === true,
    meta: "_meta" in result ? { ...Object(result._meta) } : {},
  };
}

const INFO: ClientInfo = { name: "protocol-test", version: "0" };

/** The person at a client. */
export interface TestPerson {
  /** What the client says that it can show; forms when absent. */
  readonly elicitation?: { form?: { applyDefaults?: boolean }; url?: Record<string, never> };
  /** Answers a form, unless the signal says that the server has withdrawn it. */
  answer(form: ElicitRequestFormParams, signal: AbortSignal): ElicitResult | Promise<ElicitResult>;
}

/** What a client declares of the extensions that it knows, by their names. */
export type Extensions = Record<string, Record<string, string[] | Record<string, never>>>;

/**
 * Connects a client of SDK 2.
 *
 * @param mode `auto` takes the newest protocol era that the server has
 */
export async function modernClient(
  mode: "auto" | "legacy",
  transport: Transport,
  info: ClientInfo = INFO,
  person?: TestPerson,
  extensions?: Extensions,
): Promise<TestClient> {
  const { elicitation = { form: {} } } = person ?? {};
  const client = new ModernClient(info, {
    versionNegotiation: { mode },
    capabilities: { ...(person && { elicitation }), ...(extensions && { extensions }) },
  });
  if (person && (elicitation.form || !elicitation.url)) {
    client.setRequestHandler("elicitation/create", ({ params }, { mcpReq }) => {
      assert(params.mode !== "url");
      return person.answer(params, mcpReq.signal);
    });
  }
  await client.connect(transport);
  return {
    listTools: () => client.listTools(),
    call: async (name, args, options = {}) =>
      readResult(
        await client.callTool({ name, arguments: args }, {
          signal: options.signal,
          onprogress: options.onProgress,
        }),
      ),
    listResources: () => client.listResources(),
    listTemplates: () => client.listResourceTemplates(),
    readResource: (uri) => client.readResource({ uri }),
    hasResources: () => client.getServerCapabilities()?.resources !== undefined,
    extensions: () => client.getServerCapabilities()?.extensions,
    instructions: () => client.getInstructions(),
    serverVersion: () => client.getServerVersion(),
    close: () => client.close(),
  };
}

async function oldClient(
  transport: Parameters<OldClient["connect"]>[0],
  info: ClientInfo,
  person: TestPerson | undefined,
  extensions?: Extensions,
): Promise<TestClient> {
  const { elicitation = { form: {} } } = person ?? {};
  const client = new OldClient(info, {
    capabilities: { ...(person && { elicitation }), ...(extensions && { extensions }) },
  });
  if (person && (elicitation.form || !elicitation.url)) {
    const answer = async (request: unknown, { signal }: { signal: AbortSignal }) => {
      assert(isSpecType.ElicitRequest(request) && request.params.mode !== "url");
      return { ...await person.answer(request.params, signal) };
    };
    client.setRequestHandler(OldElicitRequestSchema, answer);
  }
  await client.connect(transport);
  return {
    listTools: () => client.listTools(),
    call: async (name, args, options = {}) =>
      readResult(
        await client.callTool({ name, arguments: args }, undefined, {
          signal: options.signal,
          onprogress: options.onProgress,
        }),
      ),
    listResources: () => client.listResources(),
    listTemplates: () => client.listResourceTemplates(),
    readResource: (uri) => client.readResource({ uri }),
    hasResources: () => client.getServerCapabilities()?.resources !== undefined,
    extensions: () => client.getServerCapabilities()?.extensions,
    instructions: () => client.getInstructions(),
    serverVersion: () => client.getServerVersion(),
    close: () => client.close(),
  };
}

/** The HTTP handler of an app on a loopback port. */
export interface Served {
  readonly url: URL;
  readonly handler: HttpHandler;
  close(): Promise<void>;
}

export function serveHttp(app: App): Served {
  const handler = createHttpHandler(app.factory, {
    tokens: [TOKEN],
    ready: () => Promise.resolve(true),
    log: { debug() {}, info() {}, warn() {}, error() {} },
    clock: app.clock,
  });
  return serveHandler(handler);
}

/** A handler on a loopback port. */
export function serveHandler(handler: HttpHandler): Served {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => handler.fetch(request),
  );
  return {
    url: new URL(`http://127.0.0.1:${server.addr.port}/mcp`),
    handler,
    async close() {
      await handler.close();
      await server.shutdown();
    },
  };
}

/** Server-side stdio streams in process, and every line that the server writes to them. */
export interface StdioPipes {
  readonly stdin: PassThrough;
  readonly stdout: PassThrough;
  readonly lines: string[];
  readonly closed: Promise<void>;
  close(): Promise<void>;
}

export function serveStdioInProcess(app: App): StdioPipes {
  const stdin = new PassThrough();
  const stdout = new PassThrough();
  const lines: string[] = [];
  const connection = serveStdioTransport(app.factory, {
    log: app.services.log,
    input: stdin,
    output: {
      write: (text) => stdout.write(text) || true,
      failure: undefined,
      failed: new Promise<void>(() => {}),
    },
  });
  let rest = "";
  stdout.on("data", (chunk: Uint8Array) => {
    rest += new TextDecoder().decode(chunk);
    const parts = rest.split("\n");
    rest = parts.pop() ?? "";
    for (const line of parts) {
      lines.push(line);
      stdout.emit("line", line);
    }
  });
  return { stdin, stdout, lines, closed: connection.closed, close: () => connection.close() };
}

/** The client's end of {@linkcode serveStdioInProcess}. */
class PipeTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  readonly #pipes: StdioPipes;

  constructor(pipes: StdioPipes) {
    this.#pipes = pipes;
  }

  start(): Promise<void> {
    this.#pipes.stdout.on("line", (line: string) => this.onmessage?.(deserializeMessage(line)));
    this.#pipes.closed.then(() => this.onclose?.());
    return Promise.resolve();
  }

  send(message: JSONRPCMessage): Promise<void> {
    this.#pipes.stdin.write(serializeMessage(message));
    return Promise.resolve();
  }

  async close(): Promise<void> {
    this.#pipes.stdin.end();
    await this.#pipes.closed;
  }
}

/** The same for SDK 1.x, whose message types are its own: a pair in memory, joined to the pipes. */
function oldPipeTransport(pipes: StdioPipes): OldInMemoryTransport {
  const [mine, theirs] = OldInMemoryTransport.createLinkedPair();
  theirs.onmessage = (message: unknown) => pipes.stdin.write(`${JSON.stringify(message)}\n`);
  theirs.onclose = () => pipes.stdin.end();
  pipes.stdout.on("line", (line: string) => theirs.send(JSON.parse(line)));
  void theirs.start();
  return mine;
}

/** A connected client and what has to be closed with it. */
export interface Connection {
  readonly client: TestClient;
  close(): Promise<void>;
}

/** Every way in which a host may connect: transport, SDK and protocol era. */
export const WAYS: Readonly<
  Record<
    string,
    (
      app: App,
      info?: ClientInfo,
      person?: TestPerson,
      extensions?: Extensions,
    ) => Promise<Connection>
  >
> = {
  "HTTP, SDK 2, 2026-07-28": (app, ...how) => overHttp(app, "auto", ...how),
  "HTTP, SDK 2, 2025-11-25": (app, ...how) => overHttp(app, "legacy", ...how),
  "HTTP, SDK 1": (app, ...how) => overHttp(app, "sdk1", ...how),
  "stdio, SDK 2, 2026-07-28": (app, ...how) => overStdio(app, "auto", ...how),
  "stdio, SDK 2, 2025-11-25": (app, ...how) => overStdio(app, "legacy", ...how),
  "stdio, SDK 1": (app, ...how) => overStdio(app, "sdk1", ...how),
};

/** Which SDK, and which protocol era it speaks; `auto` takes the newest that the server has. */
export type ClientKind = "auto" | "legacy" | "sdk1";

/** Connects a client with a token over HTTP. */
export async function connectHttp(
  url: URL,
  kind: ClientKind,
  token: string,
  info: ClientInfo = INFO,
  person?: TestPerson,
  extensions?: Extensions,
): Promise<TestClient> {
  const requestInit = { headers: { authorization: `Bearer ${token}` } };
  const how = [info, person, extensions] as const;
  return kind === "sdk1"
    ? await oldClient(new OldHttpTransport(url, { requestInit }), ...how)
    : await modernClient(kind, new ModernHttpTransport(url, { requestInit }), ...how);
}

async function overHttp(
  app: App,
  kind: ClientKind,
  ...how: [info?: ClientInfo, person?: TestPerson, extensions?: Extensions]
): Promise<Connection> {
  const served = serveHttp(app);
  const client = await connectHttp(served.url, kind, TOKEN, ...how);
  return {
    client,
    async close() {
      await client.close();
      await served.close();
    },
  };
}

async function overStdio(
  app: App,
  kind: "auto" | "legacy" | "sdk1",
  info: ClientInfo = INFO,
  person?: TestPerson,
  extensions?: Extensions,
): Promise<Connection> {
  const pipes = serveStdioInProcess(app);
  const client = kind === "sdk1"
    ? await oldClient(oldPipeTransport(pipes), info, person, extensions)
    : await modernClient(kind, new PipeTransport(pipes), info, person, extensions);
  return {
    client,
    async close() {
      await client.close();
      await pipes.closed;
    },
  };
}
