/**
 * What the peers' tools ask of the API, written as somebody would who needs it once.
 *
 * @module
 */

/** An agent, as far as a tool looks at it. */
export interface Agent {
  readonly id: string;
  readonly name: string;
}

/** An event, as far as a tool looks at it. */
export interface Event {
  readonly id?: string;
  readonly type: string;
  readonly content?: readonly { readonly text?: string }[];
}

/** The API behind the tools. Pages are as large as it allows. */
export interface Upstream {
  agent(agentId: string): Promise<object>;
  agents(): AsyncIterable<Agent>;
  /** @returns the id of the new session */
  createSession(agentId: string, environmentId: string): Promise<string>;
  send(sessionId: string, text: string): Promise<void>;
  /** All events, the oldest first. */
  events(sessionId: string): AsyncIterable<Event>;
  /** The events from now on. */
  stream(sessionId: string): AsyncIterable<Event>;
}

/** Most agents and events that the API puts on a page. */
export const PAGE = { agents: 100, events: 1_000 } as const;
