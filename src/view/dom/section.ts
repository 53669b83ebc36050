/**
 * What the parts of the page have in common.
 *
 * @module
 */

import type { Format } from "../format.ts";
import type { ViewActions, ViewState } from "../state.ts";

/** What a part of the page gets beside the state. */
export interface Tools {
  readonly actions: ViewActions;
  /** The format of the person's locale, as it is now. */
  format(): Format;
  /** Says something to screen readers, once. */
  announce(sentence: string): void;
  /** Opens an address of the web by the host. */
  openLink(url: string): void;
}

/** A part of the page. */
export interface Section {
  readonly element: HTMLElement;
  update(state: ViewState): void;
}
