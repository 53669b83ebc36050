/**
 * Rules about texts: what no file may contain, and what some must.
 *
 * @module
 */

import { ENV_NAMES, SETTINGS } from "../../src/config/settings.ts";
import type { Finding, TextFile } from "./tree.ts";

/** Deno writes it, with hosts and hashes in it. */
const LOCK = "deno.lock";

function findLines(
  files: readonly TextFile[],
  pattern: RegExp,
  message: (match: string) => string,
  mend: string,
): Finding[] {
  return files.flatMap(({ path, text }) =>
    text.split("\n").flatMap((line, index) => {
      const match = pattern.exec(line)?.[0];
      return match === undefined ? [] : [{ path, line: index + 1, message: message(match), mend }];
    })
  );
}

// The brackets keep the patterns from finding themselves.
const MACHINE = new RegExp(
  [
    "/(hom[e]|User[s])/(?!(me|you|user)\\b)[A-Za-z]",
    "/roo[t]/",
    "/wor[k]/[a-z.]",
    "/far[m]/",
    "/tm[p]/[a-z]+/[a-z]",
    "[A-Z]:\\\\User[s]",
    "registr[y]\\.np[m]",
    "npm\\.jsr\\.i[o]",
  ].join("|"),
);

/** Paths of a machine and hosts of a package registry mean nothing to anybody else. */
export function noMachineFacts(files: readonly TextFile[]): Finding[] {
  return findLines(
    files.filter(({ path }) => path !== LOCK),
    MACHINE,
    (match) => `names '${match}…', a place that only one machine knows`,
    "write a relative path, or a placeholder such as /path/to",
  );
}

const UNFINISHED = /\b(TOD[O]|FIXM[E]|XX[X]|HAC[K])\b|not implemente[d]/;

/** Unfinished work is not left in the source. */
export function nothingUnfinished(files: readonly TextFile[]): Finding[] {
  return findLines(
    files.filter(({ path }) => /^(src|scripts|std)\//.test(path)),
    UNFINISHED,
    (match) => `says '${match}'`,
    "finish the work, or file an issue and take the words out",
  );
}

const SECRET = /\b(sk-ant-(api|oat)\d\d-[A-Za-z0-9_-]{40,}|AKIA[0-9A-Z]{16}|gh[pousr]_\w{36})\b/;

/** No real credential, anywhere. */
export function noSecrets(files: readonly TextFile[]): Finding[] {
  return findLines(
    files,
    SECRET,
    () => "holds what looks like a real credential",
    "take it out, and revoke it if it is real",
  );
}

/** A file of the project in a document; not the end of an address or of a pattern with `<name>`. */
const NAMED_FILE = /(?<![\w/.:<>-])(?:[\w*-]+\/)*[\w*.-]*\.(?:ts|md|jsonl|sh|ps1)\b(?![<>*])/g;

/** Documents name files that are there, by their whole path or by its end; `*` stands for any name. */
export function documentsNameRealFiles(files: readonly TextFile[]): Finding[] {
  const isThere = (name: string) => {
    const pattern = name.replaceAll(".", "\\.").replaceAll("*", "[^/]*");
    return files.some(({ path }) => new RegExp(`(^|/)${pattern}$`).test(path));
  };
  return files.filter(({ path }) => path.endsWith(".md")).flatMap(({ path, text }) =>
    text.split("\n").flatMap((line, index) =>
      (line.match(NAMED_FILE) ?? []).filter((name) => !isThere(name)).map((name) => ({
        path,
        line: index + 1,
        message: `names ${name}, which is not there`,
        mend: "write where that is now",
      }))
    )
  );
}

const TOP_LEVEL = new Set([
  "src",
  "tests",
  "std",
  "scripts",
  "deno.json",
  LOCK,
  "Dockerfile",
  "README.md",
  "ARCHITECTURE.md",
  "CHANGELOG.md",
  "CONTRIBUTING.md",
  "LICENSE",
  "docs",
  "deploy",
]);

/** The top level holds what was agreed, and dotfiles. */
export function topLevelIsAgreed(files: readonly TextFile[]): Finding[] {
  const entries = new Set(files.map(({ path }) => path.split("/")[0] ?? ""));
  return [...entries].filter((entry) => !TOP_LEVEL.has(entry) && !entry.startsWith("."))
    .map((path) => ({
      path,
      message: "does not belong on the top level",
      mend: "move it into a folder, or add it to TOP_LEVEL in scripts/house/text_rules.ts",
    }));
}

/** The program may read the variables of the settings table, and no others. */
export function permissionsMatchSettings(files: readonly TextFile[]): Finding[] {
  const text = files.find(({ path }) => path === "deno.json")?.text ?? "{}";
  const given: unknown = JSON.parse(text).permissions?.serve?.env;
  const allowed: readonly unknown[] = Array.isArray(given) ? given : [];
  const quoted = (names: readonly unknown[]) => names.map((name) => `"${name}"`).join(", ");
  const missing = ENV_NAMES.filter((name) => !allowed.includes(name));
  const unknown = allowed.filter((name, index) =>
    !ENV_NAMES.some((known) => known === name) || allowed.indexOf(name) !== index
  );
  const orders = [
    ...(missing.length > 0 ? [`add ${quoted(missing)}`] : []),
    ...(unknown.length > 0 ? [`take out ${quoted(unknown)}`] : []),
  ];
  const isInOrder = ENV_NAMES.every((name, index) => allowed[index] === name);
  if (orders.length === 0 && !isInOrder) orders.push(`give it this order: ${quoted(ENV_NAMES)}`);
  return orders.length === 0 ? [] : [{
    path: "deno.json",
    message: "permissions.serve.env is not the list of variables that the program reads",
    mend: orders.join(", "),
  }];
}

/**
 * Each setting is taken: its section goes whole to the room that uses it, so no type says so. Only
 * code counts, and no code of `config/` counts for `config.server`, which is spread into options.
 */
export function settingsAreUsed(files: readonly TextFile[]): Finding[] {
  const codeOf = (isUser: (path: string) => boolean) =>
    files.filter(({ path }) => path.startsWith("src/") && isUser(path))
      .map(({ text }) => text.replace(/^\s*(\/\/|\/?\*).*$/gm, "")).join("\n");
  const inRooms = codeOf((path) => !path.startsWith("src/config/"));
  const anywhere = codeOf((path) => path !== "src/config/settings.ts");
  const unused = Object.entries(SETTINGS).flatMap(([section, rows]) => {
    const users = section === "server" ? inRooms : anywhere;
    return Object.keys(rows).filter((name) => !new RegExp(`\\b${name}\\b`).test(users));
  });
  return unused.length === 0 ? [] : [{
    path: "src/config/settings.ts",
    message: `has settings that nothing takes: ${unused.join(", ")}`,
    mend: "name them in the options of what uses them, such as ServicesOptions in " +
      "src/tools/services.ts, or delete the rows",
  }];
}
