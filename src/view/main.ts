/**
 * Starts the page of the session view.
 *
 * @module
 */

import type { ViewState } from "./state.ts";

const phase: ViewState["phase"] = "starting";
const root = document.getElementById("view");
if (root) root.textContent = `Session: ${phase}`;
