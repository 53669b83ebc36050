/**
 * Checks the access tokens that people bring from the authorization servers which the operator
 * trusts.
 *
 * JWTs are checked here, by the keys of the issuer that they name, if it is one of those; tokens of
 * any other form are asked about at the one issuer that has introspection. So no issuer gets to see
 * a token of another.
 *
 * @module
 */

import { decodeJwt, decodeProtectedHeader, errors, jwtVerify, type JWTVerifyOptions } from "jose";
import type { Clock } from "../core/clock.ts";
import { unquoted } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { LruMap } from "../core/lru.ts";
import { sha256 } from "../core/sha256.ts";
import { fromBase64Url } from "../core/text.ts";
import {
  type AcceptedToken,
  type AccessTokenVerifier,
  isJwt,
  type OAuthSettings,
  type RejectedToken,
  type TokenCheck,
  type TrustedIssuer,
} from "./access_tokens.ts";
import {
  type Introspection,
  type IntrospectionOptions,
  openIntrospection,
} from "./introspection.ts";
import {
  ALGORITHMS,
  COOL_DOWN_MS,
  type IssuerKeys,
  type KeySet,
  openIssuerKeys,
} from "./issuer_keys.ts";
import type { IssuerNetwork } from "./issuer_requests.ts";
import type { Claims } from "./rules.ts";
import {
  checkClaims,
  noAccessToken,
  otherIssuer,
  otherUse,
  quoted,
  rejected,
  TOLERANCE_MS,
} from "./token_claims.ts";

/** Options of {@linkcode createAccessTokenVerifier}. */
export interface AccessTokenVerifierOptions {
  readonly settings: Pick<OAuthSettings, "issuers">;
  /** Sends requests to issuers, by an HTTP client that keeps no connections. */
  readonly fetch: IssuerNetwork["fetch"];
  readonly clock: Clock;
  readonly log: Logger;
  /** Reads the file of a client's secret. */
  readonly readFile: (path: string) => Promise<string>;
  /** Called with each secret of this server's own, for it to be hidden in logs. */
  readonly onSecret?: (secret: string) => void;
}

/** Longest token, in characters: more than a header may have. */
const MAX_TOKEN_CHARS = 16 * 1024;

/** Time for which an accepted JWT is not checked again, in milliseconds. */
const REMEMBER_MS = 60_000;

/** Most JWTs that are remembered. */
const MAX_REMEMBERED = 2_000;

/** An issuer, and its keys. */
interface KnownIssuer {
  readonly trusted: TrustedIssuer;
  readonly keys: IssuerKeys;
}

/** A JWT that was accepted, and what that holds for. */
interface RememberedToken {
  readonly token: AcceptedToken;
  /** A key may have been removed when these are no longer the issuer's. */
  readonly keySet: KeySet;
  /** End of the time for which it is remembered, by the clock's `now()`. */
  readonly until: number;
}

/**
 * Makes a verifier, which begins to read the keys of all issuers; nothing waits for them but tokens.
 */
export function createAccessTokenVerifier(
  { settings, ...options }: AccessTokenVerifierOptions,
): AccessTokenVerifier {
  const { clock, log } = options;
  const issuers = new Map<string, KnownIssuer>(
    settings.issuers.map((trusted) => [
      trusted.issuer,
      { trusted, keys: openIssuerKeys(trusted.issuer, options) },
    ]),
  );
  const introspection = introspectionOf(settings.issuers, options);
  const remembered = new LruMap<string, RememberedToken>(MAX_REMEMBERED);

  const checkJwt = async (token: string): Promise<TokenCheck> => {
    const digest = sha256(token);
    const past = remembered.get(digest);
    if (past) {
      const { token: accepted, keySet, until } = past;
      const isValid = keySet === issuers.get(accepted.issuer)?.keys.current() &&
        clock.now() < until && clock.wallTime() < accepted.expiresAtMs;
      if (isValid) return accepted;
      remembered.delete(digest);
    }
    const parts = decode(token);
    if (parts.kind === "rejected") return parts;
    const known = issuers.get(parts.issuer);
    if (!known) return otherIssuer(parts.issuer, [...issuers.keys()]);
    const unfit = headerProblem(parts, known.trusted);
    if (unfit) return unfit;
    const { check, keySet } = await checkByKeys(token, parts, known, clock);
    if (check.kind === "accepted" && keySet) {
      remembered.set(digest, { token: check, keySet, until: clock.now() + REMEMBER_MS });
    }
    return check;
  };
  return {
    async verify(token) {
      try {
        if (token.length > MAX_TOKEN_CHARS) {
          return rejected("malformed", "The access token is too long.");
        }
        if (isJwt(token)) return await checkJwt(token);
        const unfit = opaqueProblem(token);
        if (unfit) return unfit;
        if (introspection) return await introspection.check(token);
        return rejected(
          "malformed",
          "The access token is no JWT, and this server knows no authorization server that tells " +
            "about other tokens.",
        );
      } catch (error) {
        log.error("The check of an access token failed", { error: unquoted(error) });
        return rejected("malformed", "The access token cannot be read.");
      }
    },
    close() {
      for (const { keys } of issuers.values()) keys.close();
      introspection?.close();
    },
  };
}

