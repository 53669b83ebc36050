/**
 * Why the API cannot be reached, in words, from what the runtime says.
 *
 * @module
 */

import { ApiError } from "./api_error.ts";
import type { Proxy } from "../core/proxy.ts";

/** What is wrong, and what to do about it. */
export interface Trouble {
  /** One sentence without a full stop. */
  readonly message: string;
  /** In the imperative, without capital and full stop. */
  readonly cure: string;
  /** Whether it stays so until somebody changes something. */
  readonly lasting?: boolean;
}

/** Whom a request was for, and by which way. */
export interface NetworkRoute {
  /** Scheme, host and port of the base URL. */
  readonly origin: string;
  readonly proxy?: Proxy;
}

/** The messages of an error and of everything that caused it. */
function messagesOf(error: unknown): string {
  const messages: string[] = [];
  for (let link = error; link instanceof Error && messages.length < 10; link = link.cause) {
    messages.push(link.message);
  }
  return messages.join(" | ");
}

type Explain = (route: NetworkRoute) => Trouble;

const CHECK_URL = "check --base-url";

function proxyOr(
  { proxy, origin }: NetworkRoute,
  withProxy: (name: string) => string,
  without: string,
  cure: string,
): Trouble {
  if (!proxy) return { message: without, cure };
  const { address, variable } = proxy;
  const { hostname } = new URL(origin);
  return {
    message: withProxy(`the proxy ${address} (${variable})`),
    cure: `correct ${variable}, or add ${hostname} to NO_PROXY`,
  };
}

/**
 * How Deno's `fetch` tells a connection that was never made from one that broke: its `TypeError`,
 * "fetch failed", carries a cause whose message names the phase.
 */
const NEVER_CONNECTED =
  /client error \(Connect\)|requests to port \d+ are blocked|requires net access/i;

/** What the runtime's messages mean when no connection was made, the first match first. */
const EXPLANATIONS: readonly (readonly [RegExp, Explain])[] = [
  [/requests to port \d+ are blocked/i, ({ origin }) => ({
    message: `${origin} has a port that no program may fetch from`,
    cure: `serve the API on another port, and ${CHECK_URL}`,
    lasting: true,
  })],
  [/requires net access/i, ({ origin }) => ({
    message: `This program may not reach ${origin}`,
    cure: "start it with --allow-net, or use the executable",
    lasting: true,
  })],
  [/proxy authentication required/i, (route) => ({
    ...proxyOr(
      route,
      (proxy) => `A user name and a password are wanted by ${proxy}`,
      `A proxy before ${route.origin} wants a user name and a password`,
      "set HTTPS_PROXY=http://<user>:<password>@<proxy>",
    ),
    lasting: true,
  })],
  [/tunnel/i, (route) =>
    proxyOr(
      route,
      (proxy) => `No way to ${route.origin} is opened by ${proxy}`,
      `A proxy opens no way to ${route.origin}`,
      "ask its operator to let it through",
    )],
  [/dns error|failed to lookup|no such host|name or service not known/i, (route) =>
    proxyOr(
      route,
      (proxy) => `No address is found for ${proxy}`,
      `No address is found for ${new URL(route.origin).hostname} (DNS)`,
      `${CHECK_URL}, this machine's connection and its DNS`,
    )],
  [/refused/i, (route) =>
    proxyOr(
      route,
      (proxy) => `Connections are refused by ${proxy}`,
      `${route.origin} refuses connections`,
      `start what is to listen there, or ${CHECK_URL}`,
    )],
  [/unknownissuer|unknown issuer|self.?signed|caused?as/i, ({ origin }) => ({
    message:
      `The certificate of ${origin} is signed by nobody known here (TLS), as it is where a ` +
      "company's proxy or a virus scanner reads along",
    cure: "trust this machine's certificates with DENO_TLS_CA_STORE=system, or name the " +
      "authority's file with DENO_CERT",
    lasting: true,
  })],
  [/expired|notvalidyet|not valid yet/i, ({ origin }) => ({
    message: `The certificate of ${origin} is not valid at this machine's time (TLS)`,
    cure: "set this machine's clock; if it is right, the certificate has to be renewed",
    lasting: true,
  })],
  [/not valid for name|notvalidforname/i, ({ origin }) => ({
    message: `The certificate of ${origin} is for another name (TLS)`,
    cure: "see whether this network wants a sign-in in a browser first; otherwise " +
      `${CHECK_URL}: use a name that the certificate has`,
    lasting: true,
  })],
  [/corrupt message|invalidcontenttype/i, ({ origin }) => ({
    message: `${origin} does not speak TLS`,
    cure: "type http:// in --base-url if that is meant, or correct its port",
    lasting: true,
  })],
  [/handshake|invalid peer|certificate|\btls\b/i, ({ origin }) => ({
    message: `No secure connection to ${origin} comes about (TLS)`,
    cure: "see whether a proxy or a firewall is in between, and set HTTPS_PROXY if there is one",
  })],
  [/unreachable|no route|network is down/i, ({ origin }) => ({
    message: `There is no way to ${origin} from this network`,
    cure: "check this machine's connection and its VPN",
  })],
];

/** What they mean after one was made: the request may have been delivered. */
const AFTERWARDS: readonly (readonly [RegExp, Explain])[] = [
  [/invalid http version|invalid http/i, ({ origin }) => ({
    message: `${origin} does not speak plain HTTP`,
    cure: "type https:// in --base-url",
    lasting: true,
  })],
  [/certificate_?\s?required/i, ({ origin }) => ({
    message: `${origin} wants a certificate from its clients, and this program has none`,
    cure: "go through a gateway that has one, or correct --base-url",
    lasting: true,
  })],
];

function explained(error: unknown, route: NetworkRoute): Trouble | undefined {
  const messages = messagesOf(error);
  const table = NEVER_CONNECTED.test(messages) ? EXPLANATIONS : AFTERWARDS;
  const [, explain] = table.find(([pattern]) => pattern.test(messages)) ?? [];
  return explain?.(route);
}

/** The trouble behind a request that got no answer. */
export function networkTrouble(error: unknown, route: NetworkRoute): Trouble {
  return explained(error, route) ?? {
    message: `The connection to ${route.origin} broke before an answer came`,
    cure: route.proxy
      ? `try again; if it stays so, see what the proxy ${route.proxy.address} does`
      : "try again; if it stays so, see whether a proxy or a firewall is in between",
  };
}

/**
 * The error of a request that got no answer. Whatever is not clearly a failure to connect counts
 * as a connection that broke: then the request may have been delivered.
 */
export function networkError(cause: unknown, route: NetworkRoute): ApiError {
  const { origin } = route;
  const isConnect = NEVER_CONNECTED.test(messagesOf(cause));
  const trouble = explained(cause, route);
  const message = trouble?.message ??
    (isConnect ? `Cannot connect to ${origin}` : `The connection to ${origin} broke`);
  return new ApiError(message, {
    kind: isConnect ? "connect" : "connection",
    origin,
    ...(trouble && { remedy: trouble.cure, lasting: trouble.lasting }),
  }, { cause });
}

/** The trouble behind a request that was not answered in time. */
export function timeTrouble({ origin, proxy }: NetworkRoute, ms: number): Trouble {
  return {
    message: `No answer from ${origin} within ${ms / 1_000} s` +
      (proxy ? `, through the proxy ${proxy.address}` : ""),
    cure: proxy
      ? `see whether that proxy (${proxy.variable}) works`
      : "see whether a firewall is in between; set HTTPS_PROXY if there is a proxy",
  };
}
