/**
 * Arguments and environment in, frozen configuration out: flag over environment over default.
 *
 * @module
 */

import { HOSTED, isLoopback, LOOPBACK_HOSTS } from "../core/addresses.ts";
import { fileError, UsageError } from "../core/errors.ts";
import type { LogLevel } from "../core/logger.ts";
import { createRedact } from "../core/redact.ts";
import { checkHostedCredential, checkSecret, checkToken } from "./checks.ts";
import { parseCommandLine } from "./command_line.ts";
import { commandNamed } from "./commands.ts";
import { isNoCredential } from "../core/filled_in.ts";
import { SECRET_VARIABLES, SETTINGS } from "./settings.ts";
import { type HealthConfig, healthConfig } from "./health_config.ts";
import { FILE_HOST_NAMES, type FileHostName, HOST_NAMES, type HostName } from "../hosts/hosts.ts";
import type { Setting } from "./setting.ts";
import { flagValue, type ReadEnv, type ReadFile, type Sources, valueOf } from "./sources.ts";
import { isTokenList, parseTokenFile, type TokenEntry } from "./token_file.ts";

/** What the API is called with. */
export interface CredentialConfig {
  readonly kind: "api_key" | "auth_token";
  readonly value: string;
  /** Where it was read from, to be read again when the API refuses it. */
  readonly file?: string;
}

/** What the HTTP server is bound to and whom it lets in. */
export interface HttpConfig {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** Secrets without limits; none when there is a list of tokens. */
  readonly tokens: readonly string[];
  /** A list of tokens, and where it was read from, to be read again when it changes. */
  readonly tokenFile?: { readonly path: string; readonly entries: readonly TokenEntry[] };
  readonly allowedHosts: readonly string[];
  readonly allowedOrigins: readonly string[];
  /** Files of the certificate and its key, both PEM; plain HTTP when absent. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string };
  /** Milliseconds for which a server that ends goes on listening and answers 503. */
  readonly drainMs?: number;
  /** Port of its own for the metrics, 0 for a free one; none when absent. */
  readonly metricsPort?: number;
}

/** What goes to stderr. */
export interface LogConfig {
  readonly level: LogLevel;
  readonly format: "text" | "json";
}

/** `cma-mcp`, `cma-mcp --http`. */
export interface ServeConfig {
  readonly command: "serve";
  /** Absent for stdio. */
  readonly http?: HttpConfig;
  /** Against the simulator; then there is no credential. */
  readonly simulate: boolean;
  readonly credential?: CredentialConfig;
  readonly baseUrl: string;
  readonly environmentId?: string;
  readonly allowedAgentIds?: readonly string[];
  readonly maxWaits: number;
  readonly maxCalls: number;
  /** What sessions are bound to tokens with; absent where there is no list of tokens. */
  readonly bindingKey?: string;
  readonly exposeToolInputs: boolean;
  readonly exposeAgentConfig: boolean;
  readonly log: LogConfig;
  /** Whether the runtime's OpenTelemetry is switched on. */
  readonly tracing: boolean;
  /** For the operator, at start. */
  readonly warnings: readonly string[];
}

/** `cma-mcp` on stdio with a setting that cannot be used: it answers its host with the sentence. */
export interface UnreadyConfig {
  readonly command: "unready";
  /** One line that says what is wrong and what to type; no secret is in it. */
  readonly message: string;
  readonly log: LogConfig;
}

/** `cma-mcp simulator`. */
export interface SimulatorConfig {
  readonly command: "simulator";
  readonly port: number;
  readonly log: LogConfig;
}

/** `cma-mcp token new`. */
export interface NewTokenConfig {
  readonly command: "token";
  readonly name: string;
  /** RFC 3339. */
  readonly expires?: string;
  readonly agents?: readonly string[];
  readonly environments?: readonly string[];
  readonly readOnly: boolean;
}

