/**
 * The settings table: the one source of the parser, `--help` and the README's table.
 *
 * @module
 */

import type { LogLevel } from "../core/log.ts";
import {
  checkBaseUrl,
  checkHost,
  checkHostHeader,
  checkId,
  checkOrigin,
  checkPath,
  checkSecret,
  checkToken,
} from "./checks.ts";
import { choice, integer, list, optionalInteger, optionalText, text, toggle } from "./setting.ts";

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
    commands: ["serve", "simulator"],
    httpOnly: true,
  }),
  host: text({
    flag: "host",
    env: ["HOST"],
    valueName: "<address>",
    fallback: "127.0.0.1",
    help: "Address to listen on",
    commands: ["serve"],
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
  tokenFile: optionalText({
    flag: "token-file",
    valueName: "<path>",
    help: "File with the bearer token",
    commands: ["serve"],
    httpOnly: true,
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
  metricsPath: optionalText({
    flag: "metrics-path",
    valueName: "<path>",
    fallbackText: "off",
    help: "Prometheus metrics at this path, for tokens",
    commands: ["serve"],
    httpOnly: true,
    check: checkPath,
  }),
  simulate: toggle({
    flag: "simulate",
    help: "Use the built-in simulator; needs no key",
    commands: ["serve"],
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
  apiKeyFile: optionalText({
    flag: "api-key-file",
    valueName: "<path>",
    help: "File with the API key, read again when refused",
    commands: ["serve"],
  }),
  baseUrl: text({
    flag: "base-url",
    env: ["CMA_BASE_URL", "ANTHROPIC_BASE_URL"],
    valueName: "<url>",
    fallback: "https://api.anthropic.com",
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
    check: checkId,
  }),
  allowedAgentIds: list({
    flag: "allowed-agents",
    env: ["ALLOWED_AGENT_IDS"],
    valueName: "<ids>",
    fallbackText: "all",
    help: "Agents it may reach, with their sessions",
    commands: ["serve"],
    check: checkId,
  }),
  maxWaits: integer({
    flag: "max-waits",
    valueName: "<count>",
    fallback: 1000,
    min: 1,
    max: 100_000,
    help: "Waits that may be open at once",
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
  help: toggle({
    flag: "help",
    short: "h",
    help: "Show this",
    commands: ["serve", "demo", "simulator"],
  }),
  version: toggle({
    flag: "version",
    short: "V",
    help: "Show the version",
    commands: ["serve", "demo", "simulator"],
  }),
} as const;

/** The environment variables that the program reads: all that it needs permission for. */
export const ENV_NAMES: readonly string[] = Object.values(SETTINGS).flatMap(({ env }) => env);
