/**
 * Checks the rules of the access file against the authorization servers that the server trusts.
 *
 * @module
 */

import { UsageError } from "../core/errors.ts";
import type { AccessRule } from "./rules.ts";

/**
 * Throws for rules that let nobody in, or everybody of a server at which anybody has an account.
 *
 * @param rules undefined where the file has none, or where there is no file
 * @param issuers the issuers that the server trusts
 * @param source how the user named the file; undefined without one
 * @throws UsageError one line that says what is wrong and what to do
 */
export function checkRules(
  rules: readonly AccessRule[] | undefined,
  issuers: readonly string[],
  source?: string,
): void {
  for (const [index, rule] of (rules ?? []).entries()) {
    const problem = issuerProblem(rule, issuers);
    if (problem === undefined) continue;
    throw new UsageError(`${source}: ${rulePlace(rule, index)}: ${problem}`);
  }
  const open = issuers.find((issuer) =>
    isOpenIssuer(issuer) && !rules?.some((rule) => rule.issuer === issuer)
  );
  if (open === undefined) return;
  throw new UsageError(
    `Anybody can have an account at ${open}: ` +
      (source === undefined
        ? "write a rule for it into the file of --access-file that says who of them may come"
        : `${source} needs a rule for it that says who of them may come`),
  );
}

/** Returns how errors name a rule, such as `rules[1] ("analysts")`. */
export function rulePlace({ name }: Pick<AccessRule, "name">, index: number): string {
  return `rules[${index}] ("${name}")`;
}

function issuerProblem(
  { issuer, when }: AccessRule,
  issuers: readonly string[],
): string | undefined {
  if (issuers.length === 0) {
    return "rules are for people who sign in: name their authorization server with --oauth-issuer";
  }
  if (!issuers.includes(issuer)) {
    return `issuer ${issuer} must be one that --oauth-issuer names, letter by letter: ` +
      issuers.join(", ");
  }
  if (!isOpenIssuer(issuer)) return undefined;
  if (!when) {
    return `anybody can have an account at ${issuer}: say with claim and values who of them may come`;
  }
  return EVERYBODYS_CLAIMS.includes(when.claim)
    ? `anybody at ${issuer} can have that ${when.claim}: name a claim that tells people apart`
    : undefined;
}

/**
 * Claims that tell nothing about a person who comes from an open issuer: those that everybody there
 * has, and those that people fill in themselves (OpenID Connect Core, section 5.1).
 */
const EVERYBODYS_CLAIMS: readonly string[] = [
  ...["iss", "aud", "azp", "client_id", "appid", "email_verified", "phone_number_verified"],
  ...["scope", "scp", "typ", "ver", "token_use", "acr", "amr", "idp", "identity_provider"],
  ...["name", "given_name", "family_name", "middle_name", "nickname", "preferred_username"],
  ...["profile", "picture", "website", "gender", "birthdate", "zoneinfo", "locale", "address"],
];

/**
 * Issuers at which anybody can have an account, or run a job that gets a token: a host with all of its
 * paths, or `host/path`, or `host/` for a host without a path.
 */
const OPEN_ISSUERS: readonly string[] = [
  "accounts.google.com",
  "login.live.com",
  "appleid.apple.com",
  "account.apple.com",
  "github.com",
  // An enterprise can have an issuer of its own, with a path.
  "token.actions.githubusercontent.com/",
  "gitlab.com",
  "facebook.com",
  "limited.facebook.com",
  "linkedin.com",
  "slack.com",
  "discord.com",
  "id.twitch.tv",
  "api.login.yahoo.com",
  "access.line.me",
  "login.salesforce.com",
  "huggingface.co",
  "orcid.org",
  "app.terraform.io",
  "agent.buildkite.com",
];

const MICROSOFT_HOSTS: readonly string[] = [
  "login.microsoftonline.com",
  "login.microsoft.com",
  "login.windows.net",
  "sts.windows.net",
  "login.microsoftonline.us",
  "login.partner.microsoftonline.cn",
];

/** Of Microsoft's tenants, those that are no company's; the last is that of private accounts. */
const OPEN_TENANTS: readonly string[] = [
  "common",
  "organizations",
  "consumers",
  "%7btenantid%7d",
  "9188040d-6c67-4c5b-b112-36a304b66dad",
];

/** Returns true for an issuer at which anybody can get a token. */
export function isOpenIssuer(issuer: string): boolean {
  if (!URL.canParse(issuer)) return false;
  const { hostname, pathname } = new URL(issuer);
  const host = hostname.replace(/^www\./, "").replace(/\.$/, "");
  const path = pathname.replace(/\/+$/, "").toLowerCase();
  if (MICROSOFT_HOSTS.includes(host)) return OPEN_TENANTS.includes(path.split("/")[1] ?? "");
  return OPEN_ISSUERS.includes(host) || (path === "" && OPEN_ISSUERS.includes(`${host}/`));
}

/**
 * Returns what an operator should know about who gets in, a sentence each.
 *
 * @param rules undefined where there are none
 */
export function ruleWarnings(
  rules: readonly AccessRule[] | undefined,
  issuers: readonly string[],
): string[] {
  if (issuers.length === 0) return [];
  if (!rules) {
    return [
      `Everybody who can sign in at ${issuers.join(" or ")} gets in, with all that the scopes of ` +
      "the access token give: write rules into the file of --access-file to say who may do what",
    ];
  }
  return issuers.filter((issuer) => !rules.some((rule) => rule.issuer === issuer))
    .map((issuer) =>
      `Nobody who signs in at ${issuer} gets in: no rule of the access file is for it`
    );
}
