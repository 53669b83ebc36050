/**
 * Texts of errors that the SDK makes of requests which it rejects: the wrong parameter, in words.
 *
 * @module
 */

import { type JSONRPCMessage, ProtocolErrorCode } from "@modelcontextprotocol/server";

/** Matches the issues of a zod error as the SDK puts them into messages: as JSON, at the end. */
const ISSUES = /^(?:Invalid [\w/]+ request: )?(\[\s*\{[^]*\])$/;

/** Returns the message, with its error in plain words if a validator wrote it. */
export function withPlainError(message: JSONRPCMessage): JSONRPCMessage {
  if (!("error" in message)) return message;
  const issues = ISSUES.exec(message.error.message)?.[1];
  if (issues === undefined) return message;
  const text = `Invalid params: ${firstIssue(issues)}`;
  return { ...message, error: { code: ProtocolErrorCode.InvalidParams, message: text } };
}

function firstIssue(issues: string): string {
  try {
    const [issue] = JSON.parse(issues);
    const path = issue.path.map(String).join(".").slice(0, 100);
    if (String(issue.message).endsWith("received undefined")) return `${path} is missing`;
    if (issue.code !== "invalid_type") return `${path} cannot be used`;
    const expected = issue.expected === "record" ? "object" : String(issue.expected);
    return `${path} must be ${/^[aeiou]/.test(expected) ? "an" : "a"} ${expected}`;
  } catch {
    return "they cannot be used";
  }
}
