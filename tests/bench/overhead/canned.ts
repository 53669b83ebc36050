/**
 * An agent, as the API sends it.
 *
 * @module
 */

/** The agent that every call of the bench asks for. */
export const AGENT_ID = "agent_01M83KPJ5100000CBNBHVJX1JM";
/** Its name, which is in every good response and in no error. */
export const NAME = "Release notes of the week";

const AGENT = {
  id: AGENT_ID,
  type: "agent",
  version: 3,
  name: NAME,
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
  metadata: {},
  created_at: "2026-11-23T07:07:37.579185Z",
  updated_at: "2026-11-23T07:07:48.949827Z",
  archived_at: null,
};

/** Bodies of the API's responses, by path. */
export const RESPONSES: ReadonlyMap<string, string> = new Map([
  [`/v1/agents/${AGENT_ID}`, JSON.stringify(AGENT)],
]);
