/**
 * The caller of a tool that sends people's decisions.
 *
 * @module
 */

import { callerFields } from "../access/principal.ts";
import { hasScope } from "../access/scopes.ts";
import type { Answerer } from "../session/answer_sender.ts";
import { requestIdOf, type ToolCall } from "./define.ts";

/** Returns the caller of a tool as the sender of decisions asks for it. */
export function answererOf(call: ToolCall): Answerer {
  const { principal, clientInfo } = call;
  const requestId = requestIdOf(call);
  return {
    ...(principal && { caller: callerFields(principal) }),
    ...(clientInfo && { client: clientInfo.name }),
    ...(requestId !== undefined && { requestId }),
    mayAct: () => hasScope(principal, "actions"),
  };
}
