import { assert } from "@std/assert";
import { isInputRequiredResult } from "@modelcontextprotocol/server";
import { isFields } from "../../src/api/read.ts";
import { secretOf, type Team } from "./tokens_support.ts";

/** What a client of 2026-07-28 that shows forms sends with each request. */
export const META = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientInfo": { name: "raw", version: "0" },
  "io.modelcontextprotocol/clientCapabilities": { elicitation: { form: {} } },
};

/** Parameters of a request. */
export type Params = Readonly<Record<string, unknown>>;

/** Makes a call as a client of one era does, and returns its result or its error. */
export async function post(
  team: Team,
  token: string,
  era: "2025" | "2026",
  params: Params,
): Promise<Record<string, unknown>> {
  const headers = new Headers({
    host: "localhost",
    authorization: `Bearer ${secretOf(token)}`,
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
  });
  if (era === "2026") {
    headers.set("mcp-protocol-version", "2026-07-28");
    headers.set("mcp-method", "tools/call");
    headers.set("mcp-name", String(params.name));
  }
  const body = JSON.stringify({
    ...{ jsonrpc: "2.0", id: 1, method: "tools/call" },
    params: { ...params, ...(era === "2026" && { _meta: META }) },
  });
  const request = new Request("http://localhost/mcp", { method: "POST", headers, body });
  const { app: { until }, handler } = team;
  const response = await until(handler.fetch(request));
  const text = await until(response.text());
  const messages = text.startsWith("{")
    ? [text]
    : [...text.matchAll(/^data: (.+)$/gm)].map(([, json = ""]) => json);
  const answer: unknown = JSON.parse(messages.at(-1) ?? "");
  assert(isFields(answer));
  return answer;
}

/** What the client's next call carries to answer a question. */
export interface Carried {
  readonly key: string;
  readonly requestState: string | undefined;
  readonly inputResponses: Record<string, { readonly action: string; readonly content: Params }>;
}

/** The answer to a question that allows every call. */
export function allowedBy(result: unknown): Carried {
  assert(isInputRequiredResult(result), JSON.stringify(result));
  const { inputRequests = {}, requestState } = result;
  const [key = ""] = Object.keys(inputRequests);
  const params = inputRequests[key]?.params;
  assert(params && "requestedSchema" in params);
  const { requestedSchema } = params;
  assert(isFields(requestedSchema) && Array.isArray(requestedSchema.required));
  const content = Object.fromEntries(requestedSchema.required.map((name) => [name, "allow"]));
  const inputResponses = { [key]: { action: "accept", content } };
  return { key, requestState, inputResponses };
}

/** The structured result of a call. */
export function resultOf({ result }: Record<string, unknown>): Record<string, unknown> {
  assert(isFields(result) && isFields(result.structuredContent), JSON.stringify(result));
  return { ...result.structuredContent };
}