/** A setting that cannot be used. */
export interface SettingProblem {
  /** Which check of the doctor it belongs to. */
  readonly check: "key" | "network" | "environment" | "allowlist" | "http" | "settings";
  /** One line that says what is wrong and what to type. */
  readonly message: string;
}

/** `cma-mcp doctor`: the server's settings, as far as they can be used, and what is wrong. */
export interface DoctorConfig {
  readonly command: "doctor";
  readonly json: boolean;
  /** Whose entry is to be checked, in place of the settings of the terminal. */
  readonly host?: FileHostName;
  readonly simulate: boolean;
  readonly credential?: CredentialConfig;
  readonly baseUrl?: string;
  readonly environmentId?: string;
  readonly allowedAgentIds?: readonly string[];
  readonly maxWaits?: number;
  /** Absent without `--http`. */
  readonly http?: HttpConfig;
  readonly problems: readonly SettingProblem[];
  readonly warnings: readonly string[];
}

/** `cma-mcp config`. */
export interface HostConfig {
  readonly command: "config";
  readonly host: HostName;
  /** Of the server in the host. */
  readonly name: string;
  readonly simulate: boolean;
  /** Print the host's whole file, with or without the server; absent for what to paste. */
  readonly edit?: "merge" | "remove";
}

/** What to do, and with what. */
export type Config =
  | ServeConfig
  | UnreadyConfig
  | DoctorConfig
  | HostConfig
  | SimulatorConfig
  | NewTokenConfig
  | HealthConfig
  | { readonly command: "help"; readonly topic?: string }
  | { readonly command: "demo" | "version" };

/** Port of `cma-mcp simulator` unless a flag names another. */
const SIMULATOR_PORT = 4000;

/** Name of the server in a host unless a flag gives another. */
const SERVER_NAME = "managed-agents";

function readSecret(
  { readFile }: Sources,
  path: string,
  flag: string,
  check: Setting<string>["parse"],
): string {
  let content: string;
  try {
    content = readFile(path).trim();
  } catch (error) {
    throw fileError(error, path, flag);
  }
  if (content === "") throw new UsageError(`'${path}' (${flag}) is empty: put the secret into it`);
  return check(content, `'${path}' (${flag})`);
}

function credentialOf(sources: Sources): CredentialConfig {
  const file = valueOf(sources, SETTINGS.apiKeyFile);
  if (file !== undefined) {
    const value = readSecret(sources, file, "--api-key-file", checkSecret);
    return checked(sources, { kind: "api_key", value, file }, `'${file}' (--api-key-file)`);
  }
  const apiKey = valueOf(sources, SETTINGS.apiKey);
  if (apiKey !== undefined) {
    return checked(sources, { kind: "api_key", value: apiKey }, "ANTHROPIC_API_KEY");
  }
  const authToken = valueOf(sources, SETTINGS.authToken);
  if (authToken !== undefined) {
    return checked(sources, { kind: "auth_token", value: authToken }, "ANTHROPIC_AUTH_TOKEN");
  }
  throw new UsageError(
    "No API key: set ANTHROPIC_API_KEY, or add --simulate to try it without one",
  );
}

/** What other implementations take as a credential is theirs to say. */
function checked(sources: Sources, credential: CredentialConfig, source: string): CredentialConfig {
  if (isHosted(sources)) checkHostedCredential(credential.value, credential.kind, source);
  return credential;
}

function isHosted(sources: Sources): boolean {
  try {
    return valueOf(sources, SETTINGS.baseUrl) === HOSTED;
  } catch {
    // That is a complaint of its own.
    return false;
  }
}

