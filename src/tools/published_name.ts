/**
 * The names of agents that are tools themselves.
 *
 * @module
 */

import { sha256 } from "../core/sha256.ts";

/** No other tool's name begins so. */
const PREFIX = "agent_";

/**
 * Longest part of a name that is made of the agent's own name, in characters. With a host's prefix,
 * such as Claude Code's `mcp__managed-agents__`, the whole stays within the 64 characters that
 * several model APIs allow.
 */
const MAX_SLUG_CHARS = 30;

const HASH_CHARS = 6;

const PUBLISHED = new RegExp(`^${PREFIX}(?:[a-z0-9_]+_)?([a-z0-9]{${HASH_CHARS}})$`);

/**
 * Makes the tool's name of an agent: from the agent's name, and always from its id, so that no agent
 * gets another one's tool by taking its name. A name without Latin letters and digits adds nothing.
 */
export function publishedName(agentId: string, agentName: string): string {
  const slug = agentName.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase()
    .replace(/[^a-z0-9]+/g, "_").slice(0, MAX_SLUG_CHARS + 1).replace(/^_/, "")
    .slice(0, MAX_SLUG_CHARS).replace(/_$/, "");
  return `${PREFIX}${slug === "" ? "" : `${slug}_`}${hashOf(agentId)}`;
}

/** Returns the part of a published tool's name that is made of the agent's id; undefined for others. */
export function publishedHash(name: string): string | undefined {
  return name.length <= MAX_NAME_CHARS ? PUBLISHED.exec(name)?.[1] : undefined;
}

const MAX_NAME_CHARS = PREFIX.length + MAX_SLUG_CHARS + 1 + HASH_CHARS;

function hashOf(agentId: string): string {
  return BigInt(`0x${sha256(agentId)}`).toString(36).padStart(HASH_CHARS, "0").slice(-HASH_CHARS);
}

/**
 * Finds a published tool by its name. An agent that was renamed is still found by its earlier names,
 * which clients may know from an older list: what was made of its id stays.
 */
export function publishedNamed<T extends { readonly name: string }>(
  tools: readonly T[],
  name: string,
): T | undefined {
  const exact = tools.find((tool) => tool.name === name);
  const hash = publishedHash(name);
  if (exact || hash === undefined) return exact;
  const [found, ...others] = tools.filter((tool) => publishedHash(tool.name) === hash);
  return others.length > 0 ? undefined : found;
}
