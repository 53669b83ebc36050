/**
 * Rules about texts: what no file may contain, and what some must.
 *
 * @module
 */

import { ENV_NAMES } from "../../src/config/settings.ts";
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

/** The licence is there and is the one that `deno.json` names. */
export function licenceIsThere(files: readonly TextFile[]): Finding[] {
  const text = files.find(({ path }) => path === "LICENSE")?.text ?? "";
  const manifest = files.find(({ path }) => path === "deno.json")?.text ?? "";
  const agree = text.startsWith("MIT License") && manifest.includes('"license": "MIT"');
  return agree ? [] : [{
    path: "LICENSE",
    message: "is missing or is not the MIT licence that deno.json names",
    mend: 'put its text back, and \'"license": "MIT"\' into deno.json',
  }];
}

/** The program may read the variables of the settings table, and no others. */
export function permissionsMatchSettings(files: readonly TextFile[]): Finding[] {
  const text = files.find(({ path }) => path === "deno.json")?.text ?? "{}";
  const allowed: unknown = JSON.parse(text).permissions?.serve?.env;
  const same = Array.isArray(allowed) &&
    [...allowed].sort().join() === [...ENV_NAMES].sort().join();
  const wanted = ENV_NAMES.map((name) => `"${name}"`).join(", ");
  return same ? [] : [{
    path: "deno.json",
    message: "permissions.serve.env is not the list of variables that the program reads",
    mend: `make it [${wanted}]`,
  }];
}
