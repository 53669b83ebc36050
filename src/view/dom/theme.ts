/**
 * Gives the page the host's look: theme, colours, fonts, and room at the edges.
 *
 * @module
 */

import type { HostState } from "../state.ts";

/** Names of the variables that MCP Apps has. */
const VARIABLE = /^--(?:color|font|border|shadow)-[a-z0-9-]{1,60}$/;

/** Of these, one without the other could be light on light: both count, or neither. */
const PAIRS: readonly (readonly [string, string])[] = [
  ["--color-background-inverse", "--color-text-inverse"],
];

/** Applies the look of the host to a page; what the host says no more goes. */
export class HostTheme {
  readonly #root: HTMLElement;
  readonly #fonts = document.createElement("style");
  #variables: HostState["variables"];
  readonly #set = new Set<string>();

  constructor(root: HTMLElement) {
    this.#root = root;
  }

  apply({ theme, variables, fontsCss, insets, displayMode }: HostState): void {
    const { style, dataset } = this.#root;
    style.colorScheme = theme ?? "light dark";
    if (dataset.mode !== displayMode) dataset.mode = displayMode;
    if (variables !== this.#variables) {
      this.#variables = variables;
      for (const name of this.#set) style.removeProperty(name);
      this.#set.clear();
      for (const [name, value] of Object.entries(variables ?? {})) {
        if (typeof value !== "string" || !VARIABLE.test(name)) continue;
        const pair = PAIRS.find((names) => names.includes(name));
        if (pair?.some((other) => typeof variables?.[other] !== "string")) continue;
        style.setProperty(name, value);
        this.#set.add(name);
      }
    }
    if (fontsCss !== undefined && fontsCss !== this.#fonts.textContent) {
      this.#fonts.textContent = fontsCss;
      if (!this.#fonts.isConnected) document.head.append(this.#fonts);
    }
    for (const edge of ["top", "right", "bottom", "left"] as const) {
      const inset = insets?.[edge] ?? 0;
      style.setProperty(`--inset-${edge}`, `${Number.isFinite(inset) ? Math.max(0, inset) : 0}px`);
    }
  }
}
