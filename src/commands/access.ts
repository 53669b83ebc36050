/**
 * `cma-mcp access check`: shows what the access file lets somebody do who has signed in, or the tokens
 * and rules of the file.
 *
 * @module
 */

import { createPeople } from "../access/people.ts";
import { type Grants, MAX_SUBJECT_CHARS, type Principal } from "../access/principal.ts";
import { isOpenIssuer, rulePlace, ruleWarnings } from "../access/rule_checks.ts";
import { type AccessRule, mismatchWith } from "../access/rules.ts";
import { createSealer } from "../access/sealing.ts";
import { hasScope, SCOPES } from "../access/scopes.ts";
import { scopesOf } from "../access/token_claims.ts";
import { createTokenRegistry, type TokenEntry } from "../access/tokens.ts";
import type { AccessCheckConfig } from "../config/config.ts";
import { EXIT } from "../config/exit_codes.ts";
import { type Column, tableLines } from "../core/columns.ts";
import { fileError } from "../core/errors.ts";
import { createPalette } from "../core/paint.ts";
import { printableJson } from "../core/text.ts";
import type { Program } from "../runtime/program.ts";
import {
  describeMismatch,
  type GivenClaims,
  parseClaims,
  shownText,
  shownValues,
} from "./access_claims.ts";
import { readStdin } from "./stdin.ts";

/** More bytes are not read from stdin: no server takes such a token. */
const MAX_STDIN_BYTES = 1024 * 1024;

/** Columns of a terminal that does not tell. */
const USUAL_COLUMNS = 80;

/**
 * Checks the access file, and by it the claims of an access token where the configuration names some.
 *
 * @returns the exit code: 1 where the claims let nobody in
 * @throws UsageError for claims that cannot be read
 */
export async function checkAccess(config: AccessCheckConfig, program: Program): Promise<number> {
  const { issuers, rules } = config;
  if (config.tokenClaims === undefined) return listFile(config, program);
  const given = await readClaims(config.tokenClaims, program);
  program.note(
    "The claims were taken as they stand: nobody checked signature, audience and times of a token.",
  );
  if (!rules && isOpenIssuer(given.issuer)) {
    program.note(
      `Anybody can have an account at ${
        shownText(given.issuer)
      }: a server that trusts it starts only ` +
        "with a rule for it.",
    );
  }
  const isTrusted = issuers.length === 0 || issuers.includes(given.issuer);
  const outcome = isTrusted ? await judge(given, rules) : untrusted(given, issuers);
  if (config.json) program.print(jsonOf(outcome));
  else printOutcome(outcome, program);
  return outcome.fits ? EXIT.ok : EXIT.failed;
}

async function readClaims(path: string, program: Program): Promise<GivenClaims> {
  if (path === "-") {
    const text = await readStdin(program, { what: "claims", maxBytes: MAX_STDIN_BYTES });
    return parseClaims(text, "The text on stdin");
  }
  const text = await program.readFile(path).catch((error) => {
    throw fileError(error, path, "--token-claims");
  });
  return parseClaims(text, `'${path}' (--token-claims)`);
}

/** What the claims let somebody do. */
interface Fit {
  readonly fits: true;
  readonly issuer: string;
  readonly subject: string;
  /** The rule that fits, with its place and why; absent where there are no rules. */
  readonly rule?: { readonly name: string; readonly place: string; readonly why: string };
  readonly principal: Principal;
  readonly ratePerMinute?: number;
}

/** Why the claims let nobody in. */
interface Refusal {
  readonly fits: false;
  readonly issuer: string;
  readonly subject: string;
  readonly why: string;
  /** A reason for each rule. */
  readonly rules: readonly {
    readonly name: string;
    readonly place: string;
    readonly why: string;
  }[];
}

type Outcome = Fit | Refusal;

/** Decides as the server does. */
async function judge(
  { issuer, subject, claims }: GivenClaims,
  rules: readonly AccessRule[] | undefined,
): Promise<Outcome> {
  const people = createPeople({
    settings: {
      resource: "",
      issuers: [{ issuer, audiences: [], tokenTypes: [] }],
      hashSubjects: false,
    },
    registry: createTokenRegistry([], rules),
    sealer: createSealer([]),
  });
  const scopes = scopesOf(claims);
  const found = await people.of({
    kind: "accepted",
    method: "jwt",
    expiresAtMs: Infinity,
    issuer,
    subject,
    claims,
    scopes,
  });
  if (found.kind !== "person") return refusal(found.kind, { issuer, subject, claims }, rules);
  const { principal, ratePerMinute } = found;
  const index = rules?.findIndex(({ name }) => name === principal.person?.rule) ?? -1;
  const rule = rules?.[index];
  return {
    fits: true,
    issuer,
    subject,
    ...(rule && {
      rule: { name: rule.name, place: rulePlace(rule, index), why: whyItFits(rule, claims) },
    }),
    principal,
    ...(ratePerMinute !== undefined && { ratePerMinute }),
  };
}

