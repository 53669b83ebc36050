/**
 * What the fields of the access file mean, for its table in the documents; what each may be comes from
 * the file's own schema.
 *
 * @module
 */

import type { AccessFieldName } from "../../src/access/access_file.ts";

/** The meaning of each field; the compiler demands one for a new field. */
export const ACCESS_FIELD_HELP: Readonly<Record<AccessFieldName, string>> = {
  name: "Shown in logs and metrics; sessions belong to a token's name, and to a rule's person",
  sha256: "Hash of the secret; several while one replaces another",
  expires: "When the token expires; never without it",
  issuer: "The authorization server whose people the rule is for, letter by letter",
  claim: "The claim that decides, by its name or by a path such as `realm_access.roles`; " +
    "everybody of the issuer without it",
  values: "The rule fits where the claim has one of them; goes with `claim`",
  agents: "The only agents within reach, with their sessions; all without it",
  agent: "The one agent that the tools are bound to, in place of `agents`",
  environments: "The only environments within reach, with their sessions; all without it",
  files: "Files of no session that may be named although there are limits; none without it",
  read_only: "Refuses everything that changes something",
  scopes: "The only rights; of a person, as far as the access token has them; all without it",
  tools: "The only sets of tools, as far as the server serves them; all without it",
  sessions: "`own`: only those that the same token or person created, also without the field; " +
    "`all`: every session within reach",
  rate_per_minute: "Most requests a minute, of a token or of each person; not bounded without it",
  max_waits: "Most waits open at once, of a token or of each person",
  max_calls: "Most other calls at once, of a token or of each person",
  max_cost_usd: "Most that a new session may cost, also where none is asked for; rounded down to " +
    "cents. The least of it and the server's own counts",
};
