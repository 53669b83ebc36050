/**
 * Foreign texts in Markdown that this program writes, so that none of them can look like another
 * part of it: each line of a quoted text stands behind a bar, and names stay in their line. What
 * would be HTML, or load an image from elsewhere, is shown as the text that it is.
 *
 * The rules are those of CommonMark 0.31.
 *
 * @module
 */

import { escapeUnseen, firstChars, jsonLength, shorten, showUnseen } from "./text.ts";

/** A beginning of a text as a quotation. */
export interface Quote {
  readonly markdown: string;
  /** Length of that beginning in the text, in UTF-16 units. */
  readonly chars: number;
}

/** The longest a line can be in Markdown: up to any of the three line ends. */
const LINE = /([^\r\n]*)(\r\n|\r|\n|$)/y;

/**
 * Quotes a text: `> ` stands before each line, and what can be seen of none is escaped.
 *
 * @param room of the quotation as JSON, in UTF-16 units; only so much of the text is quoted, in
 * whole lines where its first line has room
 */
export function quoteMarkdown(text: string, room = Infinity): Quote {
  const lines: string[] = [];
  const escape = lineEscaper();
  let left = room;
  let at = 0;
  while (at < text.length) {
    LINE.lastIndex = at;
    const [all = "", line = ""] = LINE.exec(text) ?? [];
    // Each character of a line takes one or more of the room.
    const quoted = line.length > left ? undefined : quotedLine(escape(line));
    if (quoted === undefined || jsonLength(quoted) > left) {
      if (lines.length > 0) break;
      const part = partOfLine(line, left);
      lines.push(quotedLine(lineEscaper()(part)));
      at += part.length;
      break;
    }
    lines.push(quoted);
    // The quotes of the JSON text count for the line end.
    left -= jsonLength(quoted);
    at += all.length;
  }
  return { markdown: lines.join("\n"), chars: at };
}

function quotedLine(line: string): string {
  return line === "" ? ">" : `> ${line}`;
}

/** Returns the longest beginning of a line that has room, and at least one character. */
function partOfLine(line: string, room: number): string {
  let fits = 1;
  let over = Math.min(line.length, room) + 1;
  while (over - fits > 1) {
    const middle = Math.floor((fits + over) / 2);
    const quoted = quotedLine(lineEscaper()(line.slice(0, middle)));
    if (jsonLength(quoted) <= room) fits = middle;
    else over = middle;
  }
  // Half of a character is none.
  return firstChars(line, fits) || line.slice(0, 2);
}

/** A fence, which at the beginning of a line opens or closes a block of code. */
const FENCE = /```|~~~/;
/** An opening fence whose line is nothing else to any renderer, such as the head of a table. */
const OPENING_FENCE = /^(`{3,}|~{3,})[\w .+#-]*$/;
const CLOSING_FENCE = /^(?:`+|~+)[ \t]*$/;
/** In the lines before a fence: it may then be a part of a table. */
const IN_TABLE = /\|/;
/** Before a fence: it may then be a part of a link's title, in marked 15 also after a blank line. */
const IN_TITLE = /\]:/;

/**
 * Makes the function that escapes the lines of a text, one after another. Code in a fenced block
 * stays as it is, as long as all renderers agree on where the block begins and ends: an indented
 * fence, for one, may belong to a list, and end with it. After a fence that leaves a doubt all is
 * escaped.
 */
function lineEscaper(): (line: string) => string {
  let fence: string | undefined;
  let isSure = true;
  let mayBeTable = false;
  return (line) => {
    const shown = showUnseen(line);
    if (isSure && fence !== undefined) {
      const [mark = ""] = fence;
      const isFence = shown.trim().length >= fence.length &&
        shown.trim().replaceAll(mark, "") === "";
      if (!isFence) return shown;
      isSure = shown.startsWith(mark) && CLOSING_FENCE.test(shown);
      fence = undefined;
    } else if (FENCE.test(shown)) {
      fence = OPENING_FENCE.exec(shown)?.[1];
      isSure &&= fence !== undefined && !mayBeTable;
    }
    mayBeTable = shown.trim() !== "" && (mayBeTable || IN_TABLE.test(shown));
    isSure &&= !IN_TITLE.test(shown);
    return withoutMarkup(shown);
  };
}

/**
 * Escapes what begins HTML, and parts what begins an image, which is a link then. (A backslash is
 * not enough: marked 15 takes it out of the text of a link, and then finds the image.)
 */
function withoutMarkup(line: string): string {
  return line.replace(/<(?=[A-Za-z/!?])/g, "&lt;").replaceAll("![", "! [");
}

/** Returns a foreign name as a part of a line: a beginning of at most `maxChars` of it. */
export function inlineMarkdown(name: string, maxChars: number): string {
  return escapeUnseen(shorten(name, maxChars)).replace(
    /[\\`[\]<&!]/g,
    (char) => char === "<" ? "&lt;" : `\\${char}`,
  );
}

/** Returns a foreign name in a code span, in which nothing has a meaning. */
export function codeMarkdown(name: string, maxChars: number): string {
  return `\`${escapeUnseen(shorten(name, maxChars)).replaceAll("`", "'")}\``;
}
