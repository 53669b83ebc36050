/**
 * The error of a failed request to the API, and the meaning of each failure: whether a retry can
 * help, who has to do what, and what the runtime's messages about the network mean.
 *
 * @module
 */

import { retrySeconds } from "../core/backoff.ts";
import { HOSTED } from "../core/addresses.ts";
import type { Proxy } from "../core/proxy.ts";

/**
 * The stage at which a request failed: `http`: an error status came back; `not_sent`: no connection
 * was made, so nothing was delivered; `connection_lost`: the connection broke; `timeout`: no
 * response came in time; `decode`: the response was not what the API documents.
 */
export type ApiErrorKind = "http" | "not_sent" | "connection_lost" | "timeout" | "decode";

/** The facts about a failed API request. */
export interface ApiErrorInfo {
  readonly kind: ApiErrorKind;
  /** HTTP status; absent when no response arrived. */
  readonly status?: number;
  /** The API's `error.type`, such as `not_found_error`; unknown types pass through. */
  readonly type?: string;
  /** The API's `error.details.error_code`, such as `workflow_run_open`. */
  readonly errorCode?: string;
  /** The `request-id` header or `request_id` of the envelope. */
  readonly requestId?: string;
  /** Milliseconds that the API asks clients to wait. */
  readonly retryAfterMs?: number;
  /**
   * Writer of the response: `api`, whose errors have an envelope; or `other`, such as a proxy, a
   * filter, a sign-in page, or a server that is no Managed Agents API. Absent where it is not
   * known.
   */
  readonly author?: "api" | "other";
  /** Scheme, host and port of the request. */
  readonly origin?: string;
  /** The operator's remedy for a network failure, in the imperative. */
  readonly remedy?: string;
  /** True when a retry is in vain until somebody changes something. */
  readonly lasting?: boolean;
  /** Value of the response's `x-should-retry`. */
  readonly shouldRetry?: boolean;
  /** Entries of a list that had arrived when the response turned out too large. */
  readonly entriesRead?: number;
}

/** Makes every fact about the request a field of its error. */
export interface ApiError extends ApiErrorInfo {}

/** A failed request to the Managed Agents API; `message` is the API's own where there is one. */
export class ApiError extends Error {
  override name = "ApiError";

  constructor(message: string, info: ApiErrorInfo, options?: ErrorOptions) {
    super(message, options);
    Object.assign(this, info);
  }

  /** True when the same request may succeed later without a change on either side. */
  get retryable(): boolean {
    return faultOf(this).retry;
  }

  /**
   * True when the API asks for slower requests. A spent budget also has status 429, but is not one.
   */
  get isRateLimit(): boolean {
    return this.status === 429 && this.retryable;
  }

  /** True when the API rejects the request as invalid; several frameworks say 422 for 400. */
  get isInvalidRequest(): boolean {
    return this.status === 400 || this.status === 422;
  }

  /**
   * True when the API itself says that the thing does not exist, in any form of its errors; the 404
   * of a proxy, or of a server that is no Managed Agents API, does not count.
   */
  get isNotFound(): boolean {
    const { status, author, type } = this;
    return status === 404 &&
      (author ?? (type === "not_found_error" ? "api" : "other")) === "api";
  }
}

/** A failure, as {@linkcode faultOf} reads it. */
export interface ApiFailure extends ApiErrorInfo {
  readonly message: string;
}

/** The meaning of a failure. */
export interface ApiFault {
  /** True when the same request may succeed later without a change on either side. */
  readonly retry: boolean;
  /** What is wrong, in one sentence. */
  readonly what: string;
  /** What the caller can do, in one sentence; absent where only the operator can help. */
  readonly caller?: string;
  /** What the operator can do, in the imperative, without capital and full stop. */
  readonly operator?: string;
  /**
   * What the caller can look up before it tries again: ids that exist, those of environments, or the
   * session's state.
   */
  readonly lookUp?: "ids" | "environments" | "state";
}

type Text = string | ((failure: ApiFailure) => string);

