import { waitForAny } from "../../src/tools/wait_for_any.ts";
import type { Services } from "../../src/tools/services.ts";

/** What a caller got who waited until all sessions were over, doing as each result says. */
export interface Followed {
  /** The pieces of each session's reply, in the order in which they came. */
  readonly replies: Readonly<Record<string, readonly string[]>>;
  /** The last status of each session. */
  readonly statuses: Readonly<Record<string, string>>;
  /** Milliseconds after the beginning at which each call had its result. */
  readonly endedAt: readonly number[];
}

/** Longest run of calls: more would go on for good. */
const MAX_CALLS = 100;

/** Calls `wait_for_any` for the sessions, and again for those still running as `next` says. */
export async function followAll(
  services: Services,
  sessionIds: readonly string[],
  args: { readonly mode: "any" | "all"; readonly timeout_sec: number },
): Promise<Followed> {
  const { clock } = services;
  const startedAt = clock.now();
  const replies: Record<string, string[]> = Object.fromEntries(sessionIds.map((id) => [id, []]));
  const statuses: Record<string, string> = {};
  const endedAt: number[] = [];
  let again: Record<string, unknown> | undefined = { session_ids: sessionIds };
  while (again && endedAt.length < MAX_CALLS) {
    const result: Record<string, unknown> = await waitForAny.run({ ...args, ...again }, {
      signal: new AbortController().signal,
      services,
      requestId: "1",
    });
    endedAt.push(clock.now() - startedAt);
    const sessions = Array.isArray(result.sessions) ? result.sessions : [];
    for (const { session_id, status, reply = "" } of sessions) {
      statuses[session_id] = status;
      if (reply !== "") replies[session_id]?.push(reply);
    }
    again = argumentsIn(String(result.next ?? ""));
  }
  return { replies, statuses, endedAt };
}

/** Reads the arguments that `next` tells to pass, as a model does. */
function argumentsIn(next: string): Record<string, unknown> | undefined {
  const [, ids, cursors = "{}"] = /session_ids = (\[.*?\])(?: and after_ids = (\{.*\}))?\.$/
    .exec(next) ?? [];
  if (ids === undefined) return undefined;
  return { session_ids: JSON.parse(ids), after_ids: JSON.parse(cursors) };
}
