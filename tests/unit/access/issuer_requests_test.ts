import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  askIssuer,
  IssuerError,
  metadataAddresses,
  readIssuerMetadata,
} from "../../../src/access/issuer_requests.ts";
import { ManualClock } from "../../helpers/manual_clock.ts";

const ISSUER = "https://login.example.com/tenant";
const { signal } = new AbortController();

type Answers = Readonly<Record<string, () => Response>>;

/** Reads the metadata of an issuer that answers so; returns what was found, or the error's message. */
async function metadataFrom(answers: Answers, issuer = ISSUER) {
  const asked: string[] = [];
  const clock = new ManualClock();
  const found = await readIssuerMetadata(issuer, {
    clock,
    fetch: (url) => {
      asked.push(url.replace(new URL(issuer).origin, ""));
      return Promise.resolve(
        (answers[asked.at(-1) ?? ""] ?? (() => new Response("", { status: 404 })))(),
      );
    },
  }, signal).catch((error) => {
    assert(error instanceof IssuerError);
    return error.message;
  });
  assertEquals(clock.pendingTimers, 0);
  return { found, asked };
}

const OAUTH = "/.well-known/oauth-authorization-server/tenant";
const INSERTED = "/.well-known/openid-configuration/tenant";
const APPENDED = "/tenant/.well-known/openid-configuration";
const good = (fields = {}) => () =>
  Response.json({ issuer: ISSUER, jwks_uri: "https://keys.example.com/jwks", ...fields });

Deno.test("metadata are asked for where clients ask for them, in their order", () => {
  assertEquals(metadataAddresses(ISSUER), [
    `https://login.example.com${OAUTH}`,
    `https://login.example.com${INSERTED}`,
    `https://login.example.com${APPENDED}`,
  ]);
  // A slash at the end is a part of the issuer, and not of the path.
  assertEquals(metadataAddresses(`${ISSUER}/`), metadataAddresses(ISSUER));
  for (const issuer of ["https://login.example.com", "https://login.example.com/"]) {
    assertEquals(metadataAddresses(issuer), [
      "https://login.example.com/.well-known/oauth-authorization-server",
      "https://login.example.com/.well-known/openid-configuration",
    ]);
  }
});

Deno.test("the first metadata that name the issuer count", async () => {
  for (const [index, place] of [OAUTH, INSERTED, APPENDED].entries()) {
    const { found, asked } = await metadataFrom({ [place]: good() });
    assert(typeof found === "object");
    assertEquals(found.jwksUri, "https://keys.example.com/jwks");
    assertEquals(asked.length, index + 1);
  }
  const { found, asked } = await metadataFrom({
    [OAUTH]: good({ issuer: "https://login.example.com" }),
    [INSERTED]: () => new Response("<html>", { status: 200 }),
    [APPENDED]: good(),
  });
  assert(typeof found === "object");
  assertEquals(asked.length, 3);
});

Deno.test("metadata of another issuer count nowhere", async () => {
  for (
    const issuer of [
      "https://evil.example.com",
      `${ISSUER}/`,
      "https://LOGIN.example.com/tenant",
      7,
    ]
  ) {
    const { found } = await metadataFrom({ [OAUTH]: good({ issuer }) });
    assertMatch(
      String(found),
      /(is of the issuer '.*'|names no issuer), and not of https:\/\/login/,
    );
  }
});

Deno.test("keys come over https, or from this machine for an issuer on it", async () => {
  for (
    const jwks of [
      "http://keys.example.com/jwks",
      "http://127.0.0.1/jwks",
      "file:///etc/passwd",
      "data:application/json,{}",
      "https://user:password@keys.example.com/jwks",
      "/jwks",
    ]
  ) {
    const { found } = await metadataFrom({ [OAUTH]: good({ jwks_uri: jwks }) });
    assertMatch(String(found), /names keys at '.*', which/);
  }
  const local = "http://127.0.0.1:9000";
  const at = (jwks: string) =>
    metadataFrom({
      "/.well-known/oauth-authorization-server": good({ issuer: local, jwks_uri: jwks }),
    }, local);
  for (const jwks of ["http://localhost:9000/jwks", "https://keys.example.com/jwks"]) {
    const { found } = await at(jwks);
    assert(typeof found === "object");
  }
  assertMatch(String((await at("http://keys.example.com/jwks")).found), /names keys/);
});

