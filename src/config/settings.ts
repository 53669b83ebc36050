/**
 * The settings table: the one source of the parser, `--help` and the README's table.
 *
 * @module
 */

import type { LogLevel } from "../core/logger.ts";
import { checkBaseUrl, HOSTED } from "../core/addresses.ts";
import {
  checkAgentId,
  checkEnvironmentId,
  checkHost,
  checkHostHeader,
  checkMcpHost,
  checkOrigin,
  checkSecret,
  checkTime,
  checkToken,
  checkTokenName,
} from "./checks.ts";
import { PLACE_VARIABLES } from "../hosts/hosts.ts";
import { PROXY_VARIABLES } from "../core/proxy.ts";
import {
  choice,
  integer,
  list,
  optionalInteger,
  optionalText,
  path,
  type Setting,
  text,
  toggle,
} from "./setting.ts";

const LOG_LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/** Every setting, by the name it has in the code, in the order of `--help`. */
export const SETTINGS = {
  http: toggle({
    flag: "http",
    help: "Serve Streamable HTTP at /mcp instead of stdio",
    commands: ["serve"],
  }),
  port: integer({
    flag: "port",
    env: ["PORT"],
    valueName: "<port>",
    fallback: 3000,
    fallbackText: "3000; simulator: 4000",
    min: 0,
    max: 65535,
    help: "Port, 0 for a free one",
    commands: ["serve", "simulator", "health"],
    httpOnly: true,
  }),
  host: text({
    flag: "host",
    env: ["HOST"],
    valueName: "<address>",
    fallback: "127.0.0.1",
    help: "Address to listen on",
    commands: ["serve", "health"],
    httpOnly: true,
    check: checkHost,
  }),
  token: optionalText({
    env: ["MANAGED_AGENTS_MCP_TOKEN", "CMA_MCP_TOKEN"],
    fallbackText: "required for HTTP",
    help: "Bearer token that clients must send, 32 characters or more",
    commands: ["serve"],
    httpOnly: true,
    secret: true,
    check: checkToken,
  }),
  tokenFile: path({
    flag: "token-file",
    help: "File with the bearer token, or a list of them",
    commands: ["serve"],
    httpOnly: true,
  }),
  bindingKey: optionalText({
    env: ["CMA_MCP_BINDING_KEY"],
    fallbackText: "from the API key",
    help: "Binds sessions to the tokens of a list, the same on all replicas",
    commands: ["serve"],
    httpOnly: true,
    secret: true,
    check: checkToken,
  }),
  allowedHosts: list({
    flag: "allowed-hosts",
    env: ["ALLOWED_HOSTS"],
    valueName: "<names>",
    fallbackText: "only loopback names",
    help: "More Host headers to accept",
    commands: ["serve"],
    httpOnly: true,
    check: checkHostHeader,
  }),
  allowedOrigins: list({
    flag: "allowed-origins",
    env: ["ALLOWED_ORIGINS"],
    valueName: "<origins>",
    fallbackText: "none",
    help: "Browser origins that may call",
    commands: ["serve"],
    httpOnly: true,
    check: checkOrigin,
  }),
  tlsCert: path({
    flag: "tls-cert",
    fallbackText: "no TLS",
    help: "File with the certificate chain, PEM",
    commands: ["serve", "health"],
    httpOnly: true,
  }),
  tlsKey: path({
    flag: "tls-key",
    fallbackText: "no TLS",
    help: "File with its private key, PEM",
    commands: ["serve"],
    httpOnly: true,
  }),
  drainSeconds: optionalInteger({
    flag: "drain-seconds",
    valueName: "<seconds>",
    fallbackText: "2; 0 on loopback",
    min: 0,
    max: 300,
    help: "Announce an end this long",
    commands: ["serve"],
    httpOnly: true,
  }),
  metricsPort: optionalInteger({
    flag: "metrics-port",
    valueName: "<port>",
    fallbackText: "off",
    min: 0,
    max: 65535,
    help: "Prometheus metrics on a port of their own",
    commands: ["serve"],
    httpOnly: true,
  }),
  simulate: toggle({
    flag: "simulate",
    help: "Use the built-in simulator; needs no key",
    commands: ["serve", "config"],
  }),
  apiKey: optionalText({
    env: ["ANTHROPIC_API_KEY"],
    fallbackText: "required unless --simulate",
    help: "API key",
    commands: ["serve"],
    secret: true,
    check: checkSecret,
  }),
  authToken: optionalText({
    env: ["ANTHROPIC_AUTH_TOKEN"],
    help: "Used instead of an API key, as a bearer token",
    commands: ["serve"],
    secret: true,
    check: checkSecret,
  }),
  apiKeyFile: path({
    flag: "api-key-file",
    help: "File with the API key; it may be rotated",
    commands: ["serve"],
  }),
  baseUrl: text({
    flag: "base-url",
    env: ["CMA_BASE_URL", "ANTHROPIC_BASE_URL"],
    valueName: "<url>",
    fallback: HOSTED,
    help: "The API",
    commands: ["serve"],
    check: checkBaseUrl,
  }),
  environmentId: optionalText({
    flag: "environment-id",
    env: ["CLAUDE_ENVIRONMENT_ID"],
    valueName: "<id>",
    fallbackText: "the only one",
    help: "Environment of new sessions",
    commands: ["serve"],
    check: checkEnvironmentId,
  }),
  allowedAgentIds: list({
    flag: "allowed-agents",
    env: ["ALLOWED_AGENT_IDS"],
    valueName: "<ids>",
    fallbackText: "all",
    help: "Agents it may reach, with their sessions",
    commands: ["serve"],
    check: checkAgentId,
  }),
  maxWaits: integer({
    flag: "max-waits",
    valueName: "<count>",
    // Each takes two connections over HTTP: twice as many fit into the usual 1,024 open files.
    fallback: 400,
    min: 1,
    max: 100_000,
    help: "Waits that may be open at once",
    commands: ["serve"],
  }),
  maxCalls: integer({
    flag: "max-calls",
    valueName: "<count>",
    fallback: 1000,
    min: 1,
    max: 100_000,
    help: "Other calls that may run at once",
    commands: ["serve"],
  }),
  exposeToolInputs: toggle({
    flag: "expose-tool-inputs",
    help: "Show what agents pass to their tools",
    commands: ["serve"],
  }),
  exposeAgentConfig: toggle({
    flag: "expose-agent-config",
    help: "Show agents' prompts and MCP server URLs",
    commands: ["serve"],
  }),
  logLevel: choice<LogLevel>({
    flag: "log-level",
    env: ["CMA_LOG_LEVEL"],
    valueName: "<level>",
    fallback: "info",
    choices: LOG_LEVELS,
    help: "Least to log: debug, info, warn or error",
    commands: ["serve", "simulator"],
  }),
  logFormat: choice<"text" | "json">({
    flag: "log-format",
    env: ["CMA_LOG_FORMAT"],
    valueName: "<format>",
    fallback: "text",
    choices: ["text", "json"],
    help: "Log lines: text or json",
    commands: ["serve", "simulator"],
  }),
  tracing: toggle({
    env: ["OTEL_DENO"],
    fallbackText: "off",
    help: "OpenTelemetry traces; the standard OTEL_… variables apply",
    commands: ["serve"],
  }),
  mcpHost: optionalText({
    flag: "host",
    valueName: "<host>",
    help: "Check what this MCP host's entry would use",
    commands: ["doctor"],
    check: checkMcpHost,
  }),
  json: toggle({
    flag: "json",
    help: "Print what was found as JSON",
    commands: ["doctor"],
  }),
  merge: toggle({
    flag: "merge",
    help: "Print the host's whole file, with the server in it",
    commands: ["config"],
  }),
  remove: toggle({
    flag: "remove",
    help: "Print the host's whole file, without the server",
    commands: ["config"],
  }),
  name: optionalText({
    flag: "name",
    valueName: "<name>",
    fallbackText: "managed-agents",
    help: "Name of the token or the server",
    commands: ["token", "config"],
    check: checkTokenName,
  }),
  tokenExpires: optionalText({
    flag: "expires",
    valueName: "<time>",
    fallbackText: "never",
    help: "When it expires, such as 2027-01-31",
    commands: ["token"],
    check: checkTime,
  }),
  tokenAgents: list({
    flag: "agents",
    valueName: "<ids>",
    fallbackText: "all",
    help: "Agents that it may reach",
    commands: ["token"],
    check: checkAgentId,
  }),
  tokenEnvironments: list({
    flag: "environments",
    valueName: "<ids>",
    fallbackText: "all",
    help: "Environments that it may reach",
    commands: ["token"],
    check: checkEnvironmentId,
  }),
  tokenReadOnly: toggle({
    flag: "read-only",
    help: "It may change nothing",
    commands: ["token"],
  }),
  help: toggle({
    flag: "help",
    short: "h",
    help: "Show this",
    commands: ["serve", "demo", "doctor", "config", "simulator", "token", "health"],
  }),
  version: toggle({
    flag: "version",
    short: "V",
    help: "Show the version",
    commands: ["serve", "demo", "doctor", "config", "simulator", "token", "health"],
  }),
} as const;

/** Flags that earlier versions had, and what to do instead; CHANGELOG.md says the same. */
export const REMOVED_FLAGS: ReadonlyMap<string, string> = new Map([
  ["trusted-proxies", "leave it out, and find the client in your proxy's log by x-request-id"],
  ["metrics-path", "use --metrics-port, which opens a port for your own network only"],
]);

/** The environment variables that settings are read from. */
export const SETTING_VARIABLES: readonly string[] = Object.values(SETTINGS).flatMap(({ env }) =>
  env
);

/** Those of them that hold credentials. */
export const SECRET_VARIABLES: readonly string[] = Object.values<Setting<unknown>>(SETTINGS)
  .flatMap(({ env, secret }) => secret ? env : []);

/** The environment variables that the program reads: all that it needs permission for. */
export const ENV_NAMES: readonly string[] = [
  ...SETTING_VARIABLES,
  ...PLACE_VARIABLES,
  ...PROXY_VARIABLES,
];
