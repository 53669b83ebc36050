/**
 * Makes the requests of every baseline for a call, and hands on the responses.
 *
 * @module
 */

/** Requests of a baseline for a call of `get_agent`; its first argument, as JSON. */
export interface UpstreamRequests {
  readonly apiUrl: string;
  /** Paths with their queries, `{agent_id}` in place of the id; all are asked at once. */
  readonly targets: readonly string[];
}

const HEADERS = {
  "x-api-key": "bench-key",
  "anthropic-version": "2023-06-01",
  "accept": "application/json",
};

/** Returns the requests that this program was told to make. */
export function upstreamRequests(): UpstreamRequests {
  return JSON.parse(Deno.args[0] ?? "");
}

async function ask(url: string): Promise<string> {
  const response = await fetch(url, { headers: HEADERS });
  if (!response.ok) throw new Error(`The API responds ${response.status}`);
  return await response.text();
}

/** Makes the requests. @returns the content of a tool result: the API's responses as they are */
export async function askUpstream(
  { apiUrl, targets }: UpstreamRequests,
  agentId: string,
): Promise<{ type: "text"; text: string }[]> {
  const id = encodeURIComponent(agentId);
  const texts = await Promise.all(
    targets.map((target) => ask(apiUrl + target.replace("{agent_id}", id))),
  );
  return texts.map((text) => ({ type: "text", text }));
}