function refusal(
  kind: "no_rule" | "bad_subject",
  { issuer, subject, claims }: GivenClaims,
  rules: readonly AccessRule[] = [],
): Refusal {
  if (kind === "bad_subject") {
    const why =
      `the subject has control characters, or is longer than ${MAX_SUBJECT_CHARS} characters`;
    return { fits: false, issuer, subject, why, rules: [] };
  }
  const reasons = rules.map((rule, index) => {
    const mismatch = mismatchWith(rule, issuer, claims);
    const why = mismatch ? describeMismatch(rule, mismatch) : "fits";
    return { name: rule.name, place: rulePlace(rule, index), why };
  });
  const why = "no rule fits, and the server answers 403";
  return { fits: false, issuer, subject, why, rules: reasons };
}

function whyItFits(rule: AccessRule, claims: GivenClaims["claims"]): string {
  if (!rule.when) return "everybody of the issuer";
  const { claim, values } = rule.when;
  const found = values.filter((value) =>
    !mismatchWith({ ...rule, when: { claim, values: [value] } }, rule.issuer, claims)
  );
  return `claim ${shownText(claim)} has ${shownValues(found)}`;
}

function untrusted({ issuer, subject }: GivenClaims, issuers: readonly string[]): Refusal {
  const why = "the server refuses tokens of this issuer, since --oauth-issuer names only " +
    issuers.join(", ");
  return { fits: false, issuer, subject, why, rules: [] };
}

function printOutcome(outcome: Outcome, program: Program): void {
  const who = `${shownText(outcome.subject)} at ${shownText(outcome.issuer)}`;
  if (outcome.fits) {
    const { rule, principal, ratePerMinute } = outcome;
    const fitting = rule ? `${rule.place}: ${rule.why}` : "none, so the scopes of the token decide";
    return printRows([
      ["Who", who],
      ["Rule", fitting],
      ...grantRows(principal, ratePerMinute),
    ], program);
  }
  printRows([
    ["Who", who],
    ["Gets in", `no: ${outcome.why}`],
    ...outcome.rules.map(({ place, why }) => ["", `${place}: ${why}`]),
  ], program);
}

/** Says what a caller may do, by the words of the file. */
function grantRows(
  principal: Grants & Pick<Principal, "missingScopes">,
  ratePerMinute: number | undefined,
): string[][] {
  const { agents, agent, environments, files = [], scopes, missingScopes = [] } = principal;
  const { tools, sessions, maxWaits, maxCalls, maxCostUsd } = principal;
  const isBound = agents !== undefined || environments !== undefined || sessions === "own";
  const ofNobody = isBound ? files : ["all that belong to no session"];
  const held = scopes ?? SCOPES;
  const startsNone = hasScope(principal, "sessions:write") ? "" : ", of which it can start none";
  const lacks = missingScopes.length > 0
    ? `; the token lacks ${missingScopes.join(", ")}, which a new sign-in may bring`
    : "";
  const limits = [
    ratePerMinute !== undefined && `${ratePerMinute} requests a minute`,
    maxWaits !== undefined && `${maxWaits} waits at once`,
    maxCalls !== undefined && `${maxCalls} other calls at once`,
  ].filter((text) => text !== false);
  return [
    [
      "Agents",
      agent === undefined ? listed(agents, "all") : `${agent}, to which the tools are bound`,
    ],
    ["Environments", listed(environments, "all")],
    ["Sessions", sessions === "own" ? `own ones${startsNone}` : "all within reach"],
    ["Files", ["those of sessions within reach", ...ofNobody].join(", ")],
    ["Tools", listed(tools, "all that the server serves")],
    ["Scopes", listed(held.filter((scope) => hasScope(principal, scope)), "none") + lacks],
    ["Limits", listed(limits, "those of the server")],
    ["Budget", maxCostUsd === undefined ? "that of the server" : `${maxCostUsd} USD a session`],
  ];
}

function listed(texts: readonly string[] | undefined, instead: string): string {
  return texts && texts.length > 0 ? texts.join(", ") : instead;
}

function printRows(rows: readonly (readonly string[])[], program: Program): void {
  const columns = [{ title: "" }, { title: "" }];
  for (const line of tableLines(columns, rows, { withTitles: false, ...widthOf(program) })) {
    program.print(line);
  }
}

function widthOf({ stdoutIsTerminal, columns }: Program): { readonly width?: number } {
  return stdoutIsTerminal ? { width: columns() ?? USUAL_COLUMNS } : {};
}

