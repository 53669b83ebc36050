/**
 * A token bucket, which keeps background work to a rate.
 *
 * @module
 */

import type { Clock } from "./clock.ts";

/** Options of {@linkcode createTokenBucket}. */
export interface TokenBucketOptions {
  readonly clock: Clock;
  /** Tokens that come back every minute, evenly. */
  readonly perMinute: number;
  /** Tokens that can be spent at once after a rest. */
  readonly burst: number;
  /** Most tokens that {@linkcode TokenBucket.spend} may take beyond an empty bucket; default 0. */
  readonly maxDebt?: number;
  /**
   * True to let tokens come twice as fast for claims that sprint. No minute has more for it: what was
   * spent in the last one counts.
   */
  readonly canSprint?: boolean;
}

/** Options of {@linkcode TokenBucket.take}. */
export interface TakeOptions {
  readonly patient?: boolean;
  readonly first?: boolean;
  readonly sprint?: boolean;
}

/** Hands out tokens in the order in which they were asked for. */
export interface TokenBucket {
  /**
   * Resolves when `tokens` are there, and spends them.
   *
   * @param options `patient` lets all other callers go first, and leaves half a burst for later
   * ones; `first` goes before all that asked less than a minute earlier; `sprint` makes tokens come
   * faster while it waits
   * @throws the signal's reason when it aborts first; nothing is spent then
   */
  take(tokens: number, signal: AbortSignal, options?: TakeOptions): Promise<void>;
  /** Makes nothing faster for five seconds, where what sprints are for fails anyway. */
  restFromSprint(): void;
  /** Spends tokens whether they are there or not, for work that could not wait. */
  spend(tokens: number): void;
  /** Grants nothing for `ms` milliseconds, and then starts with an empty bucket. */
  hold(ms: number): void;
}

/** A pending call of `take`. */
interface Claim {
  readonly tokens: number;
  readonly askedAt: number;
  readonly sprints: boolean;
  readonly grant: () => void;
}

const MINUTE_MS = 60_000;
const SPRINT_RESTS_MS = 5_000;

/** Makes a bucket that is full. */
export function createTokenBucket(options: TokenBucketOptions): TokenBucket {
  const { clock, burst, maxDebt = 0, canSprint = false } = options;
  const mostPerMinute = options.perMinute + burst;
  const perMs = options.perMinute / 60_000;
  const first = new Set<Claim>();
  const urgent = new Set<Claim>();
  const patient = new Set<Claim>();
  let tokens = burst;
  let filledAt = clock.now();
  let heldUntil = -Infinity;
  let cancel: (() => void) | undefined;
  /** Claims that wait and sprint. */
  let sprinting = 0;
  /** Until when claims that sprint make nothing faster. */
  let restsUntil = -Infinity;
  /** What was granted in the last minute, by the second: from its first to its last token. */
  const granted: { readonly from: number; to: number; tokens: number }[] = [];
  let grantedTokens = 0;

  function fill(): void {
    const now = clock.now();
    const from = Math.max(filledAt, heldUntil);
    if (now > from) {
      const sprintedMs = sprinting > 0 ? Math.max(0, now - Math.max(from, restsUntil)) : 0;
      tokens = Math.min(burst, tokens + (now - from + sprintedMs) * perMs);
    }
    filledAt = now;
    while (granted[0] && granted[0].to <= now - MINUTE_MS) {
      grantedTokens -= granted.shift()?.tokens ?? 0;
    }
  }

  function countGranted(count: number): void {
    grantedTokens += count;
    const last = granted.at(-1);
    if (last && filledAt - last.from < 1_000) {
      last.to = filledAt;
      last.tokens += count;
    } else granted.push({ from: filledAt, to: filledAt, tokens: count });
  }

  /** Returns how long the minute's tokens are used up, where sprints used them early. */
  function usedUpForMs(claim: Claim): number {
    const [oldest] = granted;
    const isUsedUp = canSprint && oldest && grantedTokens + claim.tokens > mostPerMinute;
    return isUsedUp ? oldest.to + MINUTE_MS - filledAt : 0;
  }

  /** Returns the queue whose turn it is. */
  function nextQueue(): Set<Claim> {
    const [leader] = first;
    const [claim] = urgent;
    if (!leader) return claim ? urgent : patient;
    // Where there is always a claim that goes first, the others still have their turn.
    return claim && claim.askedAt <= leader.askedAt - MINUTE_MS ? urgent : first;
  }

  function remove(queue: Set<Claim>, claim: Claim): void {
    if (queue.delete(claim) && claim.sprints) sprinting--;
  }

  function serve(): void {
    cancel?.();
    cancel = undefined;
    fill();
    const heldMs = Math.max(0, heldUntil - filledAt);
    for (;;) {
      const queue = nextQueue();
      const [claim] = queue;
      if (!claim) return;
      const reserve = queue === patient ? Math.floor(burst / 2) : 0;
      // A claim for more than the bucket holds is granted from a full bucket, on credit.
      const missing = Math.min(claim.tokens + reserve, burst) - tokens;
      const usedUpMs = usedUpForMs(claim);
      if (heldMs > 0 || missing > 0 || usedUpMs > 0) {
        const isFast = sprinting > 0 && filledAt >= restsUntil;
        const missingMs = Math.max(0, missing) / perMs / (isFast ? 2 : 1);
        cancel = clock.after(Math.max(usedUpMs, heldMs + Math.ceil(missingMs)), serve);
        return;
      }
      tokens -= claim.tokens;
      countGranted(claim.tokens);
      remove(queue, claim);
      claim.grant();
    }
  }

  function take(wanted: number, signal: AbortSignal, options: TakeOptions = {}): Promise<void> {
    const queue = options.patient ? patient : options.first ? first : urgent;
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const onAbort = () => {
        fill();
        remove(queue, claim);
        serve();
        reject(signal.reason);
      };
      const claim: Claim = {
        tokens: wanted,
        askedAt: clock.now(),
        sprints: canSprint && options.sprint === true,
        grant: () => {
          signal.removeEventListener("abort", onAbort);
          resolve();
        },
      };
      signal.addEventListener("abort", onAbort, { once: true });
      fill();
      queue.add(claim);
      if (claim.sprints) sprinting++;
      serve();
    });
  }

  return {
    take,
    spend(count) {
      fill();
      // A claim on credit may already have taken the bucket further below.
      tokens = Math.min(tokens, Math.max(tokens - count, -maxDebt));
      countGranted(count);
    },
    restFromSprint() {
      fill();
      restsUntil = filledAt + SPRINT_RESTS_MS;
    },
    hold(ms) {
      fill();
      tokens = Math.min(tokens, 0);
      heldUntil = Math.max(heldUntil, filledAt + ms);
      serve();
    },
  };
}
