/**
 * Shows the state of the page, and passes on what the person does.
 *
 * @module
 */

import { type Format, formatFor } from "../format.ts";
import type { ViewActions, ViewState } from "../state.ts";
import { make, makeUnseen, setText } from "./elements.ts";
import { makeFiles } from "./files.ts";
import { makeFooting } from "./footing.ts";
import { makeHeading } from "./heading.ts";
import { webAddress } from "./markdown.ts";
import { makeNotices } from "./notices.ts";
import { makePending, pendingFocus } from "./pending.ts";
import { makeReply } from "./reply.ts";
import type { Tools } from "./section.ts";
import { makeTell } from "./tell.ts";
import { HostTheme } from "./theme.ts";
import { makeTimeline } from "./timeline.ts";

/** Milliseconds after which what was said aloud goes, so that it can be said again. */
const SAID_MS = 3_000;

/**
 * Makes the page in an element, and returns what shows each next state. An update changes only what
 * differs: focus, selection, folds and typed texts stay.
 */
export function makeView(root: HTMLElement, actions: ViewActions): (state: ViewState) => void {
  let format: Format = formatFor("en-US");
  let localeKey = "";
  const live = makeUnseen("p", { role: "status", "aria-live": "polite" });
  let quiet: number | undefined;
  const sentences: string[] = [];
  const tools: Tools = {
    actions,
    format: () => format,
    announce(sentence) {
      sentences.push(sentence);
      setText(live, sentences.join(" "));
      clearTimeout(quiet);
      quiet = setTimeout(() => {
        sentences.length = 0;
        setText(live, "");
      }, SAID_MS);
    },
    openLink(url) {
      const address = webAddress(url);
      if (address !== undefined) actions.openLink(address);
    },
  };
  const theme = new HostTheme(document.documentElement);
  const heading = makeHeading(tools);
  const notices = makeNotices(tools);
  const column = [makePending(tools), makeReply(tools), makeTell(tools), makeFiles(tools)];
  const timeline = makeTimeline(tools);
  const footing = makeFooting(tools);
  const sections = [heading, notices, ...column, timeline, footing];
  root.replaceChildren(
    live,
    heading.element,
    notices.element,
    make(
      "div",
      { class: "columns" },
      make("div", { class: "column" }, ...column.map(({ element }) => element)),
      timeline.element,
    ),
    footing.element,
  );

  return (state) => {
    const { locale, timeZone } = state.host;
    const key = JSON.stringify([locale, timeZone]);
    if (key !== localeKey) format = formatFor(locale, timeZone);
    localeKey = key;
    theme.apply(state.host);
    const focused = document.activeElement;
    const hadFocus = focused !== null && root.contains(focused);
    for (const section of sections) section.update(state);
    if (hadFocus && !isVisible(focused)) {
      (pendingFocus(root) ?? root.querySelector("h1"))?.focus({ preventScroll: true });
    }
  };
}

function isVisible(element: Element): boolean {
  return element.isConnected && element.getClientRects().length > 0;
}
