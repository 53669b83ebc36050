/**
 * A session after its turn, and the end of its log, as the API answers them.
 *
 * @module
 */

/** The session that every call of the bench asks for. */
export const SESSION_ID = "sesn_01M83KPM7B00000J5QJBFMDN67";
/** Its title: in every answer that is one, in no refusal. */
export const TITLE = "Release notes of week 47";

const SESSION = {
  id: SESSION_ID,
  type: "session",
  status: "idle",
  title: TITLE,
  agent: {
    type: "agent",
    id: "agent_01M83KPJ5100000CBNBHVJX1JM",
    version: 3,
    name: "Release notes",
    description: "Reads what was merged and writes the notes of a release.",
    system: "You write release notes. Read the merged changes, group them by what they mean to " +
      "users, leave out what users do not notice, and keep each entry to one sentence.",
    model: { id: "claude-opus-4-8" },
    tools: [{
      type: "agent_toolset_20260401",
      configs: [],
      default_config: { enabled: true, permission_policy: { type: "always_allow" } },
    }],
    mcp_servers: [],
    skills: [],
    multiagent: null,
  },
  environment_id: "env_01M83KPJ5900000EW7TSVZH5T6",
  metadata: {},
  vault_ids: [],
  resources: [],
  budget: null,
  outcome_evaluations: [],
  deployment_id: null,
  usage: {
    input_tokens: 4_800,
    output_tokens: 320,
    cache_read_input_tokens: 0,
    list_cost: { amount: "3", currency: "USD" },
  },
  stats: { active_seconds: 9, duration_seconds: 201 },
  created_at: "2026-11-23T07:07:37.579185Z",
  updated_at: "2026-11-23T07:07:48.949827Z",
  archived_at: null,
};

function toolUse(id: string, name: string, input: object, processed_at: string) {
  return {
    id,
    type: "agent.tool_use",
    name,
    input,
    evaluated_permission: "allow",
    evaluation: { type: "always_allow" },
    session_thread_id: null,
    processed_at,
  };
}

/** Newest first, status events and tool uses only: what is asked for to see where a session stands. */
const EVENTS = {
  data: [
    {
      id: "sevt_01M83KPZAM00001BEYHV1SX4FE",
      type: "session.status_idle",
      stop_reason: { type: "end_turn" },
      stop_details: null,
      processed_at: "2026-11-23T07:07:48.948020Z",
    },
    toolUse(
      "sevt_01M83KPVTT000013SR2JBDFN08",
      "bash",
      { command: "git log --oneline v46..v47" },
      "2026-11-23T07:07:45.370176Z",
    ),
    toolUse(
      "sevt_01M83KPTBR00000Y3A3Z6GSVVR",
      "web_search",
      { query: "keep a changelog" },
      "2026-11-23T07:07:43.863676Z",
    ),
    {
      id: "sevt_01M83KPPJM00000N8RPJZFH205",
      type: "session.status_running",
      processed_at: "2026-11-23T07:07:39.988320Z",
    },
  ],
  next_page: null,
};

/** Bodies of the API's answers, by path. */
export const ANSWERS: ReadonlyMap<string, string> = new Map([
  [`/v1/sessions/${SESSION_ID}`, JSON.stringify(SESSION)],
  [`/v1/sessions/${SESSION_ID}/events`, JSON.stringify(EVENTS)],
]);
