/**
 * Signs people in at an `AuthorizationServer`, by its forms, as a browser would do it.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { AuthorizationServer } from "./authorization_server.ts";

/** What the token endpoint has issued. */
export interface IssuedTokens {
  readonly access_token: string;
  readonly refresh_token?: string;
  readonly id_token?: string;
  readonly scope?: string;
  readonly expires_in?: number;
}

/** Follows redirects and fills in forms, until the last of them leads to a client. */
export class FormBrowser {
  readonly #cookies = new Map<string, string>();

  /**
   * Opens the address of an authorization request, signs in and consents.
   *
   * @returns the address of the client, with the code or an error, and not yet opened
   */
  async authorize(address: string | URL, account: string): Promise<URL> {
    let url = new URL(address);
    const { origin } = url;
    let form: URLSearchParams | undefined;
    for (let steps = 0; steps < 12; steps++) {
      const response = await this.#request(url, form);
      form = undefined;
      const location = response.headers.get("location");
      const page = await response.text();
      if (location !== null) {
        url = new URL(location, url);
        if (url.origin !== origin) return url;
        continue;
      }
      const action = /<form[^>]* action="([^"]+)"/.exec(page)?.[1];
      const prompt = /name="prompt" value="(\w+)"/.exec(page)?.[1];
      if (action === undefined || prompt === undefined) {
        throw new Error(`No form at ${url.pathname} (${response.status}): ${page.slice(0, 600)}`);
      }
      url = new URL(action, url);
      form = new URLSearchParams({ prompt });
      if (prompt === "login") {
        form.set("login", account);
        form.set("password", "any");
      }
    }
    throw new Error(`No end of redirects, at ${url}`);
  }

  /** Does the same, and opens the client's address as well. @returns what the client shows */
  async visit(address: string | URL, account: string): Promise<string> {
    const callback = await this.authorize(address, account);
    const response = await fetch(callback);
    return await response.text();
  }

  async #request(url: URL, form: URLSearchParams | undefined): Promise<Response> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(url, {
      method: form ? "POST" : "GET",
      redirect: "manual",
      headers: { cookie },
      body: form,
    });
    for (const line of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === "") this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    return response;
  }
}

/** Where the client of {@linkcode signIn} would be called back. Nothing listens there. */
const CALLBACK = "http://127.0.0.1:9/callback";

/** What a sign-in asks for. */
export interface SignInRequest {
  /** The resource indicator; none when absent, as a client does that knows no RFC 8707. */
  readonly resource?: string;
  readonly scope: string;
}

/** Signs somebody in by the code flow with PKCE, as a client that registers itself. */
export async function signIn(
  server: Pick<AuthorizationServer, "issuer">,
  account: string,
  { resource, scope }: SignInRequest,
): Promise<IssuedTokens> {
  const { client_id } = await postJson(`${server.issuer}/reg`, {
    redirect_uris: [CALLBACK],
    token_endpoint_auth_method: "none",
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
  });
  const verifier = createHash("sha256").update(crypto.randomUUID()).digest("base64url");
  const target: Record<string, string> = resource === undefined ? {} : { resource };
  const request = new URL(`${server.issuer}/auth`);
  request.search = new URLSearchParams({
    client_id: String(client_id),
    response_type: "code",
    redirect_uri: CALLBACK,
    scope,
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
    ...target,
  }).toString();
  const callback = await new FormBrowser().authorize(request, account);
  const code = callback.searchParams.get("code");
  if (code === null) throw new Error(`No code: ${callback.search}`);
  const response = await fetch(`${server.issuer}/token`, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "authorization_code",
      client_id: String(client_id),
      redirect_uri: CALLBACK,
      code,
      code_verifier: verifier,
      ...target,
    }),
  });
  const issued = await response.json();
  if (!response.ok) throw new Error(`No tokens: ${JSON.stringify(issued)}`);
  return issued;
}

async function postJson(url: string, body: unknown): Promise<Record<string, unknown>> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  const answer = await response.json();
  if (!response.ok) throw new Error(`${url} answers ${response.status}: ${JSON.stringify(answer)}`);
  return answer;
}
