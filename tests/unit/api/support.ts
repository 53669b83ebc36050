import type { FetchLike, ManagedAgentsApi } from "../../../src/api/types.ts";
import { type ApiOptions, createApi } from "../../../src/api/client.ts";
import type { RequestInfo } from "../../../src/api/http.ts";
import type { Logger } from "../../../src/core/logger.ts";
import { ManualClock } from "../../helpers/manual_clock.ts";

/** How a fake server answers one request. */
export type Step = (request: Request) => Response | Promise<Response>;

export const KEY = "sk-ant-test-0123456789abcdef";
export const BASE_URL = "https://api.test";

/** A JSON answer. */
export function json(value: unknown, init: ResponseInit = {}): Step {
  return () => Response.json(value, init);
}

/** An answer without a body, for its status and headers. */
export function status(code: number, headers: HeadersInit = {}): Step {
  return () => new Response(null, { status: code, headers });
}

/** An answer with the documented error envelope. */
export function failure(code: number, type: string, headers: HeadersInit = {}): Step {
  const error = { type, message: `It is ${type}.` };
  return json({ type: "error", error, request_id: "req_body" }, { status: code, headers });
}

/** Never answers, and does not care for the request's signal. */
export function hang(): Promise<Response> {
  return new Promise(() => {});
}

/** Throws as Deno's fetch does when nobody listens. */
export function refused(): Response {
  throw new TypeError("fetch failed", {
    cause: new Error(
      "error sending request for url (https://api.test/v1/agents): client error (Connect): " +
        "tcp connect error: Connection refused (os error 111)",
    ),
  });
}

/** Throws as Deno's fetch does when the connection closes before the answer. */
export function broken(): Response {
  throw new TypeError("fetch failed", {
    cause: new Error(
      "error sending request from 127.0.0.1:1 for https://api.test/v1/agents (127.0.0.1:2): " +
        "client error (SendRequest): connection closed before message completed",
    ),
  });
}

/** A body under the test's control. */
export class TestBody {
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  cancelled = false;
  readonly stream: ReadableStream<Uint8Array>;

  constructor(...chunks: (string | Uint8Array)[]) {
    this.stream = new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
        for (const chunk of chunks) this.push(chunk);
      },
      cancel: () => {
        this.cancelled = true;
      },
    });
  }

  push(chunk: string | Uint8Array): void {
    const bytes = typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk;
    this.#controller?.enqueue(bytes);
  }

  end(): void {
    this.#controller?.close();
  }

  /** Breaks as a Deno body does when its connection is lost. */
  break(): void {
    this.#controller?.error(new TypeError("error reading a body from connection"));
  }

  respond(init: ResponseInit = {}): Step {
    return () => new Response(this.stream, init);
  }

  respondAsStream(): Step {
    return this.respond({ headers: { "content-type": "text/event-stream; charset=utf-8" } });
  }
}

/** A client, the fake server behind it, and all that they leave to look at. */
export interface Setup {
  readonly api: ManagedAgentsApi;
  readonly clock: ManualClock;
  readonly requests: Request[];
  readonly infos: RequestInfo[];
  readonly logs: { level: string; message: string; fields: unknown }[];
}

/** A client whose requests are answered by `steps`, in order; one more is an error of the test. */
export function setup(steps: readonly Step[], options: Partial<ApiOptions> = {}): Setup {
  const clock = new ManualClock();
  const requests: Request[] = [];
  const infos: RequestInfo[] = [];
  const logs: Setup["logs"] = [];
  const fetch: FetchLike = async (request) => {
    const step = steps[requests.length];
    requests.push(request);
    if (!step) throw new Error(`The test expects no request ${requests.length}`);
    return await step(request);
  };
  const api = createApi({
    baseUrl: BASE_URL,
    credential: () => ({ kind: "api_key", value: KEY }),
    fetch,
    clock,
    random: () => 1,
    log: recordingLogger(logs),
    observe: (info) => infos.push(info),
    ...options,
  });
  return { api, clock, requests, infos, logs };
}

/** A logger that keeps what it is told. */
export function recordingLogger(logs: Setup["logs"]): Logger {
  const at = (level: string) => (message: string, fields?: unknown) => {
    logs.push({ level, message, fields });
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** A signal that counts the listeners that are on it. */
export function countingSignal(): {
  controller: AbortController;
  signal: AbortSignal;
  listeners: () => number;
} {
  const controller = new AbortController();
  const { signal } = controller;
  const active = new Set<unknown>();
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (
    type: string,
    listener: EventListenerOrEventListenerObject,
    options?: boolean | AddEventListenerOptions,
  ) => {
    active.add(listener);
    add(type, listener, options);
  };
  signal.removeEventListener = (type: string, listener: EventListenerOrEventListenerObject) => {
    active.delete(listener);
    remove(type, listener);
  };
  return { controller, signal, listeners: () => active.size };
}
