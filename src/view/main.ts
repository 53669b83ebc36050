/**
 * Starts the page of the session view.
 *
 * @module
 */

import { systemClock } from "../core/clock.ts";
import { makeView } from "./dom/render.ts";
import { SessionView } from "./session.ts";
import type { ViewState } from "./state.ts";

const root = document.getElementById("view");
if (root) {
  let render = (_state: ViewState) => {};
  const view = new SessionView({
    port: {
      post: (message) => globalThis.parent.postMessage(message, "*"),
      onMessage: (listener) =>
        globalThis.addEventListener("message", (event) => {
          // Some hosts replace `parent`, so it is compared at each message.
          if (event.source === globalThis.parent) listener(event.data);
        }),
    },
    clock: systemClock,
    locale: navigator.language,
    show: (state) => render(state),
  });
  render = makeView(root, view.actions);
  new ResizeObserver(() => view.reportHeight(root.getBoundingClientRect().height)).observe(root);
  view.start();
}
