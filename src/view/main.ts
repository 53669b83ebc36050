/**
 * Starts the page of the session view.
 *
 * @module
 */

import { makeView } from "./dom/render.ts";
import type { ViewActions } from "./state.ts";

const nothing = () => {};
const actions: ViewActions = {
  allow: nothing,
  deny: nothing,
  answer: nothing,
  interrupt: nothing,
  tell: nothing,
  listFiles: nothing,
  openFile: nothing,
  saveFile: nothing,
  openLink: nothing,
  toggleFullscreen: nothing,
  retry: nothing,
};
const root = document.getElementById("view");
if (root) {
  makeView(root, actions)({
    phase: "starting",
    call: { state: "running" },
    entries: [],
    leftOut: 0,
    reply: "",
    pending: [],
    files: { state: "none", files: [] },
    interrupt: "none",
    host: {
      locale: navigator.language,
      displayMode: "inline",
      canFullscreen: false,
      canOpenLinks: false,
      canDownload: false,
    },
  });
}
