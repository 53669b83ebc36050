/**
 * Checks the API: the connection, the clock, the key, and the things that the key reaches.
 *
 * @module
 */

import { retrySeconds } from "../../core/backoff.ts";
import { CREDENTIAL_VARIABLES } from "../../core/ids.ts";
import { type ApiOptions, createApi } from "../../api/client.ts";
import { createConnections } from "../../api/connections.ts";
import { ApiError, faultOf } from "../../api/errors.ts";
import type { RequestInfo } from "../../api/http.ts";
import type { Agent, Environment } from "../../api/resources.ts";
import type { CallOptions, ManagedAgentsApi } from "../../api/types.ts";
import type { CredentialConfig, DoctorConfig } from "../../config/config.ts";
import { type Proxy, proxyFor, proxyMisreadings } from "../../core/proxy.ts";
import type { Program } from "../../runtime/program.ts";
import { readEnvironments } from "../../tools/environment.ts";
import { simulatedUpstream } from "../upstream.ts";
import { VERSION } from "../version.ts";
import { type Finding, findings } from "./finding.ts";

/** Longest time for the first request, and for all requests after it together, in milliseconds. */
const PROBE_TIMEOUT_MS = 10_000;
const TIMEOUT_MS = 20_000;
/** Largest difference between this machine's clock and the API's, in milliseconds. */
const MAX_SKEW_MS = 60_000;

/** Most agents that are counted, and most ids that a check names. */
const MAX_COUNTED = 100;
const MAX_NAMED = 5;
/** Agents that are read at once. */
const MAX_PARALLEL = 10;

const network = findings("network");
const key = findings("key");
const clockCheck = findings("clock");
const agents = findings("agents");
const environment = findings("environment");
const allowlist = findings("allowlist");
const published = findings("publish");

/** Checks the API of the settings; the workspace only if the API accepts the key. */
export async function* checkApi(config: DoctorConfig, program: Program): AsyncGenerator<Finding> {
  const { simulate, credential, server, http } = config;
  const { baseUrl } = server;
  const settings = { ...server, http };
  const { clock, log, stopping: signal, env, note } = program;
  const options = { signal, timeoutMs: TIMEOUT_MS };
  if (simulate) {
    yield network.skip("The built-in SIMULATOR is used: no key and no network");
    const { close, ...upstream } = await simulatedUpstream(program);
    try {
      return yield* await checkWorkspace(createApi({ ...upstream, clock, log }), settings, options);
    } finally {
      close();
    }
  }
  if (baseUrl === undefined) return yield notChecked("the base URL cannot be used");
  const url = new URL(baseUrl);
  for (const { message, cure } of proxyMisreadings(url, env)) yield network.warn(message, cure);
  // Shown because nothing else happens for so long where the network is dead.
  note(`Asking ${url.origin}, for at most ${PROBE_TIMEOUT_MS / 1_000} s …`);
  // The same connections as the server's, so that the findings hold for the server.
  const connections = createConnections(program.openHttpClient, clock);
  const way = { baseUrl, proxy: proxyFor(url, env), connections };
  try {
    const { findings: found, api } = await probe({ ...way, credential, clock, log, signal });
    yield* found;
    if (api) yield* await checkWorkspace(api, settings, options);
    else yield notChecked(credential ? "the checks above failed" : "there is no key");
  } finally {
    connections.close();
  }
}

function notChecked(reason: string): Finding {
  return findings("workspace").skip(`Agents and environments were not checked: ${reason}`);
}

/** The API to probe, and the connections to it. */
export type ProbeOptions =
  & Pick<ApiOptions, "baseUrl" | "proxy" | "connections" | "clock" | "log">
  & {
    /** Credential; absent when there is none: the connection can be checked without. */
    readonly credential?: CredentialConfig;
    readonly signal: AbortSignal;
  };

/**
 * Lists one agent, without a retry, which would hide a failure.
 *
 * @returns findings about the connection, the key and the clock; and a client, where the key is
 * accepted
 * @throws the signal's reason when that aborts
 */
export async function probe(
  { credential, signal, ...options }: ProbeOptions,
): Promise<{ readonly findings: readonly Finding[]; readonly api?: ManagedAgentsApi }> {
  const { baseUrl, proxy, clock } = options;
  const attempts: RequestInfo[] = [];
  const api = createApi({
    ...options,
    credential: credential && (() => credential),
    userAgent: `cma-mcp/${VERSION}`,
    observe: (attempt) => attempts.push(attempt),
  });
  const error = await api.agents
    .list({ limit: 1 }, { signal, timeoutMs: PROBE_TIMEOUT_MS, retry: false })
    .then(() => undefined, apiErrorOf);
  const { ms = 0, headers } = attempts.at(-1) ?? {};
  if (error && error.status === undefined) {
    return { findings: [network.fail(error.message, cureOf(error))] };
  }
  const time = clockFinding(headers, clock.wallTime() - ms / 2);
  if (error && !isAboutKey(error)) return { findings: [responseFinding(error, proxy), time] };
  const { origin } = new URL(baseUrl);
  return {
    findings: [
      network.ok(`${origin} answers in ${Math.round(ms)} ms${via(proxy)}`),
      ...credential ? [keyFinding(credential, error)] : [],
      time,
    ],
    ...(credential && !error && { api }),
  };
}

