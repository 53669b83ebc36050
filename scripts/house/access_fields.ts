/**
 * What the fields of the access file mean, for its table in the documents; what each may be comes from
 * the file's own schema.
 *
 * @module
 */

import type { AccessFieldName } from "../../src/access/access_file.ts";

/** What a field says. */
export interface AccessFieldHelp {
  readonly says: string;
  /** What holds where it is left out; absent for a field that must be there. */
  readonly leftOut?: string;
}

/** The meaning of each field; the compiler demands one for a new field. */
export const ACCESS_FIELD_HELP: Readonly<Record<AccessFieldName, AccessFieldHelp>> = {
  name: { says: "what logs and metrics show; sessions belong to the name of a token" },
  sha256: { says: "the hash of the secret; several while one replaces another" },
  expires: { says: "when the token expires", leftOut: "never" },
  issuer: { says: "the authorization server of the people, letter by letter" },
  claim: {
    says: "the claim that decides: its name, or a path such as `realm_access.roles`",
    leftOut: "everybody of the issuer",
  },
  values: { says: "the accepted values of `claim`: one of them is enough", leftOut: "as `claim`" },
  agents: { says: "the agents within reach", leftOut: "all" },
  agent: {
    says: "the one agent that all tools are bound to, in place of `agents`",
    leftOut: "none",
  },
  environments: { says: "the environments within reach", leftOut: "all" },
  files: {
    says: "the uploaded files that may be sent to agents",
    leftOut: "none, for a limited caller",
  },
  read_only: { says: "whether only the scopes that end in `:read` are left", leftOut: "`false`" },
  scopes: { says: "the rights, of a person as far as the access token has them", leftOut: "all" },
  tools: { says: "the sets of tools", leftOut: "those of the server" },
  sessions: {
    says: "whether only the caller's own sessions are within reach, or all",
    leftOut: '`"own"`',
  },
  rate_per_minute: { says: "the calls a minute, of each caller", leftOut: "not limited" },
  max_waits: { says: "the waits at once, of each caller", leftOut: "that of the server" },
  max_calls: { says: "the other calls at once, of each caller", leftOut: "that of the server" },
  max_cost_usd: {
    says:
      "the most that a new session may cost, and its budget where none is asked for; cents are " +
      "rounded down",
    leftOut: "that of the server",
  },
};
