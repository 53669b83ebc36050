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
export interface Host {
  /** True once the handshake is over. */
  readonly isReady: boolean;
  /** The host's capabilities, as it declares them: nothing is known of their shapes. */
  readonly capabilities: JsonObject;
  /** The host's context: fields of {@linkcode McpUiHostContext}, whose shapes are not checked. */
  readonly context: { readonly [field in keyof McpUiHostContext]: unknown };
  /** Listens to the host, and begins the handshake. */
  connect(): void;
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
  ): Promise<JsonObject>;
  /** Tells the host how high the page is, in pixels; never how wide: goose would fix the width. */
  reportHeight(height: number): void;
}

/** Makes the host of a page. It is made of functions, as all of the page: it is to be small. */
export function createHost(
  port: Port,
  clock: Pick<Clock, "after">,
  listener: HostListener,
): Host {
  const requests = new Map<number, Waiting>();
  /** Requests that were made before the handshake was over. */
  let held: { readonly id: number; readonly message: JsonObject }[] = [];
  let lastId = 0;
  let phase: "new" | "ready" | "closed" = "new";
  let capabilities: JsonObject = {};
  let context: JsonObject = {};
  let shownHeight: number | undefined;
  let cancelHandshake = () => {};

  function request(method: string, params: unknown, timeoutMs: number): Promise<JsonObject> {
    return new Promise((resolve, reject) => {
      if (phase === "closed") return reject(closed());
      const id = ++lastId;
      const cancelTimer = clock.after(timeoutMs, () => {
        requests.delete(id);
        reject(new HostError("timeout", "No answer came."));
      });
      requests.set(id, { resolve, reject, cancelTimer });
      const message = { jsonrpc: "2.0", id, method, params };
      if (phase === "ready") port.post(message);
      else held.push({ id, message });
    });
  }

  function reportHeight(height: number): void {
    const rounded = Math.ceil(height);
    if (rounded === shownHeight) return;
    shownHeight = rounded;
    if (phase === "ready") sendHeight(rounded);
  }

  function sendHeight(height: number): void {
    notify("ui/notifications/size-changed", { height });
  }

  function notify(method: string, params: JsonObject): void {
    port.post({ jsonrpc: "2.0", method, params });
  }

  /** Tries the handshake until any try is answered: the host may begin to listen after the page. */
  function handshake(): void {
    const id = ++lastId;
    const cancelTimer = () => {};
    const done = (result: JsonObject) => begin(result);
    // A host that rejects the handshake may still send the result, and take calls.
    requests.set(id, { resolve: done, reject: () => done({}), cancelTimer });
    port.post({ jsonrpc: "2.0", id, method: "ui/initialize", params: INITIALIZE });
    cancelHandshake = clock.after(HANDSHAKE_MS, () => handshake());
  }

  function begin({ hostCapabilities, hostContext }: JsonObject): void {
    if (phase !== "new") return;
    cancelHandshake();
    phase = "ready";
    capabilities = isJsonObject(hostCapabilities) ? hostCapabilities : {};
    context = { ...context, ...(isJsonObject(hostContext) && hostContext) };
    notify("ui/notifications/initialized", {});
    if (shownHeight !== undefined) sendHeight(shownHeight);
    for (const { id, message } of held) {
      if (requests.has(id)) port.post(message);
    }
    held = [];
    listener.changed();
  }

  function takeMessage(message: unknown): void {
    if (phase === "closed" || !isJsonObject(message) || message.jsonrpc !== "2.0") return;
    const { id, method, params } = message;
    if (typeof method !== "string") return settle(message);
    const given = isJsonObject(params) ? params : {};
    if (id === undefined) return hear(method, given);
    if (typeof id === "string" || typeof id === "number") answerHost(id, method);
  }

  /** Takes the answer to a request of the page. */
  function settle({ id, result, error }: JsonObject): void {
    const waiting = typeof id === "number" ? requests.get(id) : undefined;
    if (!waiting || typeof id !== "number") return;
    requests.delete(id);
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
  function hear(method: string, params: JsonObject): void {
    switch (method) {
      case "ui/notifications/tool-input":
      case "ui/notifications/tool-input-partial": {
        const args = isJsonObject(params.arguments) ? params.arguments : {};
        return listener.input(args, method === "ui/notifications/tool-input");
      }
      case "ui/notifications/tool-result":
        return listener.result(params);
      case "ui/notifications/tool-cancelled":
        return listener.cancelled();
      case "ui/notifications/host-context-changed":
        context = { ...context, ...params };
        return listener.changed();
    }
  }

  /** Answers a request of the host. */
  function answerHost(id: string | number, method: string): void {
    if (method === "ping" || method === "ui/resource-teardown") {
      port.post({ jsonrpc: "2.0", id, result: {} });
      if (method !== "ping") close();
      return;
    }
    const error = { code: METHOD_NOT_FOUND, message: "Method not found" };
    port.post({ jsonrpc: "2.0", id, error });
  }

  function close(): void {
    phase = "closed";
    cancelHandshake();
    const waiting = [...requests.values()];
    requests.clear();
    for (const { cancelTimer, reject } of waiting) {
      cancelTimer();
      reject(closed());
    }
    listener.teardown();
  }

  return {
    get isReady() {
      return phase === "ready";
    },
    get capabilities() {
      return capabilities;
    },
    get context() {
      return context;
    },
    connect() {
      port.onMessage(takeMessage);
      handshake();
    },
    request,
    reportHeight,
  };
}

function closed(): HostError {
  return new HostError("closed", "The app has closed the page.");
}
