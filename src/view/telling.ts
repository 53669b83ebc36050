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
export interface Telling {
  /** What the page shows; undefined while the person has done nothing. */
  readonly state: TellState | undefined;
  /**
   * Takes a deed whose outcome is known.
   *
   * @param eventId of the call that was answered; the session's for an interrupt
   * @param callRuns true while the tool's call runs, whose result tells it
   * @param isLast true where nothing else waits for the person
   */
  add(deed: Deed, eventId: string, callRuns: boolean, isLast: boolean): void;
  /**
   * Takes the end of the tool's call.
   *
   * @param unknown the calls that still wait by its result: what was decided about them came too late
   * for it
   */
  callEnded(unknown: ReadonlySet<string>): void;
  /** Sends the sentence again, for the person who asks for it. */
  tell(): void;
  /** Tells nothing any more. */
  stop(): void;
}

/**
 * Makes what tells the model.
 *
 * @param sessionOf returns what the sentence names, once that is known
 */
export function createTelling(
  host: Host,
  clock: Pick<Clock, "after">,
  sessionOf: () => ToldSession | undefined,
  changed: () => void,
): Telling {
  /** Deeds that the sentence tells of, oldest first. */
  let told: readonly Deed[] = [];
  /** Deeds of which the model has not been told. */
  let untold: Deed[] = [];
  /** Deeds that the result of the running call tells, by the event of each. */
  const needless = new Map<string, Deed>();
  let phase: "idle" | "sending" | "sent" | "failed" = "idle";
  let cancelTimer: (() => void) | undefined;

  function stateNow(): TellState | undefined {
    const session = sessionOf();
    if (!session) return undefined;
    const [deeds, state]: [readonly Deed[], TellState["state"]] = phase === "sending"
      ? [told, "sending"]
      : untold.length > 0
      ? [untold, phase === "failed" ? "failed" : "offered"]
      : phase !== "idle"
      ? [told, phase]
      : [[...needless.values()], "needless"];
    return deeds.length === 0 ? undefined : { sentence: sentenceOf(deeds, session), state };
  }

  function gather(deeds: readonly Deed[], isLast: boolean): void {
    untold.push(...deeds);
    if (isLast) void send();
    else cancelTimer ??= clock.after(GATHER_MS, () => void send());
    changed();
  }

  async function send(): Promise<void> {
    const session = sessionOf();
    if (phase === "sending" || untold.length === 0 || !session) return;
    cancelTimer?.();
    cancelTimer = undefined;
    const deeds = untold;
    told = deeds;
    untold = [];
    phase = "sending";
    changed();
    const outcome = await pass(sentenceOf(deeds, session));
    // Those that came meanwhile are told by themselves.
    const hasMore = untold.length > 0;
    phase = outcome === "sent" ? "sent" : "failed";
    // What a host refused was told to nobody: the next sentence holds it, too.
    if (outcome === "refused") untold.unshift(...deeds);
    changed();
    if (hasMore) await send();
  }

  /** Hands the sentence to the host in each way that it has. */
  async function pass(sentence: string): Promise<"sent" | "refused" | "unknown"> {
    const content = [{ type: "text" as const, text: sentence }];
    const { updateModelContext } = host.capabilities;
    if (updateModelContext !== undefined) {
      await host.request("ui/update-model-context", { content }, TELL_TIMEOUT_MS)
        .catch(() => {});
    }
    try {
      // VS Code and the inspector take messages, and do not declare it.
      const message = { role: "user" as const, content };
      const { isError } = await host.request("ui/message", message, TELL_TIMEOUT_MS);
      return isError === true ? "refused" : "sent";
    } catch (error) {
      const isUnknown = error instanceof HostError && error.kind === "timeout";
      return isUnknown ? "unknown" : "refused";
    }
  }

  return {
    get state() {
      return stateNow();
    },
    add(deed, eventId, callRuns, isLast) {
      if (!callRuns) return gather([deed], isLast);
      needless.set(eventId, deed);
      changed();
    },
    callEnded(unknown) {
      const late = [...needless].flatMap(([eventId, deed]) => unknown.has(eventId) ? deed : []);
      needless.clear();
      if (late.length > 0) gather(late, false);
    },
    tell() {
      if (phase === "sending") return;
      if (untold.length === 0) untold = told.length > 0 ? [...told] : [...needless.values()];
      void send();
    },
    stop: () => cancelTimer?.(),
  };
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
