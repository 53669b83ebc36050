/**
 * Tool calls of the 2025-era protocol, answered without a server in between.
 *
 * The SDK makes a server, a transport and two streams for every request and checks its messages
 * several times: about half of what a call costs. Nearly all requests are well-formed calls of
 * tools, which need none of it. Every other request, and whatever is odd about one, is the SDK's.
 *
 * @module
 */

import {
  type AuthInfo,
  type CallToolResult,
  SUPPORTED_PROTOCOL_VERSIONS,
} from "@modelcontextprotocol/server";
import { bindSignal } from "../core/abort.ts";
import type { Clock } from "../core/clock.ts";
import { clientOf, type DirectCallMeta, type ServerFactory } from "../mcp/server.ts";
import { type Fields, isFields } from "../mcp/messages.ts";
import { createMessageStream, type MessageStream } from "./message_stream.ts";

/** What {@linkcode createToolCalls} needs. */
export interface ToolCallsOptions {
  readonly factory: Pick<ServerFactory, "knows" | "callDirectly">;
  readonly clock: Clock;
  /** How often a comment goes out on a silent stream, in milliseconds. */
  readonly keepAliveMs: number;
}

/** Answers tool calls. */
export interface ToolCalls {
  /**
   * @param body the parsed body of the request
   * @returns the answer, or undefined when the request is not for this way
   */
  answer(request: Request, body: unknown, authInfo: AuthInfo): Promise<Response> | undefined;
  /** Cancels what still runs. */
  close(): void;
}

/** A call that takes longer is answered by a stream, whose head leaves at once. */
const SOON_MS = 1_000;

/** Waits take their time by nature. */
const SLOW_TOOL = "wait_for_idle";

interface CallRequest {
  readonly id: string | number;
  readonly name: string;
  readonly args: unknown;
  readonly meta?: DirectCallMeta;
}

export function createToolCalls({ factory, clock, keepAliveMs }: ToolCallsOptions): ToolCalls {
  const closing = new AbortController();
  return {
    answer(request, body, authInfo) {
      const call = callIn(request.headers, body);
      if (!call || !factory.knows(call.name)) return undefined;
      const gone = new AbortController();
      const bound = bindSignal(clock, { signals: [request.signal, gone.signal, closing.signal] });
      const stream = createMessageStream(
        clock,
        keepAliveMs,
        () => gone.abort(aborted("The client went away")),
      );
      const streams = call.name === SLOW_TOOL || call.meta?.progressToken !== undefined;
      // Before the call begins: it may have something to say at once.
      const response = streams ? stream.open() : undefined;
      const message = factory.callDirectly({
        ...call,
        signal: bound.signal,
        client: clientOf(request.headers, authInfo),
        authInfo,
        notify: (params) => Promise.resolve(stream.send({ method: PROGRESS, params })),
      }).then((result) => ({ id: call.id, result }), () => failure(call.id))
        .finally(() => bound.dispose());
      if (!response) return soonOrStream(message, stream, call.id, clock);
      endWith(message, stream, call.id);
      return Promise.resolve(response);
    },
    close: () => closing.abort(aborted("The server is shutting down")),
  };
}

const PROGRESS = "notifications/progress";
const INTERNAL_ERROR = -32_603;

function aborted(why: string): DOMException {
  return new DOMException(why, "AbortError");
}

type Message =
  | { readonly id: string | number; readonly result: CallToolResult }
  | { readonly id: string | number; readonly error: { code: number; message: string } };

/** What goes wrong in a tool is in its result; this is a fault of the server itself. */
function failure(id: string | number): Message {
  return { id, error: { code: INTERNAL_ERROR, message: "Internal error" } };
}

async function soonOrStream(
  message: Promise<Message>,
  stream: MessageStream,
  id: Message["id"],
  clock: Clock,
): Promise<Response> {
  let cancel = () => {};
  const late = new Promise<undefined>((resolve) => {
    cancel = clock.after(SOON_MS, () => resolve(undefined));
  });
  const early = await Promise.race([message, late]);
  cancel();
  if (early) return Response.json({ jsonrpc: "2.0", ...early });
  const response = stream.open();
  endWith(message, stream, id);
  return response;
}

/** Ends a stream with its last message; with a failure where that cannot be written. */
function endWith(message: Promise<Message>, stream: MessageStream, id: Message["id"]): void {
  message.then((last) => stream.close(last)).catch(() => stream.close(failure(id)));
}

/** The call in a request that leaves nothing to decide; undefined for any other. */
function callIn(headers: Headers, body: unknown): CallRequest | undefined {
  const version = headers.get("mcp-protocol-version");
  if (version !== null && !SUPPORTED_PROTOCOL_VERSIONS.includes(version)) return undefined;
  const accept = headers.get("accept") ?? "";
  if (!accept.includes("application/json") || !accept.includes("text/event-stream")) {
    return undefined;
  }
  const message = fieldsOf(body, ["jsonrpc", "id", "method", "params"]);
  if (message?.jsonrpc !== "2.0" || message.method !== "tools/call") return undefined;
  const { id } = message;
  if (!isId(id)) return undefined;
  const params = fieldsOf(message.params, ["name", "arguments", "_meta"]);
  const { name, arguments: args, _meta } = params ?? {};
  if (typeof name !== "string") return undefined;
  if (args !== undefined && !isFields(args)) return undefined;
  const meta = metaIn(_meta);
  return meta && { id, name, args, ...(_meta !== undefined && { meta }) };
}

function isId(id: unknown): id is string | number {
  return typeof id === "string" || Number.isSafeInteger(id);
}

/** The newer protocol announces itself here, and is the SDK's. */
function metaIn(meta: unknown = {}): DirectCallMeta | undefined {
  if (!isFields(meta)) return undefined;
  if (Object.keys(meta).some((key) => key.startsWith("io.modelcontextprotocol/"))) return undefined;
  const { progressToken, ...others } = meta;
  if (progressToken === undefined) return others;
  return isId(progressToken) ? { ...others, progressToken } : undefined;
}

/** The fields of an object that has no others. */
function fieldsOf(value: unknown, names: readonly string[]): Fields | undefined {
  if (!isFields(value)) return undefined;
  return Object.keys(value).every((name) => names.includes(name)) ? value : undefined;
}
