/**
 * Makes the generated parts of the documents: how to install with npm, and the tables of tools,
 * settings and figures.
 *
 * @module
 */

import { type AccessField, accessFields } from "../../src/access/access_file.ts";
import { type CommandDefinition, COMMANDS } from "../../src/config/commands.ts";
import { type SettingLine, settingLines } from "../../src/config/help.ts";
import type { CommandName } from "../../src/config/settings.ts";
import { SERVER_NAME } from "../../src/config/resolve.ts";
import { installLink } from "../../src/hosts/entry.ts";
import { TOOL_SETS } from "../../src/tools/registry.ts";
import { peersTable } from "../../tests/bench/peers/table.ts";
import { OLDEST_NODE, PACKAGE } from "../npm/manifest.ts";
import { parseRecord, RECORD_PATH, type RecordedRun } from "../bench/record.ts";
import { ACCESS_FIELD_HELP } from "./access_fields.ts";
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

/** Returns the table of tools: name, what it does, parameters (`?` marks optional ones). */
export function toolTable(tools: readonly ToolRow[]): string {
  const rows = tools.map(({ name, description, input, annotations }) => {
    const parameters = Object.entries(input.shape).map(([parameter, schema]) =>
      `\`${parameter}${schema.safeParse(undefined).success ? "?" : ""}\``
    );
    const does = `${annotations.readOnlyHint ? "" : "**Writes.** "}${firstSentence(description)}`;
    return [`\`${name}\``, `${does}<br>Takes ${parameters.join(", ")}`];
  });
  return table(["Tool", "Does"], rows);
}

/** Returns the tables of all sets of tools; opt-in sets stand below their names. */
export function toolSetTables(sets: Readonly<Record<string, readonly ToolRow[]>>): string {
  const withTools = Object.entries(sets).filter(([, tools]) => tools.length > 0);
  const parts = withTools.map(([name, tools]) =>
    name === "core" ? toolTable(tools) : `Set \`${name}\`, opt-in:\n\n${toolTable(tools)}`
  );
  return parts.join("\n\n");
}

/** Returns a table of settings: how each is spelled, and what it means, with its default. */
export function settingTable(lines: readonly SettingLine[]): string {
  const rows = lines.map(({ flag, env, fallback, help }) => [
    [flag, ...env].filter((spelling) => spelling !== "").map((spelling) => `\`${spelling}\``)
      .join("<br>"),
    `${help}${fallback ? ` (${fallback.replace("://", "://<wbr>")})` : ""}`,
  ]);
  return table(["Setting", "Meaning"], rows);
}

/** Returns the tables of the settings that commands have beside the server's. */
export function commandTables(): string {
  const spelled = ({ flag, env }: SettingLine) => [flag, ...env].join();
  const servers = settingLines("serve").map(spelled);
  const commands = Object.entries<CommandDefinition>(COMMANDS).flatMap(([name, { help }]) => {
    const lines = settingLines(name as CommandName).filter((line) =>
      !servers.includes(spelled(line))
    );
    return lines.length === 0 ? [] : [`### cma-mcp ${name}\n\n${help}.\n\n${settingTable(lines)}`];
  });
  return commands.join("\n\n");
}

/** Returns the table of the fields of the access file: where each stands, and what it may be. */
export function accessFieldTable(fields: readonly AccessField[]): string {
  const rows = fields.map(({ name, entries, isRequired, value }) => {
    const { says, leftOut } = ACCESS_FIELD_HELP[name];
    const place = entries.map((entry) => `${entry}s`).join(", ");
    return [`\`${name}\``, place, says, value, isRequired ? "required" : leftOut ?? ""];
  });
  return table(["Field", "Of", "Says", "Must be", "Left out"], rows);
}

/**
 * Returns a document with its generated parts replaced: those between `<!-- generated:name -->`
 * and `<!-- end -->`.
 *
 * @param path for complaints
 * @throws Error when the text has no place for a part, or a place for a part that does not exist
 */
