/**
 * The settings table: the one source of the parser, the configuration, `--help` and docs/settings.md.
 *
 * A setting is one row. Its section is an object of the configuration (`config.http`, `config.log`,
 * …), in which the row's name is the value's name.
 *
 * @module
 */

import { APPROVAL_TIMEOUT_MS, DEFAULT_MAX_CALLS, MAX_RUNNING } from "../access/limits.ts";
import { DEFAULT_SETS, TOOL_SET_NAMES } from "../access/tool_sets.ts";
import { checkBaseUrl, HOSTED } from "../core/addresses.ts";
import { CREDENTIAL_VARIABLES } from "../core/ids.ts";
import { LOG_LEVELS } from "../core/logger.ts";
import { COLOR_VARIABLES } from "../core/paint.ts";
import { PROXY_VARIABLES } from "../core/proxy.ts";
import { FILE_HOST_NAMES, PLACE_VARIABLES } from "../hosts/names.ts";
import {
  checkAgentId,
  checkConsoleUrl,
  checkEnvironmentId,
  checkFileId,
  checkHost,
  checkHostHeader,
  checkIssuer,
  checkOrigin,
  checkPublicUrl,
  checkPublished,
  checkScope,
  checkSecret,
  checkSessionId,
  checkTime,
  checkToken,
  checkTokenName,
  checkToolSet,
  checkToolSets,
  dollars,
  integer,
  listOf,
  MIN_TOKEN_LENGTH,
  oneOf,
  parseSwitch,
  secondsAsMs,
} from "./checks.ts";

/** Commands; without one, the program serves MCP. */
export type CommandName =
  | "serve"
  | "agents"
  | "sessions"
  | "environments"
  | "ask"
  | "files"
  | "demo"
  | "doctor"
  | "config"
  | "simulator"
  | "token"
  | "access"
  | "health"
  | "completions";

/** The commands that people use in a terminal to see and call what a key reaches. */
const TERMINAL = ["agents", "sessions", "environments", "ask", "files"] as const;

/** Statuses of sessions that can be filtered by, as the API has them. */
const SESSION_STATUSES = ["idle", "running", "rescheduling", "terminated"] as const;

/** Most lines that a list prints. */
const MAX_LISTED = 1_000;

/** Longest time for a person to decide that can be set, in seconds. */
const MAX_APPROVAL_SECONDS = 3_600;

/** Longest wait of `ask` that can be set, in seconds: a day. */
const MAX_ASK_SECONDS = 86_400;

/** A row of the table: the spellings of a setting, its check, its default and its help. */
export interface Setting<T = unknown, F = unknown> {
  /** The flag without its dashes; absent for a setting that must not be on a command line. */
  readonly flag?: string;
  /** Other names of the flag, such as those of earlier versions; help shows none of them. */
  readonly otherFlags?: readonly string[];
  /** The one-letter flag. */
  readonly short?: string;
  /** Environment variables, by precedence. */
  readonly env?: readonly string[];
  /** The value as help shows it, such as `<port>`; absent for switches. */
  readonly valueName?: string;
  /**
   * Checks a value and brings it into normal form.
   *
   * @param text non-empty, trimmed
   * @param source how the user spelled the setting: `--port` or `PORT`
   * @throws UsageError one line that says what is wrong and what to type
   */
  readonly parse: (text: string, source: string) => T;
  readonly fallback: F;
  /** The default in words, where the value itself does not show it. */
  readonly fallbackText?: string;
  /** One line, for `--help` and docs/settings.md. */
  readonly help: string;
  /** True for a credential, which no error and no log repeats. */
  readonly secret?: boolean;
  /** True if the flag may be given several times; its values are joined, with commas. */
  readonly isRepeatable?: boolean;
  /** True for the path of a file. */
  readonly isPath?: boolean;
  /** The only values that it takes. */
  readonly choices?: readonly string[];
  /** True if `cma-mcp help serve` lists it and the overview does not, which has to fit a screen. */
  readonly isDetail?: boolean;
  /** Commands that use it, beside those of its section. */
  readonly also?: readonly CommandName[];
  /** The doctor's check that reports a wrong value; `settings` when absent. */
  readonly doctorCheck?: DoctorCheck;
}