function tokensOf(sources: Sources): Pick<HttpConfig, "tokens" | "tokenFile"> {
  const path = valueOf(sources, SETTINGS.tokenFile);
  if (path !== undefined) {
    const content = readSecret(sources, path, "--token-file", (text) => text);
    const source = `'${path}' (--token-file)`;
    if (!isTokenList(content)) return { tokens: [checkToken(content, source)] };
    const entries = parseTokenFile(content, source);
    if (entries.length > 0) return { tokens: [], tokenFile: { path, entries } };
    throw new UsageError(
      `${source} lists no token: make one with 'cma-mcp token new --name <name>'`,
    );
  }
  const token = valueOf(sources, SETTINGS.token);
  if (token !== undefined) return { tokens: [token] };
  throw new UsageError(
    "HTTP needs a bearer token: set MANAGED_AGENTS_MCP_TOKEN, such as to the output of " +
      "'openssl rand -hex 32'",
  );
}

function tlsOf(sources: Sources): HttpConfig["tls"] {
  const certFile = valueOf(sources, SETTINGS.tlsCert);
  const keyFile = valueOf(sources, SETTINGS.tlsKey);
  if (certFile !== undefined && keyFile !== undefined) return { certFile, keyFile };
  if (certFile === undefined && keyFile === undefined) return undefined;
  const [given, missing] = certFile === undefined
    ? ["--tls-key", "--tls-cert"]
    : ["--tls-cert", "--tls-key"];
  throw new UsageError(`${given} goes with ${missing}: give both, or none`);
}

function httpOf(sources: Sources): HttpConfig {
  const tokens = tokensOf(sources);
  const host = valueOf(sources, SETTINGS.host);
  const named = valueOf(sources, SETTINGS.allowedHosts);
  if (!isLoopback(host) && named === undefined) {
    throw new UsageError(
      `Listening on '${host}' needs --allowed-hosts: name the hosts that clients call, such as ` +
        "mcp.example.com",
    );
  }
  return {
    host,
    port: valueOf(sources, SETTINGS.port),
    ...tokens,
    allowedHosts: [...new Set([...LOOPBACK_HOSTS, ...named ?? []])],
    allowedOrigins: valueOf(sources, SETTINGS.allowedOrigins) ?? [],
    tls: tlsOf(sources),
    drainMs: 1_000 * (valueOf(sources, SETTINGS.drainSeconds) ?? (isLoopback(host) ? 0 : 2)),
    metricsPort: valueOf(sources, SETTINGS.metricsPort),
  };
}

/** A token that somebody set and that does not count is said, not dropped in silence. */
function ignoredTokens(sources: Sources): string[] {
  const file = valueOf(sources, SETTINGS.tokenFile) !== undefined;
  const set = SETTINGS.token.env.filter((name) => sources.env(name)?.trim());
  const [first, ...others] = set.map((name) => sources.env(name)?.trim());
  if (file) return set.map((name) => `${name} does not count beside --token-file`);
  return others.some((other) => other !== first)
    ? [`${set.slice(1).join(", ")} does not count beside ${set[0]}`]
    : [];
}

function warningsOf(config: Omit<ServeConfig, "warnings">): string[] {
  if (config.simulate) return [];
  const warnings: string[] = [];
  const { protocol, hostname } = new URL(config.baseUrl);
  if (protocol === "http:" && !isLoopback(hostname)) {
    warnings.push(`The API key travels unencrypted to ${hostname}: use https`);
  }
  if (config.http && !config.http.tls && !isLoopback(config.http.host)) {
    warnings.push(
      "Tokens travel unencrypted unless a proxy in front terminates TLS: use one, or --tls-cert " +
        "and --tls-key",
    );
  }
  const isScoped = config.http?.tokenFile?.entries.every(({ agents }) => agents) ?? false;
  if (config.http && !config.allowedAgentIds && !isScoped) {
    warnings.push(
      "Every agent of the workspace can be reached by every client: set ALLOWED_AGENT_IDS",
    );
  }
  return warnings;
}

