/**
 * Single requests to a server, and what it and its log say to each.
 *
 * @module
 */

import { assert } from "@std/assert";
import type { ResourceServer } from "./oauth_world.ts";

/** A response of the server, read. */
export interface Seen {
  readonly status: number;
  readonly headers: Headers;
  /** Parameters of the challenge; none when there is no challenge. */
  readonly challenge: Readonly<Record<string, string>>;
  /** Message of the JSON-RPC error, or of the tool's. */
  readonly message: string;
  readonly id: unknown;
  /** Fields of the tool's result. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** The id by which the log names the request. */
  readonly requestId: string;
}

/** Headers of a client of 2025-11-25. */
const HEADERS = {
  "content-type": "application/json",
  "accept": "application/json, text/event-stream",
  "mcp-protocol-version": "2025-11-25",
};

/** Sends a JSON-RPC message, with a token or with headers of the caller's own. */
export async function send(
  url: string,
  from: string | Readonly<Record<string, string>>,
  message: unknown,
): Promise<Seen> {
  const requestId = crypto.randomUUID();
  const credentials = typeof from === "string" ? { authorization: `Bearer ${from}` } : from;
  const response = await fetch(url, {
    method: "POST",
    headers: { ...HEADERS, "x-request-id": requestId, ...credentials },
    body: JSON.stringify(message),
  });
  const text = await response.text();
  const { id, error, result } = Object(lastMessage(text));
  return {
    status: response.status,
    headers: response.headers,
    challenge: parametersOf(response.headers.get("www-authenticate") ?? ""),
    message: String(
      error?.message ?? (result?.isError ? result.content?.[0]?.text : undefined) ?? "",
    ),
    id,
    fields: { ...Object(result?.structuredContent) },
    requestId,
  };
}

/** Calls a tool. */
export function callTool(
  url: string,
  from: string | Readonly<Record<string, string>>,
  name: string,
  args: Readonly<Record<string, unknown>> = {},
): Promise<Seen> {
  const params = { name, arguments: args };
  return send(url, from, { jsonrpc: "2.0", id: 7, method: "tools/call", params });
}

/** Returns the last JSON-RPC message of a body, which may be a stream of events. */
function lastMessage(text: string): unknown {
  const data = text.startsWith("{")
    ? [text]
    : [...text.matchAll(/^data: (\{.*)$/gm)].map(([, json = ""]) => json);
  const last = data.at(-1);
  return last === undefined ? undefined : JSON.parse(last);
}

/** Reads the parameters of a challenge, which are all quoted. */
function parametersOf(header: string): Record<string, string> {
  return Object.fromEntries(
    [...header.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)].map(([, name = "", value = ""]) => [
      name,
      value,
    ]),
  );
}

/** A line of a log in JSON. */
export type LogLine = Readonly<Record<string, unknown>>;

/** Returns the lines of a log in JSON. */
export function linesOf({ program }: ResourceServer): LogLine[] {
  return program.stderr.flatMap((line) => line.startsWith("{") ? [JSON.parse(line)] : []);
}

/** Resolves with the line of the log about a request that got an error response. */
export function lineAbout(server: ResourceServer, seen: Seen): Promise<LogLine> {
  const { requestId, status } = seen;
  // The log has no such line for any other, so that nothing would come.
  assert(status >= 400, `${status} is no error response`);
  return server.program.until(() =>
    linesOf(server).find((line) => line.request_id === requestId && line.status !== undefined)
  );
}
