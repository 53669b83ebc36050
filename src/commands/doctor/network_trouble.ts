/**
 * Why the API cannot be reached, in words, from what the runtime says.
 *
 * @module
 */

import type { Proxy } from "../../config/proxy.ts";

/** What is wrong, and what to do about it. */
export interface Trouble {
  readonly message: string;
  readonly cure: string;
}

/** Whom a request was for, and by which way. */
export interface Route {
  /** Scheme, host and port of the base URL. */
  readonly origin: string;
  readonly proxy?: Proxy;
}

/** The messages of an error and of everything that caused it. */
function messagesOf(error: unknown): string {
  const messages: string[] = [];
  for (let link = error; link instanceof Error; link = link.cause) messages.push(link.message);
  return messages.join(" | ");
}

type Explain = (route: Route) => Trouble;

const CHECK_URL = "check --base-url";

function proxyOr(
  { proxy, origin }: Route,
  withProxy: (name: string) => string,
  without: string,
  cure: string,
): Trouble {
  if (!proxy) return { message: without, cure };
  const { address, variable } = proxy;
  const { host } = new URL(origin);
  return {
    message: withProxy(`the proxy ${address} (${variable})`),
    cure: `correct ${variable}, or add ${host} to NO_PROXY`,
  };
}

/** What the runtime's messages mean, the first match first. */
const EXPLANATIONS: readonly (readonly [RegExp, Explain])[] = [
  [/requests to port \d+ are blocked/i, ({ origin }) => ({
    message: `${origin} has a port that no program may fetch from`,
    cure: `serve the API on another port, and ${CHECK_URL}`,
  })],
  [/requires net access/i, ({ origin }) => ({
    message: `This program may not reach ${origin}`,
    cure: "start it with --allow-net, or use the executable",
  })],
  [/proxy authentication required/i, (route) =>
    proxyOr(
      route,
      (proxy) => `A user name and a password are wanted by ${proxy}`,
      `A proxy before ${route.origin} wants a user name and a password`,
      "set HTTPS_PROXY=http://<user>:<password>@<proxy>",
    )],
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
    message: `The certificate of ${origin} is signed by nobody known here (TLS)`,
    cure: "trust this machine's certificates with DENO_TLS_CA_STORE=system, or name the " +
      "authority's file with DENO_CERT",
  })],
  [/expired|notvalidyet|not valid yet/i, ({ origin }) => ({
    message: `The certificate of ${origin} is not valid at this machine's time (TLS)`,
    cure: "set this machine's clock; if it is right, the certificate has to be renewed",
  })],
  [/not valid for name|notvalidforname/i, ({ origin }) => ({
    message: `The certificate of ${origin} is for another name (TLS)`,
    cure: `${CHECK_URL}: use a name that the certificate has`,
  })],
  [/corrupt message|invalidcontenttype/i, ({ origin }) => ({
    message: `${origin} does not speak TLS`,
    cure: "type http:// in --base-url if that is meant, or correct its port",
  })],
  [/handshake|invalid peer|certificate|\btls\b/i, ({ origin }) => ({
    message: `No secure connection to ${origin} comes about (TLS)`,
    cure: "see whether a proxy or a firewall is in between, and set HTTPS_PROXY if there is one",
  })],
  [/unreachable|no route|network is down/i, ({ origin }) => ({
    message: `There is no way to ${origin} from this network`,
    cure: "check this machine's connection and its VPN",
  })],
  [/invalid http version|invalid http/i, ({ origin }) => ({
    message: `${origin} does not speak plain HTTP`,
    cure: "type https:// in --base-url",
  })],
];

/** The trouble behind a request that got no answer. */
export function networkTrouble(error: unknown, route: Route): Trouble {
  const messages = messagesOf(error);
  const [, explain] = EXPLANATIONS.find(([pattern]) => pattern.test(messages)) ?? [];
  return explain?.(route) ?? {
    message: `The connection to ${route.origin} broke before an answer came`,
    cure: route.proxy
      ? `try again; if it stays so, see what the proxy ${route.proxy.address} does`
      : "try again; if it stays so, see whether a proxy or a firewall is in between",
  };
}

/** The trouble behind a request that was not answered in time. */
export function timeTrouble({ origin, proxy }: Route, ms: number): Trouble {
  return {
    message: `No answer from ${origin} within ${ms / 1_000} s` +
      (proxy ? `, through the proxy ${proxy.address}` : ""),
    cure: proxy
      ? `see whether that proxy (${proxy.variable}) works`
      : "see whether a firewall is in between; set HTTPS_PROXY if there is a proxy",
  };
}