/** A row of the table: conditions, all of which must hold, and the meaning of the failure. */
interface Row {
  readonly kind?: ApiErrorKind;
  readonly status?: readonly number[] | ((status: number) => boolean);
  /** Matches the error code or the type: backends differ in where they put a reason. */
  readonly code?: RegExp;
  readonly message?: RegExp;
  readonly author?: "other";
  /** Decided by the status when absent. */
  readonly retry?: boolean;
  readonly what: Text;
  readonly caller?: Text;
  readonly operator?: Text;
  readonly lookUp?: ApiFault["lookUp"];
}

const TRY_LATER = "Try again later.";

const TRY_AGAIN: Text = ({ retryAfterMs }) =>
  retryAfterMs === undefined
    ? "Try again in a minute."
    : `Try again in ${retrySeconds(retryAfterMs)} s.`;

const at = ({ origin }: ApiFailure) => origin === undefined ? "" : ` at ${origin}`;

const CHECK_BASE_URL =
  `set CMA_BASE_URL=${HOSTED}, which goes before an ANTHROPIC_BASE_URL that the ` +
  "host may have set for a model gateway, or correct --base-url";

const SIGN_IN =
  "see whether this network wants a sign-in in a browser first, and check the base URL";

const isServerError = (status: number) => status >= 500;

/**
 * Table of failures; the first row that fits counts. The error codes are those of
 * `@anthropic-ai/sdk` 1.14.0 and of the platform's documentation; the messages are the hosted
 * API's, where it has no code of its own.
 */
