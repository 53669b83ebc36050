/**
 * An MCP host that lets its person sign in, on the official clients of both generations.
 *
 * @module
 */

import {
  Client as ModernClient,
  type OAuthClientInformationMixed,
  type OAuthClientMetadata,
  type OAuthDiscoveryState,
  type OAuthTokens,
  StreamableHTTPClientTransport as ModernTransport,
} from "@modelcontextprotocol/client";
import { Client as OldClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as OldTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Visitor } from "./oauth_world.ts";

/** The client of a host: SDK 2 in either era of the protocol, or SDK 1. */
export type HostKind = "auto" | "legacy" | "sdk1";

/** Who is at the host, and how the host introduces itself. */
export interface HostOptions {
  readonly kind: HostKind;
  readonly visitor: Visitor;
  readonly account: string;
  /** The id of the client, an address of its metadata (CIMD); absent: it registers itself. */
  readonly clientMetadataUrl?: string;
  /** Port on which the browser calls the client back. */
  readonly port?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Path at which the browser calls the client back. */
export const CALLBACK_PATH = "/callback";

/** A host, and its person. */
export class SigningInHost implements AsyncDisposable {
  /** Addresses that its browser has opened. */
  readonly opened: URL[] = [];
  /** Requests of its client, such as `POST /mcp 401`. */
  readonly requests: string[] = [];
  /** What the client keeps. */
  tokens: OAuthTokens | undefined;
  readonly #options: HostOptions;
  readonly #url: URL;
  readonly #callbacks: Deno.HttpServer<Deno.NetAddr>;
  readonly #provider;
  #information: OAuthClientInformationMixed | undefined;
  #discovered: OAuthDiscoveryState | undefined;
  #verifier = "";
  #visit: Promise<string> | undefined;
  #calledBack = Promise.withResolvers<URLSearchParams>();
  #client: Connected | undefined;

  constructor(url: string, options: HostOptions) {
    this.#url = new URL(url);
    this.#options = options;
    this.#callbacks = Deno.serve(
      { hostname: "127.0.0.1", port: options.port ?? 0, onListen: () => {} },
      (request) => {
        const { pathname, searchParams } = new URL(request.url);
        if (pathname === CALLBACK_PATH) this.#calledBack.resolve(searchParams);
        return new Response("You have signed in: you may close this window.");
      },
    );
    this.#provider = this.#newProvider();
  }

  /** Connects the client, and lets the person sign in if the server wants it. */
  async connect(): Promise<void> {
    const connect = () => this.#options.kind === "sdk1" ? this.#connectOld() : this.#connect();
    this.#client = await this.#signingIn(connect);
  }

  /** Calls a tool; the person signs in again if the server wants that. @returns what the model sees */
  async call(name: string, args: Record<string, unknown> = {}): Promise<CallResult> {
    return await this.#signingIn(() => this.#connected().call(name, args));
  }

  async listTools(): Promise<readonly string[]> {
    return await this.#connected().listTools();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client?.close();
    await this.#callbacks.shutdown();
  }

  #connected(): Connected {
    if (!this.#client) throw new Error("The host is not connected");
    return this.#client;
  }

  /** Does something, at most twice: after the browser was opened, the code is redeemed in between. */
  async #signingIn<T>(act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      if (!this.#visit) throw error;
      await this.#visit;
      this.#visit = undefined;
      const answer = await this.#calledBack.promise;
      this.#calledBack = Promise.withResolvers();
      await this.#finishing(answer);
      return await act();
    }
  }

  #finishing: (answer: URLSearchParams) => Promise<void> = () => {
    throw new Error("No transport has asked for a sign-in");
  };

  async #connect(): Promise<Connected> {
    const { kind } = this.#options;
    const transport = new ModernTransport(this.#url, {
      authProvider: this.#provider,
      fetch: this.#fetch,
      requestInit: { headers: this.#options.headers },
    });
    this.#finishing = (answer) => transport.finishAuth(answer);
    const client = new ModernClient({ name: "oauth-test", version: "1" }, {
      versionNegotiation: { mode: kind === "auto" ? "auto" : "legacy" },
    });
    await client.connect(transport);
    return {
      call: async (name, args) => readResult(await client.callTool({ name, arguments: args })),
      listTools: async () => namesOf(await client.listTools()),
      close: () => client.close(),
    };
  }

  async #connectOld(): Promise<Connected> {
    const transport = new OldTransport(this.#url, {
      authProvider: this.#provider,
      fetch: this.#fetch,
      requestInit: { headers: this.#options.headers },
    });
    this.#finishing = (answer) => transport.finishAuth(answer.get("code") ?? "");
    const client = new OldClient({ name: "oauth-test", version: "1" });
    await client.connect(transport);
    return {
      call: async (name, args) => readResult(await client.callTool({ name, arguments: args })),
      listTools: async () => namesOf(await client.listTools()),
      close: () => client.close(),
    };
  }

  readonly #fetch = async (input: string | URL, init?: RequestInit): Promise<Response> => {
    const response = await fetch(input, init);
    const { pathname } = new URL(input);
    this.requests.push(`${init?.method ?? "GET"} ${pathname} ${response.status}`);
    if (response.ok) return response;
    // The clients leave some of these unread.
    const { status, headers } = response;
    return new Response(await response.text(), { status, headers });
  };

  #newProvider() {
    const redirectUrl = `http://127.0.0.1:${this.#callbacks.addr.port}${CALLBACK_PATH}`;
    const clientMetadata: OAuthClientMetadata = {
      client_name: "A host under test",
      redirect_uris: [redirectUrl],
      token_endpoint_auth_method: "none",
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
    };
    return {
      redirectUrl,
      clientMetadata,
      clientMetadataUrl: this.#options.clientMetadataUrl,
      clientInformation: () => this.#information,
      saveClientInformation: (information: OAuthClientInformationMixed) => {
        this.#information = information;
      },
      tokens: () => this.tokens,
      saveTokens: (tokens: OAuthTokens) => {
        this.tokens = tokens;
      },
      discoveryState: () => this.#discovered,
      saveDiscoveryState: (state: OAuthDiscoveryState) => {
        this.#discovered = state;
      },
      saveCodeVerifier: (verifier: string) => {
        this.#verifier = verifier;
      },
      codeVerifier: () => this.#verifier,
      redirectToAuthorization: (address: URL) => {
        this.opened.push(address);
        const { visitor, account } = this.#options;
        this.#visit = visitor.visit(address, account);
        // Awaited by whoever began the sign-in.
        this.#visit.catch(() => {});
      },
    };
  }
}

/** What the model sees of a call. */
export interface CallResult {
  readonly isError: boolean;
  readonly text: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

interface Connected {
  call(name: string, args: Record<string, unknown>): Promise<CallResult>;
  listTools(): Promise<readonly string[]>;
  close(): Promise<void>;
}

function namesOf({ tools }: { readonly tools: readonly { readonly name: string }[] }): string[] {
  return tools.map(({ name }) => name);
}

function readResult(result: unknown): CallResult {
  const { isError, content, structuredContent } = Object(result);
  return {
    isError: isError === true,
    text: String(content?.[0]?.text),
    fields: { ...Object(structuredContent) },
  };
}
