/**
 * The people who sign in at an authorization server: what each may do, by the rules and by the scopes
 * of their access tokens.
 *
 * @module
 */

import { LruMap } from "../core/lru.ts";
import { toBase64Url } from "../core/text.ts";
import type { AcceptedToken, OAuthSettings } from "./access_tokens.ts";
import { isSubject, personId, type Principal, type SignedIn } from "./principal.ts";
import { type AccessRule, ruleFor } from "./rules.ts";
import { hasScope, type Scope, SCOPES } from "./scopes.ts";
import type { Sealer } from "./sealing.ts";
import type { TokenRegistry } from "./tokens.ts";

/** A person who may call. */
export interface KnownPerson {
  readonly kind: "person";
  readonly principal: Principal & { readonly person: SignedIn };
  /** Most requests per minute; not bounded when absent. */
  readonly ratePerMinute?: number;
}

/** A person who may not. */
export interface Stranger {
  /** `no_rule`: there are rules, and none fits; `bad_subject`: see {@linkcode isSubject}. */
  readonly kind: "no_rule" | "bad_subject";
  /** Who it is; absent where the subject cannot name anybody. */
  readonly person?: SignedIn;
}

/** Finds out what people may do. */
export interface People {
  /** Returns the person of an access token that counts, with the rights that it has now. */
  of(token: AcceptedToken): Promise<KnownPerson | Stranger>;
  /**
   * Returns the person for whom something was made earlier, such as a link, with the right to read
   * sessions alone: the rule that fitted then must still be there. Nothing of an access token is
   * known any more.
   */
  again(person: SignedIn): Promise<KnownPerson | undefined>;
}

/** Options of {@linkcode createPeople}. */
export interface PeopleOptions {
  readonly settings: OAuthSettings;
  readonly registry: Pick<TokenRegistry, "rules">;
  /** Gives the key for hashes of subjects, which all replicas with the same sealing key share. */
  readonly sealer: Sealer;
}

/** Most people whose hash is remembered. */
const MAX_HASHES = 10_000;

/** Length of a hash that logs show, in characters of base64url: 128 bits. */
const HASH_CHARS = 22;

/** Makes the people of a server. */
export function createPeople({ settings, registry, sealer }: PeopleOptions): People {
  const hashes = new LruMap<string, string>(MAX_HASHES);
  const hashOf = async (id: string) => {
    const known = hashes.get(id);
    if (known !== undefined) return known;
    const [key] = await sealer.macKeys("subject hash");
    if (!key) throw new Error("A sealer has a key");
    const mac = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(id));
    const hash = toBase64Url(new Uint8Array(mac)).slice(0, HASH_CHARS);
    hashes.set(id, hash);
    return hash;
  };
  const signedIn = async ({ issuer, subject, rule }: SignedIn): Promise<SignedIn> => ({
    issuer,
    subject,
    ...(rule !== undefined && { rule }),
    ...(settings.hashSubjects && { subjectHash: await hashOf(personId({ issuer, subject })) }),
  });
  const personOf = (
    person: SignedIn,
    rule: AccessRule | undefined,
    held: readonly Scope[],
  ): KnownPerson => ({
    kind: "person",
    principal: principalOf(person, rule, held),
    ...(rule?.ratePerMinute !== undefined && { ratePerMinute: rule.ratePerMinute }),
  });
  return {
    async of({ issuer, subject, scopes, claims }) {
      if (!isSubject(subject)) return { kind: "bad_subject" };
      const rules = registry.rules();
      const rule = rules && ruleFor(rules, issuer, claims);
      const person = await signedIn({ issuer, subject, rule: rule?.name });
      if (rules && !rule) return { kind: "no_rule", person };
      return personOf(person, rule, scopes);
    },
    async again({ issuer, subject, rule: name }) {
      if (!settings.issuers.some((trusted) => trusted.issuer === issuer)) return undefined;
      const rules = registry.rules();
      const rule = rules?.find((one) => one.name === name && one.issuer === issuer);
      if (rules ? !rule : name !== undefined) return undefined;
      return personOf(await signedIn({ issuer, subject, rule: name }), rule, ["sessions:read"]);
    },
  };
}

/** Makes the principal of a person: what both the rule and the access token's scopes let it do. */
function principalOf(
  person: SignedIn,
  rule: AccessRule | undefined,
  held: readonly Scope[],
): KnownPerson["principal"] {
  const { name: _name, issuer: _issuer, when: _when, ratePerMinute: _rate, ...grants } = rule ??
    { name: "", issuer: "" };
  const allowed = SCOPES.filter((scope) => hasScope(grants, scope));
  const missing = allowed.filter((scope) => !held.includes(scope));
  return {
    ...grants,
    id: personId(person),
    person,
    sessions: grants.sessions ?? "own",
    scopes: allowed.filter((scope) => held.includes(scope)),
    ...(missing.length > 0 && { missingScopes: missing }),
  };
}
