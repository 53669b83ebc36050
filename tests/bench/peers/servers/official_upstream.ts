/**
 * The API by its official client.
 *
 * @module
 */

import Anthropic from "@anthropic-ai/sdk";
import { PAGE, type Upstream } from "./upstream.ts";

/** Returns the API at a URL. */
export function officialUpstream(baseURL: string): Upstream {
  const { agents, sessions } = new Anthropic({ apiKey: "bench-key", baseURL }).beta;
  return {
    agent: (agentId) => agents.retrieve(agentId),
    agents: () => agents.list({ limit: PAGE.agents }),
    async createSession(agent, environment_id) {
      const { id } = await sessions.create({ agent, environment_id });
      return id;
    },
    async send(sessionId, text) {
      const content = [{ type: "text" as const, text }];
      await sessions.events.send(sessionId, { events: [{ type: "user.message", content }] });
    },
    async *events(sessionId) {
      for await (const event of sessions.events.list(sessionId, { limit: PAGE.events })) {
        yield { id: event.id, type: event.type };
      }
    },
    async *stream(sessionId) {
      for await (const event of await sessions.events.stream(sessionId)) {
        const { type } = event;
        const content = type === "agent.message" ? event.content : [];
        yield { type, content: content.filter((block) => block.type === "text") };
      }
    },
  };
}
