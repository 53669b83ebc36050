import type { SessionEvent } from "../../../src/api/events.ts";
import { ToolError } from "../../../src/core/errors.ts";
import type { ToolCall, ToolDefinition } from "../../../src/tools/define.ts";
import type { EventMaker } from "../../helpers/events.ts";
import { type Blocked, blockedOn } from "../session/asked_support.ts";

/** A session that waits for calls, and the means to answer them by a tool. */
export interface Answering extends Blocked {
  /** Calls the tool for the first call, unless `args` name another. */
  answer(
    args?: Readonly<Record<string, unknown>>,
    overrides?: Partial<ToolCall>,
  ): Promise<Record<string, unknown>>;
  /** The error of such a call, as its code and message. */
  refusal(
    args?: Readonly<Record<string, unknown>>,
    overrides?: Partial<ToolCall>,
  ): Promise<{ readonly code: string; readonly message: string }>;
}

/** Opens a session that waits for the calls that `make` makes; `tool` answers them. */
export function answering(
  tool: ToolDefinition,
  make: (e: EventMaker) => readonly SessionEvent[],
  least: Readonly<Record<string, unknown>>,
): Answering {
  const blocked = blockedOn(make);
  const { services, ids } = blocked;
  const answer: Answering["answer"] = (args = {}, overrides = {}) =>
    tool.run({ session_id: "sesn_1", event_id: ids[0], ...least, ...args }, {
      signal: new AbortController().signal,
      services,
      requestId: "7",
      ...overrides,
    });
  return {
    ...blocked,
    // Set by tests after this object was made.
    get send() {
      return blocked.send;
    },
    set send(send) {
      blocked.send = send;
    },
    answer,
    async refusal(args, overrides) {
      try {
        return { code: "none", message: JSON.stringify(await answer(args, overrides)) };
      } catch (error) {
        if (error instanceof ToolError) return error;
        throw error;
      }
    },
  };
}
