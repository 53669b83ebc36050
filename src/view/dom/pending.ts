/**
 * The calls that wait for a person: what each would do, and the ways to answer it.
 *
 * No answer is a default one. Nothing here takes the focus by itself, and the buttons wait a moment
 * after they have come or moved, so that a click meant for something else decides nothing.
 *
 * @module
 */

import { ANSWER_CHARS } from "../decisions.ts";
import type { PendingState, ViewState } from "../state.ts";
import { callWords, outcomeWords, plainWords } from "../words.ts";
import {
  type ItemView,
  KeyedList,
  make,
  makeButton,
  setAttributes,
  setShown,
  setText,
  setWords,
  visibleName,
} from "./elements.ts";
import { makeIcon, setIcon } from "./icons.ts";
import type { Section, Tools } from "./section.ts";

/** Milliseconds for which buttons wait: longer than a double click, shorter than reading. */
const ARMING_MS = 500;

/** Makes the part of the page with the calls that wait. */
export function makePending(tools: Tools): Section {
  const title = make("h2", { id: "pending-title" });
  const list = make("ol", { class: "calls" });
  const element = make(
    "section",
    { class: "pending", "aria-labelledby": "pending-title" },
    title,
    list,
  );
  const cards = new Map<string, Card>();
  const drafts = new Map<string, string>();
  let isArmed = false;
  let arming: number | undefined;
  const arm = () => {
    isArmed = false;
    clearTimeout(arming);
    arming = setTimeout(() => {
      isArmed = true;
      for (const card of cards.values()) card.show(isArmed);
    }, ARMING_MS);
  };
  const shown = new KeyedList<NumberedCall>(list, (item) => {
    const card = new Card(item, tools, drafts);
    cards.set(keyOf(item), card);
    return card;
  });
  let places = "";
  return {
    element,
    update({ pending, host }: ViewState) {
      const items = numbered(pending, host.canOpenLinks);
      const keys = new Set(items.map(keyOf));
      for (const key of cards.keys()) if (!keys.has(key)) cards.delete(key);
      // A card that is answered gets smaller, and those below it move.
      const now = items.map((item) => `${keyOf(item)} ${isOver(item.pending)}`).join("\n");
      if (now !== places) arm();
      places = now;
      shown.update(items, keyOf);
      for (const card of cards.values()) card.show(isArmed);
      const open = pending.filter((one) => !isOver(one)).length;
      setShown(element, pending.length > 0);
      setText(title, titleOf(pending.filter((one) => !isOver(one))));
      setAttributes(element, { "data-open": open > 0 });
    },
  };
}

function titleOf(open: readonly PendingState[]): string {
  if (open.length === 0) return "Decided";
  if (open.every(({ state }) => state === "unable")) return "Waits for a decision";
  if (open.length > 1) return `${open.length} calls need your decision`;
  return open[0]?.call.kind === "custom_tool_result" ? "Needs your answer" : "Needs your decision";
}

/** Returns where the focus goes when what had it is gone: the first call that waits, or the last. */
export function pendingFocus(root: Element): HTMLElement | undefined {
  const titles = [...root.querySelectorAll<HTMLElement>(".call:not([data-over]) > h3")];
  return titles[0] ?? [...root.querySelectorAll<HTMLElement>(".call .outcome")].at(-1);
}

interface NumberedCall {
  readonly pending: PendingState;
  /** What tells buttons of several calls apart: ` (2 of 3)`, or nothing for one. */
  readonly suffix: string;
  readonly canOpenLinks: boolean;
}

function numbered(pending: readonly PendingState[], canOpenLinks: boolean): NumberedCall[] {
  return pending.map((one, index) => ({
    pending: one,
    canOpenLinks,
    suffix: pending.filter(({ call }) => call.tool === one.call.tool).length > 1
      ? ` (${index + 1} of ${pending.length})`
      : "",
  }));
}

/** A call whose input has become another one is another call: it is shown anew. */
function keyOf({ pending: { call } }: NumberedCall): string {
  return JSON.stringify([call.event_id, call.tool, call.server, call.input]);
}

function isOver({ state }: PendingState): boolean {
  return state === "over";
}

