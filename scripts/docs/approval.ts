/**
 * Draws the form that asks about a tool call, for docs/approvals.md.
 *
 * The texts are those of the program's own form. The layout is that of Claude Code 2.1.332 in a
 * terminal of 80 columns, as it was seen: four rows of a message, each cut at the edge, and then the
 * fields with their titles and descriptions.
 *
 * @module
 */

import { formOf } from "../../src/mcp/elicitation.ts";
import type { Question } from "../../src/session/person.ts";
import type { Finding, TextFile } from "../house/tree.ts";
import { screenSvg, svgTexts } from "./terminal_svg.ts";

/** Path of the picture in the project. */
export const APPROVAL_PATH = "docs/approval.svg";

const COLUMNS = 80;

/** Rows of a message that Claude Code shows; in the last one it counts what it leaves out. */
const MESSAGE_ROWS = 4;

const QUESTION: Question = {
  sessionId: "sesn_01ABCDEFGHJKMNPQRSTVWXYZ23",
  agent: "Build helper",
  calls: [{
    kind: "tool_confirmation",
    eventId: "sevt_01ABCDEFGHJKMNPQRSTVWXYZ23",
    tool: "bash",
    input: JSON.stringify({ command: "rm -r build && npm ci && npm run build" }),
    leftOut: 0,
    mayAllow: true,
    digest: "",
  }],
};

const TEN_MINUTES_MS = 600_000;

/** Codes of styles that pictures know. */
const BOLD = "\x1b[1m";
const DIM = "\x1b[2m";
const BLUE = "\x1b[36m";
const RED = "\x1b[31m";
const PLAIN = "\x1b[0m";

/** Returns the rows of the screen, with the choice open at its first value. */
function screen(): string[] {
  const { message, requestedSchema } = formOf(QUESTION, TEN_MINUTES_MS);
  const required = new Set(requestedSchema.required);
  const fields = Object.entries(requestedSchema.properties).flatMap(([key, field], index) => {
    const { title = key, description = "" } = field;
    const choices = "enum" in field ? field.enum ?? [] : [];
    const mark = required.has(key) ? `${RED}*${PLAIN} ` : "  ";
    const pointer = index === 0 ? `${RED}❯${PLAIN} ` : "  ";
    return [
      `  ${pointer}${mark}${title}: ${choices.length > 0 ? "▾" : `${DIM}not set${PLAIN}`}`,
      ...choices.map((choice, at) =>
        at === 0 ? `        ${BLUE}❯ ◯ ${choice}${PLAIN}` : `          ◯ ${choice}`
      ),
      cut(`        ${DIM}${description}${PLAIN}`),
      "",
    ];
  });
  return [
    `${DIM}❯${PLAIN} Have the build agent make a clean build`,
    "",
    `● Calling ${BOLD}managed-agents${PLAIN} 3 times · 7s…`,
    "",
    `${DIM}${"─".repeat(COLUMNS)}${PLAIN}`,
    `  ${BLUE}MCP server “managed-agents” requests your input${PLAIN}`,
    "",
    ...messageRows(message).map((row) => cut(`  ${DIM}${row}${PLAIN}`)),
    "",
    ...fields,
    `    ${DIM}Accept${PLAIN}    ${DIM}Decline${PLAIN}`,
    "",
    `  ${DIM}Esc to cancel · ↑/↓ to navigate · Backspace to unset · Space to select${PLAIN}`,
  ];
}

function messageRows(message: string): string[] {
  const rows = message.split("\n");
  if (rows.length <= MESSAGE_ROWS) return rows;
  const shown = rows.slice(0, MESSAGE_ROWS - 1);
  return [...shown, `… (+${rows.length - shown.length} more lines)`];
}

/** Cuts a row where the screen ends; codes of styles take no column. */
function cut(row: string): string {
  // deno-lint-ignore no-control-regex -- an escape begins each code
  const codes = row.match(/\x1b\[\d+m/g)?.join("").length ?? 0;
  const room = COLUMNS - 2 + codes;
  return row.length <= room ? row : `${row.slice(0, room - PLAIN.length - 1)}…${PLAIN}`;
}

/** Returns the picture. */
export function approvalSvg(): string {
  return screenSvg({
    title: "Claude Code asks in a terminal about a tool call: bash, its input, and the choices " +
      "later, deny and allow",
    lines: screen(),
    columns: COLUMNS,
  });
}

/** The picture's texts are those of the form. */
export function approvalIsCurrent(files: readonly TextFile[]): Finding[] {
  const picture = files.find(({ path }) => path === APPROVAL_PATH)?.text ?? "";
  if (svgTexts(picture).join("\n") === svgTexts(approvalSvg()).join("\n")) return [];
  const message = "does not show the form that the program makes now";
  return [{ path: APPROVAL_PATH, message, mend: "run 'deno task docs'" }];
}
