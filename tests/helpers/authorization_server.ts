/**
 * A real authorization server on loopback: `oidc-provider`, with people who can sign in by its forms,
 * and with switches for what goes wrong at such a server.
 *
 * @module
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from "jose";
import { freePort } from "./free_port.ts";
import type Provider from "./oidc_provider.d.ts";
import type { Account, Adapter, IssuedToken, Stored } from "./oidc_provider.d.ts";

/** Algorithms by which it can sign. */
export type SigningAlgorithm = "RS256" | "ES256" | "EdDSA";

/** What the server issues, and to whom. */
export interface AuthorizationServerOptions {
  /** Claims of the people who can sign in, by the names that they type. */
  readonly accounts?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** The `typ` `at+jwt`, or tokens of which only the server can tell what they are. */
  readonly tokens?: "jwt" | "opaque";
  readonly algorithm?: SigningAlgorithm;
  /** Seconds for which an access token counts. */
  readonly accessTokenSeconds?: number;
  /** How clients introduce themselves. Both when absent. */
  readonly clients?: readonly ("registration" | "metadata_documents")[];
  /** Documents of clients by their addresses, which are their ids (CIMD). */
  readonly clientDocuments?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Path of the issuer below its origin, such as `/tenant`. */
  readonly path?: string;
  /** Port that it listens on; a free one when absent. */
  readonly port?: number;
  /** Scopes that it grants for resources; those of this program when absent. */
  readonly scopes?: string;
}

/** The answers of a server that is not well. */
export type Illness = "slow" | "garbage" | "huge" | "failing" | "redirecting";

/** A request that the server has received. */
export interface SeenRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** What the body was: a form, JSON, or empty. */
  body: string;
}

/** The client that may introspect. */
export const INTROSPECTOR = {
  clientId: "cma-mcp",
  // Characters that Basic credentials must have form-encoded (RFC 6749, section 2.3.1).
  secret: "introspection-secret:100%+&=",
} as const;

/** The people who can sign in where a test names none. */
export const PEOPLE = {
  alice: { groups: ["analysts", "everyone"], email: "alice@example.com", email_verified: true },
  bob: { groups: ["guests", "everyone"], email: "bob@example.com", email_verified: true },
} as const;

type Loaded = typeof Provider;

const SCOPES = "agents:read sessions:read sessions:write actions";

/** A secret of the server's cookies; they end with the test. */
const COOKIE_KEY = "cookies-of-the-test";

/** Time that a slow server takes to begin an answer, in milliseconds. */
const SLOW_MS = 20_000;

/** Keeps what a provider knows in memory, and for longer than the provider lives. */
class Memory {
  readonly #kinds = new Map<string, Map<string, Stored>>();

  adapter(kind: string): Adapter {
    const kept = this.#kinds.get(kind) ?? new Map<string, Stored>();
    this.#kinds.set(kind, kept);
    const first = (field: string, value: string) =>
      Promise.resolve([...kept.values()].find((stored) => stored[field] === value));
    return {
      upsert: (id, payload) => Promise.resolve(void kept.set(id, payload)),
      find: (id) => Promise.resolve(kept.get(id)),
      findByUid: (uid) => first("uid", uid),
      findByUserCode: (userCode) => first("userCode", userCode),
      consume: (id) => {
        const stored = kept.get(id);
        if (stored) stored.consumed = Math.floor(Date.now() / 1000);
        return Promise.resolve();
      },
      destroy: (id) => Promise.resolve(void kept.delete(id)),
      revokeByGrantId: (grantId) => {
        for (const tokens of this.#kinds.values()) {
          for (const [id, stored] of tokens) if (stored.grantId === grantId) tokens.delete(id);
        }
        return Promise.resolve();
      },
    };
  }

  /** Forgets every access token: each is revoked. */
  revokeAccessTokens(): void {
    this.#kinds.get("AccessToken")?.clear();
  }
}

/** A key pair of the server. */
interface SigningKey {
  readonly alg: SigningAlgorithm;
  readonly kid: string;
  readonly jwk: JWK;
}

function loadProvider(): Promise<Loaded> {
  return loading ??= (async () => {
    silenceProvider();
    // @ts-types="./oidc_provider.d.ts"
    const { default: loaded } = await import("oidc-provider");
    return loaded;
  })();
}

let loading: Promise<Loaded> | undefined;

async function newKey(alg: SigningAlgorithm): Promise<SigningKey> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true });
  // A server that starts anew does not give new keys the names of old ones.
  const kid = `${alg}-${crypto.randomUUID()}`;
  return { alg, kid, jwk: { ...await exportJWK(privateKey), kid, alg, use: "sig" } };
}

async function newKeys(): Promise<SigningKey[]> {
  return await Promise.all((["RS256", "ES256", "EdDSA"] as const).map(newKey));
}

