/**
 * The foot of the page: what the session has cost, the way to the Console, and the way to stop the
 * agent.
 *
 * @module
 */

import type { WatchedSession } from "../../session/watched_session.ts";
import type { Format } from "../format.ts";
import type { ViewState } from "../state.ts";
import { make, makeButton, setAttributes, setShown, setText } from "./elements.ts";
import { makeIcon } from "./icons.ts";
import type { Section, Tools } from "./section.ts";

/** Makes the foot of the page. */
export function makeFooting({ actions, announce, format, openLink }: Tools): Section {
  const cost = make("p", { class: "cost" });
  let url: string | undefined;
  const consoleLink = makeButton(
    { class: "quiet" },
    () => {
      if (url !== undefined) openLink(url);
    },
    makeIcon("open"),
    "Open in Console",
  );
  const address = make("p", { class: "note" });
  const stop = makeButton({ class: "quiet" }, () => ask(true), makeIcon("stop"), "Interrupt");
  const keep = makeButton({}, () => ask(false), "Keep working");
  const sure = makeButton(
    { class: "danger" },
    () => {
      actions.interrupt();
      ask(false);
    },
    makeIcon("stop"),
    "Interrupt now",
  );
  const question = make(
    "p",
    { id: "interrupt-question" },
    "Stop the agent? It keeps what it has done so far.",
  );
  const confirm = make(
    "div",
    { class: "confirm", role: "group", "aria-labelledby": "interrupt-question", hidden: true },
    question,
    make("div", { class: "choices" }, keep, sure),
  );
  const note = make("p", { class: "note" });
  const element = make(
    "footer",
    {},
    confirm,
    note,
    make("div", { class: "row" }, cost, consoleLink, stop),
    address,
  );
  let isAsking = false;
  let canStop = false;
  const ask = (asks: boolean) => {
    const hadFocus = element.contains(document.activeElement);
    isAsking = asks;
    setShown(confirm, asks);
    setShown(stop, canStop && !asks);
    if (asks) keep.focus();
    else if (hadFocus && canStop) stop.focus();
  };
  confirm.addEventListener("keydown", (event) => {
    if (event.key === "Escape") ask(false);
  });
  let told: ViewState["interrupt"] = "none";
  return {
    element,
    update({ session, interrupt, host }: ViewState) {
      showCost(cost, session ?? {}, format());
      url = session?.console_url;
      setShown(consoleLink, url !== undefined && host.canOpenLinks);
      setShown(address, url !== undefined && !host.canOpenLinks);
      if (url !== undefined) setText(address, `This session in the Console: ${url}`);
      canStop = interrupt === "offered" || interrupt === "failed";
      if (!canStop && isAsking) ask(false);
      setShown(stop, canStop && !isAsking);
      const text = INTERRUPT_NOTES[interrupt];
      setShown(note, text !== "");
      setText(note, text);
      setAttributes(note, { "data-mark": interrupt === "failed" && "failed" });
      setShown(
        element,
        [cost, consoleLink, address, stop, confirm, note].some((part) => !part.hidden),
      );
      if (interrupt !== told && text !== "") announce(text);
      told = interrupt;
    },
  };
}

const INTERRUPT_NOTES: Readonly<Record<ViewState["interrupt"], string>> = {
  none: "",
  offered: "",
  sending: "",
  sent: "",
  failed: "The interrupt was not sent. Try again.",
};

/** Shows what the turn and the session have cost, the amounts as the person's locale writes them. */
function showCost(
  element: HTMLElement,
  { turn_cost_usd: turn, cost_usd: session }: Pick<WatchedSession, "turn_cost_usd" | "cost_usd">,
  { dollars, locale }: Format,
): void {
  const amount = turn ?? session;
  setShown(element, amount !== undefined);
  if (amount === undefined) return;
  const parts = [
    "Cost ",
    dollars(amount),
    ...turn !== undefined && session !== undefined && session > turn
      ? [", session ", dollars(session)]
      : [],
  ];
  if (element.textContent === parts.join("")) return;
  element.replaceChildren(
    ...parts.map((part, index) => index % 2 === 0 ? part : make("bdi", { lang: locale }, part)),
  );
}
