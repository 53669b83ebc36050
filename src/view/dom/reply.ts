/**
 * The agent's reply, as Markdown: short in the chat until a person asks for all of it.
 *
 * @module
 */

import { markdownPieces } from "../pieces.ts";
import type { ViewState } from "../state.ts";
import { isTurnOver } from "../words.ts";
import { make, makeButton, setAttributes, setShown, setText } from "./elements.ts";
import { type LinkPort, markdownFragment } from "./markdown.ts";
import type { Section, Tools } from "./section.ts";

/** Characters that are laid out at once. */
const PIECE_CHARS = 12_000;

/** Makes the part of the page with the reply. */
export function makeReply({ openLink, format }: Tools): Section {
  const title = make("h2", { id: "reply-title" }, "Reply");
  const body = make("div", { class: "markdown", role: "group", "aria-labelledby": "reply-title" });
  const address = make("p", { class: "address", "aria-hidden": "true" });
  const whole = makeButton({ class: "quiet", "aria-expanded": "false" }, () => {
    isWhole = !isWhole;
    fold();
  });
  const more = makeButton({ class: "quiet" }, () => {
    shownPieces++;
    show();
  });
  const element = make(
    "section",
    { class: "reply", "aria-labelledby": "reply-title" },
    title,
    body,
    make("div", { class: "row" }, whole, more),
    address,
  );
  let isWhole = false;
  let isInChat = true;
  let canOpen = true;
  let pieces: string[] = [];
  let shownPieces = 1;
  /** What each shown piece was made of. */
  const made: { readonly source: string; readonly canOpen: boolean; readonly box: HTMLElement }[] =
    [];
  let reply = "";

  const links = (): LinkPort => ({
    canOpen,
    open: openLink,
    show(url, link) {
      setText(address, url ?? "");
      // Just below the link's last line, wherever that is.
      const { bottom = 0 } = [...link.getClientRects()].at(-1) ?? {};
      address.style.top = `${bottom - element.getBoundingClientRect().top + 4}px`;
      setAttributes(address, { "data-shown": url !== undefined });
    },
  });

  const show = () => {
    const wanted = pieces.slice(0, shownPieces);
    while (made.length > wanted.length) made.pop()?.box.remove();
    for (const [index, source] of wanted.entries()) {
      const known = made[index];
      if (known?.source === source && known.canOpen === canOpen) continue;
      const box = known?.box ?? make("div");
      replaceTail(box, markdownFragment(source, links()), known?.canOpen === canOpen);
      if (!known) body.append(box);
      made[index] = { source, canOpen, box };
    }
    const rest = pieces.slice(shownPieces).reduce((sum, { length }) => sum + length, 0);
    setText(more, `Show more (${format().number(rest)} characters left)`);
    fold();
  };

  const fold = () => {
    const folds = isInChat && !isWhole;
    setAttributes(body, { "data-folded": folds });
    const isTooHigh = folds && body.scrollHeight > body.clientHeight + 4;
    setAttributes(body, { "data-cut": isTooHigh });
    setShown(whole, isInChat && (isTooHigh || isWhole));
    setText(whole, isWhole ? "Show less" : "Show the whole reply");
    setAttributes(whole, { "aria-expanded": String(isWhole) });
    setShown(more, shownPieces < pieces.length && !isTooHigh);
  };
  // What has the focus is in view, also behind the fold.
  body.addEventListener("focusin", (event) => {
    const target = event.target;
    if (!body.hasAttribute("data-cut") || !(target instanceof HTMLElement)) return;
    const isBelow = target.getBoundingClientRect().bottom > body.getBoundingClientRect().bottom;
    if (!isBelow) return;
    isWhole = true;
    fold();
  });
  new ResizeObserver(fold).observe(element);

  return {
    element,
    update(state: ViewState) {
      isInChat = state.host.displayMode !== "fullscreen";
      const isShown = state.reply !== "" &&
        (!isInChat || isTurnOver(state) || state.entries.length === 0);
      setShown(element, isShown);
      setText(title, isTurnOver(state) ? "Reply" : "Reply so far");
      const hasChanged = reply !== state.reply || canOpen !== state.host.canOpenLinks;
      canOpen = state.host.canOpenLinks;
      if (isShown && hasChanged) {
        reply = state.reply;
        pieces = markdownPieces(reply, PIECE_CHARS);
        show();
      } else if (isShown) {
        fold();
      }
    },
  };
}

/** Puts new content into a box, and keeps the elements that begin it as before: a selection in them. */
function replaceTail(box: HTMLElement, fragment: DocumentFragment, mayKeep: boolean): void {
  let kept: ChildNode | null = mayKeep ? box.firstChild : null;
  if (!mayKeep) box.replaceChildren();
  while (kept && fragment.firstChild && kept.isEqualNode(fragment.firstChild)) {
    fragment.firstChild.remove();
    kept = kept.nextSibling;
  }
  while (kept) {
    const next: ChildNode | null = kept.nextSibling;
    kept.remove();
    kept = next;
  }
  box.append(fragment);
}
