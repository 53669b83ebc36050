/**
 * MCP over the process's standard input and output.
 *
 * @module
 */

import {
  type JSONRPCMessage,
  type McpRequestContext,
  type McpServerFactory,
  parseJSONRPCMessage,
  PROTOCOL_VERSION_META_KEY,
  type Transport,
} from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { type ByteLine, byteLines } from "./core/byte_lines.ts";
import { isBrokenPipe, unquoted } from "./core/errors.ts";
import { ID } from "./core/ids.ts";
import type { Logger } from "./core/logger.ts";
import type { Output } from "./core/output.ts";
import { singleLineJson } from "./core/text.ts";
import { isFields } from "./api/read.ts";
import {
  checkBatch,
  checkMessage,
  INVALID_PARAMS,
  INVALID_REQUEST,
  jsonRpcError,
  MAX_MESSAGE_BYTES,
  type MessageError,
  type MessageId,
  parseJson,
} from "./mcp/messages.ts";
import type { ClientTraits } from "./mcp/handshake.ts";
import { declaredView } from "./mcp/session_view.ts";

/** A connection that is being served. */
export interface StdioConnection {
  /** Resolves when the connection is over: standard input ended, or `close` was called. */
  readonly closed: Promise<void>;
  /** Ends the connection and cancels running calls. Idempotent. */
  close(): Promise<void>;
}

/** Makes the server of an era; one that takes the context alone will do. */
export type StdioServerFactory = (
  context: McpRequestContext,
  client: ClientTraits,
) => ReturnType<McpServerFactory>;

/** Options of {@linkcode serveStdioTransport}. */
export interface StdioOptions {
  readonly log: Logger;
  /** Source of messages, one per line. */
  readonly input: AsyncIterable<Uint8Array>;
  /**
   * Receives messages, one per line; a write that fails, or that returns false, ends the
   * connection.
   */
  readonly output: Pick<Output, "write" | "failure" | "failed">;
  /**
   * Resolves when the servers have more to serve than their handshake; called before the first
   * message that needs it, which waits, as all after it do. At once when absent.
   */
  readonly ready?: () => Promise<void>;
}

/**
 * Serves the one client that started this process, in the protocol era of its messages.
 *
 * The SDK's own transport says nothing about lines that it cannot read, ends at one that is too
 * long, and keeps the era of the first message. So this function checks lines before the SDK sees
 * them, and makes each era a connection of its own.
 */
export function serveStdioTransport(
  factory: StdioServerFactory,
  { log, input, output, ready }: StdioOptions,
): StdioConnection {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  let isClosed = false;
  let atEnd: ReturnType<typeof setTimeout> | undefined;
  const close = () => {
    if (isClosed) return;
    isClosed = true;
    clearTimeout(atEnd);
    eras.close();
    resolve();
  };
  const onLost = (reason: string) => {
    if (isClosed) return;
    log.error("The host no longer reads stdout: ending the connection", { reason });
    close();
  };
  const send = (message: unknown) => {
    if (isClosed || output.failure !== undefined) return;
    const line = `${singleLineJson(JSON.stringify(message))}\n`;
    if (!output.write(line)) onLost("stdout is not read");
  };
  const eras = new Eras(factory, send, log);
  // A host may close its end and leave stdin open: then nobody reads any more.
  void output.failed.then(() => onLost(whyLost(output.failure)));
  const refuse = (id: MessageId, error: MessageError, bytes: number) => {
    log.warn("A line on stdin cannot be read", { reason: error.message, bytes });
    // JSON-RPC 2.0, section 4.1: notifications get no response. Other messages without an id do.
    if (id === null && error.code === INVALID_PARAMS) return;
    send(jsonRpcError(id, error));
  };
  const receive = (line: ByteLine) => {
    if (line.kind === "too_long") return refuse(idOfEdges(line), TOO_LONG, line.byteLength);
    if (line.bytes.every(isSpace)) return;
    const parsed = parseJson(line.bytes);
    const { byteLength } = line.bytes;
    if ("error" in parsed) return refuse(null, parsed.error, byteLength);
    const batch = Array.isArray(parsed.value) ? parsed.value : undefined;
    const batchError = batch && checkBatch(batch);
    if (batchError) return refuse(null, batchError, byteLength);
    for (const value of batch ?? [parsed.value]) {
      const found = checkMessage(value);
      if ("error" in found) refuse(found.id, found.error, byteLength);
      else eras.deliver(parseJSONRPCMessage(found.message));
    }
  };
  let untilReady = ready;
  const read = async () => {
    for await (const line of byteLines(input, MAX_MESSAGE_BYTES)) {
      if (untilReady && !isOfHandshake(line)) {
        await untilReady();
        untilReady = undefined;
      }
      if (isClosed) return;
      try {
        receive(line);
      } catch (error) {
        log.debug("stdio", { error: unquoted(error) });
      }
    }
  };
  read().catch((error) => log.debug("stdin", { error: unquoted(error) }))
    // One turn later, so that the message read last still gets a response that needs no other
    // input.
    .finally(() => {
      if (!isClosed) atEnd = setTimeout(close);
    });
  return { closed, close: () => Promise.resolve(close()) };
}

