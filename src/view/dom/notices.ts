/**
 * What a person should know about the page itself: that nothing can be read, how the call beside it
 * ended, that the agent works on without it.
 *
 * @module
 */

import type { ViewState } from "../state.ts";
import { isAtWork, type Words } from "../words.ts";
import { make, makeButton, setAttributes, setShown, setWords } from "./elements.ts";
import { makeIcon, setIcon } from "./icons.ts";
import type { Section, Tools } from "./section.ts";

/** Makes the part of the page with notices. */
export function makeNotices({ actions }: Tools): Section {
  const text = make("p");
  const mark = makeIcon("lost");
  const retry = makeButton({}, () => actions.retry(), makeIcon("retry"), "Try again now");
  const element = make("div", { class: "notice" }, mark, text, retry);
  return {
    element,
    update(state: ViewState) {
      const notice = noticeOf(state);
      setShown(element, notice !== undefined);
      setWords(text, notice?.words ?? []);
      setIcon(mark, notice?.mark ?? "unknown");
      setAttributes(element, { "data-mark": notice?.mark });
      setShown(retry, notice?.canRetry ?? false);
    },
  };
}

interface Notice {
  readonly words: Words;
  readonly mark?: "lost" | "failed";
  readonly canRetry?: boolean;
}

function noticeOf(state: ViewState): Notice | undefined {
  const { phase, problem, call, session } = state;
  if (phase === "lost") {
    return {
      words: [{ foreign: problem ?? "Nothing has been read for a while." }],
      mark: "lost",
      canRetry: true,
    };
  }
  if (call.state === "failed" && call.failure !== undefined && session === undefined) {
    return { words: [{ foreign: call.failure }], mark: "failed" };
  }
  const trouble = problem ?? session?.connection_error;
  if (trouble !== undefined) {
    return {
      words: [{ foreign: trouble }],
      mark: "lost",
      canRetry: phase === "following" || phase === "resting",
    };
  }
  if (state.isPast) {
    return { words: ["The session has gone on since. This is what came of this call."] };
  }
  if (!isAtWork(state) || phase !== "following") return undefined;
  // What the chat is told says so, too.
  const isTold = state.tell !== undefined && state.tell.state !== "needless";
  if (call.state === "ended" && !isTold) {
    return {
      words: ["The chat has stopped waiting, but the agent works on. You can follow it here."],
    };
  }
  if (call.state === "cancelled") {
    return { words: ["The call was cancelled. That does not stop the agent."] };
  }
  return undefined;
}
