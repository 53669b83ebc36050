/**
 * Arguments and environment in, frozen configuration out: flag over environment over default.
 *
 * @module
 */

import { UsageError } from "../core/errors.ts";
import type { LogLevel } from "../core/log.ts";
import { checkSecret, checkToken, isLoopback, LOOPBACK_HOSTS } from "./checks.ts";
import { type CommandLine, parseCommandLine } from "./command_line.ts";
import { SETTINGS } from "./flags.ts";
import type { Setting } from "./setting.ts";
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
  /** Networks of the proxies in front, such as `10.0.0.0/8`. */
  readonly trustedProxies?: readonly string[];
  /** Port of its own for the metrics, 0 for a free one; none when absent. */
  readonly metricsPort?: number;
  /** Path of the metrics on the main port; none when absent. */
  readonly metricsPath?: string;
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

/** What to do, and with what. */
export type Config =
  | ServeConfig
  | SimulatorConfig
  | NewTokenConfig
  | { readonly command: "demo" | "help" | "version" };

/** Reads an environment variable. */
export type ReadEnv = (name: string) => string | undefined;

/** Reads a text file; throws when it cannot. */
export type ReadFile = (path: string) => string;

/** Port of `cma-mcp simulator` unless a flag names another. */
const SIMULATOR_PORT = 4000;

interface Sources {
  readonly flags: CommandLine["flags"];
  readonly env: ReadEnv;
  readonly readFile: ReadFile;
}

function flagValue<T>({ flags }: Sources, setting: Setting<T>): T | undefined {
  const given = setting.flag === undefined ? undefined : flags.get(setting.flag)?.trim();
  return given === undefined ? undefined : setting.parse(given, `--${setting.flag}`);
}

function valueOf<T>(sources: Sources, setting: Setting<T>): T {
  const given = flagValue(sources, setting);
  if (given !== undefined) return given;
  for (const name of setting.env) {
    const value = sources.env(name)?.trim();
    // Hosts pass on settings that were left blank as empty texts.
    if (value) return setting.parse(value, name);
  }
  return setting.fallback;
}

function readSecret(
  { readFile }: Sources,
  path: string,
  flag: string,
  check: Setting<string>["parse"],
): string {
  let content: string;
  try {
    content = readFile(path).trim();
  } catch {
    throw new UsageError(`Cannot read '${path}' (${flag}): check that it exists and is readable`);
  }
  if (content === "") throw new UsageError(`'${path}' (${flag}) is empty: put the secret into it`);
  return check(content, `'${path}' (${flag})`);
}

function credentialOf(sources: Sources): CredentialConfig {
  const file = valueOf(sources, SETTINGS.apiKeyFile);
  if (file !== undefined) {
    const value = readSecret(sources, file, "--api-key-file", checkSecret);
    return { kind: "api_key", value, file };
  }
  const apiKey = valueOf(sources, SETTINGS.apiKey);
  if (apiKey !== undefined) return { kind: "api_key", value: apiKey };
  const authToken = valueOf(sources, SETTINGS.authToken);
  if (authToken !== undefined) return { kind: "auth_token", value: authToken };
  throw new UsageError(
    "No API key: set ANTHROPIC_API_KEY, or add --simulate to try it without one",
  );
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
    trustedProxies: valueOf(sources, SETTINGS.trustedProxies),
    metricsPort: valueOf(sources, SETTINGS.metricsPort),
    metricsPath: valueOf(sources, SETTINGS.metricsPath),
  };
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
  return { ...config, warnings: warningsOf(config) };
}

function newTokenConfig(sources: Sources, operand: string | undefined): NewTokenConfig {
  const name = valueOf(sources, SETTINGS.tokenName);
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
  return deepFreeze({ command });
}