function apiErrorOf(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  throw error;
}

function via(proxy: Proxy | undefined): string {
  return proxy ? `, through the proxy ${proxy.address} (${proxy.variable})` : "";
}

/** Returns true for the API's own error about a request that it could have carried out. */
function isAboutKey({ kind, status = 0, author, isRateLimit }: ApiError): boolean {
  return kind === "http" && status < 500 && author !== "other" && !isRateLimit;
}

/**
 * Makes the finding for a response that is not the API's, or that says that the API is busy or
 * fails.
 */
function responseFinding(error: ApiError, proxy: Proxy | undefined): Finding {
  const { status = 0, message, isRateLimit } = error;
  // This message says it all, with the address.
  if (status >= 300 && status < 400) return network.fail(withoutAdvice(message), cureOf(error));
  const what = faultOf(error).what.replace(/\.$/, "");
  const words = `${what} (${status})${via(proxy)}: ${withoutAdvice(message)}`;
  return isRateLimit ? network.warn(words, cureOf(error)) : network.fail(words, cureOf(error));
}

/** Removes the advice that {@linkcode cureOf} gives more precisely. */
function withoutAdvice(message: string): string {
  return message.replace(/: check the base URL$/, "");
}

/** Returns the advice for an API error, from the table of errors. */
function cureOf(error: ApiError): string | undefined {
  const { caller, operator } = faultOf(error);
  const { remedy, retryAfterMs } = error;
  if (remedy ?? operator) return remedy ?? operator;
  if (retryAfterMs !== undefined) {
    return `try again in ${retrySeconds(retryAfterMs)} s`;
  }
  return caller && caller[0]?.toLowerCase() + caller.slice(1).replace(/\.$/, "");
}

function keyFinding(credential: CredentialConfig, error: ApiError | undefined): Finding {
  const { kind, value, file, named = "--api-key-file" } = credential;
  const source = file === undefined ? CREDENTIAL_VARIABLES[kind] : `The key of ${named}`;
  if (!error) return key.ok(`${source} is accepted`);
  const { status, message } = error;
  if (status !== 401) {
    return key.fail(
      `${source} may not list agents (${status}): ${message}`,
      faultOf(error).operator ?? "check --base-url, and that this program is up to date",
    );
  }
  return key.fail(
    `${source} is refused (401): ${message}`,
    kind === "api_key" && value.startsWith("sk-ant-oat")
      ? "that is no API key but a token: set it as ANTHROPIC_AUTH_TOKEN"
      : "make a key in the Claude Console, and set it anew; look for blanks and missing letters",
  );
}

/**
 * Compares the clocks.
 *
 * @param nowMs this machine's time when the response was made, in milliseconds since the epoch
 */
function clockFinding(headers: Headers | undefined, nowMs: number): Finding {
  const skewMs = nowMs - Date.parse(headers?.get("date") ?? "");
  if (Number.isNaN(skewMs)) return clockCheck.skip("The API does not say what time it is");
  const apartMs = Math.abs(skewMs);
  if (apartMs <= MAX_SKEW_MS) return clockCheck.ok("This machine's clock agrees with the API's");
  const minutes = Math.round(apartMs / 60_000);
  const apart = minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
  return clockCheck.warn(
    `This machine's clock is ${apart} ${skewMs > 0 ? "fast" : "slow"}`,
    "set it, or let it follow a time server: certificates and tokens expire by it",
  );
}

type Api = Pick<ManagedAgentsApi, "agents" | "environments">;

/** The settings whose ids are checked. */
export type WorkspaceSettings =
  & Pick<DoctorConfig["server"], "environmentId" | "allowedAgentIds" | "publish">
  & Pick<DoctorConfig, "http">;

/**
 * Checks the things that the key reaches: agents, the environment of new sessions, the allowlist,
 * and the agents to publish where they are named.
 */
export async function checkWorkspace(
  api: Api,
  settings: WorkspaceSettings,
  options: CallOptions,
): Promise<Finding[]> {
  const { publish } = settings;
  return await Promise.all([
    guarded(agents, () => checkAgents(api, options), options),
    guarded(environment, () => checkEnvironment(api, settings, options), options),
    guarded(allowlist, () => checkAllowlist(api, settings, options), options),
    ...publish && publish !== "all"
      ? [guarded(published, () => checkPublished(api, publish, options), options)]
      : [],
  ]);
}