function serveConfig(sources: Sources): ServeConfig {
  const simulate = valueOf(sources, SETTINGS.simulate);
  const http = valueOf(sources, SETTINGS.http) ? httpOf(sources) : undefined;
  const credential = simulate ? undefined : credentialOf(sources);
  const bindingKey = http?.tokenFile &&
    (valueOf(sources, SETTINGS.bindingKey) ?? credential?.value);
  const config = {
    command: "serve" as const,
    http,
    simulate,
    credential,
    baseUrl: valueOf(sources, SETTINGS.baseUrl),
    // Ids of a real workspace mean nothing to the simulator.
    environmentId: simulate
      ? flagValue(sources, SETTINGS.environmentId)
      : valueOf(sources, SETTINGS.environmentId),
    allowedAgentIds: simulate
      ? flagValue(sources, SETTINGS.allowedAgentIds)
      : valueOf(sources, SETTINGS.allowedAgentIds),
    maxWaits: valueOf(sources, SETTINGS.maxWaits),
    maxCalls: valueOf(sources, SETTINGS.maxCalls),
    ...(bindingKey !== undefined && { bindingKey }),
    exposeToolInputs: valueOf(sources, SETTINGS.exposeToolInputs),
    exposeAgentConfig: valueOf(sources, SETTINGS.exposeAgentConfig),
    log: logOf(sources),
    tracing: valueOf(sources, SETTINGS.tracing),
  };
  return { ...config, warnings: [...warningsOf(config), ...(http ? ignoredTokens(sources) : [])] };
}

function doctorConfig(sources: Sources): DoctorConfig {
  const problems: SettingProblem[] = [];
  const attempt = <T>(check: SettingProblem["check"], read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      const { message } = error;
      if (!problems.some((known) => known.message === message)) problems.push({ check, message });
      return undefined;
    }
  };
  const simulate = attempt("settings", () => valueOf(sources, SETTINGS.simulate)) ?? false;
  const ids = simulate ? flagValue : valueOf;
  const http = valueOf(sources, SETTINGS.http);
  const settings = {
    simulate,
    credential: simulate ? undefined : attempt("key", () => credentialOf(sources)),
    baseUrl: attempt("network", () => valueOf(sources, SETTINGS.baseUrl)),
    environmentId: attempt("environment", () => ids(sources, SETTINGS.environmentId)),
    allowedAgentIds: attempt("allowlist", () => ids(sources, SETTINGS.allowedAgentIds)),
    maxWaits: attempt("settings", () => valueOf(sources, SETTINGS.maxWaits)),
    http: http ? attempt("http", () => httpOf(sources)) : undefined,
  };
  const { maxCalls, logLevel, logFormat, tracing } = SETTINGS;
  const others: readonly Setting<unknown>[] = [maxCalls, logLevel, logFormat, tracing];
  for (const setting of others) attempt("settings", () => valueOf(sources, setting));
  // Whatever else would keep the server from starting.
  const warnings = attempt("settings", () => serveConfig(sources).warnings) ?? [];
  const json = valueOf(sources, SETTINGS.json);
  const named = http ? undefined : flagValue(sources, SETTINGS.mcpHost);
  const host = FILE_HOST_NAMES.find((name) => name === named);
  return { command: "doctor", json, ...(host && { host }), ...settings, problems, warnings };
}

function hostConfig(sources: Sources, operand: string | undefined): HostConfig {
  const host = HOST_NAMES.find((name) => name === operand);
  if (host === undefined) {
    throw new UsageError(`Which host? Type cma-mcp config with one of ${HOST_NAMES.join(", ")}`);
  }
  const merge = valueOf(sources, SETTINGS.merge);
  const remove = valueOf(sources, SETTINGS.remove);
  if (merge && remove) throw new UsageError("--merge and --remove do not go together: give one");
  return {
    command: "config",
    host,
    name: valueOf(sources, SETTINGS.name) ?? SERVER_NAME,
    simulate: valueOf(sources, SETTINGS.simulate),
    ...((merge || remove) && { edit: merge ? "merge" as const : "remove" as const }),
  };
}