/** Returns the issuer of the server on a port. */
export function issuerOf(port: number, path = ""): string {
  return `http://127.0.0.1:${port}${path}`;
}

/** An authorization server that listens on 127.0.0.1 until it is disposed of. */
export class AuthorizationServer implements AsyncDisposable {
  /** Every request, in the order in which they came. */
  readonly requests: SeenRequest[] = [];
  readonly issuer: string;
  readonly #Provider: Loaded;
  readonly #options: AuthorizationServerOptions;
  readonly #memory = new Memory();
  readonly #port: number;
  #server: Server;
  #keys: SigningKey[];
  #answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  #illness: Illness | undefined;
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();

  private constructor(
    { Provider, server, port, keys, options }: {
      Provider: Loaded;
      server: Server;
      port: number;
      keys: SigningKey[];
      options: AuthorizationServerOptions;
    },
  ) {
    this.#Provider = Provider;
    this.#options = options;
    this.#port = port;
    this.#server = server;
    this.#keys = keys;
    this.issuer = issuerOf(port, options.path);
    this.#answer = this.#newProvider();
    server.on("request", (...exchange) => this.#handle(...exchange));
  }

  static async start(options: AuthorizationServerOptions = {}): Promise<AuthorizationServer> {
    const [Provider, keys] = await Promise.all([loadProvider(), newKeys()]);
    const server = createServer();
    // Not one of the system's choice, which others may get while the server is down.
    const { port = freePort() } = options;
    await listen(server, port);
    return new AuthorizationServer({ Provider, server, port, keys, options });
  }

  /** Makes all of its answers unusable. */
  fallIll(illness: Illness): void {
    this.#illness = illness;
  }

  getWell(): void {
    this.#illness = undefined;
  }

  /** Closes the port: connections are refused. */
  async goDown(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  /** Listens again, at the same address and with all that it knew. */
  async comeBack(): Promise<void> {
    this.#server = createServer((...exchange) => this.#handle(...exchange));
    await listen(this.#server, this.#port);
  }

  /**
   * Signs with new keys from now on.
   *
   * @param old `kept`: tokens of the earlier keys go on counting; `gone`: they do not
   */
  async replaceKeys(old: "kept" | "gone"): Promise<void> {
    this.#keys = [...await newKeys(), ...old === "kept" ? this.#keys : []];
    this.#answer = this.#newProvider();
  }

  /** Forgets the opaque access tokens: they are inactive from now on. */
  revokeAccessTokens(): void {
    this.#memory.revokeAccessTokens();
  }

  /**
   * Signs claims with a key of the server: what it never would issue, but could.
   *
   * @param header fields beside `alg`, `kid` and `typ`, or in their place; another `alg` must be one
   *   of the same kind of key
   */
  async sign(
    claims: Readonly<Record<string, unknown>>,
    header: Readonly<{ alg?: string; [field: string]: unknown }> = {},
    algorithm: SigningAlgorithm = this.#options.algorithm ?? "RS256",
  ): Promise<string> {
    const { kid, jwk } = this.#key(algorithm);
    const fields = { alg: algorithm, kid, typ: "at+jwt", ...header };
    return await new SignJWT({ ...claims })
      .setProtectedHeader(fields)
      .sign(await importJWK(jwk, fields.alg), { crit: { exp: true } });
  }

  /** The public part of the key by which it signs now. */
  publicKey(algorithm: SigningAlgorithm = "RS256"): JWK {
    const { d: _d, p: _p, q: _q, dp: _dp, dq: _dq, qi: _qi, ...open } = this.#key(algorithm).jwk;
    return open;
  }

  /** Paths of the requests since the last call, without queries. */
  takePaths(): string[] {
    return this.requests.splice(0).map(({ method, url }) => `${method} ${url.split("?")[0]}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.goDown();
  }

  #key(algorithm: SigningAlgorithm): SigningKey {
    const key = this.#keys.find(({ alg }) => alg === algorithm);
    if (!key) throw new Error(`There is no key for ${algorithm}`);
    return key;
  }

  #newProvider() {
    const { path = "" } = this.#options;
    const answer = new this.#Provider(this.issuer, this.#configuration()).callback();
    return async (request: IncomingMessage, response: ServerResponse) => {
      const url = below(path, request.url ?? "/");
      // So the provider takes its issuer's path for the place where it is mounted.
      Object.assign(request, { originalUrl: `${path}${url}`, url });
      await answer(request, response);
    };
  }

  #configuration(): Readonly<Record<string, unknown>> {
    const { accounts = PEOPLE, algorithm = "RS256", tokens = "jwt" } = this.#options;
    const { accessTokenSeconds = 600, scopes = SCOPES, clientDocuments = {} } = this.#options;
    const { clients = ["registration", "metadata_documents"] } = this.#options;
    const known = new Map(Object.entries(accounts));
    const claimsOf = (id: string | undefined) => known.get(id ?? "") ?? {};
    return {
      adapter: (kind: string) => this.#memory.adapter(kind),
      jwks: { keys: this.#keys.map(({ jwk }) => jwk) },
      // Ports share cookies: two servers of one test must not share theirs.
      cookies: {
        keys: [COOKIE_KEY],
        names: Object.fromEntries(
          ["session", "interaction", "resume"].map((name) => [name, `${name}_${this.#port}`]),
        ),
      },
      clients: [{
        client_id: INTROSPECTOR.clientId,
        client_secret: INTROSPECTOR.secret,
        grant_types: [],
        response_types: [],
        redirect_uris: [],
      }],
      clientAuthMethods: ["none", "client_secret_basic", "client_secret_post"],
      scopes: ["openid", "offline_access", ...scopes.split(" ")],
      claims: { openid: ["sub"] },
      findAccount: (_: unknown, id: string): Account | undefined =>
        known.has(id)
          ? { accountId: id, claims: () => Promise.resolve({ sub: id, ...claimsOf(id) }) }
          : undefined,
      extraTokenClaims: (_: unknown, { accountId }: IssuedToken) => claimsOf(accountId),
      issueRefreshToken: () => true,
      expiresWithSession: () => false,
      fetch: (address: string | URL, init: RequestInit) =>
        fetchDocument(clientDocuments, String(address), init),
      ttl: {
        AccessToken: accessTokenSeconds,
        AuthorizationCode: 60,
        Grant: 3600,
        IdToken: 600,
        Interaction: 600,
        RefreshToken: 3600,
        Session: 3600,
      },
      features: {
        devInteractions: { enabled: true },
        introspection: {
          enabled: tokens === "opaque",
          allowedPolicy: (_: unknown, client: { clientId: string }) =>
            client.clientId === INTROSPECTOR.clientId,
        },
        revocation: { enabled: true },
        registration: { enabled: clients.includes("registration") },
        clientIdMetadataDocument: {
          enabled: clients.includes("metadata_documents"),
          ack: "draft-02",
        },
        resourceIndicators: {
          enabled: true,
          getResourceServerInfo: (_: unknown, resource: string) => ({
            scope: scopes,
            audience: resource,
            accessTokenFormat: tokens,
            accessTokenTTL: accessTokenSeconds,
            ...tokens === "jwt" && { jwt: { sign: { alg: algorithm } } },
          }),
          useGrantedResource: () => true,
        },
      },
    };
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    const { method = "GET", url = "/", headers } = request;
    const seen: SeenRequest = { method, url, headers, body: "" };
    this.requests.push(seen);
    // The provider reads the body by itself; this listens to the same pieces.
    const { push } = request;
    request.push = (chunk: Uint8Array | null, encoding?: BufferEncoding) => {
      if (chunk) seen.body += new TextDecoder().decode(chunk);
      return push.call(request, chunk, encoding);
    };
    switch (this.#illness) {
      case undefined:
        void this.#answer(request, response);
        return;
      case "slow": {
        const timer = setTimeout(() => {
          this.#timers.delete(timer);
          void this.#answer(request, response);
        }, SLOW_MS);
        this.#timers.add(timer);
        return;
      }
      case "garbage":
        response.writeHead(200, { "content-type": "application/json" }).end('{"keys": [');
        return;
      case "huge":
        response.writeHead(200, { "content-type": "application/json" });
        response.end(`{"padding": "${"x".repeat(8 * 1024 * 1024)}"}`);
        return;
      case "failing":
        response.writeHead(500, { "content-type": "text/plain" }).end("Something broke.");
        return;
      case "redirecting":
        response.writeHead(302, { location: "http://127.0.0.1:9/elsewhere" }).end();
    }
  }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
}

/** Takes the path of an issuer off a URL; metadata by RFC 8414 has it behind the well-known part. */
function below(path: string, url: string): string {
  if (path === "") return url;
  if (url.startsWith(`${path}/`)) return url.slice(path.length);
  const end = new RegExp(`^(/\\.well-known/[^/?]+)${path}(?=$|\\?)`);
  return url.replace(end, "$1");
}

function fetchDocument(
  documents: AuthorizationServerOptions["clientDocuments"],
  address: string,
  init: RequestInit,
): Promise<Response> {
  const document = documents?.[address];
  if (!document) return fetch(address, init);
  return Promise.resolve(Response.json({ client_id: address, ...document }));
}

/** Keeps its advice for production, and about runtimes, from the output of the tests. */
function silenceProvider(): void {
  const { info, warn } = console;
  const others = (print: typeof info): typeof info => (...words) => {
    if (!String(words[0]).startsWith("oidc-provider ")) print(...words);
  };
  Object.assign(console, { info: others(info), warn: others(warn) });
}
