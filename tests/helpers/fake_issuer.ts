/**
 * An authorization server in the process of a test: its keys, what it signs, and what it answers.
 *
 * @module
 */

import {
  type CryptoKey,
  exportJWK,
  generateKeyPair,
  type JWK,
  type JWTHeaderParameters,
  SignJWT,
} from "jose";
import type { FetchAddress } from "../../src/api/connections.ts";
import {
  type AccessTokenVerifierOptions,
  createAccessTokenVerifier,
} from "../../src/access/access_token_verifier.ts";
import type { AccessTokenVerifier, TrustedIssuer } from "../../src/access/access_tokens.ts";
import type { Logger } from "../../src/core/logger.ts";
import { ManualClock } from "./manual_clock.ts";

/** Where the server of the tests is. */
export const RESOURCE = "https://mcp.example.com/mcp";

/** A key that an issuer signs with. */
export interface IssuerKey {
  readonly alg: string;
  readonly kid?: string;
  readonly privateKey: CryptoKey;
  /** Its public part, as the issuer publishes it. */
  readonly jwk: JWK;
}

/** Makes a key; those of RSA take a tenth of a second. */
export async function issuerKey(
  kid: string | undefined,
  alg = "ES256",
  modulusLength?: number,
): Promise<IssuerKey> {
  const { publicKey, privateKey } = modulusLength !== undefined && modulusLength < 2_048
    ? await weakRsa(modulusLength)
    : await generateKeyPair(alg, { extractable: true, modulusLength });
  const jwk = { ...await exportJWK(publicKey), alg, use: "sig", ...(kid !== undefined && { kid }) };
  return { alg, privateKey, jwk, ...(kid !== undefined && { kid }) };
}

/** The library makes no such keys. */
async function weakRsa(modulusLength: number): Promise<CryptoKeyPair> {
  const exponent = new Uint8Array([1, 0, 1]);
  const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", publicExponent: exponent };
  return await crypto.subtle.generateKey({ ...algorithm, modulusLength }, true, [
    "sign",
    "verify",
  ]);
}

/** Claims or header fields of a token; undefined leaves one out. */
type Changes = Readonly<Record<string, unknown>>;

/** An issuer that answers every request at once, unless `answer` is set. */
export class FakeIssuer {
  /** The keys that it publishes. */
  keys: IssuerKey[];
  /** Addresses that were asked, in their order. */
  readonly asked: string[] = [];
  /** Answers in place of the issuer; undefined leaves it to the issuer. */
  answer:
    | ((url: string, init: RequestInit) => Response | Promise<Response | undefined> | undefined)
    | undefined;
  /** Fields of the metadata beside `issuer` and `jwks_uri`, or in place of them. */
  metadata: Changes = {};

  constructor(readonly issuer: string, readonly clock: ManualClock, keys: readonly IssuerKey[]) {
    this.keys = [...keys];
  }

  /** How often the keys were asked for. */
  get keyReads(): number {
    return this.asked.filter((url) => url === this.jwksUri).length;
  }

  get jwksUri(): string {
    return `${this.issuer.replace(/\/$/, "")}/keys`;
  }

  readonly fetch: FetchAddress = async (url, init) => {
    this.asked.push(url);
    const answer = await this.answer?.(url, init);
    if (answer) return answer;
    if (url === this.jwksUri) return Response.json({ keys: this.keys.map(({ jwk }) => jwk) });
    const { origin, pathname } = new URL(this.issuer);
    if (url === `${origin}/.well-known/oauth-authorization-server${pathname.replace(/\/$/, "")}`) {
      return Response.json({ issuer: this.issuer, jwks_uri: this.jwksUri, ...this.metadata });
    }
    return new Response("Not found", { status: 404 });
  };

  /** The claims of a good token. */
  claims(changes: Changes = {}): Record<string, unknown> {
    const now = Math.floor(this.clock.wallTime() / 1_000);
    return {
      iss: this.issuer,
      aud: RESOURCE,
      sub: "alice",
      iat: now,
      exp: now + 600,
      scope: "openid agents:read sessions:read",
      ...changes,
    };
  }

  /** Signs a token, a good one unless told otherwise. */
  async token(changes: Changes = {}, header: Changes = {}, key = this.keys[0]): Promise<string> {
    if (!key) throw new Error("The issuer has no key");
    const { alg, kid, privateKey } = key;
    const fields = { alg, typ: "at+jwt", kid, ...header };
    return await new SignJWT(defined(this.claims(changes)))
      .setProtectedHeader(defined(fields) as JWTHeaderParameters)
      .sign(privateKey, { crit: { "urn:example:must": true } });
  }
}

function defined(fields: Changes): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** Writes a token's parts as they are given, signed or not. */
export function rawToken(header: unknown, claims: unknown, signature = ""): string {
  const part = (value: unknown) =>
    new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value))
      .toBase64({ alphabet: "base64url", omitPadding: true });
  return `${part(header)}.${part(claims)}.${signature}`;
}

/** A verifier, its issuers, its clock and its log. */
export interface VerifierWorld {
  readonly clock: ManualClock;
  readonly issuer: FakeIssuer;
  readonly verifier: AccessTokenVerifier;
  readonly lines: string[];
}

/** What differs from the usual {@linkcode VerifierWorld}. */
export interface VerifierWorldOptions {
  readonly trusted?: Partial<TrustedIssuer>;
  readonly others?: readonly {
    readonly server: FakeIssuer;
    readonly trusted?: Partial<TrustedIssuer>;
  }[];
  readonly keys?: readonly IssuerKey[];
  readonly clock?: ManualClock;
  readonly readFile?: AccessTokenVerifierOptions["readFile"];
  readonly onSecret?: (secret: string) => void;
  /** Called before the verifier is made. */
  readonly prepare?: (issuer: FakeIssuer) => void;
}

const USUAL_KEY = await issuerKey("key-1");

/** Makes a verifier of one issuer with one key; close it. */
export function verifierWorld(options: VerifierWorldOptions = {}): VerifierWorld {
  const { clock = new ManualClock(), trusted = {}, others = [] } = options;
  const keys = options.keys ?? [USUAL_KEY];
  const issuer = new FakeIssuer(trusted.issuer ?? "https://login.example.com", clock, keys);
  options.prepare?.(issuer);
  const servers = [issuer, ...others.map(({ server }) => server)];
  const lines: string[] = [];
  const issuers = [trusted, ...others.map(({ trusted = {} }) => trusted)].map((each, index) => ({
    issuer: servers[index]?.issuer ?? "",
    audiences: [RESOURCE],
    tokenTypes: ["at+jwt"],
    ...each,
  }));
  const verifier = createAccessTokenVerifier({
    settings: { issuers },
    fetch: (url, init) => {
      const server = servers.find(({ issuer }) => new URL(url).origin === new URL(issuer).origin);
      if (!server) throw new Error(`No issuer is asked at ${url}`);
      return server.fetch(url, init);
    },
    clock,
    log: listLogger(lines),
    readFile: options.readFile ?? (() => Promise.reject(new Error("No file is read"))),
    onSecret: options.onSecret,
  });
  return { clock, issuer, verifier, lines };
}

/** Writes each line as `level: message {fields}`. */
export function listLogger(lines: string[]): Logger {
  const at = (level: string) => (message: string, fields = {}) =>
    void lines.push(`${level}: ${message} ${JSON.stringify(fields)}`);
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