const ROWS: readonly Row[] = [
  {
    kind: "not_sent",
    what: "The API could not be reached, so nothing was done.",
    caller: TRY_LATER,
    operator: ({ remedy = "" }) => remedy,
  },
  {
    kind: "connection_lost",
    what: "The connection to the API broke.",
    caller: "Try again.",
    operator: ({ remedy = "", lasting }) => lasting ? remedy : "",
  },
  { kind: "timeout", what: "The API did not respond in time.", caller: "Try again." },
  {
    kind: "decode",
    author: "other",
    what: (failure) => `The server${at(failure)} is not a Managed Agents API.`,
    operator: `${SIGN_IN}: ${CHECK_BASE_URL}`,
  },
  {
    kind: "decode",
    what: "The API's response could not be read.",
    operator: "check the base URL, and whether this program is up to date",
  },
  {
    code: /^(contract|enforced)_spend_limit_reached$/,
    retry: false,
    what: "The organization's spend limit is reached.",
    operator: "raise the limit in the Claude Console, or wait until it is renewed",
  },
  {
    code: /^ramp_limit_exceeded$/,
    retry: true,
    what: "The organization's use of the API grows faster than the API admits.",
    caller: TRY_AGAIN,
  },
  {
    code: /^organization_on_hold$/,
    retry: false,
    what: "Anthropic has put the organization on hold.",
    operator: "read the notices in the Claude Console, and ask Anthropic's support",
  },
  {
    status: [400, 401, 403],
    message: /\b(organization|account) (is|has been) (disabled|suspended)/i,
    retry: false,
    what: "Anthropic has disabled the organization.",
    operator: "use a key of another organization, or ask Anthropic's support",
  },
  {
    code: /^organization_not_enrolled_in_beta$/,
    retry: false,
    what: "The organization may not use Managed Agents.",
    operator: "ask for access in the Claude Console, or use a key of an organization that has it",
  },
  {
    code: /^linked_organization_/,
    retry: false,
    what: "The organization that pays for this one does not let the request through.",
    operator: "have its administrators look at billing in the Claude Console",
  },
  {
    code: /^cmek_/,
    what: "The workspace's own encryption key (CMEK) cannot be used.",
    operator: "restore the API's access to the key in its key management service",
  },
  {
    code: /^sandbox_egress_restricted$/,
    retry: false,
    what: "The environment's network rules keep the sandbox from reaching that.",
    operator: "allow the host in the environment's networking, in the Claude Console",
  },
  {
    code: /^file_expired$/,
    retry: false,
    what: "The file has expired and is no longer kept.",
    caller: "Have it made or uploaded again.",
  },
  {
    code: /^file_not_downloadable$/,
    retry: false,
    what: "That file cannot be downloaded: only files that agents made can.",
    caller: "Use the copy that was uploaded.",
  },
  {
    code: /^storage_quota_exceeded$/,
    retry: false,
    what: "The organization's storage for files is full.",
    operator: "delete files that nobody needs in the Claude Console",
  },
  {
    code: /^request_body_timeout$/,
    what: "The request did not reach the API in time.",
    caller: "Try again.",
  },
  {
    code: /^workflow_run_open$/,
    what: "A workflow run of the session is still open.",
    caller: "Wait for it to end, then try again.",
  },
  {
    code: /^environment_(create|update)_disabled$/,
    retry: false,
    what: "The workspace does not let environments be changed.",
    operator: "change that in the Claude Console",
  },
  {
    code: /^environment_/,
    what: "The environment cannot be used.",
    caller: "Pass another environment_id.",
    lookUp: "environments",
    operator: "set CLAUDE_ENVIRONMENT_ID to an environment that can be",
  },
  {
    code: /^model_not_budgetable$/,
    retry: false,
    what: "The agent's model has no list price, so a session of it can have no budget.",
    caller: "Leave the budget out.",
  },
  {
    code: /^(billing_error|insufficient_(credits?|funds|balance|quota)|payment_required)$/,
    retry: false,
    what: "The API rejected the request for billing reasons.",
    operator: "settle that under Billing in the Claude Console, or with whoever runs the API's " +
      "gateway; the API's words say what it is",
  },
  {
    status: [400, 402, 403, 429],
    message:
      /credit balance|purchase credits|\b(usage|spend(ing)?) limits?\b.*\breached|reached\b.*\b(usage|spend(ing)?) limits?\b|exceeds?\b.*\bspend(ing)? limits?\b|regain access|\b(insufficient|not enough|out of|no (more|remaining)|used up|depleted)\b.{0,20}\b(credits?|funds|balance|quota)\b|\b(credits?|funds|balance) (is |are |has been |have been )?(insufficient|exhausted|depleted|used up|too low)|insufficient_(credits?|funds|balance|quota)|exceeded your current quota|payment (is )?required/i,
    retry: false,
    what: "The API rejected the request for billing reasons.",
    operator:
      "add credit or raise the limit in the Claude Console, or with whoever runs the API's " +
      "gateway; the API's words say which",
  },
  {
    status: [407],
    retry: false,
    what: (failure) => `A proxy before the API${at(failure)} wants a user name and a password.`,
    operator: ({ origin = "" }) =>
      `set ${
        origin.startsWith("http:") ? "HTTP_PROXY" : "HTTPS_PROXY"
      }=http://<user>:<password>@<proxy>`,
  },
  {
    status: [511],
    retry: false,
    what: "This network wants a sign-in before it lets anything through.",
    operator: SIGN_IN,
  },
  {
    status: (status) => status >= 300 && status < 400,
    what: (failure) =>
      `The server${at(failure)} redirects requests, and this program follows no redirects.`,
    operator: `${SIGN_IN}: ${CHECK_BASE_URL}`,
  },
  {
    author: "other",
    status: [404, 405, 410, 501],
    retry: false,
    what: (failure) =>
      `The server${at(failure)} does not serve Managed Agents, or not to this key.`,
    operator: CHECK_BASE_URL,
  },
  {
    author: "other",
    status: [401],
    what: (failure) => `Something before the API${at(failure)} wants a sign-in of its own.`,
    operator: `see which proxy or gateway is in between, and check the base URL`,
  },
  {
    author: "other",
    status: [400, 403, 451],
    what: (failure) => `A filter or proxy before the API${at(failure)} blocked the request.`,
    operator: "have the API's address let through by whoever runs the network's filter or proxy",
  },
  {
    author: "other",
    status: [413],
    what: "The request is too large for a proxy before the API.",
    caller: "Send less.",
  },
  {
    author: "other",
    status: isServerError,
    what: (failure) => `A proxy or gateway before the API${at(failure)} failed.`,
    caller: TRY_LATER,
    operator: "if it stays so, see which proxy is in between and whether it reaches the API",
  },
  {
    status: [400, 422],
    what: "The API rejected the request.",
    caller: "Change what it objects to and try again.",
  },
  {
    status: [401],
    what: "The API does not accept this server's key.",
    operator: (failure) =>
      "set ANTHROPIC_API_KEY, ANTHROPIC_AUTH_TOKEN or the file of --api-key-file to one that is " +
      `valid${at(failure)}`,
  },
  {
    status: [402],
    what: "The API rejected the request for billing reasons.",
    operator: "add credit in the Claude Console",
  },
  {
    status: [403],
    what: "This server's key may not do that.",
    operator: "use a key of a workspace that may use Managed Agents",
  },
  {
    status: [404],
    what: "That does not exist: check the id.",
    lookUp: "ids",
  },
  {
    status: [409],
    what: "The request conflicts with the present state.",
    lookUp: "state",
  },
  { status: [413], what: "The request is too large for the API.", caller: "Send less." },
  { status: [429], what: "The API's rate limit is reached.", caller: TRY_AGAIN },
  { status: isServerError, what: "The API failed.", caller: TRY_LATER },
];

