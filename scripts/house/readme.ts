/**
 * Makes the generated parts of the README: the tables of tools, settings and figures.
 *
 * @module
 */

import { settingLines } from "../../src/config/help.ts";
import { TOOL_SETS } from "../../src/tools/registry.ts";
import { parseRecord, RECORD_PATH, type RecordedRun } from "../bench/record.ts";
import { figureRows, figuresCaption } from "./figures.ts";
import type { Finding, TextFile } from "./tree.ts";

/** A tool, as far as the table shows it. */
export interface ToolRow {
  readonly name: string;
  readonly description: string;
  readonly annotations: { readonly readOnlyHint: boolean };
  readonly input: {
    readonly shape: Readonly<Record<string, { safeParse(value: unknown): Parsed }>>;
  };
}

interface Parsed {
  readonly success: boolean;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replace(/\s+/g, " ").trim();
}

/** Returns a table as the formatter writes it: every column as wide as its widest cell. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, ...rows].map((cells) => cells.map(cell));
  const widths = head.map((_, column) =>
    lines.reduce((most, cells) => Math.max(most, cells[column]?.length ?? 0), 3)
  );
  const render = (cells: readonly string[], filler = " ") =>
    `| ${widths.map((width, column) => (cells[column] ?? "").padEnd(width, filler)).join(" | ")} |`;
  const [first = [], ...others] = lines;
  return [render(first), render([], "-"), ...others.map((cells) => render(cells))].join("\n");
}

function firstSentence(text: string): string {
  return /^.*?\.(?=\s|$)/s.exec(text)?.[0] ?? text;
}

/** Returns the table of tools: name, parameters (`?` marks optional ones), first sentence. */
export function toolTable(tools: readonly ToolRow[]): string {
  const rows = tools.map(({ name, description, input, annotations }) => {
    const parameters = Object.entries(input.shape).map(([parameter, schema]) =>
      `\`${parameter}${schema.safeParse(undefined).success ? "?" : ""}\``
    );
    const kind = annotations.readOnlyHint ? "reads" : "writes";
    return [`\`${name}\``, parameters.join(", "), kind, firstSentence(description)];
  });
  return table(["Tool", "Parameters", "", "Does"], rows);
}

/** Returns the tables of all sets of tools; opt-in sets stand below their names. */
export function toolSetTables(sets: Readonly<Record<string, readonly ToolRow[]>>): string {
  const parts = Object.entries(sets).map(([name, tools]) =>
    name === "core" ? toolTable(tools) : `Set \`${name}\`, opt-in:\n\n${toolTable(tools)}`
  );
  return parts.join("\n\n");
}

/** Returns the table of settings: flag, environment, default, meaning. */
export function settingTable(lines: ReturnType<typeof settingLines>): string {
  const code = (text: string) => text === "" ? "" : `\`${text}\``;
  const rows = lines.map(({ flag, env, fallback, help }) => [
    code(flag),
    env.map(code).join(", "),
    fallback,
    help,
  ]);
  return table(["Flag", "Environment", "Default", "Meaning"], rows);
}

/**
 * Returns the README with its generated parts replaced: those between `<!-- generated:name -->`
 * and `<!-- end -->`.
 *
 * @throws Error when the README has no place for a part, or a place for a part that does not exist
 */
export function renderReadme(text: string, parts: Readonly<Record<string, string>>): string {
  const seen = new Set<string>();
  const rendered = text.replace(
    /(<!-- generated:(\w+) -->\n)[\s\S]*?(<!-- end -->)/g,
    (_, open: string, name: string, close: string) => {
      const part = parts[name];
      if (part === undefined) {
        throw new Error(`README.md asks for an unknown part: ${name}; take its markers out`);
      }
      seen.add(name);
      return `${open}\n${part}\n\n${close}`;
    },
  );
  const missing = Object.keys(parts).filter((name) => !seen.has(name));
  if (missing.length > 0) {
    throw new Error(
      `README.md has no place for: ${missing.join(", ")}; add <!-- generated:${missing[0]} --> ` +
        "and <!-- end -->",
    );
  }
  return rendered;
}

/** Returns the table of figures and where they were taken; one sentence without a run. */
export function figureTable(run: RecordedRun | undefined): string {
  if (!run) return "None are on record yet.";
  return `${table(["What", "Figure", "Target"], figureRows(run.figures))}\n\n${
    figuresCaption(run)
  }`;
}

/**
 * Returns the generated parts, from the code and the record as they are now.
 *
 * @param record the text of `tests/bench/record.jsonl`
 */
export function readmeParts(record: string): Record<string, string> {
  return {
    tools: toolSetTables(TOOL_SETS),
    settings: settingTable(settingLines("serve")),
    figures: figureTable(parseRecord(record).at(-1)),
  };
}

/** The README's generated parts are those that the code makes. */
export function readmeIsCurrent(files: readonly TextFile[]): Finding[] {
  const readme = files.find(({ path }) => path === "README.md");
  if (!readme) return [{ path: "README.md", message: "is missing", mend: "put it back" }];
  const record = files.find(({ path }) => path === RECORD_PATH)?.text ?? "";
  try {
    if (renderReadme(readme.text, readmeParts(record)) === readme.text) return [];
    return [{ path: readme.path, message: "is out of date", mend: "run 'deno task docs'" }];
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return [{ path: readme.path, message: "cannot be compared with the code", mend: message }];
  }
}
