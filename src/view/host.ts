/**
 * The page's side of MCP Apps (specification 2026-01-26): JSON-RPC with the host, by messages.
 *
 * Hosts differ from the specification. Some send the call's arguments before the handshake is over
 * (VS Code), some answer methods that they do not know with a success `{status: "error"}` (goose),
 * and some never answer. So every message is taken at any time, its shape is checked, every request
 * has a timer of its own, and the handshake is tried until it is answered.
 *
 * @module
 */

import type {
  McpUiDownloadFileRequest,
  McpUiHostContext,
  McpUiInitializeRequest,
  McpUiMessageRequest,
  McpUiOpenLinkRequest,
  McpUiRequestDisplayModeRequest,
  McpUiUpdateModelContextRequest,
} from "@modelcontextprotocol/ext-apps";
import type { Clock } from "../core/clock.ts";
import { isJsonObject, type JsonObject } from "./read.ts";

/** The way to the host and back. Its messages must come from the host's window alone. */
export interface Port {
  post(message: unknown): void;
  /** @param listener takes every message of the host, whatever it is */
  onMessage(listener: (message: unknown) => void): void;
}

/** Hears what the host tells the page. */
export interface HostListener {
  /**
   * The arguments of the tool's call.
   *
   * @param isWhole false while the model still writes them: the last text may be cut
   */
  input(args: JsonObject, isWhole: boolean): void;
  /** The result of the tool's call. */
  result(result: JsonObject): void;
  /** The tool's call was cancelled; some hosts say so of calls that failed, too. */
  cancelled(): void;
  /** The handshake is over, or what the host shows and offers has changed. */
  changed(): void;
  /** The host is about to take the page away. */
  teardown(): void;
}

/**
 * The reason why a request to the host has no result: `timeout` no answer came in time;
 * `unsupported` the host has no such method; `refused` the host, or the server behind it, said no;
 * `closed` the host has taken the page away.
 */
export type HostFailure = "timeout" | "unsupported" | "refused" | "closed";

/** A request to the host has failed. */
export class HostError extends Error {
  override readonly name = "HostError";
  readonly kind: HostFailure;

  /** @param message the host's words, if it had any */
  constructor(kind: HostFailure, message: string) {
    super(message);
    this.kind = kind;
  }
}

/** The requests that the page makes of the host. */
type HostRequest =
  | McpUiInitializeRequest
  | McpUiOpenLinkRequest
  | McpUiDownloadFileRequest
  | McpUiMessageRequest
  | McpUiUpdateModelContextRequest
  | McpUiRequestDisplayModeRequest
  | {
    readonly method: "tools/call";
    readonly params: { readonly name: string; readonly arguments: JsonObject };
  };

type ParamsOf<M extends HostRequest["method"]> = Extract<HostRequest, { method: M }>["params"];

interface Waiting {
  resolve(result: JsonObject): void;
  reject(error: HostError): void;
  readonly cancelTimer: () => void;
}

/** Time after which the handshake is tried again, in milliseconds. */
export const HANDSHAKE_MS = 5_000;

const METHOD_NOT_FOUND = -32601;

/** What the page calls itself. */
const INITIALIZE: McpUiInitializeRequest["params"] = {
  protocolVersion: "2026-01-26",
  appInfo: { name: "cma-mcp session view", version: "1.0.0" },
  appCapabilities: { availableDisplayModes: ["inline", "fullscreen"] },
};

/** The host that shows the page. */
export class Host {
  readonly #port: Port;
  readonly #clock: Pick<Clock, "after">;
  readonly #listener: HostListener;
  readonly #waiting = new Map<number, Waiting>();
  /** Requests that were made before the handshake was over. */
  #held: { readonly id: number; readonly message: JsonObject }[] = [];
  #lastId = 0;
  #state: "new" | "ready" | "closed" = "new";
  #capabilities: JsonObject = {};
  #context: JsonObject = {};
  #height: number | undefined;
  #cancelHandshake = () => {};

  constructor(port: Port, clock: Pick<Clock, "after">, listener: HostListener) {
    this.#port = port;
    this.#clock = clock;
    this.#listener = listener;
  }

  /** True once the handshake is over. */
  get isReady(): boolean {
    return this.#state === "ready";
  }

  /** The host's capabilities, as it declares them: nothing is known of their shapes. */
  get capabilities(): JsonObject {
    return this.#capabilities;
  }

  /** The host's context: fields of {@linkcode McpUiHostContext}, whose shapes are not checked. */
  get context(): { readonly [field in keyof McpUiHostContext]: unknown } {
    return this.#context;
  }

  /** Listens to the host, and begins the handshake. */
  connect(): void {
    this.#port.onMessage((message) => this.#take(message));
    this.#handshake();
  }

