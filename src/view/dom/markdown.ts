/**
 * Shows an agent's Markdown. What it wrote is data: HTML in it is shown as the text that it is,
 * images are told and never loaded, links leave the page only by the host, and headings stay below
 * the page's own.
 *
 * @module
 */

import DOMPurify from "dompurify";
import { Marked, type Tokens } from "marked";
import { escapeUnseen, shorten } from "../../core/text.ts";
import { make } from "./elements.ts";

/** What links do. */
export interface LinkPort {
  readonly canOpen: boolean;
  open(url: string): void;
  /** Shows the address of a link that a person is about to follow; undefined to show none. */
  show(url: string | undefined): void;
}

/** The page's own headings are of levels 1 and 2. */
const HEADINGS_BELOW = 2;
const DEEPEST_HEADING = 6;

const marked = new Marked({
  gfm: true,
  async: false,
  renderer: {
    heading(this: { parser: { parseInline(tokens: unknown[]): string } }, token: Tokens.Heading) {
      const level = Math.min(DEEPEST_HEADING, token.depth + HEADINGS_BELOW);
      return `<h${level}>${this.parser.parseInline(token.tokens)}</h${level}>`;
    },
    html({ text }: Tokens.HTML | Tokens.Tag) {
      return /^<br ?\/?>$/i.test(text.trim()) ? "<br>" : escapeHtml(text);
    },
    image({ href, text }: Tokens.Image) {
      const what = text === "" ? "Image" : `Image: ${text}`;
      return `<em>[${escapeHtml(`${what}, ${shorten(href, 200)}`)}]</em>`;
    },
    checkbox({ checked }: Tokens.Checkbox) {
      return checked ? "☑ " : "☐ ";
    },
  },
});

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

/** Turns Markdown into elements. */
export function markdownFragment(source: string, links: LinkPort): DocumentFragment {
  let html: string;
  try {
    const parsed = marked.parse(source);
    html = typeof parsed === "string" ? parsed : escapeHtml(source);
  } catch {
    // A parser that gives up is no reason to show nothing.
    html = `<pre>${escapeHtml(source)}</pre>`;
  }
  const fragment = DOMPurify.sanitize(html, {
    RETURN_DOM_FRAGMENT: true,
    USE_PROFILES: { html: true },
    FORBID_TAGS: [
      ...["style", "form", "input", "img", "button", "textarea", "select", "video", "audio"],
      ...["picture", "source", "map", "area", "dialog", "label", "details", "summary"],
    ],
    FORBID_ATTR: ["style", "class", "id", "name", "target", "title", "dir", "hidden"],
  });
  for (const block of fragment.querySelectorAll("p, li, h3, h4, h5, h6, td, th, blockquote")) {
    block.setAttribute("dir", "auto");
  }
  for (const code of fragment.querySelectorAll("code, pre")) {
    code.setAttribute("dir", "ltr");
    if (code.localName === "code") showUnseenIn(code);
  }
  for (const table of fragment.querySelectorAll("table")) {
    // Many columns do not fit: then the table moves sideways, and not the page.
    const box = make("div", {
      class: "table",
      tabindex: 0,
      role: "group",
      "aria-label": "Table",
    });
    table.replaceWith(box);
    box.append(table);
  }
  for (const link of fragment.querySelectorAll("a")) mendLink(link, links);
  return fragment;
}

/** Escapes what would change the order of code, or hide in it. */
function showUnseenIn(code: Element): void {
  const text = code.textContent ?? "";
  const shown = text.split(/([\n\t])/).map((part) =>
    part === "\n" || part === "\t" ? part : escapeUnseen(part)
  )
    .join("");
  if (shown !== text) code.textContent = shown;
}

/** Takes the address from a link, so that nothing can make the frame leave, and opens it by the host. */
function mendLink(link: HTMLAnchorElement, { canOpen, open, show }: LinkPort): void {
  const url = webAddress(link.getAttribute("href") ?? "");
  const address = link.getAttribute("href") ?? "";
  link.removeAttribute("href");
  if (url === undefined || !canOpen) {
    const text = link.textContent ?? "";
    const span = make("span", {}, ...link.childNodes);
    const note = url ?? address;
    if (note !== "" && note !== text.trim()) span.append(` (${shorten(note, 500)})`);
    link.replaceWith(span);
    return;
  }
  link.setAttribute("role", "link");
  link.setAttribute("tabindex", "0");
  link.addEventListener("click", (event) => {
    event.preventDefault();
    open(url);
  });
  link.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    open(url);
  });
  for (const type of ["pointerenter", "focus"]) link.addEventListener(type, () => show(url));
  for (const type of ["pointerleave", "blur"]) link.addEventListener(type, () => show(undefined));
}

/** Returns the address as a browser writes it, if it is one of the web. */
export function webAddress(address: string): string | undefined {
  try {
    const url = new URL(address);
    return url.protocol === "https:" || url.protocol === "http:" ? url.href : undefined;
  } catch {
    return undefined;
  }
}
