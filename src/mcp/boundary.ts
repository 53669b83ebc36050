/**
 * Connects tools with the protocol: takes a call and returns a result, whatever happens in between.
 *
 * @module
 */

import type { CallToolResult, InputRequiredResult } from "@modelcontextprotocol/server";
import { countRequestsIn, UpstreamRequests } from "../core/upstream_requests.ts";
import { isUnknownId } from "../access/policy.ts";
import { PartlyDoneError, ToolError } from "../core/errors.ts";
import { isFields } from "../api/read.ts";
import { hasCredentialField, redactValue } from "../core/redact.ts";
import { MAX_RESULT_CHARS, plainLine } from "../core/text.ts";
import { fitBudget } from "../tools/budget.ts";
import {
  CONTENT,
  type ContentBlock,
  META,
  redactBlock,
  type WithContent,
} from "../tools/content.ts";
import type { ToolCall, ToolDefinition } from "../tools/define.ts";
import { idHint } from "../tools/ids.ts";
import { failureText } from "./errors.ts";
import { type CallReport, type CallWatch, logCall, reportOf } from "./call_report.ts";
import { InputNeeded } from "./person.ts";

/**
 * Runs a tool. A failure becomes an `isError` result, which the model reads; a question that ends
 * the call becomes the result that asks the client for the answer. The facts about the call go to
 * the operator's log and to `watch`.
 */
export async function callTool(
  tool: ToolDefinition,
  args: unknown,
  call: ToolCall,
  watch?: CallWatch,
): Promise<CallToolResult | InputRequiredResult> {
  return (await runTool(tool, args, call, watch)).result;
}

/** Does as {@linkcode callTool} does, for a caller that makes an error of its own of a failure. */
export async function runTool(
  tool: ToolDefinition,
  args: unknown,
  call: ToolCall,
  watch: CallWatch = {},
): Promise<Performed> {
  const run = () => perform(tool, args, call);
  const { meta = {}, method = "tools/call" } = call;
  const performed = await (watch.around?.({ tool: tool.name, method, meta }, run) ?? run());
  const { report, failure } = performed;
  logCall(call.services, report, failure && { ...failure, args });
  watch.ended?.(report);
  return performed;
}

interface Outcome {
  readonly text: string;
  /** What the result holds beside the text. */
  readonly blocks?: readonly ContentBlock[];
  readonly structured?: Record<string, unknown>;
  /** What the result gives to the session view alone. */
  readonly meta?: Record<string, unknown>;
  readonly question?: InputRequiredResult;
  readonly failure?: { readonly error: unknown };
  /** Session of a question, or of what was done before a failure. */
  readonly sessionId?: string | undefined;
}

/** A call that has ended. */
export interface Performed {
  readonly result: CallToolResult | InputRequiredResult;
  /** Text of the result, or of what failed. */
  readonly text: string;
  readonly report: CallReport;
  readonly failure?: { readonly error: unknown };
}

async function perform(tool: ToolDefinition, args: unknown, call: ToolCall): Promise<Performed> {
  const { clock } = call.services;
  const startedAt = clock.now();
  const requests = new UpstreamRequests();
  const answered = await countRequestsIn(requests, () => outcomeOf(tool, args, call));
  const endedAt = clock.now();
  const durationMs = endedAt - startedAt;
  return {
    result: resultOf(answered),
    text: answered.text,
    report: reportOf({
      ...answered,
      tool,
      args,
      call,
      durationMs,
      upstream: requests.end(endedAt),
    }),
    failure: answered.failure,
  };
}

function resultOf(
  { text, blocks = [], structured: structuredContent, meta, question }: Outcome,
): CallToolResult | InputRequiredResult {
  const content = [{ type: "text" as const, text }, ...blocks];
  return question ??
    (structuredContent
      ? { content, structuredContent, ...(meta && { _meta: meta }) }
      : { content, isError: true });
}

async function outcomeOf(tool: ToolDefinition, args: unknown, call: ToolCall): Promise<Outcome> {
  try {
    return toResult(await tool.run(args, call), call);
  } catch (error) {
    if (error instanceof InputNeeded) {
      const { result: question, sessionId } = error;
      return { text: JSON.stringify(question), question, sessionId };
    }
    const text = call.signal.aborted
      ? "The call was cancelled."
      : call.services.redact.thorough(plainLine(failureText(error, {
        hint: hintFor(error, args, tool, call),
        callerIsOperator: call.services.callerIsOperator,
        ...(call.has && { has: call.has }),
      })));
    const sessionId = error instanceof PartlyDoneError ? error.sessionId : undefined;
    return { text, failure: { error }, sessionId };
  }
}

/** Returns the result in its final form: redacted, then within the size budget. */
function toResult(
  result: Record<string, unknown> & WithContent,
  { services: { redact } }: ToolCall,
): Outcome {
  const { [CONTENT]: given = [], [META]: givenMeta, ...fields } = result;
  const meta = givenMeta && { meta: redactValue({ ...givenMeta }, redact.thorough) };
  const blocks = given.map((block) => redactBlock(block, redact.thorough));
  const text = JSON.stringify(fields);
  const isClean = text.length <= MAX_RESULT_CHARS && redact.isClean(text) &&
    !hasCredentialField(text) && redact.thorough(text) === text;
  if (isClean) return { structured: fields, text, blocks, ...meta };
  const { value, cut } = fitBudget(redactValue(fields, redact.thorough));
  const structured = cut ? { ...value, truncated: true } : value;
  return { structured, text: JSON.stringify(structured), blocks, ...meta };
}

/** Codes of errors about an id that names nothing of the caller's. */
const ABOUT_IDS: ReadonlySet<string> = new Set(["not_available", "unknown_event", "not_waiting"]);

/**
 * Returns a hint about an id of the wrong kind where the API rejected one; elsewhere it would not
 * help.
 */
function hintFor(
  error: unknown,
  args: unknown,
  { binding }: ToolDefinition,
  { principal }: ToolCall,
): string | undefined {
  const isBound = binding !== undefined || principal?.agent !== undefined;
  const aboutId = error instanceof ToolError ? ABOUT_IDS.has(error.code) : isUnknownId(error);
  return aboutId && isFields(args) ? idHint(args, isBound) : undefined;
}
