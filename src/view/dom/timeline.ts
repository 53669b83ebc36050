/**
 * What happened in the turn, oldest first: the newest is in view, the rest is folded.
 *
 * @module
 */

import { firstChars } from "../../core/text.ts";
import type { TimelineEntry, ViewState } from "../state.ts";
import { type EntryWords, entryWords, isTurnOver } from "../words.ts";
import {
  type ItemView,
  KeyedList,
  make,
  makeButton,
  setAttributes,
  setShown,
  setText,
  setWords,
} from "./elements.ts";
import { makeIcon, setIcon } from "./icons.ts";
import type { Section, Tools } from "./section.ts";

/** Entries in view: in the chat, in the chat beside a decision, and in full screen. */
const IN_CHAT = 5;
const BESIDE_DECISION = 2;
const IN_FULL_SCREEN = 40;
/** Entries that one click on "earlier" brings. */
const EARLIER = 50;

/** Characters of a text in the chat and in full screen; the reply has all of it. */
const TEXT_CHARS = 1_500;

/** Makes the part of the page with the timeline. */
export function makeTimeline(tools: Tools): Section {
  const title = make("h2", { id: "timeline-title" }, "Steps");
  const missing = make("p", { class: "note" });
  const list = make("ol", { class: "entries" });
  let more = 0;
  let last: ViewState | undefined;
  const earlier = makeButton({ class: "quiet" }, () => {
    more += EARLIER;
    if (last) update(last);
  });
  const fewer = makeButton({ class: "quiet" }, () => {
    more = 0;
    if (last) update(last);
    (earlier.hidden ? title : earlier).focus();
  }, "Show fewer steps");
  const element = make(
    "section",
    { class: "timeline", "aria-labelledby": "timeline-title" },
    make("div", { class: "section-head" }, title, earlier, fewer),
    missing,
    list,
  );
  const shown = new KeyedList<TimelineEntry>(list, () => new Entry(tools));

  const update = (state: ViewState) => {
    last = state;
    const { entries, leftOut } = state;
    const count = Math.min(entries.length, roomOf(state) + more);
    const folded = entries.length - count;
    shown.update(entries.slice(folded), ({ key }) => key);
    setShown(list, count > 0);
    setShown(element, entries.length > 0);
    setShown(earlier, folded > 0);
    const number = tools.format().number;
    setText(
      earlier,
      count === 0
        ? `Show ${folded === 1 ? "the step" : `all ${number(folded)} steps`}`
        : `Show ${number(Math.min(folded, EARLIER))} earlier`,
    );
    if (count === 0 && folded > EARLIER) {
      setText(earlier, `Show the last ${EARLIER} of ${number(folded)} steps`);
    }
    setShown(fewer, more > 0);
    setShown(missing, leftOut > 0 && folded === 0);
    setText(missing, `${number(leftOut)} earlier steps are not shown here.`);
  };
  return { element, update };
}

/** Returns how many entries are in view without a click. */
function roomOf(state: ViewState): number {
  if (state.host.displayMode === "fullscreen") return IN_FULL_SCREEN;
  // Beside a reply the steps say little, unless they tell why the turn ended otherwise.
  const isPlainEnd = (state.session?.status ?? "idle") === "idle" && isTurnOver(state);
  if (isPlainEnd && state.reply !== "") return 0;
  return state.pending.some((one) => one.state !== "over") ? BESIDE_DECISION : IN_CHAT;
}

/** One entry. */
class Entry implements ItemView<TimelineEntry> {
  readonly element: HTMLElement;
  readonly #tools: Tools;
  readonly #icon = makeIcon("unknown");
  readonly #title = make("span", { class: "title" });
  readonly #state = make("span", { class: "state" });
  readonly #time = make("time");
  readonly #text = make("p", { class: "text", dir: "auto" });
  #shown: TimelineEntry | undefined;

  constructor(tools: Tools) {
    this.#tools = tools;
    this.element = make(
      "li",
      {},
      this.#icon,
      make("div", { class: "line" }, this.#title, this.#state),
      this.#text,
      this.#time,
    );
  }

  update(entry: TimelineEntry): void {
    if (entry === this.#shown) return;
    this.#shown = entry;
    const words: EntryWords = entryWords(entry);
    setIcon(this.#icon, words.mark);
    setAttributes(this.element, {
      "data-mark": words.mark,
      "data-kind": entry.kind,
      "data-subagent": entry.subagent !== undefined,
    });
    setWords(this.#title, words.title);
    setWords(this.#state, words.state === undefined ? [] : [words.state]);
    setShown(this.#state, words.state !== undefined);
    const time = entry.at === undefined ? undefined : this.#tools.format().time(entry.at);
    setShown(this.#time, time !== undefined);
    if (entry.at !== undefined && time !== undefined) {
      setText(this.#time, time);
      setAttributes(this.#time, {
        datetime: entry.at,
        lang: this.#tools.format().locale,
        title: this.#tools.format().dateTime(entry.at),
      });
    }
    setShown(this.#text, words.text !== undefined && words.text.trim() !== "");
    setText(this.#text, shownText(words.text ?? "", entry));
  }
}

/** Returns the beginning of a text, without the marks of Markdown that would be in the way most. */
function shownText(text: string, entry: TimelineEntry): string {
  const isCut = text.length > TEXT_CHARS || (entry.kind === "message" && (entry.left_out ?? 0) > 0);
  const start = firstChars(text, TEXT_CHARS).trim().replace(/\n{2,}/g, "\n");
  const shown = entry.kind === "message"
    ? start.replace(/^#{1,6} /gm, "").replace(/\*\*(\S[^*\n]{0,500})\*\*/g, "$1")
    : start;
  return isCut ? `${shown}…` : shown;
}
