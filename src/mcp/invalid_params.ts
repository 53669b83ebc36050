/**
 * What a client learns of a request whose parameters the SDK refuses: a sentence, in place of the
 * validator's own output.
 *
 * @module
 */

import {
  type JSONRPCMessage,
  ProtocolErrorCode,
  Server,
  type Transport,
} from "@modelcontextprotocol/server";

/** A server whose error responses say in a sentence which parameter is wrong. */
export class PlainServer extends Server {
  override connect(transport: Transport): Promise<void> {
    const send = transport.send.bind(transport);
    transport.send = (message, options) => send(withPlainError(message), options);
    return super.connect(transport);
  }
}

/** The issues of a zod error, as the SDK puts them into messages: as JSON, at the end. */
const ISSUES = /^(?:Invalid [\w/]+ request: )?(\[\s*\{[^]*\])$/;

/** The message, with its error in plain words where that is a validator's. */
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