/** Opens the introspection of the issuer that has it. */
function introspectionOf(
  issuers: readonly TrustedIssuer[],
  options: IntrospectionOptions,
): Introspection | undefined {
  const trusted = issuers.find(({ introspection }) => introspection);
  return trusted?.introspection && openIntrospection(trusted, trusted.introspection, options);
}

/** Secrets that this server's own users may send by mistake, and that no issuer may see. */
const OWN_SECRET = /^(cma_|sk-ant-)/;

/** Rejects what cannot be a token of an issuer, so that none is asked about it. */
function opaqueProblem(token: string): RejectedToken | undefined {
  if (OWN_SECRET.test(token)) {
    return rejected("malformed", "The token is neither one of this server's nor an access token.");
  }
  // RFC 6750, section 2.1.
  if (/^[\w.~+/-]+=*$/.test(token)) return undefined;
  return rejected("malformed", "The access token has characters that none has.");
}

/** The parts of a JWT that tell how to check it. Nothing of it is proven yet. */
interface JwtParts {
  readonly kind: "jwt";
  readonly issuer: string;
  readonly header: Claims;
  readonly claims: Claims;
}

function decode(token: string): JwtParts | RejectedToken {
  if (token.split(".").length === 5) {
    return rejected(
      "malformed",
      "The access token is encrypted (JWE), and only its authorization server's own API can read " +
        "it: have this server registered there as an API of its own, and tokens for it signed.",
    );
  }
  let header: Claims, claims: Claims;
  try {
    // The library forgives blanks, and bits beyond the signature's last byte: then one token would
    // have many forms.
    if (token.split(".").map(fromBase64Url).length !== 3) throw new SyntaxError("Not three parts");
    header = decodeProtectedHeader(token);
    claims = decodeJwt(token);
  } catch {
    return rejected("malformed", "The access token is no whole JWT.");
  }
  const { iss } = claims;
  if (typeof iss !== "string" || iss === "") return otherIssuer(undefined, []);
  return { kind: "jwt", issuer: iss, header, claims };
}

/**
 * Claims that no access token has: those of ID tokens (OpenID Connect Core, sections 2 and 3.3.2.11),
 * and that of security events, such as logout tokens (RFC 8417).
 */
const OTHER_CLAIMS = ["nonce", "at_hash", "c_hash", "s_hash", "events"] as const;

/**
 * Rejects what is no access token, and what is signed in no accepted way. A token without a type
 * counts as `JWT`, as which it is registered.
 */
function headerProblem(
  { header, claims }: JwtParts,
  { tokenTypes }: TrustedIssuer,
): RejectedToken | undefined {
  const { typ = "JWT", alg } = header;
  const type = typeof typ === "string" ? normalType(typ) : undefined;
  if (!tokenTypes.some((accepted) => normalType(accepted) === type)) {
    return rejected(
      "wrong_type",
      `The token is of the type (typ) ${quoted(typ, 64)}; this server accepts ` +
        `${tokenTypes.join(" and ")} of this issuer.`,
      "typ",
    );
  }
  // A token that says that it is an access token has been made as one.
  if (type === normalType("JWT")) {
    const claim = OTHER_CLAIMS.find((each) => claims[each] !== undefined);
    const other = claim === undefined
      ? otherUse(claims, ["token_use", "typ"])
      : noAccessToken(claim);
    if (other) return other;
  }
  if (ALGORITHMS.some((accepted) => accepted === alg)) return undefined;
  return rejected(
    "wrong_algorithm",
    `The access token is signed with the algorithm (alg) ${quoted(alg, 64)}; this server accepts ` +
      `${ALGORITHMS.join(", ")}.`,
    "alg",
  );
}

