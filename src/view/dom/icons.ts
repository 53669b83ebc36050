/**
 * The page's marks, drawn as lines in the colour of the text.
 *
 * @module
 */

import type { Mark } from "../words.ts";

/** A picture of the page: a mark, or what stands on a button. */
export type Icon =
  | Mark
  | "expand"
  | "collapse"
  | "open"
  | "save"
  | "copy"
  | "stop"
  | "file"
  | "deny"
  | "allow";

const SVG = "http://www.w3.org/2000/svg";

/** Lines in a square of 16 by 16. */
const PATHS: Readonly<Record<Icon, string>> = {
  working: "M8 1.75A6.25 6.25 0 1 1 1.75 8",
  waiting: "M8 1.25 14.75 8 8 14.75 1.25 8ZM8 5v3.5M8 10.9v.1",
  done: "M8 1.75a6.25 6.25 0 1 0 0 12.5 6.25 6.25 0 1 0 0-12.5ZM5.2 8.2l2 2 3.7-4.2",
  failed:
    "M5.4 1.75h5.2l3.65 3.65v5.2l-3.65 3.65H5.4L1.75 10.6V5.4ZM5.8 5.8l4.4 4.4M10.2 5.8l-4.4 4.4",
  stopped: "M3.5 2.5h9a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1h-9a1 1 0 0 1-1-1v-9a1 1 0 0 1 1-1ZM5.5 8h5",
  lost: "M8 1.75a6.25 6.25 0 1 0 0 12.5 6.25 6.25 0 1 0 0-12.5ZM3.6 3.6l8.8 8.8",
  unknown: "M8 1.75a6.25 6.25 0 1 0 0 12.5 6.25 6.25 0 1 0 0-12.5ZM5.2 8v.1M8 8v.1M10.8 8v.1",
  message: "M2.5 2.5h11v8.25H7L4 13.5v-2.75H2.5Z",
  subagent: "M4 2v7a3 3 0 0 0 3 3h5.5M10 9.2l2.8 2.8-2.8 2.8M4 5.5h6",
  retry: "M13.5 8A5.5 5.5 0 1 1 11.6 3.8M13.5 1.75V4.6h-2.9",
  evaluation: "M2 4l1.2 1.2L5.5 3M2 11l1.2 1.2L5.5 10M8 4.2h6M8 11.2h6",
  input: "M8 13.5v-11M3.5 7 8 2.5 12.5 7",
  expand: "M9.5 2H14v4.5M14 2 9 7M6.5 14H2V9.5M2 14l5-5",
  collapse: "M13.5 7H9V2.5M9 7l5-5M2.5 9H7v4.5M7 9l-5 5",
  open: "M9.5 2H14v4.5M14 2 7.5 8.5M12 9.5V14H2V4h4.5",
  save: "M8 2v8M4.5 6.8 8 10.3l3.5-3.5M2.5 13.5h11",
  copy: "M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8Z",
  stop: "M4 4h8v8H4Z",
  file: "M4 1.75h5L12.5 5.2v9H4ZM9 1.75V5.2h3.5",
  deny: "M4 4l8 8M12 4l-8 8",
  allow: "M3 8.5l3.4 3.4L13 4.6",
};

/** Makes an icon, which screen readers pass over: a word always stands beside it. */
export function makeIcon(icon: Icon): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "icon");
  const path = document.createElementNS(SVG, "path");
  svg.append(path);
  setIcon(svg, icon);
  return svg;
}

/** Makes another icon of one, if it is another. */
export function setIcon(svg: SVGSVGElement, icon: Icon): void {
  if (svg.dataset.icon === icon) return;
  svg.dataset.icon = icon;
  svg.firstElementChild?.setAttribute("d", PATHS[icon]);
}