/** One call. */
class Card implements ItemView<NumberedCall> {
  readonly element: HTMLElement;
  readonly #title: HTMLElement;
  readonly #body: HTMLElement;
  readonly #outcomeMark = makeIcon("done");
  readonly #outcomeWords = make("span");
  readonly #outcome: HTMLElement;
  readonly #note = make("p", { class: "note" });
  readonly #answer = make("div", { class: "answer" });
  readonly #console: HTMLButtonElement;
  readonly #address = make("p", { class: "note" });
  readonly #field: HTMLTextAreaElement;
  readonly #buttons: readonly HTMLButtonElement[];
  readonly #tools: Tools;
  readonly #isCustom: boolean;
  #item: NumberedCall;
  #isArmed = false;
  #told = "";

  constructor(item: NumberedCall, tools: Tools, drafts: Map<string, string>) {
    this.#item = item;
    this.#tools = tools;
    const { call } = item.pending;
    const id = `field-${++Card.#count}`;
    const titleId = `call-${Card.#count}`;
    this.#title = make("h3", { id: titleId, tabindex: -1 });
    this.#isCustom = call.kind === "custom_tool_result";
    this.#field = make("textarea", {
      id,
      rows: this.#isCustom ? 2 : 1,
      maxlength: this.#isCustom ? ANSWER_CHARS.text : ANSWER_CHARS.reason,
      dir: "auto",
      autocomplete: "off",
      spellcheck: "true",
      "aria-describedby": titleId,
    });
    this.#field.value = drafts.get(call.event_id) ?? "";
    this.#field.addEventListener("input", () => {
      drafts.set(call.event_id, this.#field.value);
      this.#showButtons();
    });
    const label = make(
      "label",
      { for: id },
      this.#isCustom ? "Your answer" : "Reason, if you deny (optional)",
    );
    this.#buttons = this.#isCustom ? this.#answerButtons() : this.#decisionButtons();
    this.#body = make(
      "div",
      { class: "body" },
      this.#isCustom ? warning() : undefined,
      ...inputParts(item, tools),
      this.#answer,
    );
    this.#answer.append(
      make("div", { class: "field" }, label, this.#field),
      make("div", { class: "choices" }, ...this.#buttons),
    );
    const url = call.console_url;
    this.#console = makeButton(
      { class: "quiet" },
      () => {
        if (url !== undefined) tools.openLink(url);
      },
      makeIcon("open"),
      "See it in the Console",
    );
    this.#outcome = make(
      "p",
      { class: "outcome", tabindex: -1 },
      this.#outcomeMark,
      this.#outcomeWords,
    );
    this.element = make(
      "li",
      { class: "call" },
      this.#title,
      this.#body,
      this.#outcome,
      this.#note,
      this.#console,
      this.#address,
    );
  }

  static #count = 0;

  update(item: NumberedCall): void {
    this.#item = item;
    const { pending } = item;
    const over = isOver(pending);
    setWords(this.#title, callWords(pending));
    setShown(this.#title, !over);
    setShown(this.#body, !over);
    setShown(this.#outcome, over);
    setAttributes(this.element, {
      "data-over": over,
      "aria-busy": pending.state === "sending" && "true",
    });
    if (over) {
      const { mark, words } = outcomeWords(pending);
      setIcon(this.#outcomeMark, mark);
      setAttributes(this.#outcome, { "data-mark": mark });
      setWords(this.#outcomeWords, words);
      this.#tell(plainWords(words));
    }
    const note = noteOf(pending);
    setShown(this.#note, note !== "");
    setText(this.#note, note);
    setAttributes(this.#note, { "data-mark": pending.state === "failed" && "failed" });
    if (pending.state === "failed") this.#tell(note);
    setShown(this.#answer, pending.state !== "unable");
    const url = pending.call.console_url;
    const needsConsole = !over && url !== undefined &&
      (pending.state === "unable" || (pending.call.left_out ?? 0) > 0);
    setShown(this.#console, needsConsole && item.canOpenLinks);
    setShown(this.#address, needsConsole && !item.canOpenLinks);
    setText(this.#address, `In the Console: ${url ?? ""}`);
    this.#showButtons();
  }

  show(isArmed: boolean): void {
    if (this.#isArmed === isArmed) return;
    this.#isArmed = isArmed;
    this.#showButtons();
  }

  #tell(sentence: string): void {
    if (sentence !== this.#told) this.#tools.announce(sentence);
    this.#told = sentence;
  }

  #decisionButtons(): HTMLButtonElement[] {
    const { actions } = this.#tools;
    const { call } = this.#item.pending;
    const deny = makeButton(
      { class: "deny" },
      () => actions.deny(call.event_id, this.#field.value.trim()),
      makeIcon("deny"),
      "Deny",
    );
    const allow = makeButton(
      { class: "allow" },
      () => actions.allow(call.event_id),
      makeIcon("allow"),
      "Allow",
    );
    return call.may_allow ? [deny, allow] : [deny];
  }

  #answerButtons(): HTMLButtonElement[] {
    const { actions } = this.#tools;
    const { call } = this.#item.pending;
    const answer = (isError: boolean) => () =>
      actions.answer(call.event_id, this.#field.value.trim(), isError);
    return [
      makeButton({ class: "could-not" }, answer(true), makeIcon("deny"), "Could not do it"),
      makeButton({ class: "send" }, answer(false), makeIcon("allow"), "Send answer"),
    ];
  }

  #showButtons(): void {
    const { pending: { state, call, isLocked }, suffix } = this.#item;
    const isOpen = state === "waits" || state === "failed";
    for (const button of this.#buttons) {
      const lacksText = button.className === "send" && this.#field.value.trim() === "";
      const isOff = !isOpen || isLocked || lacksText;
      const what = button.textContent ?? "";
      const tool = visibleName(call.tool);
      setAttributes(button, {
        // A button that is off keeps its focus, which a disabled one would lose.
        "aria-disabled": (isOff || !this.#isArmed) && "true",
        "data-off": isOff,
        "aria-label": this.#isCustom ? `${what}: ${tool}${suffix}` : `${what} ${tool}${suffix}`,
      });
    }
    this.#field.readOnly = !isOpen;
  }
}

function warning(): HTMLElement {
  return make(
    "p",
    { class: "warning" },
    "These are the agent's words, and your answer goes to the agent. Never put a password, a key or " +
      "another secret into it.",
  );
}

/** Makes what shows a call's input. Numbers stand before the agent's text, which could forge them. */
function inputParts(
  { pending: { call } }: NumberedCall,
  tools: Tools,
): HTMLElement[] {
  const parts: HTMLElement[] = [];
  const leftOut = call.left_out ?? 0;
  if (leftOut > 0) {
    const count = tools.format().number(leftOut);
    const isTooLittle = call.kind === "tool_confirmation" && !call.may_allow;
    const note = make(
      "p",
      { class: "warning" },
      `${count} characters of this input are not shown.` +
        (isTooLittle ? " That is too much to allow the call here." : ""),
    );
    parts.push(note);
  }
  const lines = call.input.split("\n");
  const isCut = leftOut > 0 && lines.length === 3;
  const box = make("div", {
    class: "input",
    role: "group",
    "aria-label": `Input of ${visibleName(call.tool)}`,
  });
  for (const [index, line] of (isCut ? lines : [call.input]).entries()) {
    box.append(
      isCut && index === 1
        ? make("p", { class: "cut" }, `${tools.format().number(leftOut)} characters left out`)
        : make("pre", { dir: "ltr" }, line),
    );
  }
  parts.push(box);
  return parts;
}

/** Says why the buttons are off, or what went wrong. */
function noteOf({ state, failure, call }: PendingState): string {
  switch (state) {
    case "form_first":
      return "This app asks about this in a form of its own. Answer there; these buttons work " +
        "once that form is closed.";
    case "unable":
      return call.console_url === undefined
        ? "It can't be answered here. Somebody who may decide has to answer it elsewhere."
        : "It can't be answered here. Answer it in the Console.";
    case "sending":
      return "Sending your answer…";
    case "failed":
      return failure ?? "Your answer was not sent. Try again.";
    default:
      return "";
  }
}