function whyLost(failure: unknown): string {
  return isBrokenPipe(failure)
    ? "stdout is closed"
    : `stdout cannot be written: ${unquoted(failure)}`;
}

const TOO_LONG: MessageError = {
  code: INVALID_REQUEST,
  message: `Invalid request: the line is too long: at most ${MAX_MESSAGE_BYTES} bytes`,
};

/** Requests that servers answer before they have anything else. */
const OF_HANDSHAKE: readonly unknown[] = ["initialize", "server/discover", "ping"];

function isOfHandshake(line: ByteLine): boolean {
  if (line.kind === "too_long") return false;
  const parsed = parseJson(line.bytes);
  return "value" in parsed && isFields(parsed.value) && OF_HANDSHAKE.includes(parsed.value.method);
}

/** Returns true for space, tab and other bytes that may end a line. */
function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0d;
}

/** Matches an id at the beginning of a message, where most clients put it. */
const ID_AT_HEAD = /^\s*\{(?:\s*"(?:jsonrpc|method)"\s*:\s*"[^"\\]*"\s*,)*\s*"id"\s*:\s*([^\s,}]+)/;
/**
 * Matches an id at the end, where the SDK's client puts it. A quote in a text has a backslash
 * before it.
 */
const ID_AT_TAIL =
  /,\s*(?:"jsonrpc"\s*:\s*"[^"\\]*"\s*,\s*)?"id"\s*:\s*([^\s,{}]+)\s*(?:,\s*"jsonrpc"\s*:\s*"[^"\\]*"\s*)?\}\s*$/;

/**
 * Returns the id of a message of which only the edges are known, so that its sender gets a
 * response.
 */
function idOfEdges({ head, tail }: Extract<ByteLine, { kind: "too_long" }>): MessageId {
  const decoder = new TextDecoder();
  const text = ID_AT_HEAD.exec(decoder.decode(head))?.[1] ??
    ID_AT_TAIL.exec(decoder.decode(tail))?.[1] ?? "";
  return /^-?\d{1,15}$|^"[\w.:-]{1,128}"$/.test(text) ? JSON.parse(text) : null;
}

/** The connections of a client, one per protocol era, and the era of each request. */
class Eras {
  readonly #factory: StdioServerFactory;
  readonly #write: (message: JSONRPCMessage) => void;
  readonly #log: Logger;
  readonly #open = new Map<"2025" | "2026", EraTransport>();
  /** Requests without a response yet, by id: a client may use an id twice. */
  readonly #requests = new Map<unknown, EraTransport[]>();
  /** Requests to the client that wait for its response, by id: questions to a person. */
  readonly #questions = new Map<string, OpenQuestion>();
  #asked = 0;

  constructor(
    factory: StdioServerFactory,
    write: (message: JSONRPCMessage) => void,
    log: Logger,
  ) {
    this.#factory = factory;
    this.#write = write;
    this.#log = log;
  }