/** Brings a type into a form for comparison (RFC 7515, section 4.1.9). */
function normalType(typ: string): string {
  return typ.toLowerCase().replace(/^application\/(?!.*\/)/, "");
}

/** Checks a JWT by the keys of its issuer, which are read again if they lack its key. */
async function checkByKeys(
  token: string,
  parts: JwtParts,
  { trusted, keys }: KnownIssuer,
  clock: Clock,
): Promise<{ readonly check: TokenCheck; readonly keySet?: KeySet }> {
  const { issuer } = trusted;
  const { kid } = parts.header;
  const known = keys.current();
  const nowMs = clock.wallTime();
  if (known) {
    const check = await checkSigned(token, trusted, known, nowMs);
    // The key of a token that names none may be a new one.
    const mayBeNew = check === BAD_SIGNATURE && kid === undefined;
    if (check && !mayBeNew) return { check, keySet: known };
  }
  const hasAnswered = await keys.renew();
  const renewed = keys.current();
  if (renewed && renewed !== known) {
    const check = await checkSigned(token, trusted, renewed, nowMs);
    if (check) return { check, keySet: renewed };
  }
  if (!hasAnswered || !renewed) {
    const message = keys.failure() ?? "it has not answered yet";
    return { check: { kind: "unavailable", issuer, message } };
  }
  if (kid === undefined) return { check: BAD_SIGNATURE };
  const why = renewed.unusable.get(String(kid));
  const message = why === undefined
    ? `The access token is signed with a key (kid) ${quoted(kid, 64)} that its authorization ` +
      `server does not have; a new one may take ${COOL_DOWN_MS / 1_000} s to be known here.`
    : `The access token is signed with a key (kid) ${quoted(kid, 64)} that cannot be used: ${why}.`;
  return { check: rejected("unknown_key", message, "kid") };
}

/** Most keys that are tried for a token that names none. */
const MAX_TRIED_KEYS = 10;

/** Checks signature and claims; returns undefined where the keys lack the token's. */
async function checkSigned(
  token: string,
  trusted: TrustedIssuer,
  { find }: KeySet,
  nowMs: number,
): Promise<TokenCheck | undefined> {
  const options: JWTVerifyOptions = {
    algorithms: [...ALGORITHMS],
    issuer: trusted.issuer,
    audience: [...trusted.audiences],
    requiredClaims: ["exp", "sub"],
    clockTolerance: TOLERANCE_MS / 1_000,
    currentDate: new Date(nowMs),
  };
  const accept = (claims: Claims) => checkClaims(claims, trusted, "jwt", nowMs);
  try {
    return accept((await jwtVerify(token, find, options)).payload);
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) return problemOf(error, accept);
    let tried = 0;
    for await (const key of error) {
      if (++tried > MAX_TRIED_KEYS) break;
      try {
        return accept((await jwtVerify(token, key, options)).payload);
      } catch (failure) {
        if (failure instanceof errors.JWSSignatureVerificationFailed) continue;
        return problemOf(failure, accept);
      }
    }
    return BAD_SIGNATURE;
  }
}

const BAD_SIGNATURE = rejected(
  "bad_signature",
  "The access token's signature is not one of its authorization server.",
);

/** Makes the result of an error of the library; undefined where a key is missing. */
function problemOf(
  error: unknown,
  explain: (claims: Claims) => TokenCheck,
): RejectedToken | undefined {
  if (error instanceof errors.JWKSNoMatchingKey) return undefined;
  if (error instanceof errors.JWSSignatureVerificationFailed) return BAD_SIGNATURE;
  const isClaim = error instanceof errors.JWTExpired ||
    error instanceof errors.JWTClaimValidationFailed;
  if (isClaim) {
    const explained = explain(error.payload);
    if (explained.kind === "rejected") return explained;
    return rejected("malformed", `The access token's claim ${error.claim} is wrong.`, error.claim);
  }
  if (error instanceof errors.JOSENotSupported) {
    return rejected(
      "malformed",
      "The access token's header has a field that must be understood (crit), and is not.",
      "crit",
    );
  }
  if (error instanceof errors.JOSEError) {
    return rejected("malformed", "The access token is no whole JWT.");
  }
  // An RSA key of too few bits, or a key that is none.
  return rejected("unknown_key", "The access token's key cannot be used.", "kid");
}
