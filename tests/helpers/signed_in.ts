import type {
  AccessTokenVerifier,
  OAuthSettings,
  TokenCheck,
} from "../../src/access/access_tokens.ts";
import { type Scope, SCOPES } from "../../src/access/scopes.ts";

/** An authorization server that a server under test trusts. */
export const ISSUER = "https://login.example.com";
/** Another one. */
export const OTHER_ISSUER = "https://other.example.com";

/** OAuth for a server at `https://mcp.example.com/mcp`, or below another path of it. */
export function oauthSettings(
  fields: Partial<OAuthSettings> & { readonly basePath?: string } = {},
): OAuthSettings {
  const { basePath = "", ...settings } = fields;
  const resource = `https://mcp.example.com${basePath}/mcp`;
  return {
    resource,
    issuers: [ISSUER, OTHER_ISSUER].map((issuer) => ({
      issuer,
      audiences: [resource],
      tokenTypes: ["at+jwt"],
    })),
    hashSubjects: false,
    ...settings,
  };
}

/** What an access token of {@linkcode fakeVerifier} says. */
export interface Said {
  readonly sub: string;
  readonly iss?: string;
  readonly scopes?: readonly Scope[];
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** Makes the text of an access token; no other text looks like it. */
export function accessTokenOf(said: Said): string {
  const part = (value: unknown) =>
    btoa(unescape(encodeURIComponent(JSON.stringify(value))))
      .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return `${part({ alg: "none", typ: "at+jwt" })}.${part(said)}.c2lnbmF0dXJlLW9mLW5vYm9keQ`;
}

/** What {@linkcode fakeVerifier} has done. */
export interface FakeVerifier extends AccessTokenVerifier {
  /** The tokens that it was asked for. */
  readonly asked: string[];
  /** Answers in place of the tokens' own content, by token. */
  readonly instead: Map<string, TokenCheck>;
}

/** A verifier that believes what {@linkcode accessTokenOf} has written, and nothing else. */
export function fakeVerifier(): FakeVerifier {
  const asked: string[] = [];
  const instead = new Map<string, TokenCheck>();
  const remembered = new Map<string, TokenCheck>();
  return {
    asked,
    instead,
    verify(token) {
      asked.push(token);
      const check = instead.get(token) ?? remembered.get(token) ?? readToken(token);
      remembered.set(token, check);
      return Promise.resolve(check);
    },
    close() {},
  };
}

function readToken(token: string): TokenCheck {
  const [, payload = ""] = token.split(".");
  try {
    const text = atob(payload.replaceAll("-", "+").replaceAll("_", "/"));
    const { sub, iss = ISSUER, scopes = SCOPES, claims = {} }: Said = JSON.parse(
      decodeURIComponent(escape(text)),
    );
    return {
      kind: "accepted",
      issuer: iss,
      subject: sub,
      scopes,
      claims: { sub, iss, ...claims },
      expiresAtMs: Number.MAX_SAFE_INTEGER,
      method: "jwt",
    };
  } catch {
    return { kind: "rejected", problem: "malformed", message: "The access token is no JWT." };
  }
}
