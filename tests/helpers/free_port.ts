/**
 * Finds ports for programs whose address must be known before they start.
 *
 * @module
 */

/**
 * The first port that is given out, and how many are. Systems take a port for whoever asks for any, and
 * for every connection that goes out, from 32768 on (Linux) or from 49152 on (macOS, Windows): a port
 * from there may be somebody else's before the program listens, or while it is down.
 */
const [FIRST, COUNT] = [20_000, 12_000];

/** Ports that this process has given out. */
const given = new Set<number>();

/** Returns a port of 127.0.0.1 on which nothing listens, and which nobody gets by chance. */
export function freePort(): number {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    if (given.has(port) || isTaken(port)) continue;
    given.add(port);
    return port;
  }
}

function isTaken(port: number): boolean {
  try {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
    return false;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return true;
    throw error;
  }
}
