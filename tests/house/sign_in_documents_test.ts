import { assert, assertEquals } from "@std/assert";
import type { AuthenticationOutcome } from "../../src/http/sign_in.ts";
import { readTree } from "../../scripts/house/tree.ts";

const ROOT = new URL("../../", import.meta.url);

/** What may become of a request; the compiler demands a line for each outcome. */
const OUTCOMES: Readonly<Record<AuthenticationOutcome, "succeeds" | "fails" | "cannot happen">> = {
  accepted: "succeeds",
  no_token: "fails",
  unknown_token: "fails",
  expired_token: "fails",
  malformed: "fails",
  unknown_issuer: "fails",
  wrong_type: "fails",
  wrong_algorithm: "fails",
  unknown_key: "fails",
  bad_signature: "fails",
  missing_claim: "fails",
  wrong_audience: "fails",
  expired: "fails",
  not_yet_valid: "fails",
  inactive: "fails",
  sender_constrained: "fails",
  no_rule: "fails",
  // The verifier refuses such a token first, as malformed.
  bad_subject: "cannot happen",
  unavailable: "fails",
};

/** The program's text, with texts in one piece that stand on several lines. */
const source = (await readTree(new URL("src/", ROOT)))
  .map(({ text }) => text.replace(/["`] \+\s*["`]/g, "").replace(/\s+/g, " "))
  .join("\n");

/** Returns the cells of a table that follows some words, its head left out. */
async function tableIn(path: string, after: string): Promise<string[][]> {
  const text = await Deno.readTextFile(new URL(path, ROOT));
  const [, rest = ""] = text.split(after);
  const [table = ""] = /(?:^\|.*\n)+/m.exec(rest) ?? [];
  const rows = table.trim().split("\n").slice(2);
  return rows.map((row) => row.split("|").slice(1, -1).map((cell) => cell.trim()));
}

const failures = await tableIn("docs/oauth.md", "## When a sign-in fails");

Deno.test("docs/oauth.md says of every way in which a sign-in fails what to do", () => {
  // The runtime's own server refuses headers that are too large, without a reason of ours.
  const ours = failures.filter(([status]) => status !== "431");
  const reasons = new Set(ours.map(([, , reason = ""]) => reason.replaceAll("`", "")));
  const failing = Object.entries(OUTCOMES).filter(([, kind]) => kind === "fails")
    .map(([outcome]) => outcome);
  assertEquals(
    [...reasons].map((reason) => reason.replaceAll(" ", "_")).sort(),
    // A call without a scope is let in before it is refused.
    [...failing, "missing_scope"].sort(),
  );
  for (const [status, , , remedy] of failures) assert(status && remedy, status);
});

Deno.test("docs/oauth.md quotes sentences that the program says", () => {
  const quoted = failures.flatMap(([, sentences = ""]) =>
    [...sentences.matchAll(/"([^"]+)"/g)].flatMap(([, text = ""]) => text.split(" … "))
  );
  assert(quoted.length > 20, String(quoted.length));
  const shortened = ["iss", "exp", "sub"];
  assertEquals(
    quoted.map((text) => text.replace(/ ?…$/, ""))
      .filter((text) => !shortened.includes(text) && !source.includes(text)),
    [],
  );
});

Deno.test("docs/observing.md quotes lines that the program logs", async () => {
  const lines = (await tableIn("docs/observing.md", "## Logs"))
    .map(([line = ""]) => /^`([^`…]+)/.exec(line)?.[1]?.trim() ?? line);
  assert(lines.length >= 10, String(lines.length));
  const said = source.replaceAll("${kind}", "access file");
  assertEquals(lines.filter((line) => !said.includes(line)), []);
});
