/**
 * Keeps a call with an idempotency key from being carried out twice, when its caller makes it again
 * because the result was lost.
 *
 * The API has no idempotency keys. So what a call makes bears marks by which a second call finds it,
 * on any replica; and each process remembers the calls of the last minutes, so that calls at the same
 * time share what one of them makes. No call can tell that it is the first one: each looks once
 * before it makes anything, and looks longer only where this process knows of an earlier call whose
 * outcome is in doubt. What an earlier call made elsewhere is therefore found as soon as the API's
 * lists show it.
 *
 * @module
 */

import type { Sealer } from "../access/sealing.ts";
import type { Caller } from "../access/principal.ts";
import { ApiError } from "../api/errors.ts";
import { MARK_PREFIX } from "../api/metadata.ts";
import { raceSignal } from "../core/abort.ts";
import type { Clock } from "../core/clock.ts";
import { PartlyDoneError, ToolError } from "../core/errors.ts";
import { LruMap } from "../core/lru.ts";
import { toBase64Url } from "../core/text.ts";
import { isAmbiguous } from "../session/ambiguous_write.ts";

/** The marks of a call: HMACs, which tell whoever reads them neither caller nor key nor arguments. */
export interface KeyMarks {
  /** Of the caller and its key. */
  readonly key: string;
  /** Of what the call comes to. */
  readonly args: string;
}

/** Metadata keys of the marks on a session. */
const KEY_MARK = `${MARK_PREFIX}idempotency`;
const ARGS_MARK = `${MARK_PREFIX}arguments`;

/** Returns the metadata of a session that a call makes. */
export function metadataOf({ key, args }: KeyMarks): Readonly<Record<string, string>> {
  return { [KEY_MARK]: key, [ARGS_MARK]: args };
}

/**
 * Tells by a session's metadata which call made it: the `same` one, or one with its key and `other`
 * arguments; undefined where it bears none of the call's marks.
 *
 * @param marks by every key, as {@linkcode KeyedWork.find} gets them
 */
export function callBehind(
  metadata: Readonly<Record<string, unknown>> | null | undefined,
  marks: readonly KeyMarks[],
): "same" | "other" | undefined {
  const mark = marks.find(({ key }) => metadata?.[KEY_MARK] === key);
  return mark && (metadata?.[ARGS_MARK] === mark.args ? "same" : "other");
}

/** A session that has the message of a call. */
export interface AskedSession {
  readonly sessionId: string;
  /** Event of the message, where it went to a session that was there; absent where not known. */
  readonly eventId?: string;
  /** What the caller should know beside the result. */
  readonly note?: string;
  /** Other sessions that bear the marks of the same call. */
  readonly others?: readonly string[];
  /** The marks of the call that made it; absent where others' calls with its key cannot be told. */
  readonly marks?: readonly KeyMarks[];
}

/** A call with a key. */
export interface KeyedWork {
  readonly key: string;
  /** What the call comes to, as JSON data with its fields in a fixed order. */
  readonly plan: unknown;
  readonly caller: Caller;
  /** Ends this call; what others share goes on. */
  readonly signal: AbortSignal;
  /**
   * Looks once for what an earlier call made.
   *
   * @param marks by every sealing key; the first are those of what is made now
   * @param checkWanted throws where all calls have gone. To be called right before each write for
   *   which there was something to wait: meanwhile a call may have been made again elsewhere
   */
  find(
    marks: readonly KeyMarks[],
    checkWanted: () => void,
  ): Promise<AskedSession | undefined>;
  /**
   * Makes it. Called at most once, and on behalf of all calls at the time: none can end it.
   *
   * @param checkWanted as for {@linkcode KeyedWork.find}
   */
  make(
    marks: KeyMarks,
    all: readonly KeyMarks[],
    checkWanted: () => void,
  ): Promise<AskedSession>;
}

/** What a call with a key came to. */
export interface KeyedResult {
  readonly asked: AskedSession;
  /** True if another call made it. */
  readonly isRepeated: boolean;
}

/** Times of the looks, in milliseconds: where nothing is known of an earlier call, and where it is. */
const LOOKS_MS = { first: [0], inDoubt: [0, 2_000, 6_000] } as const;
/** Time for which a call is remembered after its end, in milliseconds. */
const REMEMBER_MS = 600_000;
const MAX_CALLS = 10_000;

/** A call of the last minutes. */
interface KnownCall {
  readonly args: string;
  /** Calls that wait for its result now. */
  waiting: number;
  /** Time until which it is remembered, monotonic. */
  until: number;
  result: Promise<KeyedResult>;
  state: "looking" | "making" | "done" | "in_doubt";
}

/** See the module. One per process. */
export class KeyedCalls {
  readonly #clock: Clock;
  readonly #sealer: Sealer;
  /** By the first mark of the key. */
  readonly #calls = new LruMap<string, KnownCall>(MAX_CALLS);
  /** The first mark of the key by which each event was sent: it is the message of no other call. */
  readonly #events = new LruMap<string, string>(MAX_CALLS);

  constructor({ clock, sealer }: { readonly clock: Clock; readonly sealer: Sealer }) {
    this.#clock = clock;
    this.#sealer = sealer;
  }

