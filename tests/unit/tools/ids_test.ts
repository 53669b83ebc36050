import { assertEquals } from "@std/assert";
import { idHint } from "../../../src/tools/ids.ts";

const HINTS: readonly [Record<string, unknown>, string | undefined][] = [
  [{ session_id: "agent_1" }, 'The session_id "agent_1" looks like an agent_id.'],
  [{ agent_id: "sesn_1" }, 'The agent_id "sesn_1" looks like a session_id.'],
  [{ agent_id: "env-1" }, 'The agent_id "env-1" looks like an environment_id.'],
  [{ session_id: "sesn_1", after_id: "sesn_1" }, 'The after_id "sesn_1" looks like a session_id.'],
  [{ session_id: "sevt_1" }, 'The session_id "sevt_1" looks like an event id.'],
  [
    { session_id: "sesn_1", event_id: "env_1" },
    'The event_id "env_1" looks like an environment_id.',
  ],
  [{ session_id: "sthr_1" }, 'The session_id "sthr_1" looks like a thread_id.'],
  [{ thread_id: "sesn_1" }, 'The thread_id "sesn_1" looks like a session_id.'],
  [{ session_id: "file_1" }, 'The session_id "file_1" looks like a file id.'],
  [{ session_ids: ["sesn_1", "agent_1"] }, 'The session_id "agent_1" looks like an agent_id.'],
  [{ session_ids: ["sesn_1", 7] }, undefined],
  [{ event_id: "sevt_1", after_id: "sevt_1" }, undefined],
  [{ session_id: "sesn_1" }, undefined],
  [{ session_id: "anything" }, undefined],
  [{ session_id: 7 }, undefined],
];

for (const [args, hint] of HINTS) {
  Deno.test(`idHint() of ${JSON.stringify(args)}`, () => assertEquals(idHint(args), hint));
}
