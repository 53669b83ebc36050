/**
 * The API by plain `fetch`.
 *
 * @module
 */

import { API_HEADERS } from "../../waits/api_stream.ts";
import { type Agent, type Event, PAGE, type Upstream } from "./upstream.ts";

interface Page<T> {
  readonly data: readonly T[];
  readonly next_page: string | null;
}

/** Returns the API at a URL. */
export function fetchUpstream(apiUrl: string): Upstream {
  const ask = async (path: string, body?: object): Promise<Response> => {
    const response = await fetch(`${apiUrl}/v1${path}`, {
      ...(body && { method: "POST", body: JSON.stringify(body) }),
      headers: { ...API_HEADERS, "content-type": "application/json" },
    });
    if (!response.ok) throw new Error(`The API responds ${response.status}`);
    return response;
  };
  async function* pages<T>(path: string, limit: number): AsyncIterable<T> {
    for (let query = `limit=${limit}`;;) {
      const response = await ask(`${path}?${query}`);
      const { data, next_page }: Page<T> = await response.json();
      yield* data;
      if (next_page === null) return;
      query = `limit=${limit}&page=${encodeURIComponent(next_page)}`;
    }
  }
  return {
    agent: async (agentId) => await (await ask(`/agents/${agentId}`)).json(),
    agents: () => pages<Agent>("/agents", PAGE.agents),
    async createSession(agent, environment_id) {
      const response = await ask("/sessions", { agent, environment_id });
      const { id }: { id: string } = await response.json();
      return id;
    },
    async send(sessionId, text) {
      const content = [{ type: "text", text }];
      const body = { events: [{ type: "user.message", content }] };
      await (await ask(`/sessions/${sessionId}/events`, body)).json();
    },
    events: (sessionId) => pages<Event>(`/sessions/${sessionId}/events`, PAGE.events),
    async *stream(sessionId) {
      const { body } = await ask(`/sessions/${sessionId}/events/stream`);
      let rest = "";
      for await (const text of body?.pipeThrough(new TextDecoderStream()) ?? []) {
        const frames = (rest + text).split("\n\n");
        rest = frames.pop() ?? "";
        for (const frame of frames) {
          const data = /^data: (.*)$/m.exec(frame)?.[1];
          if (data !== undefined) yield JSON.parse(data);
        }
      }
    },
  };
}
