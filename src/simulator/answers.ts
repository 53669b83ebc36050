/**
 * What clients send to answer a tool call.
 *
 * @module
 */

import type { Answer } from "./script.ts";
import { type Fields, textOf } from "./wire.ts";

/** The tool call that an event answers, or undefined when it is no answer. */
export function answeredId(event: Fields): string | undefined {
  switch (event.type) {
    case "user.tool_confirmation":
    case "user.tool_result":
      return String(event.tool_use_id);
    case "user.custom_tool_result":
      return String(event.custom_tool_use_id);
    default:
      return undefined;
  }
}

/** What an event that is an answer says. */
export function answerOf(event: Fields): Answer {
  if (event.type === "user.tool_confirmation") {
    const message = event.deny_message;
    return {
      allowed: event.result === "allow",
      text: typeof message === "string" ? message : "",
    };
  }
  return { allowed: true, text: textOf(event.content) };
}