  deliver(message: JSONRPCMessage): void {
    if (!("method" in message)) return this.#answer(message);
    if (message.method === "notifications/cancelled") return this.#cancel(message);
    const isRequest = "id" in message;
    const meta = message.params?._meta;
    const isModern = isFields(meta) && PROTOCOL_VERSION_META_KEY in meta;
    const era = isModern
      ? this.#of("2026", message)
      : isRequest
      ? this.#of("2025", message)
      : this.#existing();
    if (isRequest) {
      const sameId = this.#requests.get(message.id);
      if (sameId) sameId.push(era);
      else this.#requests.set(message.id, [era]);
    }
    era.deliver(message);
  }

  close(): void {
    for (const era of this.#open.values()) era.onclose?.();
    this.#open.clear();
    this.#questions.clear();
  }

  /** Takes a response to where its request came from; nothing of a late one counts. */
  #answer(message: Exclude<JSONRPCMessage, { method: string }>): void {
    const id = String(message.id);
    const question = this.#questions.get(id);
    if (question) {
      this.#questions.delete(id);
      return question.era.deliver({ ...message, id: question.id });
    }
    // An error response is how some clients confirm that a question was withdrawn.
    if (!("result" in message)) return this.#log.debug("A client failed at no open request");
    this.#log.info("An answer came too late", {
      audit: true,
      request_id: ID.test(id) ? id : undefined,
    });
  }

  /**
   * Cancels the request that the notification names; none when several running ones have its id.
   */
  #cancel(message: Extract<JSONRPCMessage, { method: string }>): void {
    const id = message.params?.requestId;
    const [era, ...others] = this.#requests.get(id) ?? [];
    if (others.length > 0) {
      return this.#log.info("Several running calls have the id of a cancellation: cancelled none", {
        id,
      });
    }
    this.#requests.delete(id);
    (era ?? this.#existing()).deliver(message);
  }

  #existing(): EraTransport {
    return this.#open.get("2025") ?? this.#open.get("2026") ?? this.#of("2025");
  }

  /** @param first message, of which a new era's server learns what the client has declared */
  #of(name: "2025" | "2026", first?: JSONRPCMessage): EraTransport {
    const known = this.#open.get(name);
    if (known) return known;
    const era: EraTransport = new EraTransport((message) => this.#send(era, message));
    this.#open.set(name, era);
    const client = { showsView: declaredView(first) ?? false };
    serveStdio((context) => this.#factory(context, client), {
      transport: era,
      onerror: (error) => this.#log.debug("stdio", { error: unquoted(error) }),
    });
    return era;
  }

  #send(era: EraTransport, message: JSONRPCMessage): Promise<void> {
    if (!("method" in message)) this.#forget(era, message.id);
    this.#write("method" in message ? this.#withOwnId(era, message) : message);
    return Promise.resolve();
  }

  #forget(era: EraTransport, id: MessageId | undefined): void {
    if (id === undefined) return;
    const waiting = this.#requests.get(id) ?? [];
    const at = waiting.indexOf(era);
    if (at !== -1) waiting.splice(at, 1);
    if (waiting.length === 0) this.#requests.delete(id);
  }

  /**
   * Gives questions, and what withdraws them, ids from 1. The SDK counts from 0, and clients with
   * its 1.x take a request with the id 0 for one that cannot be cancelled (`Protocol._oncancel`).
   */
  #withOwnId(
    era: EraTransport,
    message: Extract<JSONRPCMessage, { method: string }>,
  ): JSONRPCMessage {
    if ("id" in message) {
      const id = ++this.#asked;
      this.#questions.set(String(id), { era, id: message.id });
      return { ...message, id };
    }
    if (message.method !== "notifications/cancelled") return message;
    const requestId = message.params?.requestId;
    for (const [id, question] of this.#questions) {
      if (question.era !== era || question.id !== requestId) continue;
      this.#questions.delete(id);
      return { ...message, params: { ...message.params, requestId: Number(id) } };
    }
    return message;
  }
}

/** A question to the client that waits for its response, under the id that the SDK knows. */
interface OpenQuestion {
  readonly era: EraTransport;
  readonly id: string | number;
}

/** Looks like a whole connection to the SDK, and is one era of it. */
class EraTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  readonly send: (message: JSONRPCMessage) => Promise<void>;

  constructor(send: (message: JSONRPCMessage) => Promise<void>) {
    this.send = send;
  }

  deliver(message: JSONRPCMessage): void {
    this.onmessage?.(message);
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.onclose?.();
    return Promise.resolve();
  }
}
