import { assert } from "@std/assert";
import { isFields } from "../../src/api/read.ts";
import { createHttpHandler, type HttpHandler } from "../../src/http/handler.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { type App, serveStdioInProcess, TOKEN } from "./support.ts";

/** The protocol eras, by the year in which each began. */
export type Era = "2025" | "2026";

/** What a client of an era says that it can do. */
export type Capabilities = Readonly<Record<string, unknown>>;

/** A message without `jsonrpc`. */
export interface RawMessage {
  readonly id?: number;
  readonly method: string;
  readonly params?: Readonly<Record<string, unknown>>;
}

/** A response as it came: over HTTP with the status line and the header fields that matter. */
export interface RawResponse {
  readonly head: string;
  readonly body: string;
}

/** A client that sends messages as they are, and keeps every byte of the responses. */
export interface RawClient {
  /** Sends one message, or a batch, and returns what came back; nothing for a notification. */
  send(message: RawMessage | readonly RawMessage[]): Promise<RawResponse>;
  close(): Promise<void>;
}

const VERSION = "2026-07-28";

/** Puts into a request what every request of its era carries. */
export function inEra(era: Era, message: RawMessage, capabilities: Capabilities = {}): RawMessage {
  if (era === "2025") return message;
  const envelope = {
    "io.modelcontextprotocol/protocolVersion": VERSION,
    "io.modelcontextprotocol/clientInfo": { name: "raw", version: "0" },
    "io.modelcontextprotocol/clientCapabilities": capabilities,
  };
  const { _meta: meta } = message.params ?? {};
  const _meta = { ...envelope, ...(isFields(meta) && meta) };
  return { ...message, params: { ...message.params, _meta } };
}

/** The request with which a client of 2025-11-25 begins. */
export function initialize(capabilities: Capabilities = {}): RawMessage {
  const clientInfo = { name: "raw", version: "0" };
  const params = { protocolVersion: "2025-11-25", capabilities, clientInfo };
  return { id: 1, method: "initialize", params };
}

/** Connects over stdio. */
export function rawStdio(app: App): RawClient {
  const pipes = serveStdioInProcess(app);
  let seen = 0;
  return {
    async send(message) {
      const all = "method" in message ? [message] : message;
      const awaited = all.filter(({ id }) => id !== undefined).length;
      const isDone = () =>
        pipes.lines.slice(seen).filter((line) => /"id":/.test(line) && !/"method":/.test(line))
          .length >= awaited;
      pipes.stdin.write(`${JSON.stringify(withVersion(message))}\n`);
      await app.until((async () => {
        while (!isDone()) await new Promise<void>((resolve) => setTimeout(resolve, 0));
      })());
      const body = pipes.lines.slice(seen).join("\n");
      seen = pipes.lines.length;
      return { head: "", body };
    },
    async close() {
      await pipes.close();
    },
  };
}

function withVersion(message: RawMessage | readonly RawMessage[]): unknown {
  return "method" in message ? { jsonrpc: "2.0", ...message } : message.map(withVersion);
}

/** How to connect over HTTP. */
export interface RawHttpOptions {
  /** Header fields of every request beside those of the era; an empty value leaves a field out. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The handler of another client of the same server. */
  readonly handler?: HttpHandler;
}

/** Makes the HTTP handler of an app. */
export function rawHandler(app: App): HttpHandler {
  return createHttpHandler(app.factory, {
    tokens: [TOKEN],
    ready: () => Promise.resolve(true),
    log: silentLogger,
    clock: app.clock,
  });
}

/** A client over HTTP. */
export interface RawHttpClient extends RawClient {
  /** The MCP session id that it was given. */
  readonly mcpSessionId: () => string | undefined;
}

/** Connects over HTTP; the client repeats the MCP session id that it is given. */
export function rawHttp(
  app: App,
  { headers: more = {}, handler: shared }: RawHttpOptions = {},
): RawHttpClient {
  const handler = shared ?? rawHandler(app);
  let mcpSessionId: string | undefined;
  return {
    mcpSessionId: () => mcpSessionId,
    async send(message) {
      const one = "method" in message ? message : undefined;
      const headers = new Headers({
        host: "localhost",
        authorization: `Bearer ${TOKEN}`,
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
      });
      const { _meta: meta, name, uri } = one?.params ?? {};
      const isModern = isFields(meta) && "io.modelcontextprotocol/protocolVersion" in meta;
      if (one && isModern) {
        headers.set("mcp-protocol-version", VERSION);
        headers.set("mcp-method", one.method);
        const named = name ?? uri;
        if (typeof named === "string") headers.set("mcp-name", named);
      } else if (one?.method !== "initialize" && mcpSessionId !== undefined) {
        headers.set("mcp-protocol-version", "2025-11-25");
        headers.set("mcp-session-id", mcpSessionId);
      }
      for (const [field, value] of Object.entries(more)) {
        if (value === "") headers.delete(field);
        else headers.set(field, value);
      }
      const body = JSON.stringify(withVersion(message));
      const request = new Request("http://localhost/mcp", { method: "POST", headers, body });
      const response = await app.until(handler.fetch(request));
      const given = response.headers.get("mcp-session-id");
      if (given !== null) mcpSessionId = given;
      const shown = given?.replaceAll(/[0-9a-f]/g, "0");
      const type = response.headers.get("content-type");
      const head = [response.status, type, shown].filter((part) => part != null).join(" ");
      return { head, body: await app.until(response.text()) };
    },
    async close() {
      if (!shared) await handler.close();
    },
  };
}

/** Returns the result in a response, or its error. */
export function resultIn({ body }: RawResponse): Readonly<Record<string, unknown>> {
  const text = /^(?:data: )?(\{.*"id":.*\})$/m.exec(body)?.[1] ?? "null";
  const message: unknown = JSON.parse(text);
  assert(isFields(message), body);
  const result = message.result ?? message.error;
  assert(isFields(result), body);
  return result;
}
