/**
 * Tells the model what the person did on the page: in fixed sentences, which hold nothing that an
 * agent wrote.
 *
 * While the tool's call still runs nothing is told, because its result says what was decided. After
 * that the model waits for nothing: it hears of each thing once, of all together if they come close
 * upon each other. A host that takes a sentence may still drop it, so the page always shows it.
 *
 * @module
 */

import type { Clock } from "../core/clock.ts";
import { type Host, HostError } from "./host.ts";
import type { TellState } from "./state.ts";

/** A thing that the person did. */
export type Deed = "allow" | "deny" | "answer" | "elsewhere" | "interrupt";

/** What the sentence names. */
export interface ToldSession {
  readonly sessionId: string;
  /** The tool that waits for the end of a turn; absent where the caller has none. */
  readonly waitTool?: string;
}

/** Time in which further deeds are told together with the first, in milliseconds. */
export const GATHER_MS = 3_000;
/** Time in which a host answers: it may ask the person first. */
const TELL_TIMEOUT_MS = 60_000;

/** Tells the model. */
export class Telling {
  readonly #host: Host;
  readonly #clock: Pick<Clock, "after">;
  readonly #changed: () => void;
  readonly #sessionOf: () => ToldSession | undefined;
  /** Deeds that the sentence tells of, oldest first. */
  #told: readonly Deed[] = [];
  /** Deeds of which the model has not been told. */
  #untold: Deed[] = [];
  /** Deeds that the result of the running call tells, by the event of each. */
  #needless = new Map<string, Deed>();
  #state: "idle" | "sending" | "sent" | "failed" = "idle";
  #cancelTimer: (() => void) | undefined;

  /** @param sessionOf returns what the sentence names, once that is known */
  constructor(
    host: Host,
    clock: Pick<Clock, "after">,
    sessionOf: () => ToldSession | undefined,
    changed: () => void,
  ) {
    this.#host = host;
    this.#clock = clock;
    this.#sessionOf = sessionOf;
    this.#changed = changed;
  }

  /** What the page shows; undefined while the person has done nothing. */
  get state(): TellState | undefined {
    const session = this.#sessionOf();
    if (!session) return undefined;
    const needless = [...this.#needless.values()];
    const [deeds, state]: [readonly Deed[], TellState["state"]] = this.#state === "sending"
      ? [this.#told, "sending"]
      : this.#untold.length > 0
      ? [this.#untold, this.#state === "failed" ? "failed" : "offered"]
      : this.#state !== "idle"
      ? [this.#told, this.#state]
      : [needless, "needless"];
    return deeds.length === 0 ? undefined : { sentence: sentenceOf(deeds, session), state };
  }

  /**
   * Takes a deed whose outcome is known.
   *
   * @param eventId of the call that was answered; the session's for an interrupt
   * @param callRuns true while the tool's call runs, whose result tells it
   * @param isLast true where nothing else waits for the person
   */
  add(deed: Deed, eventId: string, callRuns: boolean, isLast: boolean): void {
    if (callRuns) {
      this.#needless.set(eventId, deed);
      return this.#changed();
    }
    this.#gather([deed], isLast);
  }

  /**
   * Takes the end of the tool's call.
   *
   * @param unknown the calls that still wait by its result: what was decided about them came too late
   * for it
   */
  callEnded(unknown: ReadonlySet<string>): void {
    const late = [...this.#needless].flatMap(([eventId, deed]) => unknown.has(eventId) ? deed : []);
    this.#needless.clear();
    if (late.length > 0) this.#gather(late, false);
  }

  /** Sends the sentence again, for the person who asks for it. */
  tell(): void {
    if (this.#state === "sending") return;
    if (this.#untold.length === 0) {
      this.#untold = this.#told.length > 0 ? [...this.#told] : [...this.#needless.values()];
    }
    void this.#send();
  }

  /** Tells nothing any more. */
  stop(): void {
    this.#cancelTimer?.();
  }

  #gather(deeds: readonly Deed[], isLast: boolean): void {
    this.#untold.push(...deeds);
    if (isLast) void this.#send();
    else this.#cancelTimer ??= this.#clock.after(GATHER_MS, () => void this.#send());
    this.#changed();
  }

  async #send(): Promise<void> {
    const session = this.#sessionOf();
    if (this.#state === "sending" || this.#untold.length === 0 || !session) return;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const deeds = this.#untold;
    this.#told = deeds;
    this.#untold = [];
    this.#state = "sending";
    this.#changed();
    const outcome = await this.#pass(sentenceOf(deeds, session));
    // Those that came meanwhile are told by themselves.
    const hasMore = this.#untold.length > 0;
    this.#state = outcome === "sent" ? "sent" : "failed";
    // What a host refused was told to nobody: the next sentence holds it, too.
    if (outcome === "refused") this.#untold.unshift(...deeds);
    this.#changed();
    if (hasMore) await this.#send();
  }

  /** Hands the sentence to the host in each way that it has. */
  async #pass(sentence: string): Promise<"sent" | "refused" | "unknown"> {
    const content = [{ type: "text" as const, text: sentence }];
    const { updateModelContext } = this.#host.capabilities;
    if (updateModelContext !== undefined) {
      await this.#host.request("ui/update-model-context", { content }, TELL_TIMEOUT_MS)
        .catch(() => {});
    }
    try {
      // VS Code and the inspector take messages, and do not declare it.
      const message = { role: "user" as const, content };
      const { isError } = await this.#host.request("ui/message", message, TELL_TIMEOUT_MS);
      return isError === true ? "refused" : "sent";
    } catch (error) {
      const isUnknown = error instanceof HostError && error.kind === "timeout";
      return isUnknown ? "unknown" : "refused";
    }
  }
}

/** Writes the sentence: its only parts that are not fixed are counts, an id, and a tool's name. */
export function sentenceOf(deeds: readonly Deed[], { sessionId, waitTool }: ToldSession): string {
  const count = (deed: Deed) => deeds.filter((one) => one === deed).length;
  const calls = (number: number) => number === 1 ? "1 tool call" : `${number} tool calls`;
  const [allowed, denied, answered] = [count("allow"), count("deny"), count("answer")];
  const done = [
    ...(allowed > 0 ? [`allowed ${calls(allowed)}`] : []),
    ...(denied > 0 ? [`denied ${calls(denied)}`] : []),
    ...(answered > 0 ? [`answered ${calls(answered)}`] : []),
    ...(count("interrupt") > 0 ? ["interrupted the turn"] : []),
  ];
  const last = done.pop();
  const list = done.length > 0 ? `${done.join(", ")} and ${last}` : last;
  const elsewhere = count("elsewhere");
  const what = [
    ...(list === undefined ? [] : [`In the session view, I ${list}.`]),
    ...(elsewhere > 0 ? [`Somebody else answered ${calls(elsewhere)}.`] : []),
  ];
  const next = waitTool === undefined
    ? `Session ${sessionId} goes on.`
    : `Call ${waitTool} with session_id "${sessionId}" to hear from the agent.`;
  return [...what, next].join(" ");
}
