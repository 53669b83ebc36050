/**
 * Makes elements, and changes them only where something differs: focus, selection and what people
 * have typed stay.
 *
 * @module
 */

import { shorten, showUnseen } from "../../core/text.ts";
import type { Words } from "../words.ts";

type Child = Node | string | undefined;

/** Attributes by name; `true` for one without a value, `false` and undefined for none. */
export interface Attributes {
  readonly [name: string]: string | number | boolean | undefined;
}

/** Makes an element. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  setAttributes(element, attributes);
  for (const child of children) if (child !== undefined) element.append(child);
  return element;
}

/**
 * Makes a real button, which nothing but a click, Space or Enter on it sets off. With `data-off` it
 * does nothing; with `aria-disabled` alone nothing for a pointer, under which it may just have come:
 * a key finds only the button that the person has moved to.
 */
export function makeButton(
  attributes: Attributes,
  onClick: () => void,
  ...children: readonly Child[]
): HTMLButtonElement {
  const button = make("button", { type: "button", ...attributes }, ...children);
  button.addEventListener("click", ({ detail }) => {
    const isByPointer = detail > 0;
    const isOff = button.hasAttribute("data-off") ||
      (isByPointer && button.getAttribute("aria-disabled") === "true");
    if (!isOff) onClick();
  });
  return button;
}

/** Sets attributes that differ. */
export function setAttributes(element: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) {
      if (element.hasAttribute(name)) element.removeAttribute(name);
      continue;
    }
    const text = value === true ? "" : String(value);
    if (element.getAttribute(name) !== text) element.setAttribute(name, text);
  }
}

/** Sets an element's text if it differs. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Shows or hides an element. */
export function setShown(element: HTMLElement, isShown: boolean): void {
  if (element.hidden === isShown) element.hidden = !isShown;
}

/** Longest name that is shown: names come shortened, and this holds if one does not. */
const MAX_NAME_CHARS = 300;

/** Returns a name that others chose as one line of what a person sees, nothing of it unseen. */
export function visibleName(name: string): string {
  return showUnseen(shorten(name, MAX_NAME_CHARS));
}

const shownWords = new WeakMap<Element, string>();

/** Shows words: the parts that others chose are isolated, so that their direction stays theirs. */
export function setWords(element: Element, words: Words): void {
  const key = JSON.stringify(words);
  if (shownWords.get(element) === key) return;
  shownWords.set(element, key);
  element.replaceChildren(...words.map((part) => {
    if (typeof part === "string") return document.createTextNode(part);
    return make("bdi", { class: part.isCode && "code" }, visibleName(part.foreign));
  }));
}

/** What shows one item of a list. */
export interface ItemView<Item> {
  readonly element: HTMLElement;
  update(item: Item): void;
}

/** Shows items one below the other; an element stays the same as long as its key is there. */
export class KeyedList<Item> {
  readonly #container: HTMLElement;
  readonly #makeItem: (item: Item) => ItemView<Item>;
  readonly #views = new Map<string, ItemView<Item>>();

  constructor(container: HTMLElement, makeItem: (item: Item) => ItemView<Item>) {
    this.#container = container;
    this.#makeItem = makeItem;
  }

  /** @returns true if an item came or went */
  update(items: readonly Item[], keyOf: (item: Item) => string): boolean {
    let hasChanged = false;
    const keys = new Set(items.map(keyOf));
    // First what goes: what stays is not moved then, and keeps its focus.
    for (const [key, { element }] of this.#views) {
      if (keys.has(key)) continue;
      element.remove();
      this.#views.delete(key);
      hasChanged = true;
    }
    let place: Element | null = this.#container.firstElementChild;
    for (const item of items) {
      const key = keyOf(item);
      let view = this.#views.get(key);
      if (view === undefined) {
        view = this.#makeItem(item);
        this.#views.set(key, view);
        hasChanged = true;
      }
      view.update(item);
      if (view.element === place) place = place.nextElementSibling;
      else this.#container.insertBefore(view.element, place);
    }
    return hasChanged;
  }
}

/** Returns an element that only screen readers have. */
export function makeUnseen(tag: "p" | "span" | "h2", attributes: Attributes = {}): HTMLElement {
  return make(tag, { class: "unseen", ...attributes });
}
