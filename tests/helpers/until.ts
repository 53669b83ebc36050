import { steadyClock } from "./fast_clock.ts";

/** Longest time for what surely comes, in milliseconds: those in which the process is held up do not count. */
const LIMIT_MS = 60_000;
const PAUSE_MS = 2;

/**
 * Asks again and again, in real time, until it is so.
 *
 * @throws Error when it is not within a minute: a wait without a bound would hang the whole run
 */
export async function until(
  isSo: () => boolean | Promise<boolean>,
  limitMs = LIMIT_MS,
): Promise<void> {
  const clock = steadyClock();
  const giveUpAt = clock.now() + limitMs;
  while (!await isSo()) {
    if (clock.now() > giveUpAt) throw new Error(`It is not so within ${limitMs} ms: ${isSo}`);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