function newTokenConfig(sources: Sources, operand: string | undefined): NewTokenConfig {
  const name = valueOf(sources, SETTINGS.name);
  if (operand !== "new" || name === undefined) {
    throw new UsageError("A token needs a name: type cma-mcp token new --name <name>");
  }
  return {
    command: "token",
    name,
    expires: valueOf(sources, SETTINGS.tokenExpires),
    agents: valueOf(sources, SETTINGS.tokenAgents),
    environments: valueOf(sources, SETTINGS.tokenEnvironments),
    readOnly: valueOf(sources, SETTINGS.tokenReadOnly),
  };
}

function logOf(sources: Sources): LogConfig {
  return {
    level: valueOf(sources, SETTINGS.logLevel),
    format: valueOf(sources, SETTINGS.logFormat),
  };
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(deepFreeze);
  }
  return value;
}

/**
 * The configuration for a command line.
 *
 * @param args what follows the program's name
 * @param env reads a variable; an empty one counts as unset
 * @param readFile reads a file that a flag names
 * @throws UsageError one line that says what is wrong and what to type
 */
export function resolveConfig(args: readonly string[], env: ReadEnv, readFile: ReadFile): Config {
  const { command, operand, flags } = parseCommandLine(args);
  const sources = { flags, env, readFile };
  if (command === "serve") return deepFreeze(serveConfig(sources));
  if (command === "simulator") {
    const port = flagValue(sources, SETTINGS.port) ?? SIMULATOR_PORT;
    return deepFreeze({ command, port, log: logOf(sources) });
  }
  if (command === "token") return deepFreeze(newTokenConfig(sources, operand));
  if (command === "health") return deepFreeze(healthConfig(sources));
  if (command === "doctor") return deepFreeze(doctorConfig(sources));
  if (command === "config") return deepFreeze(hostConfig(sources, operand));
  if (command === "help" && operand !== undefined) return deepFreeze({ command, topic: operand });
  return deepFreeze({ command });
}

/**
 * The configuration that the program starts with: as {@linkcode resolveConfig}, but a host that
 * starts a server on stdio shows none of its stderr, so a setting that cannot be used becomes a
 * configuration that says so.
 *
 * @throws UsageError where no host listens: HTTP, and every other command; no secret is in it
 */
export function resolveStart(args: readonly string[], env: ReadEnv, readFile: ReadFile): Config {
  try {
    return resolveConfig(args, env, readFile);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    // A key may have been put in the place of something that is repeated.
    const message = createRedact(secretsIn(env))(error.message).replace(/\s+/g, " ")
      .slice(0, MAX_COMPLAINT_CHARS);
    if (!servesStdio(args)) throw new UsageError(message, { cause: error.cause });
    return deepFreeze({ command: "unready", message, log: usableLog(env) });
  }
}

/** Longest sentence about a setting, in characters. */
const MAX_COMPLAINT_CHARS = 600;

/** Whether a command line, right or wrong, asks for a server on stdio. */
function servesStdio(args: readonly string[]): boolean {
  const http = args.some((arg) => /^--http(=(?!(0|false|no|off)$).*)?$/i.test(arg));
  const named = args.some((arg) => arg === "help" || arg === "version" || commandNamed(arg));
  return !http && !named && (args[0]?.startsWith("-") ?? true);
}

/** Reads the secrets in variables, also those that cannot be used: they may stand elsewhere too. */
export function secretsIn(env: ReadEnv): string[] {
  const values = SECRET_VARIABLES.map((name) => env(name)?.trim() ?? "");
  return values.filter((value) => value !== "" && !isNoCredential(value));
}

/** What can be used of the settings of the log. */
function usableLog(env: ReadEnv): LogConfig {
  const read = <T extends string>(setting: Setting<T>): T => {
    try {
      return valueOf({ flags: new Map(), env, readFile: () => "" }, setting);
    } catch {
      return setting.fallback;
    }
  };
  return { level: read(SETTINGS.logLevel), format: read(SETTINGS.logFormat) };
}