/** The meaning of a failure that no row fits. */
const OTHER: Row = {
  what: "The API rejected the request.",
  operator: "check the base URL, and whether this program is up to date",
};

function fits({ kind, status, code, message, author }: Row, failure: ApiFailure): boolean {
  const given = failure.status;
  return (kind === undefined || kind === failure.kind) &&
    (author === undefined || author === failure.author) &&
    (status === undefined ||
      (given !== undefined &&
        (typeof status === "function" ? status(given) : status.includes(given)))) &&
    (code === undefined || code.test(failure.errorCode ?? "") || code.test(failure.type ?? "")) &&
    (message === undefined || message.test(failure.message));
}

/** Returns true for no response, 408, 409, 429 or a server error. */
function retriedByStatus({ kind, status, lasting }: ApiFailure): boolean {
  if (lasting) return false;
  if (status === undefined) return kind !== "decode";
  return status >= 500 || status === 408 || status === 409 || status === 429;
}

/** Returns the meaning of a failure, from the table. */
export function faultOf(failure: ApiFailure): ApiFault {
  return faultIn(ROWS.find((row) => fits(row, failure)) ?? OTHER, failure);
}

/**
 * Returns the meaning of an error code or type that a session's error has in place of a type of its
 * own; undefined for a code that the table does not have.
 */
export function faultOfCode(code: string): ApiFault | undefined {
  const row = ROWS.find(({ code: pattern }) => pattern?.test(code));
  return row && faultIn(row, { kind: "http", errorCode: code, message: "" });
}

function faultIn({ retry, what, caller, operator, lookUp }: Row, failure: ApiFailure): ApiFault {
  const textOf = (text: Text | undefined) =>
    (typeof text === "function" ? text(failure) : text) || undefined;
  const willPass = retry ?? retriedByStatus(failure);
  const advice = textOf(caller);
  const remedy = textOf(operator);
  return {
    retry: willPass,
    what: textOf(what) ?? "",
    // Do not advise to try again where that is in vain.
    ...(advice && !(failure.lasting && remedy) && { caller: advice }),
    ...(remedy && { operator: remedy }),
    ...(lookUp && { lookUp }),
  };
}

/** The server of a request, and the proxy before it. */
export interface NetworkRoute {
  /** Scheme, host and port of the base URL. */
  readonly origin: string;
  readonly proxy?: Proxy;
}

/**
 * Matches errors of connections that were never made. Deno's `fetch` tells them from broken ones:
 * its `TypeError`, "fetch failed", has a cause whose message names the phase (Deno 2.9.6);
 * `runtime/node_client.ts` writes the same.
 */
