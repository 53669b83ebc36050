/**
 * Calls tools over HTTP, and reads the results of all servers alike.
 *
 * @module
 */

import { z } from "zod";
import { TOKEN } from "../../helpers/http_program.ts";
import { messageIn, toolCall } from "../waits/http_waits.ts";
import { Cannot } from "./findings.ts";

/** Headers of a host that speaks the 2025-era protocol. */
export const HEADERS = {
  authorization: `Bearer ${TOKEN}`,
  accept: "application/json, text/event-stream",
  "content-type": "application/json",
} as const;

const responseSchema = z.object({
  result: z.object({
    isError: z.literal(false).optional(),
    content: z.array(z.object({ text: z.string() })),
    structuredContent: z.record(z.string(), z.unknown()).optional(),
  }),
});

/** A result of a tool. */
export type ToolResult = Readonly<Record<string, unknown>>;

/**
 * Returns the result in the body of a response: as data where a server gives it so, else its text.
 *
 * @throws Error when the call failed
 */
export function resultIn(body: string): ToolResult {
  const { success, data } = responseSchema.safeParse(messageIn(body));
  if (!success) throw new Error(`A call failed: ${body.slice(0, 500)}`);
  const { structuredContent, content: [first] } = data.result;
  return structuredContent ?? JSON.parse(first?.text ?? "");
}

/** Calls a tool. */
export async function callTool(
  url: string,
  name: string,
  args: ToolResult,
  signal?: AbortSignal,
): Promise<ToolResult> {
  const body = JSON.stringify(toolCall(name, args));
  const response = await fetch(url, { method: "POST", headers: HEADERS, body, signal });
  if (!response.ok) throw new Error(`The server: status ${response.status}`);
  return resultIn(await response.text());
}

/**
 * Does something for which a server has so long.
 *
 * @param what it does not do in that time, such as `no response`
 * @throws Cannot when it takes longer; the signal is aborted then
 */
export async function within<T>(
  ms: number,
  what: string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(new Cannot(`${what} in ${ms / 1_000} s`));
    controller.abort();
  }, ms);
  try {
    return await Promise.race([work(controller.signal), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