/** Runs a check; an API error that prevents it becomes its finding. */
async function guarded(
  { fail }: ReturnType<typeof findings>,
  check: () => Promise<Finding>,
  { signal }: CallOptions,
): Promise<Finding> {
  try {
    return await check();
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof ApiError)) throw error;
    return fail(`The API does not tell: ${error.message}`, cureOf(error));
  }
}

async function checkAgents(api: Api, options: CallOptions): Promise<Finding> {
  const { data, next_page } = await api.agents.list({ limit: MAX_COUNTED }, options);
  const usable = data.filter(({ archived_at }) => !archived_at);
  if (usable.length === 0 && !next_page) {
    return agents.warn("The key's workspace has no agent", "make one in the Claude Console");
  }
  const count = `${plural(usable.length, "agent")}${next_page ? " or more" : ""} can be listed`;
  return agents.ok(usable.length === 0 ? count : `${count}: ${listed(usable.map(label))}`);
}

async function checkEnvironment(
  api: Api,
  { environmentId }: WorkspaceSettings,
  options: CallOptions,
): Promise<Finding> {
  const { usable, found, complete } = await readEnvironments(api, options);
  const choices = `${listed(usable.map(label))}${complete ? "" : " and more"}`;
  if (environmentId !== undefined) {
    const known = found.find(({ id }) => id === environmentId);
    if (known && !known.archived_at) return environment.ok(`New sessions run in ${label(known)}`);
    if (!known && !complete) {
      return environment.warn(
        `${environmentId} is not among the first ${found.length} environments`,
        "compare it with the Claude Console",
      );
    }
    const problem = known ? "is archived" : "does not exist in the key's workspace";
    const cure = usable.length === 0 ? "make one in the Claude Console" : `use one of ${choices}`;
    return environment.fail(`The environment ${environmentId} ${problem}`, cure);
  }
  const [only] = usable;
  if (!only) {
    return environment.fail(
      "The key's workspace has no environment, so no session can start",
      "make one in the Claude Console",
    );
  }
  if (usable.length === 1) {
    return environment.ok(`New sessions run in ${label(only)}, the only one`);
  }
  return environment.warn(
    `There are ${usable.length}${complete ? "" : " or more"} environments: ` +
      "every new session has to name its own",
    `set CLAUDE_ENVIRONMENT_ID to one of ${choices}`,
  );
}

async function checkAllowlist(
  api: Api,
  { allowedAgentIds: ids, http }: WorkspaceSettings,
  options: CallOptions,
): Promise<Finding> {
  if (!ids) {
    return http
      ? allowlist.skip("There is none: callers over HTTP reach every agent of the workspace")
      : allowlist.ok("There is none: every agent of the workspace can be reached");
  }
  return await checkIds(allowlist, ids, "ALLOWED_AGENT_IDS", api, options) ??
    allowlist.ok(`${plural(ids.length, "agent")} can be reached, no other`);
}

async function checkPublished(
  api: Api,
  ids: readonly string[],
  options: CallOptions,
): Promise<Finding> {
  return await checkIds(published, ids, "--publish", api, options) ??
    published.ok(`${plural(ids.length, "agent")} can be published as tools`);
}

/** Looks agents up; returns what is wrong with any of them, undefined where nothing is. */
async function checkIds(
  { fail, warn }: ReturnType<typeof findings>,
  ids: readonly string[],
  setting: string,
  api: Api,
  options: CallOptions,
): Promise<Finding | undefined> {
  const missing: string[] = [];
  const archived: string[] = [];
  const lookUp = async (id: string) => {
    try {
      const { archived_at } = await api.agents.retrieve(id, {}, options);
      if (archived_at) archived.push(id);
    } catch (error) {
      // The API returns 400 for a text that is no id at all.
      if (!(error instanceof ApiError && [400, 404].includes(error.status ?? 0))) throw error;
      missing.push(id);
    }
  };
  for (let start = 0; start < ids.length; start += MAX_PARALLEL) {
    await Promise.all(ids.slice(start, start + MAX_PARALLEL).map(lookUp));
  }
  if (missing.length > 0) {
    return fail(
      `${listed(missing)} ${missing.length === 1 ? "does" : "do"} not exist in the key's workspace`,
      `take it out of ${setting}, or use a key of its workspace`,
    );
  }
  if (archived.length === 0) return undefined;
  return warn(
    `${listed(archived)} ${archived.length === 1 ? "is" : "are"} archived`,
    `take it out of ${setting}`,
  );
}

function label({ id, name }: Pick<Agent | Environment, "id" | "name">): string {
  return name ? `${id} (${name})` : id;
}

function listed(words: readonly string[]): string {
  const more = words.length - MAX_NAMED;
  return words.slice(0, MAX_NAMED).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