const NEVER_CONNECTED = new RegExp(
  [
    "client error \\(Connect\\)",
    "requests to port \\d+ are blocked|\\bbad port\\b",
    "requires net access",
    "opening CA file|unknown certificate store",
  ].join("|"),
  "i",
);

/** The runtime's message for a network problem, and its meaning. */
interface NetworkRow {
  readonly words: RegExp;
  /** True where a connection was made: the request may have been delivered. */
  readonly connected?: true;
  /** What is wrong, in one sentence without a full stop. */
  readonly what: (origin: string) => string;
  /** The same sentence about the proxy, where the message can mean it. */
  readonly whatOfProxy?: (origin: string) => string;
  /** The operator's remedy, in the imperative, without capital and full stop. */
  readonly remedy: string;
  /** True when a retry is in vain until somebody changes something. */
  readonly lasting?: true;
}

const CHECK_URL = "check --base-url";

const unknownAuthority = (origin: string) =>
  `The certificate of ${origin} is signed by an unknown authority (TLS), as it is where a ` +
  "company's proxy or a virus scanner reads along";

/** Table of network problems; the first row that fits counts. */
const NETWORK_ROWS: readonly NetworkRow[] = [
  {
    words: /opening CA file/i,
    what: () => "The file of certificates that DENO_CERT names cannot be read",
    remedy: "correct the path in DENO_CERT, or take it out",
    lasting: true,
  },
  {
    words: /unknown certificate store/i,
    what: () => "DENO_TLS_CA_STORE names a store of certificates that does not exist",
    remedy: "set DENO_TLS_CA_STORE to system, or to system,mozilla",
    lasting: true,
  },
  {
    words: /requests to port \d+ are blocked|\bbad port\b/i,
    what: (origin) => `${origin} has a port that 'fetch' does not allow`,
    remedy: `serve the API on another port, and ${CHECK_URL}`,
    lasting: true,
  },
  {
    words: /requires net access/i,
    what: (origin) => `This program may not reach ${origin}`,
    remedy: "start it with --allow-net, or use the executable",
    lasting: true,
  },
  {
    words: /proxy authentication required|proxy response \(407\)/i,
    what: (origin) => `A proxy before ${origin} wants a user name and a password`,
    whatOfProxy: () => "wants a user name and a password",
    remedy: "set HTTPS_PROXY=http://<user>:<password>@<proxy>",
    lasting: true,
  },
  {
    words: /tunnel/i,
    what: (origin) => `A proxy refuses a tunnel to ${origin}`,
    whatOfProxy: (origin) => `refuses a tunnel to ${origin}`,
    remedy: "ask its operator to let it through",
  },
  {
    words: /dns error|failed to lookup|no such host|name or service not known|getaddrinfo/i,
    what: (origin) => `${new URL(origin).hostname} has no known address (DNS)`,
    whatOfProxy: () => "has no known address (DNS)",
    remedy: `${CHECK_URL}, this machine's connection and its DNS`,
  },
  {
    words: /refused/i,
    what: (origin) => `${origin} refuses connections`,
    whatOfProxy: () => "refuses connections",
    remedy: `start what is to listen there, or ${CHECK_URL}`,
  },
  {
    // OpenSSL's codes, in Node.
    words: /UNABLE_TO_(VERIFY|GET)_|SELF_SIGNED_CERT/,
    what: unknownAuthority,
    remedy: "name the authority's file with NODE_EXTRA_CA_CERTS, or use Node 22 or later, which " +
      "asks this machine for its certificates",
    lasting: true,
  },
  {
    words: /unknownissuer|unknown issuer|self.?signed|caused?as/i,
    what: unknownAuthority,
    remedy: "trust this machine's certificates with DENO_TLS_CA_STORE=system, or name the " +
      "authority's file with DENO_CERT",
    lasting: true,
  },
  {
    words: /expired|notvalidyet|not valid yet|NOT_YET_VALID/i,
    what: (origin) => `The certificate of ${origin} is not valid at this machine's time (TLS)`,
    remedy: "set this machine's clock; if it is right, the certificate has to be renewed",
    lasting: true,
  },
  {
    words: /not valid for name|notvalidforname|ALTNAME_INVALID/i,
    what: (origin) => `The certificate of ${origin} is for another name (TLS)`,
    remedy: "see whether this network wants a sign-in in a browser first; otherwise " +
      `${CHECK_URL}: use a name that the certificate has`,
    lasting: true,
  },
  {
    words: /corrupt message|invalidcontenttype|wrong.version.number|packet.length.too.long/i,
    what: (origin) => `${origin} does not speak TLS`,
    remedy: "type http:// in --base-url if that is meant, or correct its port",
    lasting: true,
  },
  {
    words: /handshake|invalid peer|certificate|\btls\b/i,
    what: (origin) => `Cannot make a secure connection to ${origin} (TLS)`,
    remedy: "see whether a proxy or a firewall is in between, and set HTTPS_PROXY if there is one",
  },
  {
    words: /unreach|no route|network is down|ENETDOWN/i,
    what: (origin) => `Cannot reach ${origin} from this network`,
    remedy: "check this machine's connection and its VPN",
  },
  {
    words: /invalid http version|invalid http|HPE_INVALID/i,
    connected: true,
    what: (origin) => `${origin} does not speak plain HTTP`,
    remedy: "type https:// in --base-url",
    lasting: true,
  },
  {
    words: /certificate_?\s?required/i,
    connected: true,
    what: (origin) => `${origin} wants a certificate from its clients, and this program has none`,
    remedy: "go through a gateway that has one, or correct --base-url",
    lasting: true,
  },
];

