/**
 * The tools of every peer. They do what they are asked for in the shortest way, and nothing against
 * anything that may go wrong meanwhile.
 *
 * @module
 */

import { z } from "zod";
import type { Event, Upstream } from "./upstream.ts";

/** A tool of a peer. */
export interface PeerTool {
  readonly name: string;
  readonly description: string;
  readonly input: Readonly<Record<string, z.ZodString | z.ZodOptional<z.ZodNumber>>>;
  run(args: Readonly<Record<string, unknown>>): Promise<object>;
}

const DEFAULT_EVENTS = 100;

async function findAgent(upstream: Upstream, name: string): Promise<object> {
  for await (const agent of upstream.agents()) if (agent.name === name) return agent;
  throw new Error(`There is no agent ${name}`);
}

async function eventsAfter(upstream: Upstream, sessionId: string, afterId: string, limit: number) {
  const events: Event[] = [];
  let isAfter = false;
  for await (const event of upstream.events(sessionId)) {
    if (isAfter) events.push(event);
    if (events.length >= limit) break;
    isAfter ||= event.id === afterId;
  }
  return { events };
}

async function waitForIdle(upstream: Upstream, session_id: string): Promise<object> {
  const texts: string[] = [];
  for await (const { type, content = [] } of upstream.stream(session_id)) {
    if (type === "agent.message") texts.push(...content.map(({ text = "" }) => text));
    if (type === "session.status_idle") {
      return { session_id, status: "idle", reply: texts.join("\n\n") };
    }
  }
  throw new Error("The stream ended before the turn");
}

/** Returns the tools in front of an API. @param environmentId that of new sessions */
export function peerTools(upstream: Upstream, environmentId: string): readonly PeerTool[] {
  return [
    {
      name: "get_agent",
      description: "Show one agent.",
      input: { agent_id: z.string() },
      run: ({ agent_id }) => upstream.agent(String(agent_id)),
    },
    {
      name: "find_agent",
      description: "Find an agent by its name.",
      input: { name: z.string() },
      run: ({ name }) => findAgent(upstream, String(name)),
    },
    {
      name: "create_session",
      description: "Start a session with an agent.",
      input: { agent_id: z.string() },
      run: async ({ agent_id }) => ({
        session_id: await upstream.createSession(String(agent_id), environmentId),
      }),
    },
    {
      name: "send_message",
      description: "Send a message to a session.",
      input: { session_id: z.string(), text: z.string() },
      run: async ({ session_id, text }) => {
        await upstream.send(String(session_id), String(text));
        return { queued: true };
      },
    },
    {
      name: "list_events",
      description: "Read a session's events after one of them.",
      input: { session_id: z.string(), after_id: z.string(), limit: z.number().optional() },
      run: ({ session_id, after_id, limit = DEFAULT_EVENTS }) =>
        eventsAfter(upstream, String(session_id), String(after_id), Number(limit)),
    },
    {
      name: "wait_for_idle",
      description: "Wait until the session's turn is over.",
      input: { session_id: z.string() },
      run: ({ session_id }) => waitForIdle(upstream, String(session_id)),
    },
  ];
}

/** Returns a result as a tool's content. */
export function contentOf(result: object): { content: { type: "text"; text: string }[] } {
  return { content: [{ type: "text", text: JSON.stringify(result) }] };
}