export function renderParts(
  path: string,
  text: string,
  parts: Readonly<Record<string, string>>,
): string {
  const seen = new Set<string>();
  const rendered = text.replace(
    /(<!-- generated:(\w+) -->\n)[\s\S]*?(<!-- end -->)/g,
    (_, open: string, name: string, close: string) => {
      const part = parts[name];
      if (part === undefined) {
        throw new Error(`${path} asks for an unknown part: ${name}; take its markers out`);
      }
      seen.add(name);
      return `${open}\n${part}\n\n${close}`;
    },
  );
  const missing = Object.keys(parts).filter((name) => !seen.has(name));
  if (missing.length > 0) {
    throw new Error(
      `${path} has no place for: ${missing.join(", ")}; add <!-- generated:${missing[0]} --> ` +
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

/** What the lines about servers that could not be started begin with, in the record. */
const SKIPPED_PEER = "peers, ";

/** Returns the table of our servers and their peers; one sentence without any on record. */
export function peersPart(run: RecordedRun | undefined): string {
  const made = run && peersTable(run, "**behind**");
  if (!made) return "None are on record yet.";
  const skipped = (run.skipped ?? []).filter((line) => line.startsWith(SKIPPED_PEER))
    .map((line) => `Skipped in this run: ${line.slice(SKIPPED_PEER.length)}.`);
  const notes = [...made.notes, ...skipped];
  const list = notes.map((note) => `- ${note}`).join("\n");
  return [table(made.head, made.rows), ...list === "" ? [] : [list]].join("\n\n");
}

/** Returns how to install the package: by its name once it is published, until then from a clone. */
export function npmInstall(
  { name, isPublished }: { readonly name: string; readonly isPublished: boolean },
): string {
  const lines = isPublished
    ? [`npm install -g ${name}   # or, without installing: npx -y ${name} demo`]
    : [
      "npx --yes deno@2.9.6 task npm   # in a clone: packs it",
      `npm install -g ./dist/${name}-*.tgz`,
    ];
  return [
    `**With npm**, on every system, with Node ${OLDEST_NODE} or later:`,
    ["```sh", ...lines, "```"].join("\n"),
    ...isPublished ? [] : [
      `A release has that file as well, \`${name}-<version>.tgz\`. \`npx -y ${name}\` works once the ` +
      "owner of that name has published it; do not run it before, because it could be anybody's.",
    ],
  ].join("\n\n");
}

/** Hosts with a link that adds the server, by the name that a button has. */
const LINKED_HOSTS = [["vscode", "VS Code"], ["cursor", "Cursor"]] as const;

/** Returns links that add the package to a host: to one that is published, else how to get them. */
export function installButtons(
  { name, isPublished }: { readonly name: string; readonly isPublished: boolean },
): string {
  if (!isPublished) {
    return "For VS Code and Cursor, `cma-mcp config vscode` and `cma-mcp config cursor` also print a " +
      "link that adds the server.";
  }
  const executable = { command: "npx", args: ["-y", name] };
  const links = LINKED_HOSTS.map(([host, title]) =>
    `[Add to ${title}](${installLink(host, { executable, name: SERVER_NAME, simulate: false })})`
  );
  return `One click: ${links.join(" · ")}`;
}

const serveSettings = (overHttp: boolean) =>
  settingTable(settingLines("serve").filter(({ httpOnly }) => httpOnly === overHttp));

/** Makes a part from the text of `tests/bench/record.jsonl`, or from the code alone. */
type MakePart = (record: string) => string;

/** The generated parts by document and name. */
const PARTS: Readonly<Record<string, Readonly<Record<string, MakePart>>>> = {
  "README.md": {
    npm: () => npmInstall(PACKAGE),
    buttons: () => installButtons(PACKAGE),
    tools: () => toolTable(TOOL_SETS.core),
  },
  "docs/tools.md": { tools: () => toolSetTables(TOOL_SETS) },
  "docs/settings.md": {
    settings: () => serveSettings(false),
    http_settings: () => serveSettings(true),
    command_settings: commandTables,
  },
  "docs/access.md": { access_fields: () => accessFieldTable(accessFields()) },
  "docs/figures.md": {
    figures: (record) => figureTable(parseRecord(record).at(-1)),
    peers: (record) => peersPart(parseRecord(record).at(-1)),
  },
};

/** Paths of the documents that have generated parts. */
export const GENERATED_DOCUMENTS: readonly string[] = Object.keys(PARTS);

/**
 * Returns a document as the code and the record have it now.
 *
 * @param path one of {@linkcode GENERATED_DOCUMENTS}
 * @param record the text of `tests/bench/record.jsonl`
 * @throws Error as {@linkcode renderParts} does
 */
export function renderDocument(path: string, text: string, record: string): string {
  const parts = Object.entries(PARTS[path] ?? {}).map(([name, make]) => [name, make(record)]);
  return renderParts(path, text, Object.fromEntries(parts));
}

/** The documents' generated parts are those that the code makes. */
export function documentsAreCurrent(files: readonly TextFile[]): Finding[] {
  const record = files.find(({ path }) => path === RECORD_PATH)?.text ?? "";
  return GENERATED_DOCUMENTS.flatMap((path): Finding[] => {
    const text = files.find((file) => file.path === path)?.text;
    if (text === undefined) return [{ path, message: "is missing", mend: "put it back" }];
    try {
      if (renderDocument(path, text, record) === text) return [];
      return [{ path, message: "is out of date", mend: "run 'deno task docs'" }];
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return [{ path, message: "cannot be compared with the code", mend: message }];
    }
  });
}
