import { assertEquals, assertStringIncludes } from "@std/assert";
import { networkError, timeoutError } from "../../../src/api/errors.ts";

const ORIGIN = "https://api.example.com";
const PROXY = { variable: "HTTPS_PROXY", address: "proxy.corp:8080" };

/** An error as the runtime's `fetch` throws it, with the message that names the cause. */
function fetchError(message: string): TypeError {
  const cause = new Error(`error sending request for url (${ORIGIN}/): ${message}`);
  return new TypeError("fetch failed", { cause });
}

const connect = (message: string) => fetchError(`client error (Connect): ${message}`);

const problems: readonly [string, unknown, string, string][] = [
  [
    "a name that does not resolve",
    connect("dns error: failed to lookup address information: Name or service not known"),
    "api.example.com has no known address (DNS)",
    "DNS",
  ],
  [
    "a name that does not resolve on Windows",
    connect("dns error: No such host is known. (os error 11001)"),
    "(DNS)",
    "--base-url",
  ],
  [
    "a refused connection",
    connect("tcp connect error: Connection refused (os error 111)"),
    `${ORIGIN} refuses connections`,
    "--base-url",
  ],
  [
    "a refused connection on Windows",
    connect("No connection could be made because the target machine actively refused it."),
    "refuses connections",
    "--base-url",
  ],
  [
    "an unknown authority",
    connect("invalid peer certificate: UnknownIssuer"),
    "signed by an unknown authority (TLS)",
    "DENO_TLS_CA_STORE=system",
  ],
  [
    "a file of authorities that is not there",
    new Error("Failed opening CA file: No such file or directory (os error 2)"),
    "The file of certificates that DENO_CERT names cannot be read",
    "DENO_CERT",
  ],
  [
    "a store of authorities that the runtime does not know",
    new Error('Unknown certificate store "sytem" specified (allowed: "system,mozilla")'),
    "DENO_TLS_CA_STORE names a store of certificates that does not exist",
    "DENO_TLS_CA_STORE to system",
  ],
  [
    "a certificate that has expired",
    connect("invalid peer certificate: certificate expired: verification time 1"),
    "not valid at this machine's time (TLS)",
    "clock",
  ],
  [
    "a certificate that is not valid yet",
    connect("invalid peer certificate: NotValidYet"),
    "not valid at this machine's time (TLS)",
    "clock",
  ],
  [
    "a certificate for another name",
    connect('invalid peer certificate: certificate not valid for name "api.example.com"'),
    "for another name (TLS)",
    "--base-url",
  ],
  [
    "a server without TLS",
    connect("received corrupt message of type InvalidContentType"),
    "does not speak TLS",
    "http://",
  ],
  ["a broken handshake", connect("tls handshake eof"), "secure connection", "firewall"],
  [
    "a proxy that wants a password",
    connect("proxy authentication required"),
    "wants a user name and a password",
    "HTTPS_PROXY=http://<user>",
  ],
  ["a proxy that opens no tunnel", connect("unsuccessful tunnel"), "refuses a tunnel", "operator"],
  [
    "a network that is not there",
    connect("tcp connect error: Network is unreachable (os error 101)"),
    "Cannot reach https://api.example.com from this network",
    "VPN",
  ],
  [
    "TLS where plain HTTP was meant",
    fetchError("client error (SendRequest): invalid HTTP version parsed"),
    "does not speak plain HTTP",
    "https://",
  ],
  [
    "a port that fetch does not allow",
    new TypeError("Fetch failed: Requests to port 1 are blocked"),
    "port that 'fetch' does not allow",
    "another port",
  ],
  [
    "a missing permission",
    new Error('Requires net access to "api.example.com:443", run again with --allow-net'),
    "may not reach",
    "--allow-net",
  ],
  [
    "a connection that breaks",
    fetchError("client error (SendRequest): connection closed before message completed"),
    "broke",
    "try again",
  ],
  ["something else that is no error", "odd", "broke", "try again"],
];
for (const [name, error, message, cure] of problems) {
  Deno.test(`networkError() names ${name} and what to do about it`, () => {
    const problem = networkError(error, { origin: ORIGIN });
    assertStringIncludes(problem.message, message);
    assertStringIncludes(problem.remedy ?? "", cure);
  });
}

const proxied: readonly [string, string, string][] = [
  ["does not resolve", "dns error: Name or service not known", "has no known address (DNS)"],
  [
    "refuses connections",
    "Connection refused (os error 111)",
    "refuses connections",
  ],
  ["wants a password", "proxy authentication required", "wants a user name and a password"],
  ["opens no tunnel", "unexpected eof while tunneling", "refuses a tunnel to"],
];
for (const [name, message, expected] of proxied) {
  Deno.test(`networkError() reports a proxy that ${name}, and names its variable`, () => {
    const problem = networkError(connect(message), { origin: ORIGIN, proxy: PROXY });
    assertStringIncludes(problem.message, expected);
    assertStringIncludes(problem.message, "The proxy proxy.corp:8080 (HTTPS_PROXY)");
    assertStringIncludes(problem.remedy ?? "", "add api.example.com to NO_PROXY");
  });
}

Deno.test("networkError() does not report the proxy for a certificate, which is the API's", () => {
  const error = connect("invalid peer certificate: UnknownIssuer");
  const problem = networkError(error, { origin: ORIGIN, proxy: PROXY });
  assertStringIncludes(problem.message, `certificate of ${ORIGIN}`);
});

Deno.test("networkError() says everything in one line", () => {
  for (const [, error] of problems) {
    for (const proxy of [undefined, PROXY]) {
      const { message, remedy: cure = "" } = networkError(error, { origin: ORIGIN, proxy });
      assertEquals(/[\r\n]/.test(message + cure), false);
      assertEquals(message.endsWith(".") || cure.endsWith("."), false);
    }
  }
});

Deno.test("timeoutError() names a proxy or firewall in between", () => {
  const direct = timeoutError({ origin: ORIGIN }, "within 10 s");
  assertStringIncludes(direct.message, "within 10 s");
  assertStringIncludes(direct.remedy ?? "", "firewall");
  const through = timeoutError({ origin: ORIGIN, proxy: PROXY }, "within 10 s");
  assertStringIncludes(through.message, "through the proxy proxy.corp:8080");
});