/** Returns the messages of an error and of all its causes, with Node's codes. */
function messagesOf(error: unknown): string {
  const messages: string[] = [];
  for (let link = error; link instanceof Error && messages.length < 10; link = link.cause) {
    messages.push("code" in link ? `${link.code} ${link.message}` : link.message);
  }
  return messages.join(" | ");
}

/**
 * Makes the error for a request that got no response. Any failure that is not clearly one to
 * connect counts as a broken connection, over which the request may have been delivered.
 */
export function networkError(cause: unknown, { origin, proxy }: NetworkRoute): ApiError {
  const messages = messagesOf(cause);
  const isUnsent = NEVER_CONNECTED.test(messages);
  const row = NETWORK_ROWS.find(({ words, connected = false }) =>
    connected !== isUnsent && words.test(messages)
  );
  const failure = (message: string, remedy?: string) =>
    new ApiError(message, {
      kind: isUnsent ? "not_sent" : "connection_lost",
      ...{ origin, remedy, lasting: row?.lasting },
    }, { cause });
  if (row?.whatOfProxy && proxy) {
    const { address, variable } = proxy;
    return failure(
      `The proxy ${address} (${variable}) ${row.whatOfProxy(origin)}`,
      `correct ${variable}, or add ${new URL(origin).hostname} to NO_PROXY`,
    );
  }
  if (row) return failure(row.what(origin), row.remedy);
  if (isUnsent) return failure(`Cannot connect to ${origin}`);
  const suspect = proxy
    ? `what the proxy ${proxy.address} does`
    : "whether a proxy or a firewall is in between";
  return failure(`The connection to ${origin} broke`, `try again; if it stays so, see ${suspect}`);
}

/**
 * Makes the error for a request that got no response in time.
 *
 * @param when the time limit, such as `within 10 s`
 */
export function timeoutError({ origin, proxy }: NetworkRoute, when: string): ApiError {
  const via = proxy ? `, through the proxy ${proxy.address}` : "";
  return new ApiError(`No response from ${origin} ${when}${via}`, {
    kind: "timeout",
    origin,
    remedy: proxy
      ? `see whether that proxy (${proxy.variable}) works`
      : "see whether a firewall is in between; set HTTPS_PROXY if there is a proxy",
  });
}