  /**
   * Makes a request; before the handshake is over it is held back.
   *
   * @param timeoutMs milliseconds until the request has failed without an answer
   * @throws HostError
   */
  request<M extends HostRequest["method"]>(
    method: M,
    params: ParamsOf<M>,
    timeoutMs: number,
  ): Promise<JsonObject> {
    return new Promise((resolve, reject) => {
      if (this.#state === "closed") return reject(closed());
      const id = ++this.#lastId;
      const cancelTimer = this.#clock.after(timeoutMs, () => {
        this.#waiting.delete(id);
        reject(new HostError("timeout", "No answer came."));
      });
      this.#waiting.set(id, { resolve, reject, cancelTimer });
      const message = { jsonrpc: "2.0", id, method, params };
      if (this.#state === "ready") this.#port.post(message);
      else this.#held.push({ id, message });
    });
  }

  /** Tells the host how high the page is, in pixels; never how wide: goose would fix the width. */
  reportHeight(height: number): void {
    const rounded = Math.ceil(height);
    if (rounded === this.#height) return;
    this.#height = rounded;
    if (this.#state === "ready") this.#sendHeight(rounded);
  }

  #sendHeight(height: number): void {
    this.#notify("ui/notifications/size-changed", { height });
  }

  #notify(method: string, params: JsonObject): void {
    this.#port.post({ jsonrpc: "2.0", method, params });
  }

  /** Tries the handshake until any try is answered: the host may begin to listen after the page. */
  #handshake(): void {
    const id = ++this.#lastId;
    const cancelTimer = () => {};
    const done = (result: JsonObject) => this.#begin(result);
    // A host that rejects the handshake may still send the result, and take calls.
    this.#waiting.set(id, { resolve: done, reject: () => done({}), cancelTimer });
    this.#port.post({ jsonrpc: "2.0", id, method: "ui/initialize", params: INITIALIZE });
    this.#cancelHandshake = this.#clock.after(HANDSHAKE_MS, () => this.#handshake());
  }

  #begin({ hostCapabilities, hostContext }: JsonObject): void {
    if (this.#state !== "new") return;
    this.#cancelHandshake();
    this.#state = "ready";
    this.#capabilities = isJsonObject(hostCapabilities) ? hostCapabilities : {};
    this.#context = { ...this.#context, ...(isJsonObject(hostContext) && hostContext) };
    this.#notify("ui/notifications/initialized", {});
    if (this.#height !== undefined) this.#sendHeight(this.#height);
    for (const { id, message } of this.#held) {
      if (this.#waiting.has(id)) this.#port.post(message);
    }
    this.#held = [];
    this.#listener.changed();
  }

  #take(message: unknown): void {
    if (this.#state === "closed" || !isJsonObject(message) || message.jsonrpc !== "2.0") return;
    const { id, method, params } = message;
    if (typeof method !== "string") return this.#settle(message);
    const given = isJsonObject(params) ? params : {};
    if (id === undefined) return this.#hear(method, given);
    if (typeof id === "string" || typeof id === "number") this.#answer(id, method);
  }

  /** Takes the answer to a request of the page. */
  #settle({ id, result, error }: JsonObject): void {
    const waiting = typeof id === "number" ? this.#waiting.get(id) : undefined;
    if (!waiting || typeof id !== "number") return;
    this.#waiting.delete(id);
    waiting.cancelTimer();
    if (isJsonObject(error)) {
      const text = typeof error.message === "string" ? error.message : "";
      const isUnknown = error.code === METHOD_NOT_FOUND;
      return waiting.reject(new HostError(isUnknown ? "unsupported" : "refused", text));
    }
    const fields = isJsonObject(result) ? result : {};
    if (fields.status === "error" && !("content" in fields)) {
      const text = typeof fields.message === "string" ? fields.message : "";
      return waiting.reject(new HostError("unsupported", text));
    }
    waiting.resolve(fields);
  }

  /** Takes a notification. */
  #hear(method: string, params: JsonObject): void {
    switch (method) {
      case "ui/notifications/tool-input":
      case "ui/notifications/tool-input-partial": {
        const args = isJsonObject(params.arguments) ? params.arguments : {};
        return this.#listener.input(args, method === "ui/notifications/tool-input");
      }
      case "ui/notifications/tool-result":
        return this.#listener.result(params);
      case "ui/notifications/tool-cancelled":
        return this.#listener.cancelled();
      case "ui/notifications/host-context-changed":
        this.#context = { ...this.#context, ...params };
        return this.#listener.changed();
    }
  }

  /** Answers a request of the host. */
  #answer(id: string | number, method: string): void {
    if (method === "ping" || method === "ui/resource-teardown") {
      this.#port.post({ jsonrpc: "2.0", id, result: {} });
      if (method !== "ping") this.#close();
      return;
    }
    const error = { code: METHOD_NOT_FOUND, message: "Method not found" };
    this.#port.post({ jsonrpc: "2.0", id, error });
  }

  #close(): void {
    this.#state = "closed";
    this.#cancelHandshake();
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { cancelTimer, reject } of waiting) {
      cancelTimer();
      reject(closed());
    }
    this.#listener.teardown();
  }
}

function closed(): HostError {
  return new HostError("closed", "The app has closed the page.");
}
