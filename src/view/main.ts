/**
 * Starts the page of the session view: ties the host's window, the session and what is shown
 * together.
 *
 * @module
 */

import { systemClock } from "../core/clock.ts";
import { makeView } from "./dom/render.ts";
import type { Port } from "./host.ts";
import { createSessionView } from "./session.ts";
import type { ViewState } from "./state.ts";

/** The window that shows the page: hosts may put another one into its place, so it is asked anew. */
const port: Port = {
  // The origin of a host is not known, and may be none: what is sent holds no secret of others.
  post: (message) => globalThis.parent.postMessage(message, "*"),
  onMessage(listener) {
    addEventListener("message", ({ source, data }) => {
      if (source === globalThis.parent) listener(data);
    });
  },
};

const root = document.getElementById("view");
if (root) {
  let render: (state: ViewState) => void = () => {};
  const view = createSessionView({
    port,
    clock: systemClock,
    locale: navigator.language,
    show: (state) => render(state),
  });
  render = makeView(root, view.actions);
  render(view.state);
  new ResizeObserver(() => view.reportHeight(root.getBoundingClientRect().height)).observe(root);
  view.start();
}