function jsonOf(outcome: Outcome): string {
  const { fits, issuer, subject } = outcome;
  const rest = outcome.fits
    ? {
      rule: outcome.rule?.name ?? null,
      why: outcome.rule?.why ?? null,
      ...grantFields(outcome.principal, outcome.ratePerMinute),
    }
    : { why: outcome.why, rules: outcome.rules.map(({ name, why }) => ({ name, why })) };
  return printableJson(
    JSON.stringify({ fits, verified: false, issuer, subject, ...rest }, null, 2),
  );
}

/** Returns the grants by the names of the file; null stands for no limit. */
function grantFields(
  grants: Grants & Pick<Principal, "missingScopes">,
  ratePerMinute: number | undefined,
): Record<string, unknown> {
  const { missingScopes } = grants;
  return {
    agents: grants.agents ?? null,
    agent: grants.agent ?? null,
    environments: grants.environments ?? null,
    files: grants.files ?? null,
    read_only: grants.readOnly ?? false,
    scopes: (grants.scopes ?? SCOPES).filter((scope) => hasScope(grants, scope)),
    ...(missingScopes && { missing_scopes: missingScopes }),
    tools: grants.tools ?? null,
    sessions: grants.sessions ?? "all",
    rate_per_minute: ratePerMinute ?? null,
    max_waits: grants.maxWaits ?? null,
    max_calls: grants.maxCalls ?? null,
    max_cost_usd: grants.maxCostUsd ?? null,
  };
}

const COLUMNS: readonly Column[] = [
  { title: "Kind" },
  { title: "Name", isId: true },
  { title: "Who" },
  { title: "Agents" },
  { title: "Scopes" },
  { title: "Limits" },
];

/** Prints the tokens and rules of the file, without hashes. */
function listFile(
  { tokens, rules, issuers, json }: AccessCheckConfig,
  program: Program,
): number {
  const { print, note, clock, stdoutIsTerminal, color } = program;
  const now = clock.wallTime();
  if (json) {
    const file = {
      tokens: tokens.map((token) => tokenFields(token, now)),
      rules: rules?.map(ruleFields) ?? null,
    };
    print(printableJson(JSON.stringify(file, null, 2)));
  } else {
    const rows = [
      ...tokens.map((token) => ["token", token.name, expiryOf(token, now), ...summaryOf(token)]),
      ...(rules ?? []).map((rule) => ["rule", rule.name, peopleOf(rule), ...summaryOf(rule)]),
    ];
    const { bold } = createPalette(color);
    const lines = tableLines(COLUMNS, rows, {
      withTitles: stdoutIsTerminal,
      ...widthOf(program),
    });
    lines.forEach((line, at) => print(at === 0 && stdoutIsTerminal ? bold(line) : line));
    if (rows.length === 0) note("The file lists neither tokens nor rules: nobody gets in.");
  }
  ruleWarnings(rules, issuers).forEach(note);
  if (rules && rules.length > 0 && issuers.length === 0) {
    note("Whether the server trusts the issuers of the rules was not checked: add --oauth-issuer.");
  }
  return EXIT.ok;
}

function summaryOf(entry: Grants & { readonly ratePerMinute?: number }): string[] {
  const rows = new Map(
    grantRows(entry, entry.ratePerMinute).map(([name = "", text = ""]) => [name, text] as const),
  );
  const { maxCostUsd } = entry;
  const limits = maxCostUsd === undefined ? rows.get("Limits") : rows.get("Limits")?.concat(
    `, ${rows.get("Budget")}`,
  );
  return [rows.get("Agents") ?? "", rows.get("Scopes") ?? "", limits ?? ""];
}

function expiryOf({ expiresAtMs }: TokenEntry, now: number): string {
  if (expiresAtMs === undefined) return "never expires";
  return `${expiresAtMs <= now ? "expired" : "expires"} ${new Date(expiresAtMs).toISOString()}`;
}

function peopleOf({ issuer, when }: AccessRule): string {
  const place = shownText(issuer);
  if (!when) return `everybody at ${place}`;
  return `${shownText(when.claim)} in ${shownValues(when.values)} at ${place}`;
}

function tokenFields(token: TokenEntry, now: number): Record<string, unknown> {
  const { name, expiresAtMs, ratePerMinute } = token;
  return {
    name,
    expires: expiresAtMs === undefined ? null : new Date(expiresAtMs).toISOString(),
    expired: expiresAtMs !== undefined && expiresAtMs <= now,
    ...grantFields(token, ratePerMinute),
  };
}

function ruleFields(rule: AccessRule): Record<string, unknown> {
  const { name, issuer, when, ratePerMinute } = rule;
  return {
    name,
    issuer,
    claim: when?.claim ?? null,
    values: when?.values ?? null,
    ...grantFields(rule, ratePerMinute),
  };
}
