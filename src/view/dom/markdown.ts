/**
 * Shows an agent's Markdown. What it wrote is data: elements are made one by one from what the parser
 * finds, and nothing is ever read as HTML. So HTML is shown as the text that it is, images are told
 * and never loaded, links leave the page only by the host, and headings stay below the page's own.
 *
 * @module
 */

import { Lexer, type MarkedToken, type Token, type Tokens } from "marked";
import { escapeUnseen, shorten } from "../../core/text.ts";
import { make } from "./elements.ts";

/** What links do. */
export interface LinkPort {
  readonly canOpen: boolean;
  open(url: string): void;
  /** Shows the address of a link that a person is about to follow; undefined to show none. */
  show(url: string | undefined, link: Element): void;
}

/** The page's own headings are of levels 1 and 2. */
const HEADINGS = ["h3", "h4", "h5", "h6"] as const;

/** Elements within each other; what lies deeper is shown as it was written. */
const MAX_DEPTH = 30;

/** Turns Markdown into elements. */
export function markdownFragment(source: string, links: LinkPort): DocumentFragment {
  const fragment = document.createDocumentFragment();
  try {
    fragment.append(...nodesOf(Lexer.lex(source, { gfm: true }), links, 0));
  } catch {
    // What is too deep for the parser is shown as it was written.
    fragment.replaceChildren(make("pre", {}, source));
  }
  return fragment;
}

function nodesOf(tokens: readonly Token[], links: LinkPort, depth: number): Node[] {
  return tokens.flatMap((token) => {
    if (depth > MAX_DEPTH) return [document.createTextNode(token.raw)];
    return nodeOf(token, links, depth + 1) ?? [];
  });
}

/** Returns the node of a token; undefined for one that shows nothing. */
function nodeOf(given: Token, links: LinkPort, depth: number): Node | undefined {
  // The parser has no extensions, so that there is no token of another type.
  const token = given as MarkedToken;
  const inner = (tokens: readonly Token[]) => nodesOf(tokens, links, depth);
  switch (token.type) {
    case "space":
    case "def":
      return undefined;
    case "paragraph":
      return make("p", { dir: "auto" }, ...inner(token.tokens));
    case "heading":
      return make(HEADINGS[token.depth - 1] ?? "h6", { dir: "auto" }, ...inner(token.tokens));
    case "blockquote":
      return make("blockquote", { dir: "auto" }, ...inner(token.tokens));
    case "list": {
      const items = token.items.map(({ tokens }) => make("li", { dir: "auto" }, ...inner(tokens)));
      return token.ordered
        ? make("ol", { start: Number(token.start) }, ...items)
        : make("ul", {}, ...items);
    }
    case "code":
      return make("pre", { dir: "ltr" }, make("code", {}, shownCode(token.text)));
    case "table":
      return tableOf(token, inner);
    case "hr":
      return make("hr");
    case "strong":
    case "em":
    case "del":
      return make(token.type, {}, ...inner(token.tokens));
    case "codespan":
      return make("code", { dir: "ltr" }, shownCode(token.text));
    case "br":
      return make("br");
    case "checkbox":
      return document.createTextNode(token.checked ? "☑ " : "☐ ");
    case "image": {
      const what = token.text === "" ? "Image" : `Image: ${token.text}`;
      return make("em", {}, `[${what}, ${shorten(token.href, MAX_ADDRESS_CHARS)}]`);
    }
    case "link":
      return linkOf(token, inner(token.tokens), links);
    case "html":
      if (/^<br ?\/?>$/i.test(token.text)) return make("br");
      return token.block
        ? make("p", { dir: "auto" }, token.text)
        : document.createTextNode(token.text);
    case "text":
      return token.tokens ? make("span", {}, ...inner(token.tokens)) : textOf(token.text);
    case "escape":
      return document.createTextNode(token.text);
    default:
      return textOf(token.raw);
  }
}

function tableOf({ header, rows }: Tokens.Table, inner: (tokens: Token[]) => Node[]): HTMLElement {
  const row = (tag: "th" | "td", cells: readonly Tokens.TableCell[]) =>
    make(
      "tr",
      {},
      ...cells.map(({ tokens, align }) =>
        make(tag, { dir: "auto", "data-align": align ?? undefined }, ...inner(tokens))
      ),
    );
  const table = make(
    "table",
    {},
    make("thead", {}, row("th", header)),
    make("tbody", {}, ...rows.map((cells) => row("td", cells))),
  );
  // Many columns do not fit: then the table moves sideways, and not the page.
  return make("div", { class: "table", tabindex: 0, role: "group", "aria-label": "Table" }, table);
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: "\u00a0",
};

/** Returns a text with the usual entities as the characters that they stand for. */
function textOf(text: string): Text {
  return document.createTextNode(
    text.replace(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|([a-z]{2,4}));/gi, (all, decimal, hex, name) => {
      if (name !== undefined) return Object.hasOwn(ENTITIES, name) ? ENTITIES[name] ?? all : all;
      const code = decimal === undefined ? parseInt(hex, 16) : Number(decimal);
      return code > 0 && code <= 0x10_ff_ff ? String.fromCodePoint(code) : all;
    }),
  );
}

/** Escapes what would change the order of code, or hide in it. */
function shownCode(code: string): string {
  return code.split(/([\n\t])/)
    .map((part, index) => index % 2 === 1 ? part : escapeUnseen(part)).join("");
}

const MAX_ADDRESS_CHARS = 500;

/** Makes a link without an address of its own: nothing can make the frame leave. */
function linkOf({ href }: Tokens.Link, nodes: readonly Node[], links: LinkPort): HTMLElement {
  const { canOpen, open, show } = links;
  const url = webAddress(href);
  if (url === undefined || !canOpen) {
    const span = make("span", {}, ...nodes);
    const address = shorten(url ?? href, MAX_ADDRESS_CHARS);
    const text = span.textContent?.trim();
    if (text !== href && text !== address) span.append(` (${address})`);
    return span;
  }
  const link = make("a", { role: "link", tabindex: 0 }, ...nodes);
  link.addEventListener("click", () => open(url));
  link.addEventListener("keydown", (event) => {
    if (event.key === "Enter") open(url);
  });
  for (const type of ["pointerenter", "focus"]) link.addEventListener(type, () => show(url, link));
  for (const type of ["pointerleave", "blur"]) {
    link.addEventListener(type, () => show(undefined, link));
  }
  return link;
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
