/**
 * Cuts long Markdown into pieces that a browser lays out at once.
 *
 * @module
 */

import { firstChars } from "../core/text.ts";

const FENCE = /^ {0,3}(`{3,}|~{3,})(.*)$/;

/**
 * Cuts a text between its blocks: a piece that is filled to three quarters ends at the next empty
 * line outside of a code block. What has no such place is cut where it must be, and a code block goes
 * on as one in the next piece. The pieces of a text that grows stay the same, but for the last.
 *
 * @param maxChars of a piece; the fences of a code block that is cut come on top
 */
export function markdownPieces(text: string, maxChars: number): string[] {
  if (text.length <= maxChars) return text === "" ? [] : [text];
  const pieces: string[] = [];
  let piece = "";
  let fence: { readonly line: string; readonly mark: string } | undefined;
  const cut = () => {
    if (piece.trim() !== "") pieces.push(fence ? `${piece}\n${fence.mark}\n` : piece);
    piece = fence ? `${fence.line}\n` : "";
  };
  for (const line of linesWithin(text, maxChars)) {
    if (piece.length + line.length > maxChars) cut();
    piece += line;
    const bare = line.trimEnd();
    const [, mark = "", rest = ""] = FENCE.exec(bare) ?? [];
    if (fence) {
      const closes = mark.startsWith(fence.mark) && rest.trim() === "";
      if (closes) fence = undefined;
    } else if (mark !== "" && !(mark.startsWith("`") && rest.includes("`"))) {
      fence = { line: bare.slice(0, 100), mark };
    }
    if (bare === "" && !fence && piece.length >= maxChars * 0.75) cut();
  }
  fence = undefined;
  cut();
  return pieces;
}

/** Returns the lines of a text with their ends; a longer one in parts. */
function* linesWithin(text: string, maxChars: number): Generator<string> {
  for (const line of text.split(/(?<=\n)/)) {
    let rest = line;
    while (rest.length > maxChars) {
      const part = firstChars(rest, maxChars);
      yield part;
      rest = rest.slice(part.length);
    }
    yield rest;
  }
}