Deno.test("a redirect is not followed", async () => {
  const to = (location: string) => () => new Response(null, { status: 302, headers: { location } });
  const { found, asked } = await metadataFrom({
    [OAUTH]: to("https://evil.example.com/"),
    [INSERTED]: to(`https://login.example.com${APPENDED}`),
  });
  assertEquals(asked, [OAUTH, INSERTED, APPENDED]);
  assertMatch(String(found), /redirects to 'https:\/\/evil/);
  const only = await metadataFrom({
    [OAUTH]: to("https://evil.example.com/"),
    [INSERTED]: to("/x"),
    [APPENDED]: () => new Response("", { status: 503 }),
  });
  assertMatch(String(only.found), /redirects to '.*', which is not followed/);
});

Deno.test("no other address is asked where the machine cannot be reached", async () => {
  const { asked, found } = await metadataFrom({
    [OAUTH]() {
      throw new TypeError("client error (Connect): tcp connect error: Connection refused");
    },
  });
  assertEquals(asked, [OAUTH]);
  assertMatch(String(found), /login\.example\.com/);
});

/** Asks a server that answers so; returns the error's message. */
async function failureOf(response: Response, clock = new ManualClock()): Promise<string> {
  const network = { clock, fetch: () => Promise.resolve(response) };
  const asked = askIssuer("https://login.example.com/x", network, signal);
  return await clock.runUntil(asked.then(() => "", (error) => String(error)));
}

Deno.test("a response is bounded in size and time", async () => {
  assertMatch(await failureOf(new Response(`"${"x".repeat(600_000)}"`)), /more than 512 KB/);
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(64 * 1024).fill(32)),
  });
  assertMatch(await failureOf(new Response(endless)), /more than 512 KB/);
  const silent = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new TextEncoder().encode("{")),
  });
  assertMatch(await failureOf(new Response(silent)), /does not answer within 5 s/);
});

Deno.test("a response says what is wrong with it, and nothing that it says itself", async () => {
  assertMatch(await failureOf(new Response("s3cret", { status: 500 })), /answers with status 500$/);
  for (const body of ["s3cret", '"s3cret"', "[]", "null", ""]) {
    const message = await failureOf(new Response(body));
    assertMatch(message, /does not answer with a JSON object$/);
    assert(!message.includes("s3cret"));
  }
});

Deno.test("a form goes out as one, and nothing else of this server", async () => {
  const clock = new ManualClock();
  const sent: RequestInit[] = [];
  const network = {
    clock,
    fetch: (_: string, init: RequestInit) => {
      sent.push(init);
      return Promise.resolve(Response.json({ active: false }));
    },
  };
  const form = { token: "a+b&c=d é", token_type_hint: "access_token" };
  const post = { headers: { authorization: "Basic x" }, form };
  assertEquals(await askIssuer("https://login.example.com/i", network, signal, post), {
    active: false,
  });
  await askIssuer("https://login.example.com/i", network, signal);
  const [posted, got] = sent;
  assertEquals(posted?.headers, {
    accept: "application/json",
    authorization: "Basic x",
    "content-type": "application/x-www-form-urlencoded",
    "user-agent": "cma-mcp",
  });
  assert(posted?.body instanceof Blob);
  assertEquals(await posted.body.text(), "token=a%2Bb%26c%3Dd+%C3%A9&token_type_hint=access_token");
  assertEquals([posted?.method, posted?.redirect], ["POST", "manual"]);
  assertEquals([got?.method, got?.redirect, got?.body], ["GET", "manual", undefined]);
  assertEquals(got?.headers, { accept: "application/json", "user-agent": "cma-mcp" });
});
