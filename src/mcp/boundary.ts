/**
 * Where tools meet the protocol: a call in, a result out, whatever happens in between.
 *
 * @module
 */

import type { CallToolResult } from "@modelcontextprotocol/server";
import { ApiError, ToolError } from "../core/errors.ts";
import { fitBudget } from "../tools/budget.ts";
import type { ToolCall, ToolDefinition } from "../tools/define.ts";
import { idHint } from "../tools/ids.ts";
import { redactValue } from "../tools/redact_value.ts";
import { failureText } from "./errors.ts";

/**
 * Runs a tool. Failures become `isError` results, which the model reads, and lines of the
 * operator's log.
 */
export async function callTool(
  tool: ToolDefinition,
  args: unknown,
  call: ToolCall,
): Promise<CallToolResult> {
  const { services } = call;
  const startedAt = services.clock.now();
  try {
    const structuredContent = sealed(await tool.run(args, call), call);
    services.log.debug("Tool call done", {
      tool: tool.name,
      request: call.requestId,
      ms: Math.round(services.clock.now() - startedAt),
    });
    return {
      content: [{ type: "text", text: JSON.stringify(structuredContent) }],
      structuredContent,
    };
  } catch (error) {
    logFailure(tool, error, call, services.clock.now() - startedAt);
    const text = services.redact(failureText(error, hintFor(error, args)));
    return { content: [{ type: "text", text }], isError: true };
  }
}

/** The result as it leaves: redacted, then within the size budget. */
function sealed(result: Record<string, unknown>, { services }: ToolCall): Record<string, unknown> {
  const { value, cut } = fitBudget(redactValue(result, services.redact));
  return cut ? { ...value, truncated: true } : value;
}

/** A wrong id shows in the API's answer, or in a refusal; nowhere else would the hint help. */
function hintFor(error: unknown, args: unknown): string | undefined {
  const aboutId = error instanceof ToolError
    ? error.code === "not_available" || error.code === "unknown_event"
    : error instanceof ApiError && (error.status === 404 || error.status === 400);
  return aboutId && typeof args === "object" && args !== null ? idHint({ ...args }) : undefined;
}

function logFailure(tool: ToolDefinition, error: unknown, call: ToolCall, ms: number): void {
  const { log } = call.services;
  const fields = { tool: tool.name, request: call.requestId, ms: Math.round(ms) };
  if (call.signal.aborted) return log.info("Tool call cancelled", fields);
  if (error instanceof ToolError && !(error.cause instanceof Error)) {
    return log.info("Tool call refused", { ...fields, code: error.code });
  }
  const cause = error instanceof ToolError ? error.cause : error;
  if (cause instanceof ApiError) {
    return log.warn("Tool call failed at the API", {
      ...fields,
      ...(error instanceof ToolError && { code: error.code }),
      kind: cause.kind,
      status: cause.status,
      type: cause.type,
      error_code: cause.errorCode,
      request_id: cause.requestId,
      retry_after_ms: cause.retryAfterMs,
      message: cause.message,
      cause: cause.cause instanceof Error ? cause.cause.message : undefined,
    });
  }
  log.error("Tool call failed", {
    ...fields,
    error: error instanceof Error ? error.stack ?? error.message : String(error),
  });
}