  /**
   * Carries out a call once.
   *
   * @throws `ToolError` `key_reused` for a key of a call with other arguments; what `find` or `make`
   * throws; the signal's reason
   */
  async once(work: KeyedWork): Promise<KeyedResult> {
    const all = await this.#marksOf(work);
    const [marks] = all;
    if (!marks) throw new Error("A sealer has a key");
    const known = this.#known(marks.key);
    if (known && known.args !== marks.args) throw keyReused();
    const isShared = known !== undefined && known.state !== "in_doubt";
    const call = isShared ? known : this.#begin(work, marks, all, known !== undefined);
    call.waiting++;
    try {
      const { asked, isRepeated } = await raceSignal(call.result, work.signal);
      return { asked, isRepeated: isRepeated || isShared };
    } finally {
      call.waiting--;
    }
  }

  /** Returns true for an event that this process sent for a call with another key. */
  isOfAnother(eventId: string, [marks]: readonly KeyMarks[]): boolean {
    const key = this.#events.get(eventId);
    return key !== undefined && key !== marks?.key;
  }

  #known(key: string): KnownCall | undefined {
    const call = this.#calls.get(key);
    if (!call || this.#clock.now() < call.until) return call;
    this.#calls.delete(key);
    return undefined;
  }

  #begin(
    work: KeyedWork,
    marks: KeyMarks,
    all: readonly KeyMarks[],
    wasInDoubt: boolean,
  ): KnownCall {
    const call: KnownCall = {
      args: marks.args,
      waiting: 0,
      until: Infinity,
      state: "looking",
      result: Promise.resolve().then(async () => {
        try {
          const result = await this.#run(work, marks, all, call, wasInDoubt);
          call.state = "done";
          return result;
        } catch (error) {
          const isOpen = call.state === "in_doubt" ||
            (call.state === "making" ? mayHaveMade(error) : wasInDoubt);
          if (isOpen) call.state = "in_doubt";
          else if (this.#calls.get(marks.key) === call) this.#calls.delete(marks.key);
          throw error;
        } finally {
          call.until = this.#clock.now() + REMEMBER_MS;
        }
      }),
    };
    // Every call that waited for it may have gone.
    call.result.catch(() => {});
    this.#calls.set(marks.key, call);
    return call;
  }

  async #run(
    { find, make }: KeyedWork,
    marks: KeyMarks,
    all: readonly KeyMarks[],
    call: KnownCall,
    wasInDoubt: boolean,
  ): Promise<KeyedResult> {
    const checkWanted = () => {
      if (call.waiting > 0) return;
      // At once: a call that comes now is to begin anew.
      if (call.state === "making" || wasInDoubt) call.state = "in_doubt";
      else this.#calls.delete(marks.key);
      throw new DOMException("Every call was cancelled", "AbortError");
    };
    const startedAt = this.#clock.now();
    const { signal } = new AbortController();
    for (const at of wasInDoubt ? LOOKS_MS.inDoubt : LOOKS_MS.first) {
      await this.#clock.sleep(Math.max(0, startedAt + at - this.#clock.now()), signal);
      const asked = await find(all, checkWanted);
      if (asked) return { asked, isRepeated: true };
    }
    checkWanted();
    call.state = "making";
    const asked = await make(marks, all, checkWanted);
    if (asked.eventId !== undefined) this.#events.set(asked.eventId, marks.key);
    return { asked, isRepeated: false };
  }

  /** Makes the marks by every sealing key, those of the first one first. */
  async #marksOf({ key, plan, caller: { principal } }: KeyedWork): Promise<KeyMarks[]> {
    const keys = await this.#sealer.macKeys("idempotency");
    const whose = [principal?.id ?? null, key];
    return await Promise.all(keys.map(async (macKey) => ({
      key: await sign(macKey, ["key", ...whose]),
      args: await sign(macKey, ["arguments", ...whose, plan]),
    })));
  }
}

async function sign(key: CryptoKey, value: unknown): Promise<string> {
  const data = new TextEncoder().encode(JSON.stringify(value));
  return toBase64Url(new Uint8Array(await crypto.subtle.sign("HMAC", key, data)));
}

/** Codes of errors that leave open whether a write took effect. */
const OPEN: ReadonlySet<string> = new Set(["creation_unknown", "delivery_unknown"]);

/** Returns true for a failure that leaves open whether a write took effect. */
export function isOutcomeUnknown(error: unknown): error is ToolError {
  return error instanceof ToolError && OPEN.has(error.code);
}

function mayHaveMade(error: unknown): boolean {
  if (error instanceof PartlyDoneError || isOutcomeUnknown(error)) return true;
  if (error instanceof ToolError) return false;
  return !(error instanceof ApiError) || isAmbiguous(error);
}

/** Makes the error for a key that belongs to a call with other arguments. */
export function keyReused(sessionId?: string): ToolError {
  const where = sessionId === undefined ? "" : `, of session "${sessionId}"`;
  return new ToolError(
    "key_reused",
    `This idempotency_key belongs to an earlier call with other arguments${where}: nothing was ` +
      "created or sent. Make a new key for each message, and repeat one only with the same arguments.",
  );
}
