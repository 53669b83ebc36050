/**
 * How long a host waits for a tool, as far as that is known.
 *
 * @module
 */

/** Who calls, as the client says it: MCP's `clientInfo`. */
export interface ClientInfo {
  readonly name: string;
  readonly version: string;
}

/**
 * Milliseconds of a wait where the caller names no time. The SDKs' clients give a call up after
 * 60 s, several of them although they ask for progress (LangChain, Mastra, the TypeScript SDK 1.x).
 */
const DEFAULT_MS = 50_000;
/** The same for hosts that were seen to wait longer; the next known limit is 120 s. */
const PATIENT_MS = 100_000;

/**
 * Hosts that were seen to wait longer, by the name in their `clientInfo`, and the oldest version
 * seen. Claude Code waits for hours while progress comes, and at 120 s moves a call to the
 * background (https://code.claude.com/docs/en/mcp, `MCP_TOOL_TIMEOUT`).
 */
const PATIENT_HOSTS: ReadonlyMap<string, string> = new Map([["claude-code", "2.1.330"]]);

/**
 * How long a wait takes at most where the caller names no time, in milliseconds: at least 10 s less
 * than any known limit of the host.
 *
 * @param client absent where it is not known
 * @param hasProgress whether the caller asked for progress: builds of a host that do not are known
 *   to give up after 60 s
 */
export function defaultWaitMs(client: ClientInfo | undefined, hasProgress: boolean): number {
  const seen = client && PATIENT_HOSTS.get(client.name);
  return seen && hasProgress && isAtLeast(client.version, seen) ? PATIENT_MS : DEFAULT_MS;
}

function isAtLeast(version: string, seen: string): boolean {
  if (!/^\d+(\.\d+)*/.test(version)) return false;
  const numbers = (text: string) => text.split(/[^\d]+/).map(Number);
  const [mine, theirs] = [numbers(version), numbers(seen)];
  const differing = theirs.findIndex((part, at) => part !== (mine[at] ?? 0));
  return differing < 0 || (mine[differing] ?? 0) > (theirs[differing] ?? 0);
}