/** The doctor's checks of settings. */
export type DoctorCheck =
  | "key"
  | "network"
  | "environment"
  | "allowlist"
  | "http"
  | "oauth"
  | "sealing"
  | "settings";

/** Type of a row's value. */
type ValueOf<S> = S extends Setting<infer T, infer F> ? T | F : never;

/** Types of a section's values, by the names of its rows. */
export type Values<S> =
  & { readonly [K in keyof S as undefined extends ValueOf<S[K]> ? never : K]: ValueOf<S[K]> }
  & { readonly [K in keyof S as undefined extends ValueOf<S[K]> ? K : never]?: ValueOf<S[K]> };

/** A switch, off by default; `--flag=off` and `off` in the environment mean off too. */
const SWITCH = { parse: parseSwitch, fallback: false } as const;

/** The path of a file; no default. */
const PATH = {
  valueName: "<path>",
  isPath: true,
  parse: (text: string): string => text,
  fallback: undefined,
} as const;

/** One of a few words. */
function choice<T extends string>(...choices: readonly T[]) {
  return { choices, parse: oneOf(...choices) } as const;
}

const ids = { valueName: "<ids>", fallback: undefined, fallbackText: "all" } as const;

/** Every setting by section and name, in the order of `--help`. */
export const SETTINGS = {
  mode: {
    http: {
      ...SWITCH,
      flag: "http",
      env: ["CMA_MCP_HTTP"],
      help: "Serve Streamable HTTP at /mcp instead of stdio",
    },
    simulate: {
      ...SWITCH,
      flag: "simulate",
      env: ["CMA_MCP_SIMULATE"],
      help: "Use the built-in simulator; needs no key",
      also: [...TERMINAL, "demo", "config"],
    },
  },
  http: {
    port: {
      flag: "port",
      env: ["PORT"],
      valueName: "<port>",
      parse: integer(0, 65_535),
      fallback: 3000,
      help: "Port, or 0 for a free one",
      also: ["health"],
    },
    listenAddress: {
      flag: "host",
      env: ["HOST"],
      valueName: "<address>",
      parse: checkHost,
      fallback: "127.0.0.1",
      help: "Address that it listens on",
      also: ["health"],
    },
    allowedHosts: {
      flag: "allowed-hosts",
      env: ["ALLOWED_HOSTS"],
      valueName: "<names>",
      parse: listOf(checkHostHeader),
      fallback: [],
      fallbackText: "only loopback names",
      help: "More Host headers to accept",
    },
    allowedOrigins: {
      flag: "allowed-origins",
      env: ["ALLOWED_ORIGINS"],
      valueName: "<origins>",
      parse: listOf(checkOrigin),
      fallback: [],
      fallbackText: "none",
      help: "Browser origins that may call",
    },
    publicUrl: {
      isDetail: true,
      flag: "public-url",
      env: ["CMA_MCP_PUBLIC_URL"],
      valueName: "<url>",
      parse: checkPublicUrl,
      fallback: undefined,
      fallbackText: "none",
      help: "Address that clients call; links need it",
    },
    drainSeconds: {
      flag: "drain-seconds",
      env: ["CMA_MCP_DRAIN_SECONDS"],
      valueName: "<seconds>",
      parse: integer(0, 300),
      fallback: undefined,
      fallbackText: "2; loopback: 0",
      help: "On SIGTERM, answer 503 this long",
    },
    lameDuckSeconds: {
      flag: "lame-duck-seconds",
      env: ["CMA_MCP_LAME_DUCK_SECONDS"],
      valueName: "<n>",
      parse: integer(0, 300),
      fallback: 0,
      help: "On SIGTERM, first work on with /ready at 503",
    },
    metricsPort: {
      flag: "metrics-port",
      env: ["CMA_MCP_METRICS_PORT"],
      valueName: "<port>",
      parse: integer(0, 65_535),
      fallback: undefined,
      fallbackText: "off",
      help: "Port for Prometheus metrics; needs no token",
    },
  },
  tokens: {
    token: {
      env: ["MANAGED_AGENTS_MCP_TOKEN", "CMA_MCP_TOKEN"],
      secret: true,
      parse: checkToken,
      fallback: undefined,
      fallbackText: "required for HTTP",
      help: `Bearer token that clients must send, ${MIN_TOKEN_LENGTH} characters or more`,
    },
    accessFile: {
      ...PATH,
      flag: "access-file",
      otherFlags: ["token-file"],
      env: ["CMA_MCP_ACCESS_FILE", "CMA_MCP_TOKEN_FILE"],
      help: "File with the token, or tokens and rules",
      also: ["access"],
    },
    bindingKey: {
      env: ["CMA_MCP_BINDING_KEY"],
      secret: true,
      parse: checkToken,
      fallback: undefined,
      fallbackText: "from the API key",
      help: "Key that ties sessions to tokens and people; the same on all replicas",
    },
  },
  oauth: {
    issuers: {
      flag: "oauth-issuer",
      env: ["CMA_MCP_OAUTH_ISSUER"],
      isRepeatable: true,
      valueName: "<urls>",
      parse: listOf(checkIssuer),
      fallback: [],
      fallbackText: "none",
      help: "Issuers whose access tokens count",
      also: ["access"],
      doctorCheck: "oauth",
    },
    audiences: {
      flag: "oauth-audience",
      env: ["CMA_MCP_OAUTH_AUDIENCE"],
      isRepeatable: true,
      valueName: "<texts>",
      parse: listOf((text) => text),
      fallback: [],
      fallbackText: "public URL + /mcp",
      help: "Their audiences",
      doctorCheck: "oauth",
    },
    tokenTypes: {
      flag: "oauth-token-type",
      env: ["CMA_MCP_OAUTH_TOKEN_TYPE"],
      isRepeatable: true,
      valueName: "<types>",
      parse: listOf((text) => text),
      fallback: [],
      fallbackText: "at+jwt",
      help: "Their types: at+jwt, JWT",
      doctorCheck: "oauth",
    },
    introspectionUrl: {
      flag: "oauth-introspection-url",
      env: ["CMA_MCP_OAUTH_INTROSPECTION_URL"],
      valueName: "<url>",
      parse: (text: string): string => text,
      fallback: undefined,
      fallbackText: "none",
      help: "Asks about tokens that are no JWT",
      doctorCheck: "oauth",
    },
    clientId: {
      flag: "oauth-client-id",
      env: ["CMA_MCP_OAUTH_CLIENT_ID"],
      valueName: "<id>",
      parse: (text: string): string => text,
      fallback: undefined,
      help: "Who asks there",
      doctorCheck: "oauth",
    },
    clientSecretFile: {
      ...PATH,
      flag: "oauth-client-secret-file",
      env: ["CMA_MCP_OAUTH_CLIENT_SECRET_FILE"],
      help: "File with its secret",
      doctorCheck: "oauth",
    },
    hashSubjects: {
      ...SWITCH,
      flag: "hash-subjects",
      env: ["CMA_MCP_HASH_SUBJECTS"],
      help: "Log a hash of who signed in",
      doctorCheck: "oauth",
    },
  },
  tls: {
    certFile: {
      ...PATH,
      flag: "tls-cert",
      env: ["CMA_MCP_TLS_CERT"],
      fallbackText: "no TLS",
      help: "File with the certificate chain, PEM",
      also: ["health"],
    },
    keyFile: {
      ...PATH,
      flag: "tls-key",
      env: ["CMA_MCP_TLS_KEY"],
      fallbackText: "no TLS",
      help: "File with its private key, PEM",
    },
  },
  credential: {
    apiKey: {
      env: [CREDENTIAL_VARIABLES.api_key],
      secret: true,
      parse: checkSecret,
      fallback: undefined,
      fallbackText: "required unless --simulate",
      help: "API key of the workspace that has the agents",
    },
    authToken: {
      env: [CREDENTIAL_VARIABLES.auth_token],
      secret: true,
      parse: checkSecret,
      fallback: undefined,
      help: "Bearer token for the API, instead of an API key",
    },
    apiKeyFile: {
      ...PATH,
      flag: "api-key-file",
      env: ["CMA_MCP_API_KEY_FILE"],
      help: "File with the API key; read again when it changes",
    },
  },
  sealing: {
    sealingKeyFile: {
      ...PATH,
      isDetail: true,
      flag: "sealing-key-file",
      env: ["CMA_MCP_SEALING_KEY_FILE"],
      fallbackText: "random",
      help: "File with keys for sealed states",
      doctorCheck: "sealing",
    },
  },
  server: {
    baseUrl: {
      flag: "base-url",
      env: ["CMA_BASE_URL", "ANTHROPIC_BASE_URL"],
      valueName: "<url>",
      parse: checkBaseUrl,
      fallback: HOSTED,
      help: "Address of the API",
      also: [...TERMINAL, "demo"],
      doctorCheck: "network",
    },
    environmentId: {
      flag: "environment-id",
      env: ["CLAUDE_ENVIRONMENT_ID"],
      valueName: "<id>",
      parse: checkEnvironmentId,
      fallback: undefined,
      fallbackText: "the only one",
      help: "Environment of new sessions",
      also: ["ask", "demo"],
      doctorCheck: "environment",
    },
    allowedAgentIds: {
      ...ids,
      flag: "allowed-agents",
      env: ["ALLOWED_AGENT_IDS"],
      parse: listOf(checkAgentId),
      help: "Agents to serve, with their sessions",
      doctorCheck: "allowlist",
    },
    toolSets: {
      flag: "tools",
      env: ["CMA_MCP_TOOLS"],
      valueName: "<sets>",
      choices: [...TOOL_SET_NAMES, "all"],
      parse: checkToolSets,
      fallback: DEFAULT_SETS,
      help: "Sets of tools, or all",
    },
    publish: {
      flag: "publish",
      env: ["CMA_MCP_PUBLISH"],
      valueName: "<ids>",
      parse: checkPublished,
      fallback: undefined,
      fallbackText: "none",
      help: "Agents to serve as tools, or all",
    },
    publishDescriptions: {
      ...SWITCH,
      isDetail: true,
      flag: "publish-descriptions",
      env: ["CMA_MCP_PUBLISH_DESCRIPTIONS"],
      help: "Describe them in their own words",
    },
    maxWaits: {
      isDetail: true,
      flag: "max-waits",
      env: ["CMA_MCP_MAX_WAITS"],
      valueName: "<count>",
      parse: integer(1, MAX_RUNNING),
      // Each wait takes two connections over HTTP, and the usual limit is 1,024 open files.
      fallback: 400,
      help: "Waits that may be open at once",
    },
    maxCalls: {
      isDetail: true,
      flag: "max-calls",
      env: ["CMA_MCP_MAX_CALLS"],
      valueName: "<count>",
      parse: integer(1, MAX_RUNNING),
      fallback: DEFAULT_MAX_CALLS,
      help: "Other calls that may run at once",
    },
    exposeToolInputs: {
      ...SWITCH,
      flag: "expose-tool-inputs",
      env: ["CMA_MCP_EXPOSE_TOOL_INPUTS"],
      help: "Show what agents pass to their tools",
      also: ["ask", "demo"],
    },
    exposeAgentConfig: {
      ...SWITCH,
      flag: "expose-agent-config",
      env: ["CMA_MCP_EXPOSE_AGENT_CONFIG"],
      help: "Show agents' prompts and MCP server URLs",
    },
    approvalTimeoutMs: {
      isDetail: true,
      flag: "approval-timeout",
      env: ["CMA_MCP_APPROVAL_TIMEOUT"],
      valueName: "<secs>",
      parse: secondsAsMs(0, MAX_APPROVAL_SECONDS),
      fallback: APPROVAL_TIMEOUT_MS,
      fallbackText: `${APPROVAL_TIMEOUT_MS / 1_000}`,
      help: "Time to decide on tool calls; 0 asks nobody",
    },
    askCustomTools: {
      ...SWITCH,
      isDetail: true,
      flag: "ask-custom-tools",
      env: ["CMA_MCP_ASK_CUSTOM_TOOLS"],
      help: "Ask a person what custom tools answer",
      also: ["ask"],
    },
    viewActions: {
      isDetail: true,
      flag: "view-actions",
      env: ["CMA_MCP_VIEW_ACTIONS"],
      valueName: "<on|off>",
      choices: ["on", "off"],
      parse: parseSwitch,
      fallback: true,
      fallbackText: "on",
      help: "Let people decide in the session view",
    },
    consoleUrl: {
      isDetail: true,
      flag: "console-url",
      env: ["CMA_MCP_CONSOLE_URL"],
      valueName: "<url>",
      parse: checkConsoleUrl,
      fallback: undefined,
      fallbackText: "the hosted API's",
      help: "Console page of all sessions",
      also: ["ask"],
    },
    maxCostUsd: {
      isDetail: true,
      flag: "max-cost-usd",
      env: ["CMA_MCP_MAX_COST_USD"],
      valueName: "<n>",
      parse: dollars,
      fallback: undefined,
      fallbackText: "none",
      help: "Budget of a session where none is asked for",
      also: ["ask", "demo"],
    },
    maxCostCeilingUsd: {
      isDetail: true,
      flag: "max-cost-usd-ceiling",
      env: ["CMA_MCP_MAX_COST_USD_CEILING"],
      valueName: "<n>",
      parse: dollars,
      fallback: undefined,
      fallbackText: "none",
      help: "Most that any session's budget may be",
    },
    tracing: {
      ...SWITCH,
      env: ["OTEL_DENO"],
      fallbackText: "off",
      help: "OpenTelemetry traces; the standard OTEL_… variables apply",
    },
  },
  log: {
    level: {
      flag: "log-level",
      env: ["CMA_LOG_LEVEL"],
      valueName: "<level>",
      ...choice(...LOG_LEVELS),
      fallback: "info",
      help: "Log level: debug, info, warn or error",
    },
    format: {
      isDetail: true,
      flag: "log-format",
      env: ["CMA_LOG_FORMAT"],
      valueName: "<format>",
      ...choice("text", "json"),
      fallback: "text",
      help: "Log format: text or json",
    },
  },
  simulator: {
    // Addresses of its own: in a container, PORT and HOST are those of the server.
    port: {
      flag: "port",
      env: ["CMA_SIMULATOR_PORT"],
      valueName: "<port>",
      parse: integer(0, 65_535),
      fallback: 4000,
      help: "Port, or 0 for a free one",
    },
    listenAddress: {
      flag: "host",
      env: ["CMA_SIMULATOR_HOST"],
      valueName: "<address>",
      parse: checkHost,
      fallback: "127.0.0.1",
      help: "Address that it listens on",
    },
    faults: {
      flag: "fault",
      env: ["CMA_SIMULATOR_FAULT"],
      isRepeatable: true,
      valueName: "<faults>",
      parse: listOf((text) => text),
      fallback: [],
      fallbackText: "none",
      help: "Make requests fail: see docs/simulator.md",
    },
    habits: {
      flag: "habit",
      env: ["CMA_SIMULATOR_HABIT"],
      isRepeatable: true,
      valueName: "<habits>",
      parse: listOf((text) => text),
      fallback: [],
      fallbackText: "none",
      help: "Differ from the hosted API: see there",
    },
    seed: {
      flag: "seed",
      env: ["CMA_SIMULATOR_SEED"],
      valueName: "<number>",
      parse: integer(0, 2 ** 32 - 1),
      fallback: undefined,
      fallbackText: "random",
      help: "Repeat the faults of an earlier run",
    },
    secondEnvironment: {
      ...SWITCH,
      flag: "second-environment",
      env: ["CMA_SIMULATOR_SECOND_ENVIRONMENT"],
      help: "Have two environments: sessions must name one",
    },
    logRequests: {
      ...SWITCH,
      flag: "log-requests",
      env: ["CMA_SIMULATOR_LOG_REQUESTS"],
      help: "Log each request; so does --log-level debug",
    },
  },
  doctor: {
    host: {
      flag: "host",
      valueName: "<host>",
      ...choice(...FILE_HOST_NAMES),
      fallback: undefined,
      help: "Check with the settings in this MCP host's entry",
    },
  },
  lists: {
    limit: {
      flag: "limit",
      valueName: "<count>",
      parse: integer(1, MAX_LISTED),
      fallback: 50,
      help: "Most lines to print, newest first",
    },
  },
  sessions: {
    agent: {
      flag: "agent",
      valueName: "<agent>",
      parse: (text: string): string => text,
      fallback: undefined,
      help: "Id or name of the agent",
      also: ["demo"],
    },
    status: {
      flag: "status",
      valueName: "<status>",
      ...choice(...SESSION_STATUSES),
      fallback: undefined,
      help: "Only sessions that stand so",
    },
  },
  ask: {
    session: {
      flag: "session",
      valueName: "<id>",
      parse: checkSessionId,
      fallback: undefined,
      help: "Go on with this session",
    },
    timeoutSeconds: {
      flag: "timeout",
      valueName: "<seconds>",
      parse: integer(1, MAX_ASK_SECONDS),
      fallback: undefined,
      fallbackText: "none",
      help: "Wait no longer; the agent goes on",
    },
  },
  output: {
    json: {
      ...SWITCH,
      flag: "json",
      help: "Print the results as JSON",
    },
  },
  config: {
    merge: {
      ...SWITCH,
      flag: "merge",
      help: "Print the host's whole file, with the server in it",
    },
    remove: {
      ...SWITCH,
      flag: "remove",
      help: "Print its file without the server; all: leftovers",
    },
    name: {
      flag: "name",
      valueName: "<name>",
      parse: checkTokenName,
      fallback: undefined,
      fallbackText: "managed-agents",
      help: "Name of the server or the token",
      also: ["token"],
    },
  },
  token: {
    expires: {
      flag: "expires",
      valueName: "<time>",
      parse: checkTime,
      fallback: undefined,
      fallbackText: "never",
      help: "When it expires, such as 2027-01-31",
    },
    agents: {
      ...ids,
      flag: "agents",
      parse: listOf(checkAgentId),
      help: "Agents that it may reach",
    },
    agent: {
      flag: "agent",
      valueName: "<id>",
      parse: checkAgentId,
      fallback: undefined,
      help: "The one that its tools are bound to",
    },
    environments: {
      ...ids,
      flag: "environments",
      parse: listOf(checkEnvironmentId),
      help: "Environments that it may reach",
    },
    files: {
      ...ids,
      flag: "files",
      parse: listOf(checkFileId),
      fallbackText: "none",
      help: "Files of no session that it may name",
    },
    readOnly: {
      ...SWITCH,
      flag: "read-only",
      help: "Let it read only",
    },
    scopes: {
      flag: "scopes",
      valueName: "<scopes>",
      parse: listOf(checkScope),
      fallback: undefined,
      fallbackText: "all",
      help: "What it may do: see 'cma-mcp help token'",
    },
    tools: {
      flag: "tools",
      valueName: "<sets>",
      parse: listOf(checkToolSet),
      fallback: undefined,
      fallbackText: "all",
      help: "Only these sets of the server's tools",
    },
    maxCostUsd: {
      flag: "max-cost-usd",
      valueName: "<n>",
      parse: dollars,
      fallback: undefined,
      fallbackText: "none",
      help: "Most that a session of it may cost",
    },
  },
  access: {
    tokenClaims: {
      ...PATH,
      flag: "token-claims",
      fallbackText: "list all",
      help: "Claims as JSON, or a JWT; - is stdin",
    },
  },
  common: {
    help: { ...SWITCH, flag: "help", short: "h", help: "Show this help" },
    version: { ...SWITCH, flag: "version", short: "V", help: "Show the version" },
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, Setting>>>>;

/** The commands that use a setting. */
export interface SettingScope {
  readonly commands: readonly CommandName[];
  /** True if the setting needs `--http`. */
  readonly httpOnly?: boolean;
  /**
   * True for flags that say what one run of a command is to do, as its operands do. They are no
   * settings of a running server or simulator, and have no variable: set for everything that a
   * shell or a container starts, one would change what later commands print.
   */
  readonly isArgument?: boolean;
}

const SCOPES: Readonly<Record<keyof typeof SETTINGS, SettingScope>> = {
  mode: { commands: ["serve"] },
  http: { commands: ["serve"], httpOnly: true },
  tokens: { commands: ["serve"], httpOnly: true },
  oauth: { commands: ["serve"], httpOnly: true },
  tls: { commands: ["serve"], httpOnly: true },
  credential: { commands: ["serve", ...TERMINAL, "demo"] },
  sealing: { commands: ["serve"] },
  server: { commands: ["serve"] },
  log: { commands: ["serve", ...TERMINAL, "simulator"] },
  simulator: { commands: ["simulator"] },
  lists: { commands: ["agents", "sessions", "environments", "files"], isArgument: true },
  sessions: { commands: ["sessions"], isArgument: true },
  ask: { commands: ["ask"], isArgument: true },
  doctor: { commands: ["doctor"], isArgument: true },
  output: { commands: [...TERMINAL, "doctor", "config", "token", "access"], isArgument: true },
  config: { commands: ["config"], isArgument: true },
  token: { commands: ["token"], isArgument: true },
  access: { commands: ["access"], isArgument: true },
  common: {
    isArgument: true,
    commands: [
      ...["serve", ...TERMINAL, "demo", "doctor"] as const,
      ...["config", "simulator", "token", "access", "health", "completions"] as const,
    ],
  },
};

/** A row with all the commands that use it. */
export type ScopedSetting = Setting & SettingScope;

const sections: Readonly<Record<string, Readonly<Record<string, Setting>>>> = SETTINGS;

/** The rows of all sections, in the order of `--help`. */
export const ALL_SETTINGS: readonly ScopedSetting[] = Object.entries(SCOPES).flatMap(
  ([name, scope]) =>
    Object.values(sections[name] ?? {}).map((row) => ({
      ...row,
      ...scope,
      commands: [...scope.commands, ...row.also ?? []],
    })),
);

/** Flags of earlier versions, each with its replacement; CHANGELOG.md says the same. */
export const REMOVED_FLAGS: ReadonlyMap<string, string> = new Map([
  ["trusted-proxies", "leave it out, and find the client in your proxy's log by x-request-id"],
  ["metrics-path", "use --metrics-port, which opens a port for your own network only"],
]);

/** The environment variables that settings are read from. */
export const SETTING_VARIABLES: readonly string[] = ALL_SETTINGS.flatMap(({ env }) => env ?? []);

/** The environment variables that hold credentials. */
export const SECRET_VARIABLES: readonly string[] = ALL_SETTINGS.flatMap(({ env, secret }) =>
  secret ? env ?? [] : []
);

/** All environment variables that the program reads, and so needs permission for. */
export const ENV_NAMES: readonly string[] = [
  ...SETTING_VARIABLES,
  ...PLACE_VARIABLES,
  ...PROXY_VARIABLES,
  ...COLOR_VARIABLES,
];
