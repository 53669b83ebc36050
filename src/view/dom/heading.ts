/**
 * The head of the page: whose work it shows, how it stands, for how long, and what the task is.
 *
 * @module
 */

import type { ViewState } from "../state.ts";
import { headlineOf, isAtWork, plainWords, type Words } from "../words.ts";
import {
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

/** Makes the head of the page. */
export function makeHeading({ actions, announce, format }: Tools): Section {
  const agent = make("h1", { tabindex: -1 });
  const elapsed = make("span", { class: "elapsed", role: "timer", "aria-live": "off" });
  const expandIcon = makeIcon("expand");
  const expand = makeButton(
    { class: "plain square" },
    () => actions.toggleFullscreen(),
    expandIcon,
  );
  const mark = makeIcon("working");
  const word = make("strong");
  const detail = make("span", { class: "detail" });
  const status = make("p", { class: "status" }, mark, make("span", {}, word, " ", detail));
  const task = make("p", { class: "task", dir: "auto" });
  const taskLabel = make("p", { class: "label" }, "Task");
  const taskRow = make("div", { class: "task-row" }, taskLabel, task);
  const element = make(
    "header",
    {},
    make("div", { class: "top" }, agent, elapsed, expand),
    status,
    taskRow,
  );
  let announced = "";
  let shownSec: number | undefined;
  let since = 0;
  let ticking: number | undefined;

  const tick = () => {
    const passed = ticking === undefined ? 0 : (performance.now() - since) / 1_000;
    const text = shownSec === undefined ? "" : format().duration(shownSec + passed);
    setText(elapsed, text);
    setAttributes(elapsed, { lang: format().locale });
  };

  return {
    element,
    update(state) {
      setWords(agent, agentWords(state));
      const headline = headlineOf(state);
      setIcon(mark, headline.mark);
      setAttributes(status, { "data-mark": headline.mark });
      setText(word, headline.word);
      setWords(detail, headline.detail ?? []);
      // What the agent does changes each second, and is not told aloud.
      const said = state.session?.doing !== undefined && headline.word === "Working"
        ? headline.word
        : `${headline.word}. ${plainWords(headline.detail ?? [])}`;
      if (said !== announced) announce(said);
      announced = said;

      const message = state.session?.turn?.task ?? state.call.message;
      const shown = message ?? state.session?.title;
      setShown(taskRow, shown !== undefined);
      setText(taskLabel, message === undefined ? "Session" : "Task");
      setText(task, shown ?? "");

      if (state.elapsedSec !== undefined && state.elapsedSec !== shownSec) {
        // The next second by our clock is not to go back by the server's.
        since = performance.now();
      }
      shownSec = state.elapsedSec;
      const runs = shownSec !== undefined && isRunning(state);
      if (runs && ticking === undefined) ticking = setInterval(tick, 1_000);
      if (!runs && ticking !== undefined) {
        clearInterval(ticking);
        ticking = undefined;
      }
      setShown(elapsed, shownSec !== undefined);
      setAttributes(elapsed, { "aria-label": "Time" });
      tick();

      const isFull = state.host.displayMode === "fullscreen";
      setShown(expand, state.host.canFullscreen || isFull);
      setIcon(expandIcon, isFull ? "collapse" : "expand");
      const label = isFull ? "Leave full screen" : "Full screen";
      setAttributes(expand, { "aria-label": label, title: label });
    },
  };
}

function agentWords({ session }: ViewState): Words {
  const name = session?.agent;
  return name === undefined || visibleName(name).trim() === ""
    ? ["Agent session"]
    : ["Agent ", { foreign: name }];
}

/** Returns true while time goes on: the agent works, or a person is waited for. */
function isRunning(state: ViewState): boolean {
  return isAtWork(state) ||
    (state.phase === "following" && state.session?.status === "requires_action");
}
